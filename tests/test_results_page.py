"""The Results tab in a real browser and through its API, on small measurements."""

import csv
import io
import json

import gradio as gr
import pytest
from pages import PHONE, opening, served
from result_files import TARGETS, log_name, log_points, write_results

from qtdog.results import Choice, load_results, pivot, to_frame
from qtdog.ui.address import Address, one_of
from qtdog.ui.choices import domain_choice
from qtdog.ui.results.layout import FIRST
from qtdog.ui.results.tab import results_tab

pytestmark = pytest.mark.slow  # minutes in a browser; test_every_tab.py opens each tab by default


def _tab(folder):
    """A page with the tab alone."""
    address = Address()
    with gr.Blocks(analytics_enabled=False) as page:
        notice = gr.HTML()
        target = domain_choice(TARGETS)
        address.add("domain", target, one_of([one.key for one in TARGETS]))
        with gr.Tabs() as tabs:
            with address.add_tab(gr.Tab("First", id="first")):
                gr.HTML("another tab")
            with address.add_tab(gr.Tab("Results", id="results")) as tab:
                results_tab(address, tab, target, folder)
        address.wire(page, tabs, notice)
    return page


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_results(tmp_path_factory.mktemp("results") / "files")


@pytest.fixture(scope="module")
def address(folder):
    with served(_tab(folder)) as url:
        yield url


@pytest.fixture(scope="module")
def page(browser, address):
    """One page for the tests that leave its choices as they are."""
    with opening(browser, address) as open_one:
        yield _at_table(open_one("?tab=results"))


@pytest.fixture
def open_page(browser, address):
    """Opens a page of its own, with a query."""
    with opening(browser, address) as open_one:
        yield lambda query="tab=results", **options: _at_table(open_one(f"?{query}", **options))


def _at_table(page):
    page.wait_for_selector(".results-table")
    return page


def _rows(page, name=""):
    """The visible rows of the table: method, bits, size, numbers without their marks, source."""
    return page.evaluate(
        """(name) => [...document.querySelectorAll(".results-table tbody")]
            .filter((body) => body.querySelector(".group").innerText.includes(name))
            .flatMap((body) => [...body.querySelectorAll("tr:not(.group)")])
            .filter((row) => !row.hidden)
            .map((row) => [...row.children].map((cell) => cell.dataset.value ?? cell.innerText))""",
        name,
    )


def _expected(results, choice):
    return [
        [
            row.label,
            str(row.bits or 32),
            f"{sum(row.size) / 2}" if row.size else "",
            *("" if cell is None else str(cell.value) for cell in row.cells),
        ]
        for group in pivot(results, choice).groups
        for row in group.rows
    ]


def _choose(page, label, option):
    page.get_by_label(label, exact=True).click()
    page.get_by_role("option", name=option, exact=True).click()


def _trace(page, plot, name):
    """x, y of a trace as plotly holds it."""
    # A level line has no height, which counts as invisible.
    page.wait_for_selector(f"#{plot} .js-plotly-plot .trace", state="attached")
    return page.evaluate(
        """([plot, name]) => {
            const trace = document.querySelector(`#${plot} .js-plotly-plot`)._fullData
                .find((one) => one.name === name);
            return [[...trace.x], [...trace.y]];
        }""",
        [plot, name],
    )


def test_the_tab_opens_on_the_papers_and_our_numbers(page, folder):
    # Another test may have sorted them.
    rows = [row[:-1] for row in _rows(page)]
    assert sorted(rows) == sorted(_expected(load_results(folder), FIRST))
    assert page.locator("#results-verdict").inner_text().startswith("Measured here, over 2 targets")
    eoq = page.locator(".results-table tr", has_text="EoQ").first
    assert "Paper, Table 7" in eoq.inner_text()
    flag = eoq.locator("a.flag").last
    assert "90.7" in flag.get_attribute("aria-label")
    assert "90.7" in page.locator(flag.get_attribute("href")).inner_text()
    bold = eoq.locator("b").first
    assert int(bold.evaluate("one => getComputedStyle(one).fontWeight")) >= 700


