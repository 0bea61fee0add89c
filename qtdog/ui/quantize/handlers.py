"""What the Quantize tab shows when a field changes."""

from collections.abc import Iterator, Sequence
from typing import Any

import gradio as gr

from qtdog.checkpoints import CheckpointError
from qtdog.explorer import Answers, Explorer, Grid, Lab
from qtdog.results import MeasuredResult
from qtdog.ui.figures import notices
from qtdog.ui.markup import Markup, html, warn
from qtdog.ui.picture import usable
from qtdog.ui.quantize.layer import (
    codes_chart,
    errors_chart,
    layer_sentence,
    layer_table,
    weights_chart,
)
from qtdog.ui.quantize.layout import ALL_CHANNELS
from qtdog.ui.quantize.measured import measured_at
from qtdog.ui.quantize.network import (
    network_chart,
    network_sentence,
    network_table,
    picture_sentence,
)
from qtdog.ui.quantize.thumbnails import thumbnail
from qtdog.ui.quantize.words import WAITING, WHICH_WIDTH, layer_name, waiting
from qtdog.ui.samples import Sample, known_to


class Handlers:
    """They read the laboratory and what was `measured`, and change nothing."""

    def __init__(
        self,
        explorer: Explorer,
        lab: Lab,
        pictures: Sequence[Sample],
        measured: Sequence[MeasuredResult] = (),
    ) -> None:
        self._measured = measured
        self._explorer, self._lab, self._samples = explorer, lab, pictures
        self._thumbnails = {sample.name: thumbnail(sample) for sample in pictures}

    def show_layer(
        self, key: str, name: str | None, width: int, part: str, sizes: str, choice: str
    ) -> tuple[str, ...]:
        try:
            seen = self._lab.round_layer(
                key, name or "", grid(width, sizes, choice), place_of(part)
            )
        except ValueError as error:
            return (notices([self._explorer.without_root(error)]), "", "", "", "")
        rounding = seen.rounding
        return (
            self._measured_at(key, width) + layer_sentence(seen),
            weights_chart(rounding),
            errors_chart(rounding),
            codes_chart(seen),
            layer_table(seen),
        )

    def _measured_at(self, key: str, width: int) -> Markup:
        references = {one.key: one.config for one in self._lab.references()}
        said = measured_at(width, references[key], self._measured)
        return said + WHICH_WIDTH if said else said

    def choose_reference(self, key: str, name: str, part: str) -> tuple[Any, Any]:
        """The layers of a network; `name` and `part` are the layer and the channel that the visitor
        chose, or empty."""
        try:
            known = self._lab.layers(key)
        except CheckpointError as error:
            warn(self._explorer.without_root(error), title="This checkpoint cannot be read")
            return gr.Dropdown([], value=None), gr.skip()
        choices = [(layer_name(place, one), one.name) for place, one in enumerate(known, start=1)]
        names = [one.name for one in known]
        chosen = name if name in names else names[len(names) // 2]
        return gr.Dropdown(choices, value=chosen), self._channels(key, chosen, part)

    def choose_layer(self, key: str, name: str) -> tuple[Any, str, str]:
        """The channels of another layer, of which all are looked at, and what the visitor chose."""
        return self._channels(key, name, ""), name, ""

    def choose_channel(self, channel: str) -> str:
        """What the visitor chose, empty for all."""
        return "" if channel == ALL_CHANNELS else channel

    def _channels(self, key: str, name: str, part: str) -> Any:
        one = next(one for one in self._lab.layers(key) if one.name == name)
        numbers = [str(place) for place in range(1, one.shape[0] + 1)]
        return gr.Dropdown(
            [ALL_CHANNELS, *numbers], value=part if part in numbers else ALL_CHANNELS
        )

    def show_network(self, key: str, sizes: str, choice: str, path: str | None) -> Iterator[str]:
        """The table grows network by network."""
        yield WAITING
        image = None if path is None else usable(path)
        if isinstance(image, Markup):
            yield image
            return
        answers: list[Answers] = []
        of_picture: list[Answers] = []
        try:
            contenders = self._lab.contenders(key, grid(8, sizes, choice))
            for contender in contenders:
                answers.append(self._lab.answer_samples(contender))
                if image is not None:
                    of_picture.append(self._lab.answer(contender, [image]))
                yield self._network(answers, of_picture, len(contenders))
        except CheckpointError as error:
            yield notices([self._explorer.without_root(error)])

    def _network(self, answers: list[Answers], of_picture: list[Answers], total: int) -> Markup:
        shown = known_to(self._samples, answers[0].classes)
        labels = [sample.label for sample in shown]
        thumbnails = [self._thumbnails[sample.name] for sample in shown]
        table = network_table(answers, shown, thumbnails, of_picture)
        if len(answers) < total:
            return waiting(len(answers), total) + table
        words = network_sentence(answers, labels)
        if of_picture:
            words += picture_sentence(of_picture)
        chart = network_chart(answers, labels)
        return html('<div class="network"><div>{}</div>{}</div>{}', words, chart, table)


def grid(bits: int, granularity: Any, rule: Any) -> Grid:
    """Raises ValueError for what does not exist."""
    return Grid(bits, granularity, rule)


def place_of(part: str) -> int | None:
    """The output channel, from 0, or None for all."""
    return None if part == ALL_CHANNELS else int(part) - 1
