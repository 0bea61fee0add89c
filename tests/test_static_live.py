"""The explorer without a server: camera, drawing pad, and what becomes of it without a network."""

import re

import pytest
import static_site
from pages import open_page


@pytest.fixture(scope="module")
def address(static_address):
    return static_address


def all_answered(page) -> None:
    page.locator("#answers .card").nth(2).wait_for()


@pytest.mark.thorough
def test_the_camera_is_answered_frame_by_frame(browser, address):
    page = open_page(browser, address, permissions=["camera"])
    all_answered(page)
    page.click("#camera")
    page.locator("#rate:not(:empty)").wait_for()
    assert page.inner_text("#rate").endswith("frames a second")
    said = {page.inner_text("#answers .cards") for _ in range(4) if not page.wait_for_timeout(500)}
    assert len(said) > 1
    page.click("#keep")
    page.locator("#shown[aria-label='A frame of your camera']").wait_for()
    assert page.locator("#camera-tools").is_hidden()
    assert "sample=own" in page.url
    assert page.complaints == []
    page.close()


def said(page) -> list[str]:
    """What the cards say, but for the times that it took."""
    lines = page.inner_text("#answers").splitlines()
    return [one for one in lines if not re.search(r"[0-9] ms$", one)]


NOTE_SUMMARIES = """() => {
    window.noted = new Set();
    const answers = document.querySelector("#answers");
    new MutationObserver(() => {
        const summary = answers.querySelector(".summary")?.innerText;
        if (summary?.includes("class is ")) window.noted.add(summary);
    }).observe(answers, { childList: true, subtree: true });
}"""
"""Keeps every sentence about a picture of known class, however briefly it is seen."""


SLOW_NETWORKS = """() => {
    const post = Worker.prototype.postMessage;
    Worker.prototype.postMessage = function (...given) {
        setTimeout(() => post.apply(this, given), 100);
    };
}"""
"""The networks of these tests answer sooner than another picture can be chosen."""


@pytest.mark.thorough
def test_no_answer_is_shown_with_another_picture(browser, address):
    page = open_page(browser, address)
    all_answered(page)
    alone = {}
    for name in ("horse-line", "dog-line", "guitar-emoji"):
        page.click(f"[data-sample='{name}']")
        label = name.partition("-")[0]
        page.locator("#answers .summary", has_text=f"class is {label}").wait_for()
        page.wait_for_timeout(1000)
        alone[name] = page.inner_text("#answers .summary")
    page.evaluate(NOTE_SUMMARIES)
    page.evaluate(SLOW_NETWORKS)
    for name in 8 * list(alone):  # each while the one before is answered
        page.evaluate("name => document.querySelector(`[data-sample='${name}']`).click()", name)
        page.wait_for_timeout(70)
    page.wait_for_timeout(1000)
    assert page.inner_text("#answers .summary") == alone["guitar-emoji"]
    assert set(page.evaluate("[...noted]")) <= set(alone.values())
    page.close()


@pytest.mark.thorough
def test_the_picture_that_was_chosen_last_is_shown_however_slowly_another_comes(browser, address):
    page = open_page(browser, address)
    all_answered(page)
    page.evaluate("""() => {
        const fetched = window.fetch, until = new Promise((goOn) => { window.goOn = goOn; });
        window.fetch = async (file) => {
            if (String(file).includes("horse-line")) await until;
            return fetched(file);
        };
        for (const name of ["horse-line", "guitar-emoji"]) {
            document.querySelector(`[data-sample='${name}']`).click();
        }
    }""")
    page.locator("#answers .summary", has_text="class is guitar").wait_for()
    page.evaluate("goOn()")
    page.wait_for_timeout(1500)
    assert "class is guitar" in page.inner_text("#answers .summary")
    assert "sample=guitar-emoji" in page.url
    page.close()


@pytest.mark.thorough
def test_a_picture_chosen_while_the_camera_runs_is_the_one_that_is_answered(browser, address):
    page = open_page(browser, address, permissions=["camera"])
    all_answered(page)
    alone = said(page)
    for _ in range(3):
        page.click("#camera")
        page.locator("#rate:not(:empty)").wait_for()
        page.locator("[data-sample]").first.click()
        page.locator("#answers .summary", has_text="class is").wait_for()
        page.wait_for_timeout(1000)
        assert said(page) == alone
    page.close()


