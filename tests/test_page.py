"""The page in a real browser and through its API, on a small set of checkpoints."""

import json
import re
import shutil
from pathlib import Path

import pytest
from PIL import Image, ImageDraw
from servers import CHROMIUM_FLAGS, ROOT, running_app
from tiny import save_set

from qtdog.explorer import Explorer
from qtdog.images import read_image
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
    assert page.locator(".card h3").all_inner_texts() == [
        "●\nFull precision",
        "◆\nQT-DoG",
        "▲\nEoQ",
    ]
    assert _shown(page) == _expected(root, SAMPLE)
    assert page.locator(".votes li").count() == 5
    assert "The picture's class is dog." in page.locator(".summary").inner_text()


def test_a_click_on_a_sample_classifies_it(page, root):
    page.locator("#samples button.thumbnail-item").nth(3).click()
    page.wait_for_function("document.querySelector('.summary').innerText.includes('guitar')")
    assert samples()[3].label == "guitar"
    assert _shown(page) == _expected(root, samples()[3].path)


def test_an_uploaded_picture_is_classified(page, root, tmp_path):
    picture = Image.new("RGB", (300, 200), "white")
    ImageDraw.Draw(picture).ellipse((60, 30, 240, 170), fill="navy")
    picture.save(tmp_path / "mine.png")
    before = page.locator(".summary").inner_text()
    _upload(page, tmp_path / "mine.png")
    page.wait_for_function(
        "before => document.querySelector('.summary').innerText !== before", arg=before
    )
    assert _shown(page) == _expected(root, tmp_path / "mine.png")
    assert "The picture's class" not in page.locator(".summary").inner_text()


def test_a_broken_upload_gets_one_sentence_and_loses_nothing(page, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(SAMPLE.read_bytes()[:2000])
    before = _shown(page)
    _upload(page, broken)
    toast = page.locator(".toast-body, [data-testid=toast-body]").first
    toast.wait_for()
    assert "Traceback" not in toast.inner_text()
    assert re.search(r"broken\.png|truncated|cut off|incomplete|damaged", toast.inner_text())
    assert _shown(page) == before


@pytest.mark.parametrize("width", [390, 1280, 1920])
def test_nothing_is_wider_than_the_screen(page, width):
    page.set_viewport_size({"width": width, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") == width


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


def _upload(page, path: Path) -> None:
    """Clear the field, then choose a file, as a visitor does."""
    page.locator("#picture button[aria-label='Remove Image']").click()
    page.locator("#picture img").wait_for(state="detached")
    page.locator("#picture input[type=file]").set_input_files(path)
