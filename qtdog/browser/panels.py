"""What the written pages are put together from: figures, and panels of which one is shown.

`site.js` wires them; without JavaScript every panel and every table is shown.
"""

import base64
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.io.json import to_json_plotly

from qtdog.ui import Markup, View, charts, html, join, trusted


def plot(figure: go.Figure | None) -> Markup:
    """A figure as JSON, which is drawn when it comes into view; nothing of none."""
    return Markup() if figure is None else plot_of([("", figure)])


def plot_of(looks: Sequence[tuple[str, go.Figure]]) -> Markup:
    """The same of a figure that has several looks: each with its name, the first is usual."""
    drawn = join(
        html('<script type="application/json" data-look="{}">{}</script>', name, _json(figure))
        for name, figure in looks
    )
    height = looks[0][1].to_dict()["layout"].get("height", 450)
    return html('<div class="plot" style="height: {}px">{}</div>', height, drawn)


def pair(*shown: tuple[str, View]) -> Markup:
    """Figures side by side, each with what stands below it."""
    side_by_side = join(
        html(
            '<div class="figure"><h3>{}</h3>{}{}{}</div>',
            title,
            plot(view.figure),
            view.html,
            charts.TOOLS if view.figure else "",
        )
        for title, view in shown
    )
    return html('<div class="pair">{}</div>', side_by_side)


def choice(
    label: str, titles: Mapping[str, str], panels: Sequence[str], level: int, address: str
) -> Markup:
    """A list to choose one of several panels from; without JavaScript all are shown. `titles`:
    those of the panels, by what the address calls them under the name `address`."""
    shown = join(
        html('<section class="panel">{}{}</section>', panel_title(name, level), content)
        for name, content in zip(titles.values(), panels, strict=True)
    )
    chosen = select(label, titles, next(iter(titles)), {"data-address": address})
    return html('<div class="panels">{}{}</div>', chosen, shown)


def panel_title(name: str, level: int) -> Markup:
    """What stands over a panel where all are shown."""
    return html('<h{} class="panel-title">{}</h{}>', level, name, level)


def select(
    label: str, options: Mapping[str, str], chosen: str, attributes: Mapping[str, str]
) -> Markup:
    """A list in its label, which is shown where JavaScript wires it; `options`: words by value."""
    items = join(
        html(
            '<option value="{}"{}>{}</option>',
            value,
            html(" selected") if value == chosen else "",
            words,
        )
        for value, words in options.items()
    )
    return html(
        '<label class="choice" hidden>{} <select{}>{}</select></label>',
        label,
        _attributes(attributes),
        items,
    )


def check(label: str, checked: bool, attributes: Mapping[str, str]) -> Markup:
    """A box in its label, likewise."""
    return html(
        '<label class="choice check" hidden><input type="checkbox"{}{}> {}</label>',
        html(" checked") if checked else "",
        _attributes(attributes),
        label,
    )


def slug(name: str) -> str:
    """A name as part of an id."""
    return re.sub(r"\W+", "-", name.lower())


def _attributes(attributes: Mapping[str, str]) -> Markup:
    return join(html(' {}="{}"', name, value) for name, value in attributes.items())


def template() -> str:
    """What all figures have in common, as JSON: a third of each, which `site.js` puts back."""
    return str(to_json_plotly(go.Figure().to_dict()["layout"]["template"]))


def _json(figure: go.Figure) -> Markup:
    content = _light(figure.to_dict())
    content["layout"].pop("template", None)
    # No tag may end the script.
    return trusted(str(to_json_plotly(content)).replace("<", "\\u003c"))


def _light(value: Any) -> Any:
    """A figure's content with arrays of seven digits a number: half the bytes."""
    if isinstance(value, list | tuple):
        return [_light(one) for one in value]
    if not isinstance(value, dict):
        return value
    if value.get("dtype") == "f8":
        numbers = np.frombuffer(base64.b64decode(value["bdata"])).astype("<f4")
        return {**value, "dtype": "f4", "bdata": base64.b64encode(numbers.tobytes()).decode()}
    return {name: _light(one) for name, one in value.items()}
