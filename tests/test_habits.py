"""What a browser's own habits must not break: Back, paper, a frame, and uploads that are gone."""

import http.server
import threading
from functools import partial
from pathlib import Path

import pytest
from pages import opening
from PIL import Image
from tabs import SHOWS

CONTRAST = """() => {
    const number = (colour) => colour.match(/[\\d.]+/g).map(Number);
    const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
        .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
    const behind = (element) => {
        for (let one = element; one; one = one.parentElement) {
            const colour = number(getComputedStyle(one).backgroundColor);
            if (colour.length === 3 || colour[3] > 0.5) return light(colour);
        }
        return 1;
    };
    const words = [...document.querySelectorAll(".learn-step *")].filter(
        (one) => one.checkVisibility() && [...one.childNodes].some(
            (child) => child.nodeType === 3 && child.textContent.trim()));
    return words.map((one) => {
        const style = getComputedStyle(one);
        const ink = light(number(one.closest("svg") ? style.fill : style.color));
        const [high, low] = [ink, behind(one)].sort((a, b) => b - a);
        const least = one.closest(".marker") ? 3 : 4.5;  // a marker is no word
        return [(high + 0.05) / (low + 0.05), least, one.textContent.slice(0, 40)];
    }).filter(([contrast, least]) => contrast < least);
}"""


OTHER_QUERIES = ("?tabs=learn,try", "?tab=nothing")


@pytest.fixture(scope="module")
def uploads(shared_uploads):
    return shared_uploads


@pytest.fixture(scope="module")
def address(shared_app):
    return shared_app


@pytest.fixture
def open_page(browser, address):
    with opening(browser, address) as open_one:
        yield open_one


def _open_tab(page, name: str) -> None:
    page.locator(f"#tabs [role=tab][data-tab-id={name}]").first.click()
    _is_open(page, name)


def _is_open(page, name: str) -> None:
    page.locator(f"#tabs [role=tab][aria-selected=true][data-tab-id={name}]").first.wait_for()


@pytest.mark.thorough
def test_back_goes_through_what_was_chosen_and_the_tabs_and_forward_again(open_page):
    page = open_page()
    page.wait_for_selector("#answers .card")
    _open_tab(page, "batch")
    page.wait_for_function("location.search === '?tab=batch'")
    _open_tab(page, "learn")
    page.wait_for_function("location.search === '?tab=learn'")
    page.locator("#learn-on").click()
    page.wait_for_function("location.search === '?tab=learn&step=2'")
    page.locator("#learn-step-2").wait_for()
    page.evaluate("history.back()")
    page.locator("#learn-step-1").wait_for()
    page.wait_for_function("location.search === '?tab=learn'")
    page.evaluate("history.back()")
    _is_open(page, "batch")
    page.evaluate("history.back()")
    _is_open(page, "try")
    assert page.evaluate("location.search") == ""
    page.evaluate("history.go(3)")
    page.locator("#learn-step-2").wait_for()
    page.wait_for_function("location.search === '?tab=learn&step=2'")


ANSWERED = """([sample, cards]) => document.querySelectorAll("#answers .card").length === cards
    && (new URLSearchParams(location.search).get("sample") ?? "") === sample"""


@pytest.mark.thorough
def test_back_brings_the_answers_of_the_choice_before(open_page):
    page = open_page()
    page.wait_for_selector("#answers .card")
    page.wait_for_function("window.qtdogAddressIsRead")
    picture = "document.querySelector('#picture img').src"
    first, said = page.evaluate(picture), page.inner_text("#answers .card >> nth=0")
    page.click('#samples button[aria-label^="Dog, doodle"], #samples button >> nth=2')
    page.wait_for_function(f"{picture} !== {first!r}")
    page.wait_for_function("location.search.includes('sample=')")
    sample = page.evaluate("new URLSearchParams(location.search).get('sample')")
    page.locator("#models label").first.click()
    page.wait_for_function(ANSWERED, arg=[sample, 2])
    page.evaluate("history.back()")
    page.wait_for_function(ANSWERED, arg=[sample, 3])
    page.evaluate("history.back()")
    page.wait_for_function(ANSWERED, arg=["", 3])
    page.wait_for_function(
        "said => document.querySelector('#answers .card').innerText === said", arg=said
    )
    page.evaluate("history.go(2)")
    page.wait_for_function(ANSWERED, arg=[sample, 2])
    assert not page.locator("#models input >> nth=0").is_checked()


