"""The endpoint of the live measurement."""

from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr

from qtdog.explorer import Explorer
from qtdog.landscape import LiveStep, Subject, as_json
from qtdog.ui.events import LANDSCAPE_QUEUE, alone
from qtdog.ui.landscape.measuring import first_models, measure
from qtdog.ui.landscape.texts import DIRECTIONS
from qtdog.ui.markup import refusal


def add_live_endpoint(
    explorer: Explorer,
    networks: Mapping[str, Sequence[Subject]],
    classes: Mapping[str, Sequence[str]],
) -> None:
    """Lay out what the page does not show; `networks` and `classes` are by target's key."""
    first = next(iter(classes))

    def landscape_live(
        images: list[str],
        labels: str,
        target: str = first,
        distance: str = "filter",
        round_again: bool = False,
    ) -> list[dict[str, Any]]:
        """Measure the local flatness of up to three networks of a held-out domain on some pictures.

        images: picture files. labels: their classes in the same order, separated by commas.
        target: "dataset/domain". distance: "filter" (relative to each filter's norm) or "whole"
        (the length of the whole change, as in the paper). round_again: whether the moved weights
        of quantized networks are rounded to their own levels before the loss is measured.
        Returns one record a network: model, radii, `centre` (loss in nats and right answers of
        the network itself) and `readings`, one row a direction, [loss, right answers] a radius.
        """
        last: LiveStep | None = None
        names = [name.strip() for name in labels.split(",")]
        try:
            if target not in classes:
                raise ValueError(
                    f"There are no models for '{target}'. There are: {', '.join(classes)}."
                )
            if distance not in DIRECTIONS:
                raise ValueError(f"There is no distance '{distance}'. There are: filter, whole.")
            if len(names) != len(images or []):
                raise ValueError(
                    f"There are {len(images or [])} pictures and {len(names)} classes."
                )
            labelled = list(zip(images, names, strict=True))
            chosen = first_models(networks[target])
            found, known = networks[target], classes[target]
            for step in measure(explorer, found, labelled, chosen, known, distance, round_again):
                last = step
        except ValueError as error:
            raise refusal(explorer.without_root(error)) from None
        return as_json(last.curves) if last else []

    # The endpoint's own fields, which the page does not show.
    with gr.Row(visible=False):
        gr.Button().click(
            landscape_live,
            [
                gr.File(file_count="multiple", label="images"),
                gr.Textbox(label="labels"),
                gr.Textbox(first, label="target"),
                gr.Textbox("filter", label="distance"),
                gr.Checkbox(False, label="round_again"),
            ],
            gr.JSON(label="records"),
            api_name="landscape_live",
            **alone(LANDSCAPE_QUEUE),
        )