@pytest.mark.slow
def test_a_page_without_a_camera_says_so_and_goes_on(browser, address):
    page = browser.new_page()
    page.set_default_timeout(90_000)
    page.add_init_script("delete Object.getPrototypeOf(navigator).mediaDevices")
    page.goto(address)
    all_answered(page)
    page.click("#camera")
    page.locator("#picture-notice:visible").wait_for()
    assert "https" in page.inner_text("#picture-notice")
    assert page.locator("#answers .card").count() == 3
    page.close()


@pytest.mark.thorough
def test_a_drawing_is_classified_while_it_is_drawn(browser, address):
    page = open_page(browser, address)
    all_answered(page)
    page.click("#draw")
    page.locator("#pad:visible").wait_for()
    paper = page.inner_text("#answers .cards")
    box = page.locator("#pad").bounding_box()
    page.mouse.move(box["x"] + 60, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 200, box["y"] + 220, steps=5)
    page.wait_for_timeout(800)
    drawn = page.inner_text("#answers .cards")
    assert drawn != paper
    page.mouse.up()
    page.get_by_role("button", name="Undo").click()
    page.wait_for_timeout(800)
    assert page.inner_text("#answers .cards") != drawn
    assert page.complaints == []
    page.close()


@pytest.mark.thorough
def test_after_one_visit_it_needs_no_network(browser, static_folder):
    with static_site.serving(static_folder) as address:
        page = open_page(browser, address, service_workers="allow")
        all_answered(page)
        page.locator("#offline:not(:empty)").wait_for()
        assert page.inner_text("#offline").startswith("Works offline")
    page.reload()  # nobody serves it now
    all_answered(page)
    page.click("[data-sample='horse-line']")
    page.locator("#shown[aria-label^='Line drawing of a horse']").wait_for()
    page.close()


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["cut", "changed"])
def test_a_damaged_download_is_fetched_again(browser, address, damage):
    damaged = []

    def spoil(route):
        if damaged:
            route.continue_()
            return
        body = route.fetch().body()
        damaged.append(body)
        route.fulfill(
            body=body[: len(body) // 2] if damage == "cut" else body[:-4] + b"\\0\\0\\0\\1"
        )

    page = browser.new_page(service_workers="block")
    page.set_default_timeout(90_000)
    page.route("**/erm-seed0/model.safetensors*", spoil)
    page.goto(address)
    all_answered(page)
    assert damaged
    page.close()


@pytest.mark.slow
def test_a_download_that_stays_damaged_is_one_sentence(browser, address):
    page = browser.new_page(service_workers="block")
    page.set_default_timeout(90_000)
    page.route("**/erm-seed0/model.safetensors*", lambda route: route.fulfill(body=b"no tensors"))
    page.goto(address)
    page.locator("#picture-notice:visible").wait_for()
    said = page.inner_text("#picture-notice")
    assert said.startswith("pacs/sketch/erm-seed0/model.safetensors has 10 bytes instead of")
    page.locator("#answers .card").nth(1).wait_for()  # the others answer
    page.close()


@pytest.mark.slow
def test_what_is_kept_wrongly_is_fetched_again(browser, address):
    context = browser.new_context(service_workers="block", bypass_csp=True)
    page = context.new_page()
    page.set_default_timeout(90_000)
    page.goto(address)
    all_answered(page)
    changed = page.evaluate(
        """async () => {
            const cache = await caches.open("qtdog-files");
            const name = "erm-seed0/model";
            const [request] = (await cache.keys()).filter((one) => one.url.includes(name));
            await cache.put(request, new Response("half of it"));
            return request.url;
        }"""
    )
    page.reload()
    all_answered(page)
    kept = page.evaluate(
        """async (url) => (await (await caches.match(url)).arrayBuffer()).byteLength""", changed
    )
    assert kept > 100_000
    context.close()
