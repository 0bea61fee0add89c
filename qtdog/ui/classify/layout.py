"""The Try it tab's fields and places, laid out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from qtdog.checkpoints import MODEL_NAMES, Target
from qtdog.ui.choices import class_choices
from qtdog.ui.classify import figures, heat
from qtdog.ui.classify.pad import drawing_pad
from qtdog.ui.figures import LOADING
from qtdog.ui.markup import Html
from qtdog.ui.picture import PictureField, asked_picture
from qtdog.ui.samples import Sample, known_to

OWN_CHOICE = ("what each model says", "")
OURS = "Or one of ours"
OURS_OF_OTHERS = "Or one of ours, though none shows what these models know"


@dataclass(frozen=True)
class Layout:
    """The components, from the top left to the bottom right."""

    question: Html
    picture: PictureField
    pad: Html
    gallery: gr.Gallery
    target: gr.Dropdown
    answers: Html
    models: gr.CheckboxGroup
    look: gr.Checkbox
    looking: gr.Column
    """Shown to those who want to see where the models look."""
    label: gr.Dropdown
    looks: Html
    sample: gr.Textbox
    """Unseen: the name of the sample in the picture field, for the address."""
    place: gr.Textbox
    """Unseen: the place of the sample that was chosen."""
    offered: gr.State
    """The held-out domain whose samples the gallery has."""


def lay_out(
    targets: Sequence[Target],
    target: gr.Dropdown,
    methods: Sequence[str],
    pictures: Sequence[Sample],
    start: Sample,
) -> Layout:
    """For the first of `targets`, with `start` of the `pictures` in the field; `methods` are what
    can be shown side by side, `target` is the page's held-out domain."""
    with gr.Column(elem_id="page"):
        question = Html(figures.question(targets[0]), padding=False)
        with gr.Row(equal_height=False, elem_id="bench"):
            with gr.Column(scale=4, min_width=300, elem_id="question"):
                with gr.Column(elem_id="asked", min_width=0):
                    picture = asked_picture(start, "Your picture", height=300, elem_id="picture")
                    pad = drawing_pad()
                gallery = _gallery(targets[0], pictures, start)
            with gr.Column(scale=9, min_width=320):
                answers = Html(LOADING, elem_id="answers", padding=False)
                with gr.Row(elem_id="show-what"):
                    models = gr.CheckboxGroup(
                        [(MODEL_NAMES[method], method) for method in methods],
                        value=list(methods),
                        label="Models to show",
                        elem_id="models",
                    )
                    look = gr.Checkbox(
                        False, label="Show where each model looks (Grad-CAM)", elem_id="look"
                    )
                with gr.Column(visible=False, elem_id="looking") as looking:
                    label = gr.Dropdown(
                        labels(targets[0]),
                        value="",
                        label="Evidence for the class",
                        elem_id="class",
                    )
                    looks = Html(elem_id="looks", padding=False, js_on_load=heat.ON_LOAD)
        Html(figures.NOTES, padding=False)
        sample = gr.Textbox(start.name, label="sample", elem_classes="unseen")
        place = gr.Textbox(label="place", elem_classes="unseen")
    return Layout(
        question,
        picture,
        pad,
        gallery,
        target,
        answers,
        models,
        look,
        looking,
        label,
        looks,
        sample,
        place,
        gr.State(targets[0].key),
    )


def labels(target: Target) -> list[tuple[str, str]]:
    """Choices of the class to explain."""
    return [OWN_CHOICE, *class_choices(target.classes)]


def shown_samples(
    target: Target, pictures: Sequence[Sample], chosen: Sample | None
) -> dict[str, Any]:
    """A gallery's content: the samples that show a class of `target`'s models."""
    shown = known_to(pictures, target.classes)
    return {
        "value": [(str(sample.path), sample.title) for sample in shown],
        "label": OURS if shown[0].label in target.classes else OURS_OF_OTHERS,
        "selected_index": shown.index(chosen) if chosen in shown else None,
    }


def _gallery(target: Target, pictures: Sequence[Sample], start: Sample) -> gr.Gallery:
    return gr.Gallery(
        **shown_samples(target, pictures, start),
        columns=7,
        height="auto",
        allow_preview=False,
        object_fit="contain",
        buttons=[],
        interactive=False,
        elem_id="samples",
    )