@pytest.mark.thorough
def test_a_slider_that_is_dragged_is_one_place_to_come_back_to(open_page):
    page = open_page("?tab=shift")
    page.locator("#shift-severity input[type=range]").wait_for()
    page.wait_for_function("document.querySelector('#shift .card, #shift .steps, #shift-now *')")
    page.wait_for_function("window.qtdogAddressIsRead")
    page.wait_for_timeout(1000)
    before = page.evaluate("history.length")
    slider = page.locator("#shift-severity input[type=range]")
    box = slider.bounding_box()
    assert box
    page.mouse.move(box["x"] + 4, box["y"] + box["height"] / 2)
    page.mouse.down()
    for part in (0.3, 0.5, 0.7, 0.98):
        page.mouse.move(box["x"] + part * box["width"], box["y"] + box["height"] / 2)
        page.wait_for_timeout(200)
    page.mouse.up()
    page.wait_for_function("Number(new URLSearchParams(location.search).get('severity')) > 4")
    assert page.evaluate("history.length") == before + 1
    page.evaluate("history.back()")
    page.wait_for_function(
        "Number(document.querySelector('#shift-severity input[type=range]').value) < 4"
    )


@pytest.mark.thorough
@pytest.mark.parametrize(
    "query",
    ["", "?tab=learn", *(pytest.param(one, marks=pytest.mark.slow) for one in OTHER_QUERIES)],
)
def test_opening_a_page_is_one_place_to_come_back_to(open_page, query):
    page = open_page()
    before = page.evaluate("history.length")
    page.goto(page.url.split("?")[0] + (query or "?sample=horse-line"))
    name = "learn" if "learn" in query else "try"
    page.locator(f"{SHOWS[name]} >> visible=true").first.wait_for()
    page.wait_for_function("window.qtdogAddressIsRead")
    page.wait_for_timeout(1000)
    assert page.evaluate("history.length") == before + 1


@pytest.mark.thorough
def test_paper_is_light_though_the_screen_is_dark(open_page):
    """Also with background graphics."""
    page = open_page("?tab=learn", color_scheme="dark")
    page.locator("#learn-step-1 h2").wait_for()
    page.locator(".dark").first.wait_for(state="attached")
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.emulate_media(media="print", color_scheme="dark")
    page.wait_for_function("!document.querySelector('.dark')")
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == "rgb(255, 255, 255)"
    assert page.evaluate(CONTRAST) == []
    page.emulate_media(media="screen", color_scheme="dark")
    page.locator(".dark").first.wait_for(state="attached")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == dark


WIDTHS = """() => {
    const plots = [...document.querySelectorAll("#results .js-plotly-plot")]
        .filter((one) => one.checkVisibility());
    return plots.length >= 7 && plots.every((one) =>
        Math.abs(one._fullLayout.width - one.closest(".figure").clientWidth) < 10);
}"""


NOTE_MISFITS = """() => {
    window.misfits = [];
    const look = () => {
        for (const plot of document.querySelectorAll("#results .js-plotly-plot")) {
            const width = plot.querySelector(".main-svg")?.getBoundingClientRect().width;
            const room = plot.getBoundingClientRect().width;
            if (!width || !plot.checkVisibility({ visibilityProperty: true })) continue;
            if (Math.abs(width - room) > 10) window.misfits.push([width, room]);
        }
        requestAnimationFrame(() => setTimeout(look));  // once the frame is painted
    };
    look();
}"""