def test_choosing_a_benchmark_shows_its_numbers_and_narrows_the_rest(open_page, folder):
    page = open_page()
    _choose(page, "Benchmark", "TerraIncognita")
    page.wait_for_function("document.querySelector('.results-table').innerText.includes('L100')")
    choice = Choice("both", "TerraIncognita")
    assert [row[:-1] for row in _rows(page)] == _expected(load_results(folder), choice)
    _choose(page, "Table of the paper", "Table 8: TerraIncognita by domain")
    page.wait_for_function("document.querySelectorAll('.results-table tr.group').length === 1")
    assert page.locator("tr.group").inner_text().strip().startswith("The paper, Table 8")
    assert "benchmark=TerraIncognita" in page.url
    assert "table=8" in page.url
    assert "not measured here" in page.locator("#below-memory").inner_text()
    assert _trace(page, "plot-size-paper", "EoQ") == [[1.1], [53.2]]


def test_a_link_opens_the_same_numbers(open_page, folder):
    page = open_page("tab=results&benchmark=OfficeHome&numbers=paper&table=11")
    page.wait_for_function("document.querySelector('.results-table').innerText.includes('SMA')")
    choice = Choice("paper", "OfficeHome", "all", "11")
    assert [row[:-1] for row in _rows(page)] == _expected(load_results(folder), choice)


def test_columns_sort_by_number_within_their_table(page):
    button = page.get_by_role("button", name="sketch")
    button.click()
    assert page.locator("th[aria-sort=descending]").inner_text().startswith("sketch")
    place = 6
    for name in ("Table 7", "Measured here"):
        values = [row[place] for row in _rows(page, name)]
        numbers = [float(value) for value in values if value]
        assert len(numbers) > 4
        assert numbers == sorted(numbers, reverse=True)
        assert values[len(numbers) :] == [""] * (len(values) - len(numbers))
    button.focus()
    page.keyboard.press("Enter")
    numbers = [float(row[place]) for row in _rows(page, "Table 7")]
    assert numbers == sorted(numbers)


def test_search_and_filter_hide_rows(page):
    count = page.locator("[data-count]")
    page.get_by_label("Search").fill("swad")
    assert [row[0] for row in _rows(page)] == ["SWAD"]
    assert count.inner_text() == "1 of 14 rows"
    page.get_by_label("Search").fill("87.89")  # in a note
    assert [row[0] for row in _rows(page)] == ["QT-DoG"]
    page.get_by_label("Search").fill("")
    page.get_by_label("only rows with a flag").check()
    assert {row[0] for row in _rows(page, "Table 7")} == {"QT-DoG", "EoQ"}
    # Of ours, the averages over two of the four domains.
    averages = {"ERM", "ERM, averaged", "QT-DoG", "Post-training"}
    assert {row[0] for row in _rows(page, "Measured here")} == averages
    page.get_by_label("only rows with a flag").uncheck()


def test_a_link_has_the_order_and_the_search(open_page):
    page = open_page()
    page.locator("[data-sort='2']").click()
    page.locator("[data-sort='2']").click()
    page.locator("[data-search]").fill("erm")
    page.wait_for_function("location.search.includes('search=erm')")
    seen = page.locator(".results-table tbody tr:visible").all_inner_texts()
    again = open_page(page.url.partition("?")[2])
    assert again.locator("th[aria-sort=ascending] [data-sort='2']").count() == 1
    assert again.locator("[data-search]").input_value() == "erm"
    assert again.locator(".results-table tbody tr:visible").all_inner_texts() == seen


