"""A visitor's own numbers on the Results tab, in a real browser."""

import gradio as gr
import pytest
from pages import opening, served
from result_files import TARGETS, measured_rows, write_results

from qtdog.results import load_results
from qtdog.study import read_study
from qtdog.ui.address import Address, one_of
from qtdog.ui.choices import domain_choice
from qtdog.ui.guarded import GuardedBlocks
from qtdog.ui.results.tab import results_tab

pytestmark = pytest.mark.slow
YOURS = ".results-table >> text=Yours · MobileNetV2"


def _tab(theirs=()):
    address = Address()
    with GuardedBlocks(analytics_enabled=False) as page:
        notice = gr.HTML()
        target = domain_choice(TARGETS)
        address.add("domain", target, one_of([one.key for one in TARGETS]))
        with gr.Tabs() as tabs, address.add_tab(gr.Tab("Results", id="results")) as tab:
            results_tab(address, tab, target, theirs=theirs)
        address.wire(page, tabs, notice)
    return page


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_results(tmp_path_factory.mktemp("theirs") / "files")


def test_dropped_numbers_stand_in_the_table_of_their_visitor_alone(browser, folder, tmp_path):
    with served(_tab()) as url, opening(browser, url) as open_one:
        page = open_one()
        page.locator(".results-table").wait_for()
        page.click("#results-theirs button")
        page.set_input_files("#results-files input[type=file]", folder / "measured.csv")
        page.locator(YOURS).wait_for()
        said = page.inner_text("#results-theirs")
        assert f"{len(measured_rows())} numbers of yours, on PACS." in said
        assert "Your numbers, over 2 targets of PACS with 3 seeds each: QT-DoG (7 bits)" in said
        other = open_one()
        other.locator(".results-table").wait_for()
        assert other.locator(YOURS).count() == 0
        bad = tmp_path / "bad.csv"
        bad.write_text("a,b\n1,2\n")
        page.locator("#results-files input[type=file]").set_input_files(bad)
        page.locator("text=bad.csv lacks the column table; expected is a measured.csv").wait_for()
        assert page.locator(YOURS).count() == 1, "what was read before stays"


def test_a_page_that_was_started_with_numbers_shows_them_to_all(browser, folder):
    theirs = read_study(folder, load_results())
    with served(_tab(theirs)) as url, opening(browser, url) as open_one:
        page = open_one()
        page.locator(YOURS).wait_for()
        assert page.locator("#results-theirs >> text=numbers of yours").is_visible()


def test_the_endpoint_answers_with_rows_and_sentences(folder):
    client = pytest.importorskip("gradio_client")
    with served(_tab()) as url:
        page = client.Client(url, verbose=False)
        file = client.handle_file(str(folder / "measured.csv"))
        answer = page.predict([file], api_name="/your_results")
    assert {row["source"] for row in answer["rows"]} == {"yours"}
    assert answer["sentences"][0].startswith("Your numbers, over 2 targets of PACS")
