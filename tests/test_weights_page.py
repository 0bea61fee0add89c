"""The comparison of two networks in a real browser."""

import csv

import gradio as gr
import pytest
from pages import opening, served
from tiny import save_set

from qtdog.explorer import Explorer
from qtdog.ui.address import Address
from qtdog.ui.quantize.tab import quantize_tab

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def page(browser, tmp_path_factory):
    explorer = Explorer(save_set(tmp_path_factory.mktemp("checkpoints"), members=2))
    address = Address()
    with gr.Blocks(analytics_enabled=False) as blocks:
        notice = gr.HTML()
        with gr.Tabs() as tabs, address.add_tab(gr.Tab("Quantize", id="quantize")) as tab:
            quantize_tab(explorer, address, tab, gr.Image(visible=False))
        address.wire(blocks, tabs, notice)
    with served(blocks) as url, opening(browser, url) as open_one:
        query = "?quantize=weights&weights-second=pacs/sketch/qt-dog-7bit-seed1"
        page = open_one(query)
        page.locator("#weights-layers [data-layer]").first.wait_for()
        yield page


def test_the_link_opens_the_comparison_that_it_names(page):
    assert "Full precision, seed 0 and QT-DoG (7 bits), seed 1 are" in page.inner_text(
        "#weights-said"
    )
    page.locator("#quantize-grid").wait_for(state="hidden", timeout=5000)


def test_a_click_on_a_layer_shows_it_and_goes_into_the_address(page):
    bar = page.locator("#weights-layers rect[data-layer]").nth(2)
    name = bar.get_attribute("data-layer")
    bar.click()
    page.wait_for_function(f"location.search.includes('weights-layer={name}')")
    page.wait_for_function(
        "name => document.querySelector('#weights-layer input').value.includes(name)", arg=name
    )
    page.locator("#quantize-weights .picture-said", has_text=" apart, cosine ").wait_for()


def test_the_table_can_be_saved(page, tmp_path):
    with page.expect_download() as download:
        page.click("#weights-csv")
    download.value.save_as(tmp_path / "weights.csv")
    rows = list(csv.DictReader((tmp_path / "weights.csv").open(encoding="utf-8-sig")))
    assert rows[0]["second"] == "sketch (PACS): QT-DoG (7 bits), seed 1"
    assert float(rows[0]["distance"]) > 0


def test_one_network_on_a_grid_is_a_click_away(page):
    page.click("text=One network on a grid")
    page.locator("#quantize-grid").wait_for(state="visible")
    page.locator("#quantize-weights").wait_for(state="hidden", timeout=5000)


def test_the_comparison_is_accessible(page):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    page.click("text=Two networks compared")
    page.locator("#quantize-weights").wait_for(state="visible")
    page.click("text=Every layer in numbers >> nth=0")
    found = axe.Axe().run(page).response["violations"]
    # What the page itself gives, its heading, is not in this part of it.
    assert [one["id"] for one in found if one["impact"] in ("serious", "critical")] == []
    wider = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert wider <= 0
