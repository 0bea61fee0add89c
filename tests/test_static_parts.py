"""The explorer without a server: Train it, Results and Landscape, under the page's own policy."""

import re

import pytest
from pages import opening
from playwright.sync_api import Page

from qtdog.landscape import Surface, Trajectories, store
from qtdog.places import LANDSCAPES
from qtdog.results import AVERAGE, best_within, load_memory, points_on
from qtdog.ui import html
from qtdog.ui.landscape import way
from qtdog.ui.landscape.planes import grid
from qtdog.ui.results import memory

ENDED = "() => document.querySelector('.train-play')?.textContent === 'Play again'"
PLANES = "#panel-landscape .panel:not([hidden]) .js-plotly-plot"
SURFACES = "#panel-landscape .panel:not([hidden]) .surface[data-drawn] canvas"
SMALL = {"width": 680, "height": 700}  # without a graphics card every pixel takes its time
SAID = """text => {
    const place = document.createElement("div");
    place.innerHTML = text;
    document.body.append(place);
    const said = place.querySelector(".summary").innerText;
    place.remove();
    return said;
}"""


@pytest.fixture
def open_one(browser, static_address):
    with opening(browser, static_address) as open_page:
        yield open_page


@pytest.mark.thorough
def test_a_network_is_trained_and_the_address_carries_its_settings(open_one):
    page = open_one("?tab=train&toy-bits=4", reduced_motion="reduce")
    page.wait_for_selector(".train-scores")
    page.get_by_role("button", name="Play", exact=True).click()
    page.wait_for_function(ENDED)
    assert page.inner_text(".train-said").startswith("This time, QT-DoG, 4 bits: a ")
    page.locator("[data-name=bits]").fill("3")
    page.wait_for_function("() => !location.search.includes('toy-bits')")
    assert "tab=train" in page.url
    assert page.locator(".train-table").count() == 5  # what was measured once and for all


def _said(page: Page) -> str:
    return page.locator(".memory .best:visible .summary").inner_text()


def _expected(page: Page, domain: str, limit: float, speed: float) -> str:
    """The served page's sentence."""
    points = points_on(load_memory(), "PACS", domain)
    best = best_within(points, limit * memory.MEGABYTE)
    link = lambda name: html("{}", name)  # noqa: E731
    return page.evaluate(SAID, memory.best_sentence(best, limit, speed, domain, link))


@pytest.mark.thorough
def test_results_open_with_three_rows_and_what_memory_buys(open_one):
    page = open_one("?tab=results&megabytes=3&memory=photo")
    plot = page.locator(".memory .panel:visible .js-plotly-plot")
    plot.wait_for()
    rows = page.locator("table.first-rows tbody tr").all_inner_texts()
    assert "Full precision" in rows[0]
    assert "78.5 %" in rows[2]
    assert _said(page) == _expected(page, "photo", 3, 10)
    page.select_option("[data-address=memory]", AVERAGE)
    page.fill("[data-address=megabytes]", "10.5")
    page.select_option("[data-address=speed]", "2")
    assert _said(page) == _expected(page, AVERAGE, 10.5, 2)
    assert "speed=2" in page.url
    assert "megabytes" not in page.url
    plot.wait_for()
    drawn = plot.evaluate(
        "({ layout: { shapes, annotations, xaxis } }) => "
        "[shapes[0].x0, annotations[0].text, xaxis.ticktext[0]]"
    )
    points = points_on(load_memory(), "PACS", AVERAGE)
    figure = memory.figure(points, best_within(points, 10.5e6), 10.5, 2)
    assert drawn == [10.5, figure.layout.annotations[0].text, figure.layout.xaxis.ticktext[0]]
    page.fill("[data-address=megabytes]", "0.5")
    assert _said(page) == "Nothing that was measured is as small as 0.5 MB."


def _planes() -> list[Surface]:
    records, _ = store.load_all(LANDSCAPES / "pacs" / "sketch")
    planes = [one for one in records if isinstance(one, Surface) and one.kind == "plane"]
    names = ("erm-seed0", "qt-dog-7bit-seed0")
    return [one for name in names for one in planes if one.markers[0].model.name == name]


