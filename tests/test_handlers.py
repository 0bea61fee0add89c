"""What the tabs answer, asked without a server."""

import io
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import pytest
from PIL import Image
from tiny import CLASSES, save_set

from qtdog.explorer import SEVERITIES, SHIFTS, Explorer, shrink
from qtdog.images import read_image
from qtdog.ui import html
from qtdog.ui.batch import figures as batch_figures
from qtdog.ui.batch import handlers as batch
from qtdog.ui.batch import layout as batch_layout
from qtdog.ui.choices import domain_choice
from qtdog.ui.classify import figures as classify_figures
from qtdog.ui.classify import handlers as classify
from qtdog.ui.classify import layout as classify_layout
from qtdog.ui.figures import LEFT_BEHIND, NO_PICTURE
from qtdog.ui.landscape import measuring
from qtdog.ui.picture import usable
from qtdog.ui.samples import samples
from qtdog.ui.shift import handlers as shift
from qtdog.ui.shift import layout as shift_layout

PICTURES = samples()
START = PICTURES[0]
TARGET = "pacs/sketch"
ALL = ("erm", "qt-dog", "eoq")


@pytest.fixture(scope="module")
def explorer(tmp_path_factory):
    return Explorer(save_set(tmp_path_factory.mktemp("checkpoints"), members=2))


@pytest.fixture(scope="module")
def tried(explorer):
    """The Try it tab's layout and handlers."""
    with gr.Blocks(analytics_enabled=False):
        target = domain_choice(explorer.targets())
        on = classify_layout.lay_out(explorer.targets(), target, ALL, PICTURES, START)
    at_first = classify.Asked(TARGET, ALL, label="", look=False)
    return on, classify.Handlers(explorer, on, PICTURES, START, at_first)


@pytest.fixture(scope="module")
def shifted(explorer):
    """The Shift it tab's."""
    with gr.Blocks(analytics_enabled=False):
        target = domain_choice(explorer.targets())
        on = shift_layout.lay_out(explorer.targets(), target, PICTURES, START)
    return on, shift.Handlers(explorer, on, PICTURES)


@pytest.fixture(scope="module")
def many(explorer):
    """The Batch tab's."""
    with gr.Blocks(analytics_enabled=False):
        on = batch_layout.lay_out(explorer.targets(), domain_choice(explorer.targets()))
    return on, batch.Handlers(explorer, on)


def _said(explorer, sample):
    return [one.label for one in explorer.classify(read_image(sample.path), TARGET)]


def test_an_address_is_answered_for_what_it_names_and_looks_come_after(tried, explorer):
    on, handlers = tried
    other = PICTURES[3]
    answers, looks = handlers.first_answer({"sample": other.name, "models": ["eoq"], "look": True})
    assert answers[on.picture]["value"] == str(other.path)
    assert answers[on.answers].count('<section class="card"') == 1
    assert f"EoQ says {_said(explorer, other)[2]}" in answers[on.answers]
    assert on.looks not in answers
    assert looks[on.looks].count('<figure class="look"') == 1


def test_a_cleared_field_takes_its_answers_along(tried, shifted):
    on, handlers = tried
    asked = (TARGET, ALL, "", True)
    for (shown,) in (handlers.answer_upload(None, *asked), handlers.choose_models(None, *asked)):
        assert (shown[on.answers], shown[on.looks]) == (NO_PICTURE, "")
    (shown,) = handlers.choose_models(str(START.path), TARGET, (), "", False)
    assert shown[on.answers] == classify_figures.NO_MODEL
    on, handlers = shifted
    for shown in (
        handlers.upload(None, TARGET, "blur", 3),
        handlers.choose(None, TARGET, "blur", 3, "dog"),
        handlers.choose_sample(shift_layout.OWN, TARGET, "blur", 3),
    ):
        assert shown[on.said] == NO_PICTURE
        assert [shown[each] for each in (on.now, on.chart, on.strip, on.table)] == [""] * 4
        assert shown[on.series] is None


