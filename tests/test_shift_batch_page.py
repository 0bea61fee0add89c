"""The Shift it and Batch tabs in a real browser and through the API."""

import base64
import csv
import io
import re
import time
import zipfile

import gradio as gr
import numpy as np
import pytest
from pages import opening, served
from PIL import Image, ImageDraw
from servers import ROOT
from tiny import CLASSES, save_set

from qtdog.explorer import SHIFTS, Explorer, shrink
from qtdog.images import read_image
from qtdog.ui.address import Address
from qtdog.ui.batch.tab import batch_tab
from qtdog.ui.choices import domain_choice
from qtdog.ui.picture import picture_field
from qtdog.ui.shift.tab import shift_tab

TARGET = "pacs/sketch"
TRIED = ROOT / "assets" / "samples" / "dog-cartoon.png"
OPENING = ROOT / "assets" / "samples" / "horse-painting.png"
pytestmark = pytest.mark.slow  # minutes in a browser; test_every_tab.py opens each tab by default


@pytest.fixture(scope="module")
def explorer(tmp_path_factory):
    explorer = Explorer(save_set(tmp_path_factory.mktemp("checkpoints"), members=2))
    explorer.load(TARGET)
    return explorer


@pytest.fixture(scope="module")
def address(explorer):
    """A page with the two tabs behind a first one."""
    state = Address()
    with gr.Blocks(analytics_enabled=False) as page:
        notice = gr.HTML()
        target = domain_choice(explorer.targets())
        with gr.Tabs() as tabs:
            with state.add_tab(gr.Tab("Try it", id="try")):
                tried = picture_field(value=str(TRIED), label="Your picture")
            with state.add_tab(gr.Tab("Shift it", id="shift")) as tab:
                shift_tab(explorer, state, tab, target, tried)
            with state.add_tab(gr.Tab("Batch", id="batch")):
                batch_tab(explorer, target)
        state.wire(page, tabs, notice)
    with served(page, allowed_paths=[str(ROOT / "assets")]) as url:
        yield url


@pytest.fixture
def open_page(browser, address):
    with opening(browser, address) as open_one:
        yield open_one


@pytest.fixture
def shift_page(open_page):
    page = open_page()
    page.get_by_role("tab", name="Shift it").click()
    page.wait_for_selector(".filmstrip")
    return page


@pytest.fixture
def batch_page(open_page):
    page = open_page()
    page.get_by_role("tab", name="Batch").click()
    return page


def _shares(probability):
    """A probability as the tables write it."""
    if probability >= 0.9995:
        return ">99.9 %"
    return "<0.1 %" if probability < 0.0005 else f"{probability:.1%}".replace("%", " %")


def _expected_table(explorer, path, shift, label):
    """Rows of the tab's table, from the service's single answers."""
    image = shrink(read_image(path))
    rows = []
    for severity in range(6):
        answers = explorer.classify(SHIFTS[shift].apply(image, severity), TARGET)
        cells = [
            _shares(one.probabilities[CLASSES.index(label)])
            + ("" if one.label == label else f" (says {one.label})")
            for one in answers
        ]
        rows.append([str(severity), *cells])
    return rows


def _table(page):
    rows = page.locator("#shift-table tbody tr").all()
    return [row.locator("th, td").all_inner_texts() for row in rows]


def _wait_for_words(page, where, words):
    page.wait_for_function(
        "([where, words]) => document.querySelector(where)?.innerText.includes(words)",
        arg=[where, words],
    )


def _saved(link):
    """The text behind a link that saves a CSV."""
    return base64.b64decode(link.get_attribute("href").split(",")[1]).decode("utf-8-sig")


def _pixels(image_element):
    data = base64.b64decode(image_element.get_attribute("src").split(",")[1])
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


# Shift it


def test_the_tab_opens_with_a_picture_of_a_known_domain_in_six_steps(shift_page, explorer):
    assert shift_page.locator(".filmstrip img").count() == 6
    assert _table(shift_page) == _expected_table(explorer, OPENING, "pencil", "horse")
    assert "Probability of horse" in shift_page.locator("#shift-chart").inner_text()
    marks = shift_page.locator("#shift-chart svg text.marker").count()
    assert marks == 3 * 6 + 3  # every model at every severity, and at the slider
    assert shift_page.locator("#shift-picture img").get_attribute("alt").startswith("Painting of a")
    # Which model breaks first, recounted.
    image = shrink(read_image(OPENING))
    said = [
        [one.label for one in explorer.classify(SHIFTS["pencil"].apply(image, at), TARGET)]
        for at in range(6)
    ]
    words = shift_page.locator("#shift-said .summary").inner_text()
    for place, model in enumerate(("Full precision", "QT-DoG", "EoQ")):
        labels = [each[place] for each in said]
        wrong = [at for at in range(6) if labels[at] != "horse"]
        if not wrong:
            assert re.search(rf"{model}[^.]* horse (up to severity 5|at every severity)", words)
        elif wrong[0] == 0:
            assert re.search(rf"{model}[^.]* and not horse, even unchanged", words)
        else:
            assert re.search(rf"{model}[^.]* at severity {wrong[0]}\b", words)