def _read_together(page: Page) -> None:
    """A point that is chosen in one plane is read in both."""
    page.dispatch_event(f"{PLANES} >> nth=0", "pointerover")
    page.evaluate(
        "(plots) => document.querySelector(plots).emit('plotly_click', "
        "{ points: [{ x: 0.1, y: -0.04 }] })",
        PLANES,
    )
    _says_all(page.inner_text("#landscape-picked"), 0.1, -0.04)


def _says_all(said: str, x: float, y: float) -> None:
    for one in _planes():
        row, column = one.y.index(y), one.x.index(x)
        loss, accuracy = (grid(one, name)[row, column] for name in ("loss", "accuracy"))
        assert f"{loss:.3f} nats, {accuracy:.1f} %" in said


@pytest.mark.thorough
def test_planes_stand_side_by_side_and_are_read_together(open_one):
    page = open_one("?tab=landscape&landscape-3d=false")
    page.locator(f"{PLANES} .contourlayer").nth(1).wait_for()
    _read_together(page)
    page.select_option("[data-address=landscape-height]", "accuracy")
    page.wait_for_function(
        "(plots) => document.querySelector(plots).data[0].zmax === 100", arg=PLANES
    )
    assert "landscape-height=accuracy" in page.url


@pytest.mark.thorough
def test_surfaces_turn_together_under_the_pages_policy(open_one):
    page = open_one("?tab=landscape", viewport=SMALL)
    first = page.locator(SURFACES).first
    page.locator(SURFACES).nth(1).wait_for()
    first.scroll_into_view_if_needed()
    box = first.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 0.52 * box["width"], box["y"] + 0.5 * box["height"])
    said = page.inner_text("#landscape-picked")
    place = re.match(r"At the same point \((.+), (.+)\): ", said)
    assert place is not None
    _says_all(said, *map(float, place.groups()))
    pixels = f"[...document.querySelectorAll('{SURFACES}')].map((one) => one.toDataURL())"
    page.wait_for_timeout(500)  # at rest
    before = page.evaluate(pixels)
    first.press("ArrowRight")
    page.wait_for_function(
        f"(before) => ({pixels}).every((one, k) => one !== before[k])", arg=before
    )
    page.uncheck("#landscape-3d input")
    page.locator(f"{PLANES} .contourlayer").nth(1).wait_for()
    assert "landscape-3d=false" in page.url


def _wait_for_runs(page: Page, place: str, frame: dict) -> None:
    """Both runs stand where that frame of the record says, and so do the numbers beside them."""
    places = [list(pair) for pair in zip(frame["x"], frame["y"], strict=True)]
    page.wait_for_function(
        "([place, wanted]) => { const plot = document.querySelector(place + ' .js-plotly-plot');"
        " const seen = plot?.data?.slice(-2).map((one) => [one.x[0], one.y[0]]);"
        " return JSON.stringify(seen) === JSON.stringify(wanted); }",
        arg=[place, places],
    )
    assert page.locator(f"{place} [data-way]").all_inner_texts() == frame["words"]


@pytest.mark.thorough
def test_the_way_there_follows_its_slider_in_landscape_and_in_learn(open_one):
    folder = LANDSCAPES / "pacs" / "sketch"
    found, _ = store.load_all(folder, "trajectories-target-*.json")
    (record,) = [one for one in found if isinstance(one, Trajectories)]
    frames = way.frames(record)
    query = f"?tab=landscape&landscape=trajectories&landscape-step={frames[3]['step']}"
    page = open_one(query, reduced_motion="reduce")
    place = "#way-pacs-sketch-target"
    _wait_for_runs(page, place, frames[3])
    page.focus(f"{place} input[type=range]")
    page.keyboard.press("ArrowRight")
    _wait_for_runs(page, place, frames[4])
    assert f"landscape-step={frames[4]['step']}" in page.url
    page.select_option("[data-address=landscape-height]", "accuracy")
    page.wait_for_function(
        "([place, high]) => document.querySelector(place + ' .js-plotly-plot')"
        ".data[0].contours.end === high",
        arg=[place, float(grid(record, "accuracy").max())],
    )
    _wait_for_runs(page, place, frames[4])
    assert page.locator("#landscape-picked").is_hidden()
    page.click("[data-tab=learn]")
    page.click("[data-step='4']")
    _wait_for_runs(page, "#learn-way", frames[-1])
    page.click("#learn-way .way-play")  # less motion: one evaluation a press
    _wait_for_runs(page, "#learn-way", frames[0])
    page.wait_for_timeout(1000)
    _wait_for_runs(page, "#learn-way", frames[0])


