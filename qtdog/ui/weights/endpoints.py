"""The endpoint of the comparison."""

from dataclasses import asdict
from typing import Any

import gradio as gr

from qtdog.explorer import Explorer, WeightPairs
from qtdog.ui.events import alone
from qtdog.ui.markup import refusal

WEIGHTS_QUEUE = "weights"


def add_endpoint(explorer: Explorer, pairs: WeightPairs, pair: tuple[str, str]) -> None:
    """Lay out what the page does not show; `pair` is compared by default."""

    def compare_weights(
        first: str = pair[0], second: str = pair[1], layer: str = ""
    ) -> dict[str, Any]:
        """Compare the weights of two single networks of one architecture, layer by layer.

        first: a network as "dataset/domain/name", for example "pacs/sketch/erm-seed0". second: the
        other one. layer: the name of a weight, or "" for all of them. Returns for all: `whole` and
        `layers` with distance over the first's norm, cosine, codes used, median step sizes, what
        rounding alone would do and how many weights take another code than rounding gives, and
        `not_common`, the layers that only one has or that have other shapes. For one layer: also
        both histograms, the levels, the channels that differ most, and the scatter's cells.
        """
        try:
            if layer:
                return asdict(pairs.layer(first, second, layer))
            compared = pairs.compare(first, second)
        except ValueError as error:
            raise refusal(explorer.without_root(error)) from None
        return {
            "first": first,
            "second": second,
            "whole": asdict(compared.whole),
            "layers": [asdict(one) for one in compared.layers],
            "not_common": [asdict(one) for one in compared.not_common],
        }

    # The endpoint's own fields, which the page does not show.
    with gr.Row(visible=False):
        gr.Button().click(
            compare_weights,
            [
                gr.Textbox(pair[0], label="first"),
                gr.Textbox(pair[1], label="second"),
                gr.Textbox("", label="layer"),
            ],
            gr.JSON(label="record"),
            api_name="compare_weights",
            **alone(WEIGHTS_QUEUE),
        )