def test_the_slider_moves_the_picture_and_it_can_be_saved(shift_page, explorer):
    slider = shift_page.locator("#shift-severity input[type=range]")
    slider.fill("2.7")
    _wait_for_words(shift_page, ".shifted", "severity 2.7")
    slider.focus()
    shift_page.keyboard.press("ArrowRight")  # to the next whole step
    _wait_for_words(shift_page, ".shifted", "severity 3")
    shift_page.locator(".filmstrip button").nth(5).click()
    _wait_for_words(shift_page, ".shifted", "severity 5")
    assert slider.input_value() == "5"
    slider.fill("3.7")
    _wait_for_words(shift_page, ".shifted", "severity 3.7")
    shown = _pixels(shift_page.locator(".shifted img"))
    expected = SHIFTS["pencil"].apply(shrink(read_image(OPENING)), 3.7)
    np.testing.assert_array_equal(shown, np.asarray(expected))
    answers = explorer.classify(expected, TARGET)
    assert shift_page.locator(".shifted .class").all_inner_texts() == [one.label for one in answers]
    with shift_page.expect_download() as download:
        shift_page.get_by_text("Save this picture (PNG)").click()
    assert download.value.suggested_filename == "pencil-3.7.png"
    np.testing.assert_array_equal(np.asarray(Image.open(download.value.path())), shown)


def test_another_shift_class_and_picture(shift_page, explorer):
    shift_page.locator("#shift-kind").get_by_text("Blur").click()
    _wait_for_words(shift_page, "#shift-said", "out of focus")
    assert _table(shift_page) == _expected_table(explorer, OPENING, "blur", "horse")
    shift_page.locator("#shift-class input").click()
    shift_page.get_by_role("option", name="house").click()
    _wait_for_words(shift_page, "#shift-chart", "Probability of house")
    assert _table(shift_page) == _expected_table(explorer, OPENING, "blur", "house")
    read = list(csv.DictReader(io.StringIO(_saved(shift_page.get_by_text("Save the numbers")))))
    assert len(read) == 18
    assert {one["held-out domain"] for one in read} == {TARGET}
    assert [one["network"] for one in read[-3:]] == list(explorer.names(TARGET).values())
    assert explorer.names(TARGET)["erm"] == "erm-seed0"
    last = explorer.classify(SHIFTS["blur"].apply(shrink(read_image(OPENING)), 5), TARGET)[2]
    assert (read[-1]["model"], read[-1]["says"], read[-1]["severity"]) == ("EoQ", last.label, "5")
    for label, probability in zip(CLASSES, last.probabilities, strict=True):
        assert float(read[-1][label]) == pytest.approx(probability, abs=1e-4)
    shift_page.locator("#shift-sample input").click()
    shift_page.get_by_role("option", name="Guitar, pencil").click()
    _wait_for_words(shift_page, "#shift-chart", "Probability of guitar")
    guitar = ROOT / "assets" / "samples" / "guitar-pencil.png"
    assert _table(shift_page) == _expected_table(explorer, guitar, "blur", "guitar")
    shift_page.get_by_role("button", name="Take the picture from Try it").click()
    _wait_for_words(shift_page, "#shift-chart", "Probability of dog")
    assert _table(shift_page) == _expected_table(explorer, TRIED, "blur", "dog")


def test_an_uploaded_picture_is_shifted_and_a_broken_one_leaves_no_answer(
    shift_page, explorer, tmp_path
):
    picture = Image.new("RGB", (900, 600), "white")
    ImageDraw.Draw(picture).ellipse((160, 130, 640, 470), fill="navy")
    picture.save(tmp_path / "mine.png")
    shift_page.locator("#shift-picture button[aria-label='Remove Image']").click()
    field = shift_page.locator("#shift-picture input[type=file]")
    field.set_input_files(tmp_path / "mine.png")
    first = explorer.classify(shrink(picture), TARGET)[0].label
    shift_page.wait_for_function("document.querySelector('.shifted img')?.naturalWidth === 512")
    expected = _expected_table(explorer, tmp_path / "mine.png", "pencil", first)
    assert _table(shift_page) == expected
    (tmp_path / "broken.png").write_bytes(OPENING.read_bytes()[:2000])
    shift_page.locator("#shift-picture button[aria-label='Remove Image']").click()
    field.set_input_files(tmp_path / "broken.png")
    toast = shift_page.locator(".toast-body, [data-testid=toast-body]").first
    toast.wait_for()
    assert re.search(r"truncated|cut off|incomplete|damaged", toast.inner_text())
    shift_page.locator("#shift-table table").wait_for(state="detached")