def test_a_file_that_is_no_picture_takes_the_answers_along_and_says_why(tried, shifted, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"junk")
    on, handlers = tried
    (shown,) = handlers.answer_upload(str(broken), TARGET, ALL, "", False)
    assert shown[on.looks] == ""
    assert 'role="alert"' in shown[on.answers]
    assert '<section class="card"' not in shown[on.answers]
    on, handlers = shifted
    shown = handlers.upload(str(broken), TARGET, "blur", 3)
    assert 'role="alert"' in shown[on.said]
    assert (shown[on.strip], shown[on.series]) == ("", None)
    assert str(tmp_path) not in shown[on.said]


def test_a_link_with_a_picture_of_ones_own_says_that_it_did_not_travel(tried, shifted):
    on, handlers = tried
    (shown,) = handlers.first_answer({"sample": "own"})
    assert shown[on.picture] is None
    assert shown[on.answers] == LEFT_BEHIND
    on, handlers = shifted
    shown = handlers.open_tab(str(START.path), shift_layout.OWN, TARGET, "blur", 3, "", None)
    assert shown[on.picture] is None
    assert shown[on.said] == LEFT_BEHIND


def test_a_sample_taken_from_another_tab_keeps_its_name_for_the_link(shifted, tmp_path):
    on, handlers = shifted
    copy = tmp_path / "uploaded.png"
    copy.write_bytes(PICTURES[3].path.read_bytes())
    assert handlers.take_over(str(copy), TARGET, "blur", 3)[on.sample] == PICTURES[3].name
    Image.new("RGB", (9, 9), "navy").save(copy)
    assert handlers.take_over(str(copy), TARGET, "blur", 3)[on.sample] == shift_layout.OWN


def test_the_tab_opens_where_something_breaks_and_with_the_class_of_the_link(shifted, explorer):
    on, handlers = shifted
    asked = (START.name, TARGET, "occlusion")
    shown = handlers.open_tab(str(START.path), *asked, 3, "house", None)
    steps = shown[on.series].steps
    said = [{one.label for one in each} for each in steps]
    broken = next(at for at in SEVERITIES if said[at] != {"house"})
    assert shown[on.severity] == broken
    assert f"severity {broken}" in shown[on.now]
    assert "Probability of house" in shown[on.chart]
    # Where somebody was before, it stays; for another domain everything is asked again.
    assert handlers.open_tab(str(START.path), *asked, 2, "", None)[on.severity] == 2
    again = handlers.open_tab(str(START.path), *asked, 2, "", shown[on.series])
    assert again == {on.series: shown[on.series]}


def test_a_picture_of_the_filmstrip_brings_the_slider_there(shifted):
    on, handlers = shifted
    series = handlers.choose_sample(START.name, TARGET, "blur", 3)[on.series]
    clicked = SimpleNamespace(severity=4)
    shown = handlers.step_to(clicked, str(START.path), START.label, series)
    assert shown[on.severity] == 4
    assert "severity 4" in shown[on.now]
    wrong = SimpleNamespace(severity="4; drop")
    assert list(handlers.step_to(wrong, str(START.path), START.label, series)) == [on.severity]


def test_a_picture_that_is_gone_takes_its_answers_with_it(tried, shifted, tmp_path):
    on, handlers = tried
    gone = str(tmp_path / "gone.png")
    (shown,) = handlers.choose_models(gone, TARGET, ALL, "", True)
    assert shown[on.picture] is None
    assert "no longer on the server" in shown[on.answers]
    assert shown[on.looks] == ""
    on, handlers = shifted
    for shown in (
        handlers.choose(gone, TARGET, "blur", 3, None),
        handlers.open_tab(gone, shift_layout.OWN, TARGET, "blur", 3, "", None),
    ):
        assert "no longer on the server" in shown[on.said]
        assert shown[on.series] is None


