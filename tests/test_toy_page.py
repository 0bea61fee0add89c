"""The tab "Train it" in a real browser, served as it is on the page."""

import numpy as np
import pytest
from pages import PATIENCE_MS, open_page, opening, served
from servers import CHROMIUM_FLAGS, chromium

from qtdog.toy import read_record
from qtdog.ui.guarded import GuardedBlocks
from qtdog.ui.train.tab import train_tab
from qtdog.web import FOLDER

CALM = {"reduced_motion": "reduce"}  # figures come at the end of a run: that is also the fastest
ENDED = "document.querySelector('.train-play')?.textContent === 'Play again'"
INKED = """() => [...document.querySelectorAll(".train-figures canvas")].map((one) =>
    one.getContext("2d").getImageData(0, 0, one.width, one.height).data.some(Boolean))"""


@pytest.fixture(scope="module")
def address():
    with GuardedBlocks(analytics_enabled=False) as blocks:
        train_tab()
    with served(blocks) as address:
        yield address


@pytest.fixture
def open_one(browser, address):
    with opening(browser, address) as open_page:
        yield open_page


def play(page) -> None:
    page.get_by_role("button", name="Play", exact=True).click()
    page.wait_for_function(ENDED)


def cell(page, row: int, column: int) -> str:
    return page.locator(
        f".train-scores tbody tr:nth-child({row}) td:nth-child({column})"
    ).inner_text()


@pytest.mark.thorough
def test_a_run_ends_with_a_sentence_a_table_and_figures(open_one):
    page = open_one(**CALM)
    page.wait_for_selector(".train-scores")
    assert page.locator(".train-counter").inner_text() == "step 0 of 2,000, seed 14"
    play(page)
    assert page.locator(".train-said").inner_text().startswith("This time, QT-DoG, 3 bits: a ")
    assert float(cell(page, 3, 2)) > float(cell(page, 3, 3)) > 0  # the valley got flatter
    assert cell(page, 1, 2).endswith(" %")
    assert page.evaluate(INKED) == [True] * 7
    page.locator("[data-name=bits]").fill("4")
    page.wait_for_function("location.search === '?toy-bits=4'")
    assert page.locator(".train-counter").inner_text().startswith("step 0 ")


@pytest.mark.slow
def test_scenes_open_play_and_say_two_sentences(open_one):
    page = open_one(**CALM)
    page.get_by_role("link", name="It is the noise").click()
    page.wait_for_function(ENDED)
    assert "toy-arm=noise" in page.url
    assert page.locator(".train-scene").inner_text().count(". ") == 1
    assert "noise, 3 bits" in page.locator(".train-scores thead").inner_text()


@pytest.mark.slow
def test_bad_addresses_are_named_and_parts_can_be_hidden(open_one):
    page = open_one("?toy-bits=77&toy-shift=nowhere&toy-hide=luck,scenes", **CALM)
    page.wait_for_selector(".train-scores")
    notices = page.locator(".train > .notice:visible").all_inner_texts()
    assert len(notices) == 2
    assert any('toy-bits "77" was ignored' in text for text in notices)
    assert not page.locator(".train-luck").is_visible()
    assert not page.locator(".train-scenes").is_visible()


@pytest.mark.slow
def test_one_draws_by_mouse_and_keyboard_and_is_told_what_is_missing(open_one):
    page = open_one(**CALM)
    page.locator("[data-name=shift]").select_option("drawn")
    page.wait_for_function("location.search.includes('toy-drawn=')")
    play(page)
    page.get_by_role("button", name="Clear all").click()
    notice = page.locator(".train-figures .notice")
    assert notice.inner_text() == "Draw at least 4 points in source 1: it has 0."
    assert (
        page.locator(".train-counter").inner_text().startswith("step 2,000")
    )  # the last good state
    first = page.locator(".train-domains canvas").first
    for x in (20, 40, 60):
        first.click(position={"x": x, "y": 50})
    first.focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    assert notice.inner_text() == "Draw points of both classes in source 1."
    copy = open_one("?" + page.url.partition("?")[2], **CALM)
    copy.wait_for_selector(".train-scores")
    assert copy.locator(".train-figures .notice").inner_text() == notice.inner_text()


