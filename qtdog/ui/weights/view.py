"""Two networks compared: the view laid out and wired."""

import re
from typing import Any

import gradio as gr

from qtdog.explorer import Explorer, WeightPairs
from qtdog.ui.address import Address, one_of
from qtdog.ui.events import PRIVATE, alone
from qtdog.ui.markup import Html, html
from qtdog.ui.weights.endpoints import WEIGHTS_QUEUE, add_endpoint
from qtdog.ui.weights.handlers import Handlers
from qtdog.ui.weights.layout import lay_out

GRID, WEIGHTS = "grid", "weights"
VIEWS = [("One network on a grid", GRID), ("Two networks compared", WEIGHTS)]
NO_PAIR = html('<p class="summary">There are no two networks of one architecture here.</p>')


def weights_view(explorer: Explorer, address: Address, tab: gr.Tab, view: gr.Radio) -> None:
    """Lay out the comparison, which is computed once the tab shows it: `view` says whether."""
    pairs = WeightPairs(explorer)
    pair = pairs.opening()
    if pair is None:
        Html(NO_PAIR, padding=False)
        return
    at = lay_out(pairs.networks(), pair)
    of_domain = {one.key: found for one in explorer.targets() if (found := pairs.opening(one.key))}
    does = Handlers(at, explorer, pairs)
    asked = [at.first, at.second, at.named]
    of_layer = [at.layers, at.layer, at.layer_said, at.histograms, at.scatter, at.channels]
    queue: dict[str, Any] = {**alone(WEIGHTS_QUEUE), **PRIVATE, "trigger_mode": "always_last"}

    def opened(shown: str, *choice: str) -> Any:
        return does.show(*choice) if shown == WEIGHTS else {at.said: gr.skip()}

    gr.on(
        [tab.select, view.change, at.first.change, at.second.change],
        opened,
        [view, *asked],
        [at.said, at.download, *of_layer],
        **queue,
    )
    at.named.change(does.show_layer, asked, of_layer, **queue)
    at.layer.input(lambda name: name or "", at.layer, at.named, **PRIVATE, queue=False)
    at.layers.select(does.choose, None, at.named, **PRIVATE, queue=False)
    networks = list(pairs.networks())
    for place, (name, field) in enumerate((("first", at.first), ("second", at.second))):
        usual = {key: found[place] for key, found in of_domain.items()}
        address.add(f"weights-{name}", field, one_of(networks), usual=usual)
    address.add("weights-layer", at.named, layer_name)
    add_endpoint(explorer, pairs, pair)


def layer_name(text: str) -> str:
    """A parser for the name of a layer: which there are, depends on the networks."""
    if not re.fullmatch(r"[A-Za-z0-9_.]*", text):
        raise ValueError("it is the name of a layer, such as features.0.0.weight")
    return text
