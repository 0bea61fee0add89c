"""Where the fields and figures of the comparison stand."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from qtdog.checkpoints import CheckpointConfig
from qtdog.ui.markup import Html, html
from qtdog.ui.weights.words import choice_name

SCRIPT = Path(__file__).with_name("weights.js").read_text(encoding="utf-8")
WAITING = html('<p class="summary" role="status">Comparing the weights …</p>')
NOTES = html(
    '<div class="foot"><p>Apart: the norm of the difference over the norm of the first network\'s '
    "weights. Batch norm is folded into the convolutions of both, as in the stored checkpoints, so "
    "these are the weights that answers are computed with. The grid is the quantized network's, of "
    "two quantized ones the second's; the other network is rounded to its levels to see which "
    "weights take another one. The classifier, the last bar, stays in 32 bits. Runs of one seed "
    "and held-out domain are one run up to the step at which quantization begins.</p></div>"
)


@dataclass(frozen=True)
class Layout:
    """The view's components that something happens to."""

    first: gr.Dropdown
    second: gr.Dropdown
    named: gr.Textbox
    """The layer that the address or a click asks for; empty for the one that differs most."""
    said: Html
    layers: Html
    layer: gr.Dropdown
    layer_said: Html
    histograms: Html
    scatter: Html
    channels: Html
    download: gr.DownloadButton


def lay_out(networks: Mapping[str, CheckpointConfig], pair: tuple[str, str]) -> Layout:
    """Lay out the view for at least one pair, which it begins with."""
    choices = [(choice_name(config), key) for key, config in networks.items()]
    with gr.Row(elem_id="weights-pair"):
        first, second = (
            gr.Dropdown(choices, value=key, label=label, min_width=280, elem_id=f"weights-{name}")
            for name, label, key in zip(
                ("first", "second"), ("Network", "Compared with"), pair, strict=True
            )
        )
    said = Html(WAITING, padding=False)
    named = gr.Textbox("", label="layer", elem_classes="unseen")
    with gr.Row(elem_classes="quantize-pair"):
        layers = Html(elem_id="weights-layers", js_on_load=SCRIPT, padding=False, min_height=300)
        with gr.Column():
            layer = gr.Dropdown([], label="Layer", elem_id="weights-layer")
            layer_said = Html(padding=False)
            channels = Html(padding=False, elem_classes="scroll wide")
    with gr.Row(elem_classes="quantize-pair"):
        histograms = Html(padding=False, min_height=300)
        scatter = Html(padding=False, min_height=300)
    download = gr.DownloadButton(
        "Every layer in numbers (CSV)", size="md", visible=False, elem_id="weights-csv"
    )
    Html(NOTES, padding=False)
    return Layout(
        *(first, second, named, said, layers, layer, layer_said, histograms, scatter, channels),
        download,
    )
