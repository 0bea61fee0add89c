"""What the tabs answer, asked without a server."""

import gradio as gr
import pytest
from tiny import CLASSES, save_set

from qtdog.explorer import SEVERITIES, SHIFTS, Explorer, shrink
from qtdog.images import read_image
from qtdog.ui import html
from qtdog.ui.batch import figures as batch_figures
from qtdog.ui.batch import handlers as batch
from qtdog.ui.batch import layout as batch_layout
from qtdog.ui.classify import figures as classify_figures
from qtdog.ui.classify import handlers as classify
from qtdog.ui.classify import layout as classify_layout
from qtdog.ui.figures import NO_PICTURE
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
        on = classify_layout.lay_out(explorer.targets(), ALL, PICTURES, START)
    at_first = classify.Asked(TARGET, ALL, label="", look=False)
    return on, classify.Handlers(explorer, on, PICTURES, START, at_first)


@pytest.fixture(scope="module")
def shifted(explorer):
    """The Shift it tab's."""
    with gr.Blocks(analytics_enabled=False):
        on = shift_layout.lay_out(explorer.targets(), PICTURES, START)
    return on, shift.Handlers(explorer, on, PICTURES, START)


@pytest.fixture(scope="module")
def many(explorer):
    """The Batch tab's."""
    with gr.Blocks(analytics_enabled=False):
        on = batch_layout.lay_out(explorer.targets())
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


def test_a_cleared_field_keeps_the_answer_until_another_is_asked_for(tried):
    on, handlers = tried
    asked = (TARGET, ALL, "", False)
    assert on.answers not in next(handlers.answer_upload(None, *asked))
    assert next(handlers.choose_models(None, *asked))[on.answers] == NO_PICTURE
    (shown,) = handlers.choose_models(str(START.path), TARGET, (), "", False)
    assert shown[on.answers] == classify_figures.NO_MODEL


def test_a_picture_that_is_gone_takes_its_answers_with_it(tried, shifted, tmp_path):
    on, handlers = tried
    gone = str(tmp_path / "gone.png")
    (shown,) = handlers.choose_models(gone, TARGET, ALL, "", True)
    assert shown[on.picture] is None
    assert "no longer on the server" in shown[on.answers]
    assert shown[on.looks] == ""
    on, handlers = shifted
    shown = handlers.choose(gone, TARGET, "blur", 3, None)
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
    assert [row.file for row in last[on.rows]] == [one.path.name for one in known]
    right = sum(_said(explorer, one)[0] == one.label for one in known)
    assert f"{right} of {len(known)}" in last[on.answers]
    assert batch_figures.OURS in last[on.answers]
    assert last[on.start].interactive
    assert not last[on.cancel].interactive


def test_an_empty_batch_waits_for_files(many):
    on, handlers = many
    (shown,) = handlers.run(None, TARGET)
    assert shown[on.answers] == batch_figures.WAITING
    assert not handlers.begin()[on.start].interactive
