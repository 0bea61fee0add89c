"""The page in a real browser and through its API, on a small set of checkpoints."""

import dataclasses
import json
import re
import shutil
from pathlib import Path

import pytest
from PIL import Image, ImageDraw
from servers import CHROMIUM_FLAGS, ROOT, running_app
from test_sentences import DOG, HORSE, prediction
from tiny import save_set

from qtdog.explorer import Explorer
from qtdog.images import read_image
from qtdog.ui import figures
from qtdog.ui.samples import known_label, samples

SAMPLE = ROOT / "assets" / "samples" / "dog-pencil.png"
CHROMIUM = shutil.which("chromium")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return save_set(tmp_path_factory.mktemp("checkpoints"))


@pytest.fixture(scope="module")
def address(root):
    with running_app(root) as address:
        yield address


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("needs Debian's chromium")
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser, address):
    """A fresh page that must neither complain nor ask any other host for anything."""
    complaints = []
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda r: complaints.append(r.url) if _foreign(r.url, address) else None)
    page.goto(address)
    page.wait_for_selector(".card")
    yield page
    page.close()
    assert complaints == []


def _foreign(url: str, address: str) -> bool:
    return not url.startswith((address, "data:", "blob:"))


def _shown(page) -> list[list[str]]:
    """The percentages on the three cards, as shown."""
    return [card.locator(".bars .value").all_inner_texts() for card in page.locator(".card").all()]


def _expected(root: Path, picture: Path) -> list[list[str]]:
    answers = Explorer(root).classify(read_image(picture), "pacs/sketch")
    return [[f"{p * 100:.1f} %" for p in one.probabilities] for one in answers]


def test_the_first_screen_shows_a_sample_classified_by_three_models(page, root):
    assert page.locator(".card h2").all_inner_texts() == [
        "●\nFull precision",
        "◆\nQT-DoG",
        "▲\nEoQ",
    ]
    assert _shown(page) == _expected(root, SAMPLE)
    assert page.locator(".votes li").count() == 5
    assert page.locator("#picture img").get_attribute("alt") == samples()[0].alt
    assert "The picture's class is dog." in page.locator(".summary").inner_text()


def test_a_click_on_a_sample_classifies_it(page, root):
    page.get_by_role("button", name="Guitar, pencil").click()
    page.wait_for_function("document.querySelector('.summary').innerText.includes('guitar')")
    assert samples()[3].label == "guitar"
    assert _shown(page) == _expected(root, samples()[3].path)
    page.wait_for_selector(f"#picture img[alt='{samples()[3].alt}']")


def test_the_keyboard_chooses_a_sample_too(page):
    page.get_by_role("button", name="Giraffe, pencil").focus()
    page.keyboard.press("Tab")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineWidth") == "3px"
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelector('.summary').innerText.includes('guitar')")


def test_an_uploaded_picture_is_classified(page, root, tmp_path):
    picture = Image.new("RGB", (300, 200), "white")
    ImageDraw.Draw(picture).ellipse((60, 30, 240, 170), fill="navy")
    picture.save(tmp_path / "mine.png")
    before = page.locator(".summary").inner_text()
    _upload(page, tmp_path / "mine.png")
    _wait_for_other_answers(page, before)
    assert _shown(page) == _expected(root, tmp_path / "mine.png")
    assert "The picture's class" not in page.locator(".summary").inner_text()


def test_a_format_that_browsers_cannot_show_is_shown_all_the_same(page, root, tmp_path):
    Image.linear_gradient("L").save(tmp_path / "mine.tiff")
    before = page.locator(".summary").inner_text()
    _upload(page, tmp_path / "mine.tiff")
    _wait_for_other_answers(page, before)
    page.wait_for_function("document.querySelector('#picture img')?.naturalWidth === 256")
    assert _shown(page) == _expected(root, tmp_path / "mine.tiff")


def test_a_broken_upload_gets_one_sentence_and_loses_nothing(page, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(SAMPLE.read_bytes()[:2000])
    before = _shown(page)
    _upload(page, broken)
    toast = page.locator(".toast-body, [data-testid=toast-body]").first
    toast.wait_for()
    assert "Traceback" not in toast.inner_text()
    assert re.search(r"truncated|cut off|incomplete|damaged", toast.inner_text())
    assert _shown(page) == before
    # Those answers are not the broken picture's: the field is empty again.
    page.locator("#picture img").wait_for(state="detached")


def test_nothing_is_wider_than_the_screen(page):
    for width in (390, 760, 1280, 1920, 2560):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") == width


def test_a_phone_shows_the_answer_on_its_first_screen(page):
    page.set_viewport_size({"width": 390, "height": 844})
    below = page.locator(".summary").bounding_box()
    assert below["y"] + below["height"] < 844


def test_the_api_answers_as_the_service_does(address, root):
    gradio_client = pytest.importorskip("gradio_client")
    client = gradio_client.Client(address, verbose=False)
    endpoints = client.view_api(return_format="dict")["named_endpoints"]
    assert list(endpoints) == ["/classify"]
    answers = client.predict(gradio_client.handle_file(str(SAMPLE)), api_name="/classify")
    expected = Explorer(root).classify(read_image(SAMPLE), "pacs/sketch")
    assert [one["model"] for one in answers] == [one.model for one in expected]
    for answer, one in zip(answers, expected, strict=True):
        assert answer["probabilities"] == pytest.approx(one.probabilities, abs=1e-6)
        assert answer["label"] == one.label
    json.dumps(answers)


def test_the_api_answers_nonsense_with_a_sentence(address, tmp_path):
    gradio_client = pytest.importorskip("gradio_client")
    client = gradio_client.Client(address, verbose=False)
    text = tmp_path / "text.png"
    text.write_text("not a picture")
    with pytest.raises(Exception, match=r"picture|image") as raised:
        client.predict(gradio_client.handle_file(str(text)), api_name="/classify")
    assert "Traceback" not in str(raised.value)
    with pytest.raises(Exception, match="There are: pacs/sketch"):
        client.predict(gradio_client.handle_file(str(SAMPLE)), "pacs/nowhere", api_name="/classify")


def test_samples_are_known_by_content_not_by_name(tmp_path):
    pictures = samples()
    assert len({sample.label for sample in pictures}) == 7
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
    html = figures.card(both[0], "class_200", shown)
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
        "before => document.querySelector('.summary').innerText !== before", arg=before
    )


def _upload(page, path: Path) -> None:
    """Clear the field, then choose a file, as a visitor does."""
    page.locator("#picture button[aria-label='Remove Image']").click()
    page.locator("#picture img").wait_for(state="detached")
    page.locator("#picture input[type=file]").set_input_files(path)
