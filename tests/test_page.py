"""The page in a real browser and through its API, on a small set of checkpoints."""

import base64
import dataclasses
import json
import re
from pathlib import Path

import numpy as np
import pytest
from pages import PHONE, opening, sample
from PIL import Image, ImageDraw
from servers import ROOT, running
from test_sentences import DOG, HORSE, prediction

from qtdog.explorer import Explorer
from qtdog.images import read_image
from qtdog.ui.classify import figures, heat
from qtdog.ui.figures import card
from qtdog.ui.samples import known_label, samples

FIRST = sample("dog-line")
GUITAR = sample("guitar-pencil")
SAMPLE = FIRST.path
GUITAR_IS_TOLD = "document.querySelector('#answers .summary').innerText.includes('guitar')"


@pytest.fixture(scope="module")
def root(shared_set):
    return shared_set


@pytest.fixture(scope="module")
def own(root):
    """What the page must show, by the service in this process."""
    return Explorer(root)


@pytest.fixture(scope="module")
def address(shared_app):
    return shared_app


@pytest.fixture
def open_page(browser, address):
    with opening(browser, address) as open_one:
        yield open_one


@pytest.fixture
def page(open_page):
    """A fresh page."""
    page = open_page()
    page.wait_for_selector("#answers .card")
    return page


def _shown(page) -> list[list[str]]:
    """The percentages on the three cards, as shown."""
    return [
        card.locator(".bars .value").all_inner_texts()
        for card in page.locator("#answers .card").all()
    ]


def _wait_until_shown(page, expected: list[list[str]]) -> None:
    """The picture stands there before its answers do."""
    for _ in range(100):
        if _shown(page) == expected:
            return
        page.wait_for_timeout(100)
    assert _shown(page) == expected


def _expected(own: Explorer, picture: Path) -> list[list[str]]:
    answers = own.classify(read_image(picture), "pacs/sketch")
    return [[f"{p * 100:.1f} %" for p in one.probabilities] for one in answers]


def test_the_first_screen_shows_a_sample_classified_by_three_models(page, own):
    assert page.locator("#answers .card h2").all_inner_texts() == [
        "●\nFull precision",
        "◆\nQT-DoG",
        "▲\nEoQ",
    ]
    _wait_until_shown(page, _expected(own, SAMPLE))
    assert page.locator("#answers .votes li").count() == 2
    assert page.locator("#picture img").get_attribute("alt") == FIRST.alt
    assert "The picture's class is dog." in page.locator("#answers .summary").inner_text()


@pytest.mark.thorough
def test_a_click_on_a_sample_classifies_it(page, own):
    page.get_by_role("button", name="Guitar, pencil").click()
    page.wait_for_function(
        "document.querySelector('#answers .summary').innerText.includes('guitar')"
    )
    assert GUITAR.label == "guitar"
    _wait_until_shown(page, _expected(own, GUITAR.path))
    page.wait_for_selector(f"#picture img[alt='{GUITAR.alt}']")


@pytest.mark.thorough
def test_of_quick_clicks_the_last_one_counts(page, own):
    quickly = """(titles) => titles.forEach((title, turn) => setTimeout(
        () => document.querySelector(`#samples button[aria-label="${title}"]`).click(), 15 * turn
    ))"""
    for _ in range(3):
        page.evaluate(quickly, ["Horse, pencil", "Dog, emoji", "House, painting", GUITAR.title])
        page.wait_for_function("location.search === '?sample=guitar-pencil'")
        page.wait_for_function(GUITAR_IS_TOLD)
        page.wait_for_timeout(300)
        _wait_until_shown(page, _expected(own, GUITAR.path))
        page.evaluate(quickly, [FIRST.title])
        page.wait_for_function("location.search === ''")


@pytest.mark.thorough
def test_the_keyboard_chooses_a_sample_too(page):
    page.get_by_role("button", name="Giraffe, pencil").focus()
    page.keyboard.press("Tab")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineWidth") == "3px"
    page.keyboard.press("Enter")
    page.wait_for_function(
        "document.querySelector('#answers .summary').innerText.includes('guitar')"
    )


