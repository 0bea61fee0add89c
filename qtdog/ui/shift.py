"""The Shift it tab: the picture leaves its domain step by step, and the models are watched."""

import re
from dataclasses import asdict, dataclass
from typing import Any

import gradio as gr
from gradio.components import Component
from PIL import Image

from qtdog.checkpoints import CheckpointError
from qtdog.explorer import Explorer
from qtdog.images import ImageError, read_image
from qtdog.predictions import Prediction
from qtdog.shifts import MOST_SEVERE, SEVERITIES, SHIFTS, Shift, shrink
from qtdog.ui import figures, shift_figures
from qtdog.ui.address import Address, one_of
from qtdog.ui.events import Shown, torch_endpoint, torch_event
from qtdog.ui.picture import (
    UNUSABLE,
    browsers_show,
    cleared_is_empty,
    picture_field,
    read_or_say_why,
)
from qtdog.ui.samples import known_label, samples
from qtdog.ui.sentences import plain
from qtdog.ui.shift_figures import Steps

OWN = ""  # no sample: the visitor's own picture
ALT_TEXT = "The picture that is shifted"
QUESTION = (
    '<p class="question">A network that knows photos may fail on drawings: the domain has shifted. '
    "Shift a picture yourself, step by step. Which model stops seeing the same thing first?</p>"
)


@dataclass(frozen=True)
class Series:
    """What a visitor looks at: the answers at every severity."""

    shift: Shift
    target: str
    steps: Steps


