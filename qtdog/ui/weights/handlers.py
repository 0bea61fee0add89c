"""What the comparison shows when a choice changes."""

from typing import Any

import gradio as gr

from qtdog.csv_file import csv_bytes
from qtdog.explorer import Compared, Explorer, LayerDistance, WeightPairs
from qtdog.ui.downloads import Downloads
from qtdog.ui.events import Shown
from qtdog.ui.figures import notices
from qtdog.ui.markup import html
from qtdog.ui.weights.figures import (
    channels_table,
    histograms,
    layers_chart,
    layers_table,
    scatter,
)
from qtdog.ui.weights.layout import Layout
from qtdog.ui.weights.table import to_csv
from qtdog.ui.weights.words import comparison, layer_sentence, names


class Handlers:
    """They read the pairs, and change nothing."""

    def __init__(self, at: Layout, explorer: Explorer, pairs: WeightPairs) -> None:
        self._at, self._explorer, self._pairs = at, explorer, pairs
        self._downloads = Downloads()

    def show(self, first: str, second: str, named: str) -> Shown:
        """Everything about the two, and the layer that is named, or else differs most."""
        at = self._at
        try:
            compared = self._pairs.compare(first, second)
        except ValueError as error:
            nothing = dict.fromkeys((at.layers, at.layer_said, *self._figures), "")
            said = notices([self._explorer.without_root(error)])
            none = gr.Dropdown([], value=None)
            return {
                **nothing,
                at.said: said,
                at.layer: none,
                at.download: gr.DownloadButton(visible=False),
            }
        path = self._downloads.offer("qtdog-weights.csv", csv_bytes(to_csv(compared)))
        choices = [
            (f"{place} · {one.name} · {one.kind}", one.name)
            for place, one in enumerate(compared.layers, start=1)
        ]
        chosen = _chosen(compared, named)
        return {
            at.said: comparison(compared),
            at.layer: gr.Dropdown(choices, value=chosen),
            at.download: gr.DownloadButton(value=path, visible=True),
            **self._layer(compared, first, second, chosen),
        }

    def show_layer(self, first: str, second: str, named: str) -> Shown:
        """Another layer of the two."""
        try:
            compared = self._pairs.compare(first, second)
        except ValueError:  # it is said already
            return {self._at.layer_said: gr.skip()}
        chosen = _chosen(compared, named)
        return {
            self._at.layer: gr.update(value=chosen),
            **self._layer(compared, first, second, chosen),
        }

    def choose(self, event: gr.EventData) -> Any:
        """The layer that was clicked."""
        return event.layer if isinstance(event.layer, str) else gr.skip()

    @property
    def _figures(self) -> tuple[Any, ...]:
        return self._at.histograms, self._at.scatter, self._at.channels

    def _layer(self, compared: Compared, first: str, second: str, chosen: str | None) -> Shown:
        if chosen is None:
            return dict.fromkeys((self._at.layers, self._at.layer_said, *self._figures), "")
        pair = self._pairs.layer(first, second, chosen)
        sentence = layer_sentence(pair.layer, *names(compared))
        return {
            self._at.layers: layers_chart(compared, chosen) + layers_table(compared),
            self._at.layer_said: html('<p class="picture-said">{}</p>', sentence),
            self._at.histograms: histograms(pair, compared),
            self._at.scatter: scatter(pair, compared),
            self._at.channels: channels_table(pair, compared),
        }


def _chosen(compared: Compared, named: str) -> str | None:
    """The layer of that name; by default the one with the largest part of weights on another
    level, or, without levels, the one farthest apart. None where no layer is common."""
    if named in {one.name for one in compared.layers}:
        return named

    def differs(one: LayerDistance) -> tuple[float, float]:
        return (one.changed or 0) / one.weights, one.distance or 0

    return max(compared.layers, key=differs).name if compared.layers else None
