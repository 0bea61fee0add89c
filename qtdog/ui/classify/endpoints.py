"""What scripts and agents can ask of the Try it tab's models."""

from dataclasses import asdict
from typing import Any

import gradio as gr

from qtdog.explorer import Explorer
from qtdog.ui.classify import heat
from qtdog.ui.events import torch_endpoint
from qtdog.ui.markup import refusal
from qtdog.ui.picture import picture_field, read_or_say_why


def add_endpoints(explorer: Explorer) -> None:
    """Add /classify and /explain to the page."""
    first = explorer.targets()[0].key

    def classify(image: str, target: str = first) -> list[dict[str, Any]]:
        """Classify one picture with every model of a held-out domain.

        image: a picture file. target: "dataset/domain", for example "pacs/sketch".
        Returns one record a model (full precision, QT-DoG, EoQ): class probabilities in the order
        of `classes`, EoQ's members' probabilities, entropy and the members' disagreement (mutual
        information) in nats, bytes on disk, bits a weight, milliseconds, the accuracy measured on
        the held-out domain, and whether the picture looks unfamiliar, with energies, thresholds
        and how often that hint comes.
        """
        picture = read_or_say_why(image)
        try:
            predictions = explorer.classify(picture, target)
        except ValueError as error:  # no such target, or none of its checkpoints can be read
            raise refusal(explorer.without_root(error)) from None
        return [
            {
                "label": one.label,
                "confidence": one.confidence,
                "disagreement": one.disagreement,
                **asdict(one),
            }
            for one in predictions
        ]

    def explain(image: str, target: str = first, label: str = "") -> list[dict[str, Any]]:
        """Where every model of a held-out domain looks in a picture, by Grad-CAM.

        image: a picture file. target: "dataset/domain". label: the class to find evidence for; by
        default each model's own answer.
        Returns one record a model: the class, the heat (rows from top to bottom, 0 to 1, the
        hottest place 1) and in words where it is.
        """
        picture = read_or_say_why(image)
        try:
            explanations = explorer.explain(picture, target, label or None)
        except ValueError as error:  # no such target or class, or nothing to explain with
            raise refusal(explorer.without_root(error)) from None
        return [{**asdict(one), "where": heat.where(one.heat)} for one in explanations]

    # Their fields, which the page does not show.
    file = picture_field(visible=False, label="image")
    key = gr.Textbox(first, visible=False, label="target")
    chosen = gr.Textbox("", visible=False, label="label")
    records = gr.JSON(visible=False, label="predictions")
    maps = gr.JSON(visible=False, label="explanations")
    public = torch_endpoint()
    hidden = gr.Button(visible=False)
    hidden.click(classify, [file, key], records, api_name="classify", **public)
    hidden.click(explain, [file, key, chosen], maps, api_name="explain", **public)