def test_an_uploaded_picture_is_classified(page, own, tmp_path):
    picture = Image.new("RGB", (300, 200), "white")
    ImageDraw.Draw(picture).ellipse((60, 30, 240, 170), fill="navy")
    picture.save(tmp_path / "mine.png")
    before = page.locator("#answers .summary").inner_text()
    _upload(page, tmp_path / "mine.png")
    _wait_for_other_answers(page, before)
    _wait_until_shown(page, _expected(own, tmp_path / "mine.png"))
    assert "The picture's class" not in page.locator("#answers .summary").inner_text()


@pytest.mark.thorough
def test_a_drawing_is_classified_when_a_stroke_has_ended(page, own, tmp_path):
    page.get_by_role("button", name="Draw", exact=True).click()
    assert not page.locator("#picture").is_visible()
    _stroke(page, (0.2, 0.2), (0.7, 0.8))
    one = _on_paper(page, own, tmp_path)
    _wait_until_shown(page, one)
    page.wait_for_function("location.search === '?sample=own'")
    page.get_by_label("Line width").fill("30")
    _stroke(page, (0.8, 0.1), (0.2, 0.8))
    two = _on_paper(page, own, tmp_path)
    assert two != one
    _wait_until_shown(page, two)
    page.get_by_role("button", name="Undo").click()
    _wait_until_shown(page, one)
    page.get_by_role("button", name="Clear").click()
    page.get_by_text("Choose a picture.").wait_for()
    _stroke(page, (0.2, 0.2), (0.7, 0.8))
    page.get_by_role("button", name="Guitar, pencil").click()  # that line has not left yet
    page.wait_for_function(GUITAR_IS_TOLD)
    page.wait_for_timeout(800)
    _wait_until_shown(page, _expected(own, GUITAR.path))
    assert not page.locator("#pad").is_visible()
    assert page.locator("#picture").is_visible()


@pytest.mark.thorough
def test_a_format_that_browsers_cannot_show_is_shown_all_the_same(page, own, tmp_path):
    Image.linear_gradient("L").save(tmp_path / "mine.tiff")
    before = page.locator("#answers .summary").inner_text()
    _upload(page, tmp_path / "mine.tiff")
    _wait_for_other_answers(page, before)
    page.wait_for_function("document.querySelector('#picture img')?.naturalWidth === 256")
    _wait_until_shown(page, _expected(own, tmp_path / "mine.tiff"))