def shift_tab(explorer: Explorer, address: Address, tab: gr.Tab, tried: Component) -> None:
    """Lay out the tab inside `tab`; `tried` is the Try it tab's picture field, whose picture can be
    taken over."""
    pictures = {sample.name: sample for sample in samples()}
    targets = {target.key: target for target in explorer.targets()}
    first = next(iter(targets))
    start = next(iter(SHIFTS))
    # From a domain that the models know, to be taken out of it.
    familiar = [one for one in pictures.values() if one.domain in targets[first].source_domains]
    opening = (familiar or list(pictures.values()))[0]

    gr.HTML(QUESTION, padding=False)
    with gr.Row(equal_height=False, elem_id="shift"):
        with gr.Column(scale=4, min_width=300, elem_id="shift-question"):
            picture = picture_field(
                value=str(opening.path),
                label="The picture",
                sources=["upload", "clipboard", "webcam"],
                height=260,
                buttons=[],
                elem_id="shift-picture",
                alt_text=opening.alt,
            )
            take = gr.Button("Take the picture from Try it", size="sm", elem_id="shift-take")
            sample = gr.Dropdown(
                [
                    ("a picture of your own", OWN),
                    *((one.title, name) for name, one in pictures.items()),
                ],
                value=opening.name,
                label="Or one of ours",
                elem_id="shift-sample",
            )
            target = gr.Dropdown(
                [
                    (f"{plain(one.domain)} ({one.dataset.upper()})", one.key)
                    for one in targets.values()
                ],
                value=first,
                label="Held-out domain (never seen in training)",
                elem_id="shift-domain",
            )
            label = gr.Dropdown([], label="Watch the class", elem_id="shift-class")
        with gr.Column(scale=9, min_width=320):
            shift = gr.Radio(
                [(one.title, name) for name, one in SHIFTS.items()],
                value=start,
                label="Shift",
                elem_id="shift-kind",
            )
            severity = gr.Slider(
                0, MOST_SEVERE, 3, step=0.1, label="Severity", buttons=[], elem_id="shift-severity"
            )
            said = gr.HTML(figures.LOADING, elem_id="shift-said", padding=False)
            with gr.Row(equal_height=False, elem_id="shift-now"):
                now = gr.HTML(elem_id="shift-picture-now", padding=False)
                chart = gr.HTML(elem_id="shift-chart", padding=False)
            strip = gr.HTML(elem_id="shift-strip", padding=False)
            table = gr.HTML(elem_id="shift-table", padding=False)
    gr.HTML(shift_figures.NOTES, padding=False)
    series = gr.State()

    def look(path: str, key: str, name: str, at: float, watched: str | None) -> Shown:
        """All of the tab for a picture; `watched` is kept if the models know that class."""
        image = shrink(read_or_say_why(path))
        kind = SHIFTS[name]
        images = kind.series(image)
        try:
            steps = explorer.classify_many(images, key)
        except CheckpointError as error:  # not one model of this target can be read
            problem = figures.notices([explorer.without_root(error)])
            return {said: problem, now: "", chart: "", strip: "", table: "", series: None}
        classes = targets[key].classes
        if watched not in classes:
            watched = _watched(steps, known_label(path, list(pictures.values())))
        kept = Series(kind, key, steps)
        return {
            series: kept,
            label: gr.Dropdown([(plain(one), one) for one in classes], value=watched),
            strip: shift_figures.filmstrip(images, steps, watched, kind),
            **words(kept, watched),
            **at_slider(image, kept, at, watched),
        }

    def words(kept: Series, watched: str) -> Shown:
        return {
            said: f'{shift_figures.sentence(kept.steps, watched)}<p class="about">'
            f"{kept.shift.title}: {kept.shift.about}</p>",
            table: shift_figures.table(kept.steps, watched, kept.shift),
        }

    def at_slider(image: Image.Image, kept: Series, at: float, watched: str) -> Shown:
        shifted = kept.shift.apply(image, at)
        known = at in SEVERITIES
        here = kept.steps[int(at)] if known else explorer.classify(shifted, kept.target)
        return {
            now: shift_figures.shifted(shifted, here, watched, kept.shift, at),
            chart: shift_figures.chart(kept.steps, watched, kept.shift, at, here),
        }

    def open_tab(name: str, key: str, kind: str, at: float, kept: Series | None) -> Shown:
        """Nothing is computed before somebody comes here."""
        return {series: kept} if kept else choose_sample(name or opening.name, key, kind, at)

    def choose_sample(name: str, key: str, kind: str, at: float) -> Shown:
        if name == OWN:
            return {sample: OWN}
        chosen = pictures[name]
        shown = look(str(chosen.path), key, kind, at, None)
        field = gr.update(value=str(chosen.path), alt_text=chosen.alt)
        return {picture: field, sample: name, **shown}

    def upload(path: str | None, key: str, name: str, at: float) -> Shown:
        if path is None:  # clearing the field is no question: the last answer stays
            return {sample: OWN}
        try:
            image = read_image(path)
        except ImageError as error:
            gr.Warning(str(error), title=UNUSABLE)
            return {picture: gr.update(value=None), sample: OWN}
        shown = look(path, key, name, at, None)
        settings = {"alt_text": ALT_TEXT} | ({} if browsers_show(path) else {"value": image})
        return {picture: gr.update(**settings), sample: OWN, **shown}

    def take_over(path: str | None, key: str, name: str, at: float) -> Shown:
        if path is None:
            gr.Warning("There is no picture in Try it.", title="No picture")
            return {sample: gr.skip()}
        return {**upload(path, key, name, at), picture: gr.update(value=path, alt_text=ALT_TEXT)}

    def choose(path: str | None, key: str, name: str, at: float, watched: str | None) -> Shown:
        """Another shift, or another held-out domain."""
        return look(path, key, name, at, watched) if path else {said: figures.NO_PICTURE}

    def slide(path: str | None, at: float, watched: str | None, kept: Series | None) -> Shown:
        if path is None or kept is None:
            return {said: figures.NO_PICTURE}
        return at_slider(shrink(read_or_say_why(path)), kept, at, watched)

    def watch(path: str | None, at: float, watched: str | None, kept: Series | None) -> Shown:
        if path is None or kept is None:
            return {said: figures.NO_PICTURE}
        image = shrink(read_or_say_why(path))
        images = kept.shift.series(image)
        return {
            strip: shift_figures.filmstrip(images, kept.steps, watched, kept.shift),
            **words(kept, watched),
            **at_slider(image, kept, at, watched),
        }

    private: dict[str, Any] = {
        "outputs": [picture, sample, label, said, now, chart, strip, table, series],
        **torch_event(said),
    }
    asked = [target, shift, severity]
    tab.select(open_tab, [sample, *asked, series], **private)
    picture.input(upload, [picture, *asked], js=cleared_is_empty("shift-picture"), **private)
    take.click(take_over, [tried, *asked], **private)
    sample.input(choose_sample, [sample, *asked], **private)
    gr.on([shift.input, target.input], choose, [picture, *asked, label], **private)
    severity.input(slide, [picture, severity, label, series], **private)
    label.input(watch, [picture, severity, label, series], **private)
    address.add("shift-sample", sample, one_of([OWN, *pictures]))
    address.add("shift", shift, one_of(list(SHIFTS)))
    address.add("severity", severity, _severity)
    address.add("shift-domain", target, one_of(list(targets)))

    def shift_endpoint(
        image: str, shift: str = start, label: str = "", target: str = first, severity: float = 5
    ) -> tuple[dict[str, Any], Image.Image]:
        """Shift one picture away from its domain and classify it at severities 0 to 5.

        image: a picture file. shift: pencil, cartoon, posterise, greyscale, blur, noise, jpeg, hue,
        rotation or occlusion. label: the class to watch; by default the class that the first model
        (full precision) says of the unchanged picture. target: "dataset/domain". severity: of the
        picture that comes back, 0 to 5.
        Returns a record and that picture, at most 512 px a side. The record has, for each severity
        and model, class, confidence, the watched class's probability and all probabilities; and
        for each model the severity at which it first says another class.
        """
        picture = shrink(read_or_say_why(image))
        try:
            kind = _known_shift(shift)
            steps = explorer.classify_many(kind.series(picture), target)
            watched = label or steps[0][0].label
            if watched not in targets[target].classes:
                classes = ", ".join(targets[target].classes)
                raise ValueError(f"There is no class '{label}'. There are: {classes}.")
            shifted = kind.apply(picture, severity)
        except ValueError as error:
            raise gr.Error(explorer.without_root(error), print_exception=False) from None
        record = {
            "shift": shift,
            "label": watched,
            "steps": [
                {"severity": at, "predictions": [_record(one, watched) for one in predictions]}
                for at, predictions in zip(SEVERITIES, steps, strict=True)
            ],
            "breaks": [asdict(one) for one in shift_figures.breaks(steps, watched)],
        }
        return record, shifted

    shift_endpoint.__name__ = "shift"  # by which agents know it
    # The endpoint's own fields, which the page does not show.
    with gr.Row(visible=False):
        gr.Button().click(
            shift_endpoint,
            [
                picture_field(label="image"),
                gr.Textbox(start, label="shift"),
                gr.Textbox("", label="label"),
                gr.Textbox(first, label="target"),
                gr.Number(MOST_SEVERE, label="severity"),
            ],
            [gr.JSON(label="record"), gr.Image(label="picture", format="png")],
            api_name="shift",
            **torch_endpoint(),
        )


def _watched(steps: Steps, known: str | None) -> str:
    """The picture's class if it is known, else what the first model says of it unchanged."""
    return known if known in steps[0][0].classes else steps[0][0].label


def _record(one: Prediction, watched: str) -> dict[str, Any]:
    return {
        "model": one.model,
        "method": one.method,
        "label": one.label,
        "confidence": one.confidence,
        "probability": one.probabilities[one.classes.index(watched)],
        "classes": one.classes,
        "probabilities": one.probabilities,
    }


def _known_shift(name: str) -> Shift:
    if name not in SHIFTS:
        raise ValueError(f"There is no shift '{name}'. There are: {', '.join(SHIFTS)}.")
    return SHIFTS[name]


def _severity(text: str) -> float:
    """The slider's place in an address."""
    if re.fullmatch(r"[0-9](\.[0-9]{1,17})?", text) and float(text) <= MOST_SEVERE:
        return round(float(text), 1)
    raise ValueError(f"it is a number from 0 to {MOST_SEVERE}")
