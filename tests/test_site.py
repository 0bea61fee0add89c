"""The static page, in a real browser that has no network."""

import csv
import re
import shutil
import sys
from pathlib import Path

import pytest
from result_files import log_points, write_results

from qtdog import cli
from qtdog.browser import write_site
from qtdog.landscape import ROUNDED, Curvature, FlatnessCurve, store
from qtdog.places import LANDSCAPES
from qtdog.results import AVERAGE, Choice, ResultsError, load_results, pivot, records
from qtdog.ui.results import memory, views

PATIENCE = 90_000  # milliseconds, for a machine that also trains


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return write_results(tmp_path_factory.mktemp("results") / "files")


@pytest.fixture(scope="module")
def site(folder, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("site")
    return write_site(out, folder, out / "no landscapes")


@pytest.fixture
def open_page(browser):
    """Opens a file without a network; afterwards nothing may have been asked for or gone wrong."""
    opened, trouble = [], []

    def opening(path: Path, width: int = 1280, colours: str = "light", script: bool = True):
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme=colours,
            offline=True,
            java_script_enabled=script,
        )
        opened.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("console", lambda said: said.type == "error" and trouble.append(said.text))
        page.on("request", lambda r: r.url.startswith(("http", "ws")) and trouble.append(r.url))
        page.goto(path.as_uri())
        return page

    yield opening
    for context in opened:
        context.close()
    assert trouble == []


def drawn(page, heading: str, title: str):
    """The plot under a heading, drawn; returns its element."""
    section = page.locator(f"h2:has-text('{heading}'):visible + .pair .figure", has_text=title)
    plot = section.locator(".plot").first
    plot.scroll_into_view_if_needed()
    plot.locator(".main-svg").first.wait_for()
    return plot


@pytest.mark.thorough
def test_the_file_is_one_and_names_no_other_host(site):
    text = site.read_text(encoding="utf-8")
    assert sorted(path.name for path in site.parent.iterdir()) == ["index.html"]
    assert text.count("plotly.js v") == 1
    own = re.sub(r"<script>.*?</script>", "", text, flags=re.DOTALL)
    assert not re.findall(r'(?:src|srcset|action)="(?!data:)', own)
    assert set(re.findall(r'href="([^#d][^"]*)"', own)) == {"https://arxiv.org/abs/2410.06020"}
    assert not re.findall(r"url\((?!['\"]?data:)", own)
    ids = re.findall(r'\sid="([^"]+)"', own)
    assert len(ids) == len(set(ids))


@pytest.mark.thorough
def test_the_tables_show_the_numbers_of_the_files(site, folder, open_page):
    page = open_page(site)
    results = load_results(folder)
    for source in ("measured", "paper"):
        choice = Choice(source, "PACS")
        table = pivot(results, choice)
        expected = [
            [f"{cell.value:.{cell.decimals}f}" if cell else "—" for cell in row.cells]
            for group in table.groups
            for row in group.rows
        ]
        place = 0 if source == "measured" else 1
        rows = page.locator(".results-table:visible").nth(place).locator("tbody tr:not(.group)")
        assert rows.count() == len(expected)
        shown = rows.evaluate_all(
            """rows => rows.map(row => [...row.querySelectorAll("td")].slice(2, -1).map(cell => {
                const value = (cell.querySelector(".value") ?? cell).cloneNode(true);
                value.querySelectorAll("sup").forEach(mark => mark.remove());
                return value.textContent.trim();
            }))"""
        )
        assert shown == expected


@pytest.mark.thorough
def test_the_figures_are_drawn_from_the_same_numbers(site, folder, open_page):
    page = open_page(site)
    plot = drawn(page, "Accuracy against size", memory.IN_THE_PAPER)
    points = plot.evaluate("plot => plot.data.map(trace => [...trace.y]).flat()")
    expected = views.paper_size(load_results(folder), "PACS").figure
    values = [y for trace in expected.data for y in trace.y]
    assert sorted(round(y, 4) for y in points if y) == sorted(round(y, 4) for y in values)
    table = pivot(load_results(folder), Choice("paper", "PACS"))
    place = [column.domain for column in table.columns].index(AVERAGE)
    cells = [row.cells[place] for group in table.groups for row in group.rows]
    known = {cell.value for cell in cells if cell}
    assert set(values) <= known