def test_plots_hold_the_measured_numbers(page, folder):
    of = {
        (row.method, row.bits): row.cells
        for row in pivot(load_results(folder), Choice("measured", "PACS")).groups[0].rows
        if not row.averaged
    }
    page.wait_for_function(
        "document.querySelector('#below-bits-measured').innerText.includes('PACS, sketch')"
    )
    x, y = _trace(page, "plot-bits-measured", "QT-DoG")
    assert x == [4, 7]
    assert y == pytest.approx([of["QT-DoG", bits][1].value for bits in x])
    assert _trace(page, "plot-bits-paper", "QT-DoG")[1][-2:] == [87.8, 85.0]
    x, y = _trace(page, "plot-training", "QT-DoG, 7 bits")
    assert y == pytest.approx([100 * p["source_validation"] for p in log_points("QT-DoG", 0)])


def test_a_measured_number_leads_to_its_run_log(page, folder):
    name = log_name("QT-DoG", 7, "cartoon", 2)
    row = page.locator(".results-table tr", has_text="QT-DoG").nth(2)
    row.locator("summary").click()
    row.get_by_role("button", name=name).click()
    log = page.locator("#run-log-content article")
    log.wait_for()
    assert "--method QT-DoG --seed 2" in log.inner_text()
    assert log.locator("tbody tr").count() == len(log_points("QT-DoG", 2))
    with page.expect_download() as download:
        page.get_by_role("button", name="Download this log").click()
    written = json.loads((folder / "runs" / name).read_text())
    with open(download.value.path()) as handle:
        assert json.load(handle) == written


def test_the_csv_holds_the_numbers_of_the_choice(page, folder):
    with page.expect_download() as download:
        page.locator("#results-download").click()
    with open(download.value.path(), newline="", encoding="utf-8-sig") as handle:
        rows = list(csv.DictReader(handle))
    frame = to_frame(pivot(load_results(folder), FIRST))
    expected = list(csv.DictReader(io.StringIO(frame.to_csv(index=False))))
    assert rows == expected
    assert {row["provenance"] for row in rows if row["source"] == "paper"} == {"Paper, Table 7"}


def test_a_phone_in_the_dark_has_no_overflow_and_the_dark_colours(open_page):
    page = open_page(viewport=PHONE, color_scheme="dark")
    page.wait_for_selector("#plot-training .js-plotly-plot .trace")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    line = page.locator("#plot-bits-paper .trace .js-line").last
    assert line.evaluate("one => getComputedStyle(one).stroke") == "rgb(240, 160, 75)"


def test_the_page_works_before_anything_is_measured(open_page, tmp_path):
    write_results(tmp_path / "f")
    (tmp_path / "f" / "measured.csv").unlink()
    with served(_tab(tmp_path / "f")) as url:
        page = open_page(url=url)
        assert "Nothing is measured here yet" in page.locator("#results-verdict").inner_text()
        assert len(_rows(page)) == 6
        assert "No run is logged here" in page.locator("#below-training").inner_text()


def test_the_api_gives_the_same_numbers(address, folder):
    gradio_client = pytest.importorskip("gradio_client")
    client = gradio_client.Client(address, verbose=False)
    endpoints = client.view_api(return_format="dict")["named_endpoints"]
    assert set(endpoints) == {"/results", "/run_log", "/your_results"}
    records = client.predict("both", "PACS", "all", "7", api_name="/results")
    frame = to_frame(pivot(load_results(folder), FIRST))
    assert [one["accuracy"] for one in records] == list(frame.accuracy)
    assert [one["flags"] for one in records] == list(frame["flags"])
    assert records[0]["error"] is None
    log = client.predict(log_name("ERM", None, "sketch", 0), api_name="/run_log")
    assert [one["step"] for one in log["points"]] == [80, 160, 240, 320]
    with pytest.raises(Exception, match="There is no table '99' for this choice"):
        client.predict("paper", "PACS", "all", "99", api_name="/results")
    with pytest.raises(Exception, match="There is no run log"):
        client.predict("../paper.csv", api_name="/run_log")