@pytest.mark.thorough
def test_a_landscape_that_was_not_measured_says_so(open_one):
    page = open_one("?tab=landscape&landscape=curvature&landscape-images=source")
    page.locator("#panel-landscape .panel:visible .nothing").wait_for()
    said = page.inner_text("#panel-landscape .panel:visible .nothing")
    assert said.startswith("This has not been measured. Measured is: held-out domain")
    page.select_option("[data-address=landscape-images]", "target")
    assert page.locator("#panel-landscape .panel:visible table.numbers tbody tr").count() == 2


@pytest.mark.thorough
def test_the_address_carries_which_networks_a_landscape_shows(open_one):
    page = open_one("?tab=landscape&landscape-3d=false&landscape-models=qt-dog-7bit-seed0")
    heading = page.locator("#panel-landscape .panel:visible .heading:visible")
    page.locator(f"{PLANES} .contourlayer").wait_for()
    assert heading.all_inner_texts() == ["◆ QT-DoG, 7 bits, seed 0"]
    rows = page.locator("#panel-landscape .panel:visible table.numbers tbody tr:visible")
    assert rows.count() == 1
    page.check("[data-model=erm-seed0]")
    page.locator(f"{PLANES} .contourlayer").nth(1).wait_for()
    assert "landscape-models=erm-seed0%2Cqt-dog-7bit-seed0" in page.url
    page.select_option("[data-address=landscape]", "flatness")
    page.uncheck("[data-model=qt-dog-7bit-seed0]")
    assert page.locator("#panel-landscape .panel:visible .series:visible").count() == 1
    (named,) = page.locator("#panel-landscape .panel:visible .legend > :visible").all()
    assert named.inner_text() == "● Full precision, seed 0"
    page.click("[data-model=erm-seed0]")  # none: the usual ones again
    page.wait_for_function("() => !location.search.includes('landscape-models')")
    assert page.locator("#panel-landscape .panel:visible .series:visible").count() == 2


@pytest.mark.thorough
def test_the_address_carries_order_search_and_benchmark_of_the_results(open_one):
    page = open_one("?tab=results&benchmark=OfficeHome&search=erm&order=0-descending")
    table = page.locator("#results .results-table:visible").last
    table.wait_for()
    assert page.input_value("[data-address=benchmark]") == "OfficeHome"
    assert table.locator("[data-search]").input_value() == "erm"
    names = table.locator("tbody tr:not(.group):visible").all_inner_texts()
    assert names
    assert all("erm" in one.lower() for one in names)
    assert table.locator("[data-sort='0']").locator("xpath=ancestor::th").get_attribute(
        "aria-sort"
    ) == ("descending")
    table.locator("[data-sort='1']").click()
    table.locator("[data-search]").fill("qt-dog")
    page.select_option("[data-address=benchmark]", "PACS")
    for part in ("order=1-descending", "search=qt-dog"):
        assert part in page.url
    assert "benchmark" not in page.url


@pytest.mark.thorough
def test_a_link_of_the_page_with_a_server_names_a_run_by_its_seed(open_one):
    page = open_one("?tab=results&domain=pacs/sketch&run=2")
    chosen = page.locator("[data-address=run]:visible")
    chosen.wait_for()
    assert chosen.input_value() == "sketch-2"
    assert not page.locator("#panel-results .notice:visible").count()


@pytest.mark.thorough
def test_what_an_address_says_wrongly_of_a_part_is_told(open_one):
    page = open_one("?tab=landscape&landscape-models=moon-seed0")
    page.locator("#panel-landscape .notice").wait_for()
    assert "landscape-models=moon-seed0" in page.inner_text("#panel-landscape .notice")
    page = open_one("?tab=results&megabytes=9000&memory=moon")
    page.locator("#panel-results .notice").wait_for()
    assert "memory=moon, megabytes=9000" in page.inner_text("#panel-results .notice")
