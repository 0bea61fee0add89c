"""What scripts and agents can ask of the Shift it tab's models."""

from dataclasses import asdict
from typing import Any

import gradio as gr
from PIL import Image

from qtdog.explorer import MOST_SEVERE, SEVERITIES, SHIFTS, Explorer, Prediction, Shift, shrink
from qtdog.ui.events import torch_endpoint
from qtdog.ui.markup import refusal
from qtdog.ui.picture import picture_field, read_or_say_why
from qtdog.ui.shift import figures


def add_endpoint(explorer: Explorer) -> None:
    """Add /shift to the page."""
    targets = {target.key: target for target in explorer.targets()}
    first = next(iter(targets))
    start = next(iter(SHIFTS))

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
            raise refusal(explorer.without_root(error)) from None
        record = {
            "shift": shift,
            "label": watched,
            "steps": [
                {"severity": at, "predictions": [_record(one, watched) for one in predictions]}
                for at, predictions in zip(SEVERITIES, steps, strict=True)
            ],
            "breaks": [asdict(one) for one in figures.breaks(steps, watched)],
        }
        return record, shifted

    shift_endpoint.__name__ = "shift"  # by which agents know it
    # Its fields, which the page does not show.
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
