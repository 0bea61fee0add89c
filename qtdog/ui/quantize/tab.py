"""The Quantize tab: one layer's weights on a grid, and the whole network at every width."""

import re
from typing import Any

import gradio as gr
from gradio.components import Component

from qtdog.explorer import Explorer, Lab
from qtdog.images import read_image
from qtdog.results import load_results
from qtdog.ui.address import Address, one_of, whole_number
from qtdog.ui.choices import seen_change
from qtdog.ui.events import PRIVATE, alone
from qtdog.ui.markup import Html, html
from qtdog.ui.quantize.endpoints import LAB_QUEUE, add_endpoints
from qtdog.ui.quantize.handlers import Handlers
from qtdog.ui.quantize.layout import GRANULARITIES, HEAD, RULES, Layout, lay_out
from qtdog.ui.samples import known_to, samples
from qtdog.ui.weights.view import GRID, VIEWS, layer_name, weights_view


def quantize_tab(explorer: Explorer, address: Address, tab: gr.Tab, picture: Component) -> None:
    """Lay out the tab inside `tab`; its networks follow the page's held-out domain. `picture`: the
    field with the visitor's picture."""
    pictures = samples()
    lab = Lab(
        explorer, lambda classes: [read_image(one.path) for one in known_to(pictures, classes)]
    )
    references = lab.references()
    Html(HEAD, padding=False)
    if not references:
        Html(html('<p class="summary">There is no full-precision checkpoint to round.</p>'))
        return
    # Which of the two is seen follows from the choice by style alone: what is not laid out would
    # have no events.
    with gr.Column(elem_id="quantize-views"):
        view = gr.Radio(VIEWS, value=GRID, label="Show", elem_id="quantize-view")
        with gr.Column(elem_id="quantize-grid"):
            at = lay_out(references)
        with gr.Column(elem_id="quantize-weights"):
            weights_view(explorer, address, tab, view)
    address.add("quantize", view, one_of([value for _, value in VIEWS]))
    _wire(
        at, Handlers(explorer, lab, pictures, load_results().measured), address.gone, tab, picture
    )
    keys = [one.key for one in references]
    usual: dict[str, str] = {}
    for key in keys:
        usual.setdefault(key.rpartition("/")[0], key)
    address.add("rounded", at.reference, one_of(keys), usual=usual)
    address.add("layer", at.named, layer_name)
    address.add("channel", at.part, channel_number)
    address.add("bits", at.bits, whole_number(2, 8))
    address.add("steps", at.granularity, one_of([value for _, value in GRANULARITIES]))
    address.add("rule", at.rule, one_of([value for _, value in RULES]))
    add_endpoints(explorer, lab, references[0].key)


def _wire(at: Layout, does: Handlers, gone: gr.Textbox, tab: gr.Tab, picture: Component) -> None:
    queue: dict[str, Any] = {
        **alone(LAB_QUEUE),
        **PRIVATE,
        "trigger_mode": "always_last",
    }
    asked = [at.reference, at.layer, at.bits, at.channel, at.granularity, at.rule]
    shown = [at.said, at.weights, at.errors, at.codes, at.numbers]
    whole = [at.reference, at.granularity, at.rule, picture]
    # Nothing is computed before somebody opens the tab.
    opened = gr.on(
        [tab.select, *(seen_change(one, "quantize-layer").change for one in (at.reference, gone))],
        does.choose_reference,
        [at.reference, at.named, at.part],
        [at.layer, at.channel],
        **queue,
    )
    opened.then(does.show_layer, asked, shown, **queue).then(
        does.show_network, whole, at.network, **queue
    )
    at.layer.input(
        does.choose_layer, [at.reference, at.layer], [at.channel, at.named, at.part], **queue
    ).then(does.show_layer, asked, shown, **queue)
    at.channel.input(does.choose_channel, at.channel, at.part, **PRIVATE, queue=False)
    for one in (at.bits, at.channel):
        one.input(does.show_layer, asked, shown, **queue)
    for one in (at.granularity, at.rule):
        one.input(does.show_layer, asked, shown, **queue).then(
            does.show_network, whole, at.network, **queue
        )


def channel_number(text: str) -> str:
    """A parser for an output channel, from 1: how many there are, depends on the layer."""
    if not re.fullmatch(r"([1-9][0-9]{0,4})?", text):
        raise ValueError("it is the number of an output channel, from 1")
    return text