@pytest.mark.thorough
def test_panels_search_and_run_logs_work(site, folder, open_page):
    page = open_page(site)
    choice = page.locator("#results > .panels > .choice select")
    assert choice.evaluate("list => list.selectedOptions[0].text") == "PACS"
    choice.select_option("VLCS")
    assert page.locator("th[data-value='ERM']:visible").count() >= 1
    assert "There is no number for this choice." in page.locator("#results > .panels").inner_text()
    choice.select_option("PACS")
    search = page.locator("[data-search]:visible").nth(1)
    search.fill("swad")
    count = page.locator("[data-count]:visible").nth(1).inner_text()
    assert re.fullmatch(r"\d of \d\d rows", count)
    page.locator("td.source summary:visible").first.click()
    link = page.locator("td.source a:visible").first
    name = link.inner_text()
    link.click()
    log = page.locator("details[open] article.run")
    log.wait_for()
    assert log.get_attribute("aria-label") == f"Run log {name}"
    first = log_points("ERM", 0)[0]
    assert log.locator("tbody tr").first.locator("th").inner_text() == str(first["step"])


@pytest.mark.thorough
@pytest.mark.parametrize(("width", "colours"), [(360, "dark"), (1280, "light")])
def test_it_fits_the_window_and_follows_the_light(site, open_page, width, colours):
    page = open_page(site, width, colours)
    drawn(page, "Accuracy against bits", "In the paper")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == {"light": "rgb(246, 247, 249)", "dark": "rgb(17, 21, 28)"}[colours]
    drawing = page.locator(".js-plotly-plot .main-svg").first
    assert drawing.evaluate("plot => plot.getBoundingClientRect().right") <= width


@pytest.mark.thorough
def test_without_javascript_every_table_reads(site, open_page):
    page = open_page(site, script=False)
    panels = page.locator("#results > .panels > .panel")
    assert all(panels.nth(place).is_visible() for place in range(panels.count()))
    assert panels.count() > 4
    assert "The numbers of this figure" in panels.first.inner_text()


def _landscapes(folder: Path) -> Path:
    """The bundled ones with sketch held out, and one of them as if weights were rounded again."""
    shutil.copytree(LANDSCAPES / "pacs" / "sketch", folder)
    plane = folder / "plane-target-qt-dog-7bit-seed0.json"
    text = plane.read_text(encoding="utf-8").replace(
        '"perturbed": "weights"', f'"perturbed": "{ROUNDED}"'
    )
    (folder / "plane-target-qt-dog-7bit-seed0-rounded.json").write_text(text, encoding="utf-8")
    return folder


@pytest.mark.slow
def test_measured_landscapes_are_shown_with_their_numbers(folder, tmp_path, open_page):
    landscapes = _landscapes(tmp_path / "landscapes")
    records, problems = store.load_all(landscapes)
    assert not problems
    page = open_page(write_site(tmp_path / "site", folder, landscapes))
    section = page.locator("#landscape")
    shown = section.locator(".panel:visible")
    section.scroll_into_view_if_needed()
    shown.locator(".surface canvas").first.wait_for()
    section.locator("[data-key=again]").check()
    assert "rounded again" in shown.inner_text()
    section.locator("#landscape-3d input").uncheck()
    shown.locator(".plot .contourlayer").first.wait_for()
    kind = section.locator("[data-key=kind]")
    kind.select_option("flatness")
    curve = next(one for one in records if isinstance(one, FlatnessCurve))
    assert f"on {curve.images.count} images" in shown.inner_text()
    assert section.locator("#landscape-3d").is_hidden()
    kind.select_option("curvature")
    bent = [one for one in records if isinstance(one, Curvature)]
    curvature = next(one for one in bent if one.images.split == "target")
    mean = sum(curvature.traces) / len(curvature.traces)
    assert f"{mean:,.1f}" in shown.inner_text()


@pytest.mark.thorough
def test_the_command_writes_the_projects_own_results(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(store, "load_all", lambda folder: ([], []))  # a slow test draws them
    monkeypatch.setattr(
        sys, "argv", ["qtdog", "export-site", str(tmp_path / "site"), "--results-only"]
    )
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert not end.value.code
    assert "index.html" in capsys.readouterr().out
    text = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    with records.PAPER.open(newline="") as handle:
        rows = [row for row in csv.DictReader(handle) if row["dataset"] != "Average"]
    for row in rows:
        assert f">{row['accuracy']}<" in text


def test_without_results_it_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "PAPER", tmp_path / "paper.csv")
    with pytest.raises(ResultsError, match=r"paper\.csv cannot be read"):
        write_site(tmp_path / "site", tmp_path / "nothing", tmp_path)
    assert not (tmp_path / "site").exists()