@pytest.mark.thorough
def test_figures_of_a_tab_that_is_opened_later_are_as_wide_as_their_places(open_page):
    page = open_page()
    page.wait_for_selector("#answers .card")
    page.evaluate(NOTE_MISFITS)
    _open_tab(page, "results")
    page.wait_for_function(WIDTHS)
    assert page.evaluate("misfits") == [], "no frame shows one of another width"


@pytest.fixture
def frame_of_another_page(address, tmp_path):
    """The address of a page, on another origin, with ours in a frame; its host adds a key."""
    (tmp_path / "index.html").write_text(
        f'<textarea></textarea><iframe src="{address}?__sign=secret&tab=learn" '
        'width="1200" height="800"></iframe>'
    )
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=tmp_path)
    with http.server.ThreadingHTTPServer(("localhost", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://localhost:{server.server_port}/index.html"
        server.shutdown()


@pytest.mark.thorough
@pytest.mark.parametrize("clipboard", ["open", "closed"])
def test_a_link_copied_in_a_frame_opens_the_view(
    browser, address, frame_of_another_page, clipboard
):
    outer = browser.new_page()
    if clipboard == "closed":
        outer.add_init_script("document.execCommand = () => false")
    outer.goto(frame_of_another_page)
    frame = outer.frame_locator("iframe")
    frame.locator("#learn-step-1 h2").wait_for(timeout=90_000)
    frame.locator("#learn-on").click()
    frame.locator("#learn-step-2 h2").wait_for()
    inner = outer.frames[1]
    inner.wait_for_function("location.search.includes('step=2')")
    frame.locator("#copy-link").click()
    told = frame.locator("#copy-link-status p")
    told.wait_for()
    if clipboard == "closed":
        link = told.locator("input").input_value()
    else:
        assert "Link copied" in told.inner_text()
        outer.locator("textarea").focus()
        outer.keyboard.press("Control+V")
        link = outer.locator("textarea").input_value()
    assert link.startswith(address)
    assert "secret" not in link
    outer.goto(link)
    outer.locator("#learn-step-2 h2").wait_for(timeout=90_000)
    outer.close()


def _upload_and_delete(page, field: str, uploads: Path, tmp_path: Path) -> None:
    picture = tmp_path / "mine.png"
    Image.effect_noise((120, 90), 80).convert("RGB").save(picture)
    page.locator(f"{field} input[type=file]").set_input_files(picture)
    page.locator(f"{field} img[src*='mine']").wait_for()
    page.wait_for_timeout(1500)
    for one in uploads.rglob("mine*"):
        one.unlink()


def _choose(page, field: str, text: str) -> None:
    page.locator(f"{field} input").first.click()
    page.get_by_role("option").filter(has_text=text).click()


@pytest.mark.thorough
def test_another_domain_does_not_keep_the_answers_of_an_upload_that_is_gone(
    open_page, uploads, tmp_path
):
    page = open_page()
    page.wait_for_selector("#answers .card")
    if page.locator("#picture button[aria-label='Remove Image']").count():
        page.locator("#picture button[aria-label='Remove Image']").click()
    _upload_and_delete(page, "#picture", uploads, tmp_path)
    page.wait_for_selector("#answers .card")
    _choose(page, "#target", "photo")
    page.locator("#answers .card").first.wait_for(state="detached")
    assert "choose it again" in page.locator("#answers").inner_text()
    assert str(uploads) not in page.inner_text("body")
    page.complaints.clear()  # the browser asked for the picture, which is gone


@pytest.mark.thorough
def test_a_shift_does_not_keep_the_answers_of_an_upload_that_is_gone(open_page, uploads, tmp_path):
    page = open_page("?tab=shift")
    page.locator("#shift-strip img").first.wait_for()
    page.locator("#shift-picture button[aria-label='Remove Image']").click()
    _upload_and_delete(page, "#shift-picture", uploads, tmp_path)
    page.locator("#shift-strip img").first.wait_for()
    _choose(page, "#target", "photo")
    page.locator("#shift-strip img").first.wait_for(state="detached")
    assert "choose it again" in page.locator("#shift-said").inner_text()
    page.complaints.clear()
