"""The projector view in a real browser."""

import pytest
from pages import opening
from servers import running_app
from tiny import save_set

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