def test_a_link_opens_the_same_shift_and_severity(open_page, explorer):
    page = open_page("?tab=shift&shift=occlusion&severity=4.5&shift-sample=house-painting")
    _wait_for_words(page, ".shifted", "Occlusion, severity 4.5")
    house = ROOT / "assets" / "samples" / "house-painting.png"
    assert _table(page) == _expected_table(explorer, house, "occlusion", "house")
    expected = SHIFTS["occlusion"].apply(shrink(read_image(house)), 4.5)
    np.testing.assert_array_equal(_pixels(page.locator(".shifted img")), np.asarray(expected))


# Batch


def _png(seed):
    file = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (30, 40, 3), np.uint8)
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def archive(tmp_path):
    """Twenty pictures in class folders, one without, one broken."""
    with zipfile.ZipFile(tmp_path / "mine.zip", "w") as file:
        for place in range(20):
            file.writestr(f"{CLASSES[place % 3]}/{place}.png", _png(place))
        file.writestr("loose.png", _png(100))
        file.writestr("dog/broken.png", b"junk")
    return tmp_path / "mine.zip"


def _answers(explorer, model):
    """What a model says of the twenty pictures: [(known, said)], from the service one by one."""
    return [
        (CLASSES[n % 3], explorer.classify(read_image(_png(n)), TARGET)[model].label)
        for n in range(20)
    ]


def _start(page, *files):
    page.locator("#batch-files input[type=file]").set_input_files(list(files))
    page.wait_for_selector("#batch-files .file-preview")
    page.get_by_role("button", name="Classify", exact=True).click()


def test_a_batch_shows_what_the_service_says_of_each_picture(batch_page, explorer, archive):
    _start(batch_page, archive)
    batch_page.wait_for_selector(".confusions")
    cards = batch_page.locator(".accuracies .card").all()
    matrices = batch_page.locator("figure.confusion").all()
    assert len(cards) == len(matrices) == 3
    for model, (card, matrix) in enumerate(zip(cards, matrices, strict=True)):
        answers = _answers(explorer, model)
        correct = sum(known == said for known, said in answers)
        assert f"{correct} of 20" in card.inner_text()
        assert f"{correct / 20:.1%}".replace("%", " %") in card.inner_text()
        heads = [one.text_content() for one in matrix.locator("thead th").all()]
        for row in matrix.locator("tbody tr").all():
            known = row.locator("th").inner_text()
            for said, cell in zip(heads, row.locator("td").all_inner_texts(), strict=True):
                assert (0 if cell == "·" else int(cell)) == answers.count((known, said))
    both = [
        sum(a[1] == b[1] for a, b in zip(_answers(explorer, 0), _answers(explorer, 1), strict=True))
    ]
    loose = [one.label for one in explorer.classify(read_image(_png(100)), TARGET)]
    row = batch_page.locator("#batch-answers table.numbers tbody tr").first.inner_text()
    assert f"{both[0] + (loose[0] == loose[1])} of 21" in row
    assert batch_page.locator("#batch-table tbody tr").count() == 22
    batch_page.locator("label", has_text="not classified").click()
    batch_page.wait_for_function("document.querySelectorAll('#batch-table tbody tr').length === 1")
    assert "dog/broken.png" in batch_page.locator("#batch-table tbody tr").inner_text()
    read = list(csv.DictReader(io.StringIO(_saved(batch_page.get_by_text("Save the numbers")))))
    assert [one["EoQ class"] for one in read[:20]] == [said for _, said in _answers(explorer, 2)]
    assert read[20]["known class"] == ""
    assert {one["held-out domain"] for one in read} == {TARGET}
    assert read[0]["networks"].split() == list(explorer.names(TARGET).values())
    assert read[21]["problem"]


def test_a_bad_archive_gets_one_sentence_and_the_page_goes_on(batch_page, archive, tmp_path):
    (tmp_path / "fake.zip").write_bytes(b"not a zip")
    _start(batch_page, tmp_path / "fake.zip")
    _wait_for_words(batch_page, "#batch-answers .notice", "fake.zip is not a zip archive")
    batch_page.locator("#batch-files button[aria-label*='lear']").first.click()
    _start(batch_page, archive)
    batch_page.wait_for_selector(".confusions")


