"""The projector view in a real browser."""

import csv

import pytest
from pages import PATIENCE_MS, opening
from servers import running_app
from tiny import CLASSES, save_set

from qtdog.results import load_memory, points_on

pytestmark = pytest.mark.slow
PROJECTOR = {"width": 1920, "height": 1080}
FIGURE = "[data-stage=figure]"


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    with running_app(save_set(tmp_path_factory.mktemp("checkpoints"), members=2)) as address:
        yield address


def shown(page) -> str:
    """The id of what fills the window."""
    page.locator(FIGURE).wait_for()
    return page.locator(FIGURE).get_attribute("id")


def test_learns_steps_are_the_list_and_keys_of_a_remote_go_through_it(browser, address):
    with opening(browser, address) as open_one:
        page = open_one("?view=stage", viewport=PROJECTOR)
        assert shown(page) == "learn-step-1"
        assert not page.locator("#top").is_visible()
        assert not page.locator('[role="tab"]').first.is_visible()
        assert (
            page.evaluate(
                "Number(getComputedStyle(document.querySelector('[data-stage=figure]')).zoom)"
            )
            >= 1.2
        )
        page.keyboard.press("PageDown")
        page.locator("#learn-step-2[data-stage=figure]").wait_for()
        assert page.inner_text("#stage-line") == "2 of 8"
        page.keyboard.press("PageUp")
        page.keyboard.press("PageUp")
        page.locator("#learn-step-1[data-stage=figure]").wait_for()
        page.keyboard.press("End")
        page.locator("#learn-step-8[data-stage=figure]").wait_for()


def test_a_list_in_the_address_is_followed_and_kept(browser, address):
    with opening(browser, address) as open_one:
        page = open_one("?view=stage&stage=results,nonsense,weights", viewport=PROJECTOR)
        assert shown(page) == "plot-memory"
        assert page.inner_text("#stage-line") == "1 of 2 · not known and left out: nonsense"
        page.keyboard.press("ArrowRight")
        page.locator("#quantize-weights[data-stage=figure]").wait_for()
        page.wait_for_function("location.search.includes('place=2')")
        page.locator("#weights-layers rect").first.wait_for()
        again = open_one("?view=stage&stage=results,weights&place=2", viewport=PROJECTOR)
        assert shown(again) == "quantize-weights", "the address keeps the place"
        again.locator("#weights-layers rect").first.wait_for()


def test_the_figure_that_is_shown_can_be_taken_along(browser, address):
    context = browser.new_context(viewport=PROJECTOR)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(f"{address}?view=stage&stage=try,quantize")
    page.locator("[data-stage=figure] .card").first.wait_for()
    assert not page.locator("[data-stage=figure] .figure-tools").first.is_visible()

    with page.expect_download() as download:
        page.click("#stage-bar [data-figure=csv]")
    with open(download.value.path(), encoding="utf-8-sig", newline="") as handle:
        head, *rows = csv.reader(handle)
    assert head == ["model", "class", "probability"]
    assert len(rows) == 3 * len(CLASSES)
    bars = page.locator("#answers .card").first.locator(".bars .value").all_inner_texts()
    assert [row[2] for row in rows[: len(CLASSES)]] == bars

    page.click("#stage-bar [data-figure=picture]")
    page.locator("#stage-bar [data-figure=picture]:text('Copied')").wait_for()
    width, height = page.evaluate(
        """async () => {
            const [item] = await navigator.clipboard.read();
            const picture = await createImageBitmap(await item.getType("image/png"));
            return [picture.width, picture.height];
        }"""
    )
    shown = page.locator("[data-stage=figure]").bounding_box()
    assert width == pytest.approx(2 * (shown["width"] + 32), abs=4)
    assert height == pytest.approx(2 * (shown["height"] + 32), abs=4)

    page.click("#stage-bar [data-figure=link]")
    page.locator("#stage-bar [data-figure=link]:text('Link copied')").wait_for()
    assert "place=1" in page.evaluate("navigator.clipboard.readText()")
    page.click("#stage-bar button[aria-label=Next]")
    page.locator("#quantize-layer[data-stage=figure]").wait_for()
    context.close()


def test_on_the_ordinary_page_a_figures_link_leads_to_it_and_its_numbers_are_those_drawn(
    browser, address
):
    context = browser.new_context(viewport=PROJECTOR)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(f"{address}?tab=results")
    figure = page.locator(".figure", has=page.locator("#plot-memory"))
    figure.locator(".main-svg").first.wait_for()
    with page.expect_download() as download:
        figure.locator("[data-figure=csv]").click()
    assert download.value.suggested_filename == "qtdog-plot-memory.csv"
    with open(download.value.path(), encoding="utf-8-sig", newline="") as handle:
        rows = [row for row in csv.DictReader(handle) if row["series"] == "QT-DoG, 7 bits"]
    points = points_on(load_memory(), "PACS")
    drawn = [one for one in points if (one.kind.method, one.kind.averaged) == ("QT-DoG", False)]
    assert sorted(float(row["y"]) for row in rows) == pytest.approx(
        sorted(one.accuracy for one in drawn)
    )
    figure.locator("[data-figure=link]").click()
    figure.locator("[data-figure=link]:text('Link copied')").wait_for()
    link = page.evaluate("navigator.clipboard.readText()")
    page.goto("about:blank")
    assert link.endswith("?tab=results#plot-memory")
    page.goto(link)
    page.wait_for_function(
        """() => {
            const top = document.querySelector('#plot-memory')?.getBoundingClientRect().top;
            return window.scrollY > 100 && top > -10 && top < 300;
        }"""
    )
    context.close()