@pytest.mark.slow
@pytest.mark.parametrize("missing", ["the class", "the file"])
def test_without_workers_it_trains_on_the_page_and_says_so(browser, address, missing):
    page = browser.new_page(**CALM)
    page.set_default_timeout(PATIENCE_MS)
    if missing == "the class":
        page.add_init_script("delete window.Worker")
    else:
        page.route("**/toy/worker.js", lambda route: route.abort())
    page.goto(address)
    play(page)
    assert float(cell(page, 3, 2)) > float(cell(page, 3, 3))
    told = page.locator(".train > .notice:visible").all_inner_texts()
    assert told == [
        "This browser starts no worker: networks are trained on the page itself, more slowly."
    ]
    page.close()


@pytest.mark.slow
def test_without_webgl_everything_is_drawn(browser, address):
    """The surfaces too: nothing of the tab asks for it."""
    flags = [*CHROMIUM_FLAGS, "--disable-3d-apis"]
    flat = browser.browser_type.launch(executable_path=chromium(), args=flags)
    page = open_page(flat, address, **CALM)
    assert page.evaluate("document.createElement('canvas').getContext('webgl')") is None
    play(page)
    assert page.evaluate(INKED) == [True] * 7
    assert page.complaints == []
    flat.close()


@pytest.mark.slow
def test_of_a_network_that_diverges_the_last_good_state_stays(browser, address):
    """No setting of the page makes one: Adam bounds every step. So its gradients are spoilt."""

    def spoil(route):
        good = "this.step += 1;"
        script = (FOLDER / "toy" / "adam.js").read_text(encoding="utf-8")
        assert good in script
        bad = f"{good} if (this.step === 1001) gradient[0] = NaN;"
        route.fulfill(body=script.replace(good, bad), content_type="text/javascript")

    page = browser.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.route("**/toy/adam.js", spoil)
    page.goto(address)
    play(page)
    told = page.locator(".train-figures .notice:visible").inner_text()
    assert told == (
        "At step 1008 a number was none any more: the network diverged. What you see is the last "
        "good state; try a smaller learning rate."
    )
    assert page.locator(".train-counter").inner_text() == "step 1,000 of 2,000, seed 14"
    assert page.evaluate(INKED) == [True] * 7
    assert "NaN" not in page.locator(".train").inner_text()
    page.locator("[data-name=bits]").fill("4")  # other settings begin anew
    page.locator(".train-figures .notice").first.wait_for(state="hidden")
    assert page.locator(".train-counter").inner_text().startswith("step 0 ")
    page.close()


@pytest.mark.slow
def test_repeats_can_be_stopped_and_saved(open_one):
    page = open_one(**CALM)
    page.get_by_role("button", name="100 seeds").click()
    page.wait_for_function(
        "/^[3-9] of 100/.test(document.querySelector('.train-luck [role=status]').textContent)"
    )
    page.get_by_role("button", name="Stop").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Save the numbers").click()
    lines = download.value.path().read_text("utf-8-sig").splitlines()
    assert lines[0].startswith("seed,arm,source_accuracy,held_out_accuracy,rise")
    assert (len(lines) - 1) % 6 == 0
    assert page.locator(".train-verdicts span").count() == 5


@pytest.mark.slow
@pytest.mark.parametrize("shift", [one.shift for one in read_record().shifts])
def test_a_hundred_seeds_agree_with_the_record(open_one, shift):
    """The 95 % intervals of the browser's hundred seeds and of torch's five hundred overlap."""
    page = open_one(f"?toy-shift={shift}&toy-seed=0", **CALM)
    page.wait_for_selector(".train-scores")
    page.locator(".train-luck select").select_option("qt-dog")
    page.get_by_role("button", name="100 seeds").click()
    page.wait_for_selector(".train-luck .save:not([hidden])", timeout=400_000)
    with page.expect_download() as download:
        page.get_by_role("link", name="Save the numbers").click()
    lines = download.value.path().read_text("utf-8-sig").splitlines()
    rows = [dict(zip(lines[0].split(","), one.split(","), strict=True)) for one in lines[1:]]
    rows.sort(key=lambda row: int(row["seed"]))
    recorded = next(one for one in read_record().shifts if one.shift == shift).of("qt-dog", 3)
    for column, mean in (("held_out_accuracy", recorded.held_out), ("rise", recorded.rise)):
        full, rounded = (
            np.array([float(row[column]) for row in rows if row["arm"] == arm])
            for arm in ("full-precision", "qt-dog")
        )
        found = rounded - full
        assert len(found) == 100
        apart = abs(found.mean() - mean.difference)
        assert apart < 1.98 * found.std(ddof=1) / 10 + 1.96 * mean.error, (column, found.mean())
