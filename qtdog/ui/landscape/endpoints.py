"""The endpoint of the stored landscapes."""

from collections.abc import Mapping

import gradio as gr

from qtdog.checkpoints import Target
from qtdog.landscape import as_json
from qtdog.ui.landscape.stored import WITH_DISTANCE, Stored
from qtdog.ui.landscape.texts import DIRECTIONS, IMAGES, MEASURES
from qtdog.ui.markup import refusal


def add_endpoint(targets: Mapping[str, Target], stored: Stored) -> None:
    """Lay out what the page does not show."""
    first = next(iter(targets))

    def landscape(target: str = first, images: str = "target", kind: str = "flatness") -> list:
        """Stored landscapes of the networks of a held-out domain.

        target: "dataset/domain". images: "target" or "source". kind: flatness, plane,
        three-models, interpolation, trajectories or curvature.
        Returns the records: models with their SHA-256, images, directions, radii or axes, and
        `readings`, rows of [loss in nats, number of right answers]; empty if none is stored.
        """
        for value, known in (
            (target, targets),
            (images, IMAGES),
            (kind, MEASURES),
        ):
            if value not in known:
                text = f"There is no '{value}'. There are: {', '.join(known)}."
                raise refusal(text)
        ways = DIRECTIONS if kind in WITH_DISTANCE else ("",)
        found = [one for way in ways for one in stored.of(target, images, kind, way)]
        return as_json(found)

    # The endpoint's own fields, which the page does not show.
    with gr.Row(visible=False):
        gr.Button().click(
            landscape,
            [
                gr.Textbox(first, label="target"),
                gr.Textbox("target", label="images"),
                gr.Textbox("flatness", label="kind"),
            ],
            gr.JSON(label="records"),
            api_name="landscape",
        )
