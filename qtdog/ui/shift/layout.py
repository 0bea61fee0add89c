"""The Shift it tab's fields and places, laid out."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from qtdog.checkpoints import Target
from qtdog.explorer import MOST_SEVERE, SHIFTS
from qtdog.ui.choices import class_choices, fold_button
from qtdog.ui.figures import LOADING
from qtdog.ui.markup import Html
from qtdog.ui.picture import PictureField, asked_picture
from qtdog.ui.samples import Sample, known_to
from qtdog.ui.shift import figures

SCRIPT = Path(__file__).with_name("shift.js").read_text(encoding="utf-8")
WATCH = "Watch the class"
OWN = ""  # no sample: the visitor's own picture
START_SEVERITY = 3  # until it is known where something breaks


@dataclass(frozen=True)
class Layout:
    """The components, from the top left to the bottom right."""

    picture: PictureField
    take: gr.Button
    """To take the picture from Try it."""
    sample: gr.Dropdown
    target: gr.Dropdown
    label: gr.Dropdown
    """The class that is watched."""
    shift: gr.Radio
    severity: gr.Slider
    said: Html
    now: Html
    """The picture at the slider's severity."""
    chart: Html
    strip: Html
    table: Html
    series: gr.State
    """The `Series` that the visitor looks at."""
    watched: gr.Textbox
    """Unseen: the class that the visitor chose to watch, for the address."""


def lay_out(
    targets: Sequence[Target], target: gr.Dropdown, pictures: Sequence[Sample], opening: Sample
) -> Layout:
    """For the page's held-out domain, with `opening` of the `pictures` in the field."""
    Html(figures.QUESTION, padding=False)
    with gr.Row(equal_height=False, elem_id="shift"):
        with gr.Column(scale=4, min_width=300, elem_id="shift-question"):
            picture = asked_picture(opening, "The picture", height=260, elem_id="shift-picture")
            with gr.Column(elem_classes="folds"):
                fold_button()
                take = gr.Button("Take the picture from Try it", size="sm", elem_id="shift-take")
                sample = gr.Dropdown(
                    sample_choices(pictures, targets[0]),
                    value=opening.name,
                    label="Or one of ours",
                    elem_id="shift-sample",
                )
                classes = sorted({name for one in targets for name in one.classes})
                label = gr.Dropdown(
                    class_choices(classes),
                    value=None,
                    label=WATCH,
                    elem_id="shift-class",
                )
        with gr.Column(scale=9, min_width=320):
            shift = gr.Radio(
                [(one.title, name) for name, one in SHIFTS.items()],
                value=next(iter(SHIFTS)),
                label="Shift",
                elem_id="shift-kind",
            )
            severity = gr.Slider(
                0,
                MOST_SEVERE,
                START_SEVERITY,
                step=0.1,
                label="Severity",
                buttons=[],
                elem_id="shift-severity",
            )
            said = Html(LOADING, elem_id="shift-said", padding=False)
            with gr.Row(equal_height=False, elem_id="shift-now"):
                now = Html(elem_id="shift-picture-now", padding=False)
                chart = Html(elem_id="shift-chart", padding=False)
            strip = Html(elem_id="shift-strip", padding=False, js_on_load=SCRIPT)
            table = Html(elem_id="shift-table", padding=False)
    Html(figures.NOTES, padding=False)
    series = gr.State()
    watched = gr.Textbox("", label="watched", elem_classes="unseen")
    return Layout(
        picture,
        take,
        sample,
        target,
        label,
        shift,
        severity,
        said,
        now,
        chart,
        strip,
        table,
        series,
        watched,
    )


def sample_choices(pictures: Sequence[Sample], target: Target) -> list[tuple[str, str]]:
    """The samples that show a class of `target`'s models, and a picture of one's own."""
    shown = known_to(pictures, target.classes)
    return [("a picture of your own", OWN), *((one.title, one.name) for one in shown)]
