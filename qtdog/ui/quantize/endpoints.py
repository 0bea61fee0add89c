"""The endpoints of the Quantize tab."""

from dataclasses import asdict
from typing import Any

import gradio as gr

from qtdog.explorer import Explorer, Lab
from qtdog.ui.events import alone
from qtdog.ui.markup import refusal
from qtdog.ui.picture import picture_field, read_or_say_why
from qtdog.ui.quantize.handlers import grid

# A network at a time passes through the explorer's lock, so this line does not hold up the others.
LAB_QUEUE = "lab"


def add_endpoints(explorer: Explorer, lab: Lab, first: str) -> None:
    """Lay out what the page does not show; `first` is the checkpoint to round by default."""

    def quantize_layer(
        checkpoint: str = first,
        layer: str = "",
        bits: int = 4,
        channel: int = 0,
        granularity: str = "channel",
        rule: str = "least error",
    ) -> dict[str, Any]:
        """Round one layer of a full-precision checkpoint and look at the error.

        checkpoint: "dataset/domain/name", for example "pacs/sketch/erm-seed0". layer: the name of
        its weight ("" lists what there is instead). bits: 2 to 8. channel: an output channel from
        1, or 0 for all. granularity: "channel" or "tensor", what one step size covers. rule:
        "least error", "start" (LSQ's initial step size) or "inq" (powers of two). Returns the
        histograms of the weights (where channels have grids of their own, in step sizes or, of
        powers of two, in largest levels) and of the rounding errors (in gaps between levels), the
        errors' size relative to the weights, the grid, counts by code, the divergence from
        uniform in nats, what was clipped, and the bytes of the layer and of the network's file.
        """
        try:
            if not layer:
                return {"layers": [asdict(one) for one in lab.layers(checkpoint)]}
            place = int(channel) - 1 if channel else None
            levels = grid(int(bits), granularity, rule)
            return asdict(lab.round_layer(checkpoint, layer, levels, place))
        except ValueError as error:
            raise refusal(explorer.without_root(error)) from None

    def quantize_network(
        checkpoint: str = first,
        image: str | None = None,
        granularity: str = "channel",
        rule: str = "least error",
    ) -> list[dict[str, Any]]:
        """Compare a checkpoint in full precision, rounded to 8..2 bits, and trained with QT-DoG.

        checkpoint: "dataset/domain/name". image: a picture file, or nothing for the bundled
        samples. granularity: "channel" or "tensor". rule: "least error", "start" or "inq".
        Returns one record a network: method, bits, checkpoint, bytes of its file, and for each
        picture the class and all probabilities.
        """
        try:
            contenders = lab.contenders(checkpoint, grid(8, granularity, rule))
            if image:
                shown = [read_or_say_why(image)]
                answers = [lab.answer(one, shown) for one in contenders]
            else:
                answers = [lab.answer_samples(one) for one in contenders]
        except ValueError as error:
            raise refusal(explorer.without_root(error)) from None
        return [
            {
                "method": one.contender.method,
                "bits": one.contender.bits,
                "checkpoint": one.contender.key,
                "network_bytes": one.network_bytes,
                "classes": one.classes,
                "labels": one.labels,
                "probabilities": one.probabilities,
            }
            for one in answers
        ]

    # The endpoints' own fields, which the page does not show.
    with gr.Row(visible=False):
        key = gr.Textbox(first, label="checkpoint")
        name = gr.Textbox("", label="layer")
        width = gr.Number(4, precision=0, label="bits")
        place = gr.Number(0, precision=0, label="channel")
        sizes = gr.Textbox("channel", label="granularity")
        choice = gr.Textbox("least error", label="rule")
        file = picture_field(label="image")
        record = gr.JSON(label="record")
        gr.Button().click(
            quantize_layer,
            [key, name, width, place, sizes, choice],
            record,
            api_name="quantize_layer",
            **alone(LAB_QUEUE),
        )
        gr.Button().click(
            quantize_network,
            [key, file, sizes, choice],
            record,
            api_name="quantize_network",
            **alone(LAB_QUEUE),
        )