def test_a_slider_between_the_steps_asks_the_networks_there(shifted, explorer):
    on, handlers = shifted
    shown = handlers.choose_sample(START.name, TARGET, "blur", 3)
    series = shown[on.series]
    assert len(series.steps) == len(SEVERITIES)
    assert shown[on.label].value == START.label
    moved = handlers.slide(str(START.path), 2.5, START.label, series)
    assert set(moved) == {on.now, on.chart}
    picture = SHIFTS["blur"].apply(shrink(read_image(START.path)), 2.5)
    for one in explorer.classify(picture, TARGET):
        assert html('<span class="class">{}</span>', one.label) in moved[on.now]


@pytest.mark.parametrize("chosen", [None, "no such class"])
def test_without_a_class_to_watch_it_is_the_pictures_own(shifted, chosen):
    on, handlers = shifted
    series = handlers.choose_sample(START.name, TARGET, "blur", 3)[on.series]
    for shown in (
        handlers.slide(str(START.path), 3, chosen, series),
        handlers.watch(str(START.path), 3, chosen, series),
    ):
        assert f"Probability of {START.label}" in shown[on.chart]


def test_our_samples_in_a_batch_are_all_listed(many, explorer):
    on, handlers = many
    *news, last = handlers.run_samples(TARGET)
    known = [one for one in PICTURES if one.label in CLASSES]
    assert f"0 of {len(known)} pictures" in news[0][on.answers]
    assert [row.file for row in last[on.done].rows] == [one.path.name for one in known]
    assert last[on.table].count('<img src="data:image/webp;base64,') == len(known)
    for row in last[on.done].rows:
        assert max(Image.open(io.BytesIO(row.thumbnail)).size) == 64
    assert "By the models that never saw sketch (PACS)." in last[on.answers]
    right = sum(_said(explorer, one)[0] == one.label for one in known)
    assert f"{right} of {len(known)}" in last[on.answers]
    assert batch_figures.OURS in last[on.answers]
    assert last[on.start].interactive
    assert not last[on.cancel].interactive


def test_an_empty_batch_waits_for_files(many):
    on, handlers = many
    (shown,) = handlers.run(None, TARGET)
    assert shown[on.answers] == batch_figures.NOTHING_CHOSEN
    assert not handlers.begin()[on.start].interactive


def test_another_domain_replaces_a_batchs_answers_by_whose_they_were(many):
    on, handlers = many
    *_, last = handlers.run_samples(TARGET)
    assert on.answers not in handlers.choose_target(TARGET, last[on.done])
    assert on.answers not in handlers.choose_target(TARGET, None)
    other = batch.Done("pacs/art_painting", last[on.done].rows)
    shown = handlers.choose_target(TARGET, other)
    assert "never saw art painting (PACS)" in shown[on.answers]
    assert "never saw sketch (PACS)" in shown[on.answers]
    assert (shown[on.table], shown[on.done], shown[on.which].visible) == ("", None, False)


# Landscape ----------------------------------------------------------------------------------------


def test_a_picture_that_is_cut_off_is_measured_as_it_was_added(tmp_path, monkeypatch):
    path = tmp_path / "cut.jpg"
    Image.effect_noise((90, 70), 80).convert("RGB").save(path)
    path.write_bytes(path.read_bytes()[:-300])
    monkeypatch.setattr(measuring, "live_flatness", lambda _networks, pictures, *_: iter(pictures))
    found = [SimpleNamespace(folder=Path("erm-seed0"))]
    service = SimpleNamespace(read=lambda _folder: None, lock=None)
    (measured,) = measuring.measure(
        service, found, [(str(path), "dog")], ["erm-seed0"], CLASSES, "filter", False
    )
    assert isinstance(added := usable(str(path)), Image.Image)
    assert measured.tobytes() == added.tobytes()