def test_a_broken_upload_gets_one_sentence_and_takes_the_answers_along(page, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(SAMPLE.read_bytes()[:2000])
    _upload(page, broken)
    toast = page.locator(".toast-body, [data-testid=toast-body]").first
    toast.wait_for()
    assert "Traceback" not in toast.inner_text()
    assert re.search(r"truncated|cut off|incomplete|damaged", toast.inner_text())
    # Neither the picture before nor its answers stay beside a file that is none.
    page.locator("#answers .card").first.wait_for(state="detached")
    page.locator("#picture img").wait_for(state="detached")


@pytest.mark.thorough
def test_a_cleared_field_is_no_question(page):
    """Gradio's field sends the picture it had once more when a sample is cleared."""
    sent = []
    page.on("request", lambda r: sent.append(r.post_data_json) if "queue/join" in r.url else None)
    page.locator("#picture button[aria-label='Remove Image']").click()
    page.wait_for_function("location.search === '?sample=own'")
    assert sent
    assert not any("dog-line" in str(request["data"]) for request in sent)
    page.locator("#answers .card").first.wait_for(state="detached")
    assert page.locator("#samples .thumbnail-item.selected").count() == 0


@pytest.mark.thorough
def test_arrow_keys_go_through_tabs_and_samples(page):
    def focused(what):
        return page.evaluate(f"document.activeElement.{what}")

    page.locator("#tabs button[data-tab-id='try']").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_url("**tab=shift*")
    assert focused("dataset.tabId") == "shift"
    page.keyboard.press("ArrowLeft")
    page.locator("#samples button.thumbnail-item").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    titles = [one.title for one in samples()]
    assert focused("ariaLabel") == titles[8]  # seven in a row
    page.keyboard.press("Enter")
    page.wait_for_function(f"location.search.includes('sample={samples()[8].name}')")


@pytest.mark.thorough
def test_the_way_through_five_controls_begins_when_asked_and_ends_at_any_time(page):
    assert page.locator("#show-me-panel").count() == 0
    page.locator("#show-me").click()
    marked = []
    for place in range(1, 6):
        page.locator("#show-me-panel p", has_text=f"{place} of 5").wait_for()
        marked.append(page.locator(".show-me-here").get_attribute("id"))
        page.keyboard.press("Enter")  # the focus is on Next
    assert marked == [
        "samples",
        "shift-severity",
        "memory-megabytes",
        "landscape-planes",
        "quantize-bits",
    ]
    page.locator("#show-me-panel").wait_for(state="detached")
    page.get_by_role("tab", name="Try it").click()
    page.locator("#show-me").click()
    page.locator("#show-me-panel").wait_for()
    page.keyboard.press("Escape")
    assert page.locator("#show-me-panel, .show-me-here").count() == 0


@pytest.mark.thorough
def test_a_lecturer_uncovers_one_model_after_the_other(open_page, own):
    page = open_page("?models=erm")
    page.wait_for_selector("#answers .card")
    expected = _expected(own, SAMPLE)
    _wait_until_shown(page, expected[:1])
    assert page.locator("#answers .votes").count() == 0
    page.locator("#models").get_by_label("EoQ").check()
    page.wait_for_function("document.querySelectorAll('#answers .card').length === 2")
    _wait_until_shown(page, [expected[0], expected[2]])
    page.wait_for_function("location.search.includes('models=erm%2Ceoq')")
    page.get_by_role("button", name="Guitar, pencil").click()
    page.wait_for_function(GUITAR_IS_TOLD)
    guitar = _expected(own, GUITAR.path)
    _wait_until_shown(page, [guitar[0], guitar[2]])
    for model in ("Full precision", "EoQ"):
        page.locator("#models").get_by_label(model).uncheck()
    page.get_by_text("Choose a model to show.").wait_for()


@pytest.mark.slow  # a server of its own
def test_who_has_to_wait_sees_the_place_in_the_line(browser, root):
    client = pytest.importorskip("gradio_client")
    with (
        running([str(ROOT / "tests" / "slow_page.py"), str(root)]) as address,
        opening(browser, address) as open_one,
    ):
        page = open_one()
        page.wait_for_selector("#answers .card")
        others = client.Client(address, verbose=False)
        picture = client.handle_file(str(SAMPLE))
        waiting = [
            others.submit(picture, "pacs/sketch", label, api_name="/explain")
            for label in ("dog", "horse", "guitar", "house")
        ]
        page.wait_for_timeout(500)
        page.get_by_role("button", name="Guitar, pencil").click()
        page.wait_for_function(
            r"""() => /queue: \d+\/\d+/.test(
                document.querySelector("#answers [data-testid=status-tracker]")?.innerText)"""
        )
        page.wait_for_function(GUITAR_IS_TOLD)
        for job in waiting:
            job.result(timeout=120)


@pytest.mark.thorough
def test_where_the_models_look_is_shown_to_those_who_ask(page, own):
    assert page.locator(".look").count() == 0
    page.get_by_label("Show where each model looks").check()
    page.wait_for_selector(".look img")
    expected = own.explain(read_image(SAMPLE), "pacs/sketch")
    for shown, one in zip(page.locator(".look img").all(), expected, strict=True):
        words = f"{one.model}, {one.label}: {heat.where(one.heat)}"
        assert shown.get_attribute("alt") == words
        assert shown.evaluate("image => image.naturalWidth") == heat.SIDE
    slider = page.locator(".compare input[type=range]")
    slider.focus()
    for _ in range(20):
        page.keyboard.press("ArrowLeft")
    assert page.evaluate("document.querySelector('.compare').style.getPropertyValue('--at')") == (
        "30%"
    )
    page.locator(".compare select[name=right]").select_option("qt-dog")
    layer, look = page.locator(".compare img.right"), page.locator(".look img").nth(1)
    assert layer.get_attribute("src") == look.get_attribute("src")
    assert layer.get_attribute("alt") == look.get_attribute("alt")
    # They follow the picture, and go when nobody asks any more.
    page.get_by_role("button", name="Guitar, pencil").click()
    guitar = own.explain(read_image(GUITAR.path), "pacs/sketch")
    alt = f"{guitar[2].model}, {guitar[2].label}: {heat.where(guitar[2].heat)}"
    page.wait_for_function("alt => document.querySelectorAll('.look img')[2].alt === alt", arg=alt)
    page.get_by_label("Show where each model looks").uncheck()
    page.locator(".look").first.wait_for(state="hidden")


@pytest.mark.thorough
def test_a_link_opens_the_same_view(page, open_page, own):
    page.get_by_role("button", name="Horse, painting").click()
    page.get_by_label("Show where each model looks").check()
    page.wait_for_function("location.search.includes('look=true')")
    page.wait_for_function("location.search.includes('sample=horse-painting')")
    copy = open_page(page.evaluate("location.search") + "&class=giraffe")
    copy.wait_for_selector(".look img")
    horse = sample("horse-painting")
    _wait_until_shown(copy, _expected(own, horse.path))
    copy.wait_for_selector(f"#picture img[alt='{horse.alt}']")
    assert copy.locator("#samples .thumbnail-item.selected").get_attribute("aria-label") == (
        horse.title
    )
    assert copy.get_by_label("Show where each model looks").is_checked()
    explained = own.explain(read_image(horse.path), "pacs/sketch", "giraffe")
    alts = [image.get_attribute("alt") for image in copy.locator(".look img").all()]
    assert alts == [f"{one.model}, giraffe: {heat.where(one.heat)}" for one in explained]


@pytest.mark.thorough
def test_a_wrong_link_opens_the_page_and_says_what_was_ignored(open_page, own):
    page = open_page("?sample=cat&domain=pacs/moon&tab=nothing&severity=%3Cscript%3E&x=1")
    page.wait_for_selector("#answers .card")
    notice = page.locator("#address-notice")
    notice.wait_for()
    text = notice.inner_text()
    assert 'sample "cat" was ignored' in text
    assert 'domain "pacs/moon" was ignored: it can be pacs/sketch, pacs/photo.' in text
    assert 'tab "nothing" was ignored' in text
    _wait_until_shown(page, _expected(own, SAMPLE))
    page.wait_for_function("!location.search.includes('moon') && !location.search.includes('tab')")


@pytest.mark.thorough
def test_a_lesson_shows_its_tabs_alone(open_page):
    page = open_page("?tabs=try,learn&tab=learn")
    tabs = page.locator("#tabs").get_by_role("tab")
    page.locator("#tabs [role=tab][aria-selected=true][data-tab-id=learn]").wait_for()
    page.locator("#tabs [data-tab-id=about]").wait_for(state="hidden")
    assert [tab.inner_text() for tab in tabs.all() if tab.is_visible()] == ["Try it", "Learn"]
    assert "tabs=try" in page.evaluate("location.search")
    tabs.first.click()
    page.locator("#tabs [role=tab][aria-selected=true][data-tab-id=try]").wait_for()
    page.wait_for_function("!/[?&]tab=/.test(location.search)")
    page.set_viewport_size(PHONE)
    assert not page.get_by_label("More tabs").is_visible()


@pytest.mark.thorough
def test_nothing_is_wider_than_the_screen(page):
    for width in (390, 760, 1280, 1920, 2560):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") == width


@pytest.mark.thorough
def test_a_phone_shows_the_answer_on_its_first_screen(page):
    page.set_viewport_size(PHONE)
    below = page.locator("#answers .summary").bounding_box()
    assert below["y"] + below["height"] < 844


def test_the_api_answers_as_the_service_does(address, own):
    gradio_client = pytest.importorskip("gradio_client")
    client = gradio_client.Client(address, verbose=False)
    endpoints = client.view_api(return_format="dict")["named_endpoints"]
    assert {"/classify", "/explain"} <= set(endpoints)
    answers = client.predict(gradio_client.handle_file(str(SAMPLE)), api_name="/classify")
    expected = own.classify(read_image(SAMPLE), "pacs/sketch")
    assert [one["model"] for one in answers] == [one.model for one in expected]
    for answer, one in zip(answers, expected, strict=True):
        assert answer["probabilities"] == pytest.approx(one.probabilities, abs=1e-6)
        assert answer["label"] == one.label
        assert answer["disagreement"] == pytest.approx(one.disagreement)
    json.dumps(answers)
    explained = client.predict(
        gradio_client.handle_file(str(SAMPLE)), "pacs/sketch", "horse", api_name="/explain"
    )
    maps = own.explain(read_image(SAMPLE), "pacs/sketch", "horse")
    for record, one in zip(explained, maps, strict=True):
        assert (record["model"], record["label"]) == (one.model, "horse")
        np.testing.assert_allclose(record["heat"], one.heat, atol=1e-5)
        assert record["where"] == heat.where(one.heat)


def test_the_api_answers_nonsense_with_a_sentence(address, tmp_path):
    gradio_client = pytest.importorskip("gradio_client")
    client = gradio_client.Client(address, verbose=False)
    text = tmp_path / "text.png"
    text.write_text("not a picture")
    with pytest.raises(Exception, match=r"picture|image") as raised:
        client.predict(gradio_client.handle_file(str(text)), api_name="/classify")
    assert "Traceback" not in str(raised.value)
    with pytest.raises(Exception, match="There are: pacs/photo, pacs/sketch"):
        client.predict(gradio_client.handle_file(str(SAMPLE)), "pacs/nowhere", api_name="/classify")
    with pytest.raises(Exception, match=r"no class 'zebra'\. There are: dog, "):
        client.predict(
            gradio_client.handle_file(str(SAMPLE)), "pacs/sketch", "zebra", api_name="/explain"
        )


def test_samples_are_known_by_content_not_by_name(tmp_path):
    pictures = samples()
    assert len({sample.label for sample in pictures}) == 7 + 10, "PACS and Office-Caltech"
    copy = tmp_path / "renamed.png"
    copy.write_bytes(pictures[0].path.read_bytes())
    assert known_label(str(copy), pictures) == pictures[0].label
    impostor = tmp_path / pictures[0].path.name
    Image.new("RGB", (8, 8)).save(impostor)
    assert known_label(str(impostor), pictures) is None


def test_of_many_classes_every_card_shows_the_same_few_and_sums_up_the_others():
    names = tuple(f"class_{i:03}" for i in range(345))
    one = [0.5 if i == 7 else 0.5 / 344 for i in range(345)]
    other = [0.9 if i == 300 else 0.1 / 344 for i in range(345)]
    both = [
        dataclasses.replace(prediction("erm", DOG), classes=names, probabilities=tuple(one)),
        dataclasses.replace(prediction("qt-dog", DOG), classes=names, probabilities=tuple(other)),
    ]
    shown = figures.classes_shown(both, known="class_200")
    assert len(shown) == 9
    assert {"class_007", "class_200", "class_300"} <= set(shown)
    html = card(both[0], "class_200", shown)
    assert html.count('class="fill"') == 10
    assert "336 others" in html
    widths = [float(width) for width in re.findall(r"width:([\d.]+)%", html)]
    assert abs(sum(widths) - 100) < 0.1


def test_a_class_that_the_models_do_not_know_is_not_held_against_them():
    html = figures.results([prediction("erm", HORSE)], known="giraffe")
    assert "The picture's class" not in html


def test_the_page_itself_knows_nothing_of_torch():
    for file in (ROOT / "qtdog" / "ui").glob("*.py"):
        assert not re.search(r"^\s*(import|from) torch", file.read_text(), re.MULTILINE), file


def _wait_for_other_answers(page, before: str) -> None:
    page.wait_for_function(
        """before => document.querySelector('#answers .card')
            && document.querySelector('#answers .summary').innerText !== before""",
        arg=before,
    )


def _stroke(page, *corners: tuple[float, float]) -> None:
    """A line on the pad; corners are fractions of its sides."""
    box = page.locator("#pad").bounding_box()
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in corners]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=4)
    page.mouse.up()


def _on_paper(page, own: Explorer, folder: Path) -> list[list[str]]:
    """What the service says of the pad's pixels."""
    uri = page.evaluate("document.querySelector('#pad').toDataURL()")
    (folder / "pad.png").write_bytes(base64.b64decode(uri.partition(",")[2]))
    return _expected(own, folder / "pad.png")


def _upload(page, path: Path) -> None:
    """Clear the field, then choose a file, as a visitor does."""
    page.locator("#picture button[aria-label='Remove Image']").click()
    page.locator("#picture img").wait_for(state="detached")
    page.locator("#picture input[type=file]").set_input_files(path)