def test_a_batch_can_be_cancelled_and_another_started(batch_page, explorer, archive, monkeypatch):
    answer = Explorer.classify_many
    calls = []

    def slowly(self, images, target, **options):
        calls.append(len(images))
        time.sleep(1.5)
        return answer(self, images, target, **options)

    monkeypatch.setattr(Explorer, "classify_many", slowly)
    _start(batch_page, archive)
    _wait_for_words(batch_page, ".batch-progress", "8 of 22 pictures, about")
    assert batch_page.locator(".batch-progress progress").get_attribute("value") == "8"
    batch_page.get_by_role("button", name="Cancel").click()
    _wait_for_words(batch_page, "#batch-answers", "Cancelled")
    time.sleep(3)
    assert sum(calls) < 21  # it really stopped
    assert "Cancelled" in batch_page.locator("#batch-answers").inner_text()
    monkeypatch.undo()
    batch_page.get_by_role("button", name="Classify", exact=True).click()
    batch_page.wait_for_selector(".confusions")


# Both


@pytest.mark.parametrize("tab", ["shift", "batch"])
def test_nothing_is_wider_than_the_screen(open_page, tab, archive):
    page = open_page(f"?tab={tab}")
    if tab == "shift":
        page.wait_for_selector(".filmstrip")
    else:
        page.wait_for_selector("#batch-start")
        _start(page, archive)
        page.wait_for_selector(".confusions")
    for width in (390, 760, 1280, 1920):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") == width


def test_the_shift_endpoint_answers_as_the_service_does(address, explorer):
    gradio_client = pytest.importorskip("gradio_client")
    client = gradio_client.Client(address, verbose=False)
    file = gradio_client.handle_file(str(TRIED))
    record, path = client.predict(file, "noise", "", TARGET, 2, api_name="/shift")
    image = shrink(read_image(TRIED))
    assert record["label"] == explorer.classify(image, TARGET)[0].label
    for step in record["steps"]:
        expected = explorer.classify(SHIFTS["noise"].apply(image, step["severity"]), TARGET)
        for one, answer in zip(step["predictions"], expected, strict=True):
            assert (one["model"], one["label"]) == (answer.model, answer.label)
            assert one["probabilities"] == pytest.approx(answer.probabilities, abs=1e-4)
    for place, one in enumerate(record["breaks"]):
        said = [step["predictions"][place]["label"] for step in record["steps"]]
        wrong = [at for at in range(6) if said[at] != record["label"]]
        assert one["severity"] == (wrong[0] if wrong else None)
    expected = np.asarray(SHIFTS["noise"].apply(image, 2))
    np.testing.assert_array_equal(np.asarray(Image.open(path).convert("RGB")), expected)
    for arguments, sentence in (
        ((file, "melt", "", TARGET, 2), "There is no shift 'melt'. There are: pencil"),
        ((file, "blur", "cat", TARGET, 2), "There is no class 'cat'. There are: dog"),
        ((file, "blur", "", "pacs/nowhere", 2), "There are: pacs/sketch"),
        ((file, "blur", "", TARGET, 9), "choose one from 0 to 5"),
    ):
        with pytest.raises(Exception, match=re.escape(sentence)):
            client.predict(*arguments, api_name="/shift")


def test_the_batch_endpoint_answers_as_the_service_does(address, explorer, archive, tmp_path):
    gradio_client = pytest.importorskip("gradio_client")
    client = gradio_client.Client(address, verbose=False)
    answer = client.predict([gradio_client.handle_file(str(archive))], TARGET, api_name="/batch")
    assert len(answer["rows"]) == 22
    for model, name in enumerate(("Full precision", "QT-DoG", "EoQ")):
        answers = _answers(explorer, model)
        assert [row["verdicts"][model]["label"] for row in answer["rows"][:20]] == [
            said for _, said in answers
        ]
        correct = sum(known == said for known, said in answers)
        assert answer["accuracy"][name] == {"correct": correct, "total": 20}
        assert np.trace(answer["confusion"][name]) == correct
    (tmp_path / "fake.zip").write_bytes(b"not a zip")
    fake = gradio_client.handle_file(str(tmp_path / "fake.zip"))
    with pytest.raises(Exception, match="is not a zip archive"):
        client.predict([fake], TARGET, api_name="/batch")
    with pytest.raises(Exception, match="There are: pacs/sketch"):
        client.predict([fake], "pacs/nowhere", api_name="/batch")
