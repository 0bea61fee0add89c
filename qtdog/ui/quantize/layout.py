"""Where the Quantize tab's fields and figures stand."""

from collections.abc import Sequence
from dataclasses import dataclass

import gradio as gr

from qtdog.explorer import Reference
from qtdog.ui.choices import fold_button
from qtdog.ui.markup import Html, html
from qtdog.ui.quantize.words import WAITING, reference_name

ALL_CHANNELS = "all channels"
RULES = [
    ("smallest squared error", "least error"),
    ("where LSQ's training starts", "start"),
    ("powers of two (INQ)", "inq"),
]
GRANULARITIES = [("one a channel", "channel"), ("one a layer", "tensor")]
HEAD = html(
    '<p class="question">What does rounding do to a network that was trained in full precision, '
    "and what does training with rounded weights change in it?</p>"
)
NOTES = html(
    '<div class="foot"><p>A quantized network stores each weight as a small whole number, its '
    "code; weight = code × step size. With b bits there are 2<sup>b</sup> codes. QT-DoG rounds "
    "<em>while</em> it trains, so its weights can adapt.</p><p>Rounding to nearest, batch norm "
    "folded afterwards, the classifier left in 32 bits, as in our checkpoints. Nothing is trained "
    "or calibrated here. Better rounding "
    "after training exists; this shows what rounding alone does. The smallest squared error fits "
    "the step size to the weights as they are; LSQ's start, meant for training, is set by their "
    "mean size and at 7 bits reaches far beyond the largest of them. Powers of two are the "
    "levels of "
    '<a href="https://arxiv.org/abs/1702.03044" target="_blank" rel="noopener">INQ</a>, which '
    "itself rounds the largest weights first and trains the others on: code ±j stands for ± step "
    "size × 2<sup>j - 1</sup>, code 0 for 0. Divergence: Kullback-Leibler, 32 bins, without the "
    "weights that are cut off. Sizes are those that the file would have, to the byte.</p></div>"
)


@dataclass(frozen=True)
class Layout:
    """The tab's components that something happens to."""

    reference: gr.Dropdown
    bits: gr.Slider
    layer: gr.Dropdown
    channel: gr.Dropdown
    granularity: gr.Radio
    rule: gr.Radio
    said: Html
    weights: Html
    errors: Html
    codes: Html
    numbers: Html
    network: Html
    named: gr.Textbox
    """Unseen: the layer that the visitor chose, for the address; empty for the usual one."""
    part: gr.Textbox
    """Unseen: the channel likewise; empty for all."""


def lay_out(references: Sequence[Reference]) -> Layout:
    """Lay out one layer's part and the whole network's, for at least one reference."""
    with gr.Row(equal_height=False, elem_id="quantize-layer"):
        with gr.Column(scale=4, min_width=300):
            bits = gr.Slider(2, 8, 4, step=1, label="Bits a weight", elem_id="quantize-bits")
            with gr.Column(elem_classes="folds"):
                fold_button()
                reference = gr.Dropdown(
                    [(reference_name(one), one.key) for one in references],
                    value=references[0].key,
                    label="Network, in full precision",
                    elem_id="quantize-reference",
                    elem_classes=[] if len(references) > 1 else ["unseen"],
                )
                layer = gr.Dropdown([], label="Layer")
                channel = gr.Dropdown(
                    [ALL_CHANNELS], value=ALL_CHANNELS, label="Output channel", filterable=True
                )
                granularity = gr.Radio(GRANULARITIES, value="channel", label="Step sizes")
                rule = gr.Radio(RULES, value="least error", label="Levels")
        with gr.Column(scale=9, min_width=320):
            said = Html(WAITING, padding=False)
            with gr.Row(elem_classes="quantize-pair"):
                weights = Html(padding=False, min_height=300)
                errors = Html(padding=False, min_height=300)
            with gr.Row(elem_classes="quantize-pair"):
                codes = Html(padding=False)
                numbers = Html(padding=False)
    Html(
        html('<h2 class="section">The whole network, at every width, on a few pictures</h2>'),
        padding=False,
    )
    network = Html(WAITING, elem_id="quantize-network", padding=False)
    Html(NOTES, padding=False)
    named = gr.Textbox("", label="layer", elem_classes="unseen")
    part = gr.Textbox("", label="channel", elem_classes="unseen")
    return Layout(
        *(reference, bits, layer, channel, granularity, rule),
        *(said, weights, errors, codes, numbers, network, named, part),
    )
