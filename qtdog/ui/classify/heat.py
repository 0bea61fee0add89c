"""Where the models look: heat over the picture, in pictures, words and a slider between two."""

from collections.abc import Sequence

import numpy as np
from PIL import Image
from plotly.colors import sequential, unlabel_rgb

from qtdog.csv_file import csv_text
from qtdog.explorer import Explanation
from qtdog.ui.appearance import METHOD_STYLES
from qtdog.ui.charts import TOOLS
from qtdog.ui.inline import data_uri
from qtdog.ui.markup import Markup, html, join
from qtdog.ui.sentences import listed, percent, plain

SIDE = 360  # px of the longer side of an overlay
STRONGEST = 0.7  # opacity of the hottest place
COLOURS = tuple(unlabel_rgb(colour) for colour in sequential.YlOrRd)  # light to dark: also in grey
PLACES = (
    ("upper left", "top", "upper right"),
    ("left", "centre", "right"),
    ("lower left", "bottom", "lower right"),
)
PREPOSITIONS = {"top": "at", "bottom": "at", "left": "on", "right": "on"}
MOST_PLACES_NAMED = 3

# Two of the overlays one above the other: the slider uncovers, the lists choose which two.
ON_LOAD = """
element.addEventListener("input", (event) => {
    const compare = event.target.closest(".compare");
    if (!compare) return;
    if (event.target.type === "range") {
        compare.style.setProperty("--at", event.target.value + "%");
        return;
    }
    const chosen = element.querySelector(`.look[data-method="${event.target.value}"] img`);
    const layer = compare.querySelector("img." + event.target.name);
    layer.src = chosen.src;
    layer.alt = chosen.alt;
});
"""


def overlay(image: Image.Image, heat: Sequence[Sequence[float]]) -> Image.Image:
    """`heat` (rows of 0..1) in colour over `image` in grey, RGB, `SIDE` px at the longer side.

    The map has far fewer places than the picture and is enlarged smoothly, as is usual.
    """
    scale = SIDE / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    grey = np.asarray(image.resize(size).convert("L").convert("RGB"), np.float32)
    small = Image.fromarray(np.asarray(heat, np.float32))
    hot = np.asarray(small.resize(size, Image.Resampling.BICUBIC)).clip(0, 1)  # (h, w)
    steps = np.linspace(0, 1, len(COLOURS))
    channels = [np.interp(hot, steps, [colour[i] for colour in COLOURS]) for i in range(3)]
    weight = (hot * STRONGEST)[..., None]
    mixed = grey * (1 - weight) + np.stack(channels, -1) * weight
    return Image.fromarray(mixed.round().astype(np.uint8))


def where(heat: Sequence[Sequence[float]]) -> str:
    """Where the heat is, in words: "61 % of the heat is in the upper left and at the top".

    The picture is cut into nine equal parts; a place of the map counts to each by its area. The
    fewest parts that hold at least half of the heat are named, if three or fewer do.
    """
    shares = ninths(heat)
    if shares is None:
        return "no place speaks for this class"
    shares = shares.round(9)  # not 0.999999999: equal shares are equal, and all is 100 %
    order = np.argsort(-shares, axis=None, kind="stable")
    sums = np.cumsum(shares.ravel()[order])
    count = int(np.searchsorted(sums, 0.5 - 1e-6)) + 1
    if count > MOST_PLACES_NAMED:
        most, least = _at(order[0]), _at(order[-1])
        return f"the heat is spread out, the most ({percent(sums[0])}) {most}, the least {least}"
    places = listed([_at(place) for place in order[:count]])
    return f"{percent(sums[count - 1])} of the heat is {places}"


def ninths(heat: Sequence[Sequence[float]]) -> np.ndarray | None:
    """Shares of the heat, (3, 3), in the parts of `PLACES`; None where there is no heat."""
    values = np.asarray(heat, np.float64)
    total = values.sum()
    if total <= 0:
        return None
    rows, columns = (_thirds(length) for length in values.shape)
    return rows @ values @ columns.T / total


def seen_colours() -> list[tuple[int, ...]]:
    """The colours as they occur on a picture of middle grey: nowhere are they opaque."""
    last = len(COLOURS) - 1
    weights = [STRONGEST * place / last for place in range(last + 1)]
    return [
        tuple(round(128 * (1 - weight) + value * weight) for value in colour)
        for weight, colour in zip(weights, COLOURS, strict=True)
    ]


def looks(image: Image.Image, explanations: Sequence[Explanation]) -> Markup:
    """All overlays side by side, and a slider between two of them."""
    shown = {
        one.method: (data_uri(overlay(image, one.heat), "webp", quality=80), one)
        for one in explanations
    }
    figures = join(_look(address, one) for address, one in shown.values())
    legend = ", ".join(f"rgb{colour}" for colour in seen_colours())
    return (
        html(
            '<div class="figure"><div class="looks">{}</div>'
            '<p class="scale"><span>nothing</span><span class="ramp" aria-hidden="true" '
            'style="background: linear-gradient(to right, {})"></span>'
            "<span>each model's hottest place</span></p>"
            '<span data-csv="{}" hidden></span>{}</div>',
            figures,
            legend,
            _numbers(explanations),
            TOOLS,
        )
        + (_compare(shown) if len(shown) > 1 else "")
        + html(
            '<p class="note">Grad-CAM (Selvaraju et al., 2017): places whose features in the last '
            "feature map raise the class's logit. Each model has a scale of its own, so colours "
            "say where, not how much. The map has few places and is enlarged; it shows what the "
            "answer rests on, not why.</p>"
        )
    )


def _numbers(explanations: Sequence[Explanation]) -> str:
    """The maps as CSV: rows from the top, columns from the left, both from 1."""
    head = ("model", "class", "row", "column", "heat (1: this model's hottest place)")
    return csv_text(
        head,
        [
            (one.model, one.label, row, column, f"{value:.4f}")
            for one in explanations
            for row, values in enumerate(one.heat, start=1)
            for column, value in enumerate(values, start=1)
        ],
    )


def _look(address: str, one: Explanation) -> Markup:
    style = METHOD_STYLES[one.method]
    label, name = plain(one.label), one.model
    words = where(one.heat)
    return html(
        '<figure class="look" data-method="{}" style="--ink: var(--{})">'
        '<img src="{}" alt="{}, {}: {}">'
        '<figcaption><b><span class="marker" aria-hidden="true">{}</span> {}</b>, '
        "for <b>{}</b>: {}.</figcaption></figure>",
        one.method,
        one.method,
        address,
        name,
        label,
        words,
        style.marker,
        name,
        label,
        words,
    )


def _compare(shown: dict[str, tuple[str, Explanation]]) -> Markup:
    left, right = next(iter(shown)), list(shown)[-1]

    def layer(side: str, method: str) -> Markup:
        address, one = shown[method]
        alt = f"{one.model}, {plain(one.label)}: {where(one.heat)}"
        return html('<img class="{}" src="{}" alt="{}">', side, address, alt)

    def choice(side: str, chosen: str) -> Markup:
        options = join(
            html(
                '<option value="{}"{}>{}</option>',
                method,
                " selected" if method == chosen else "",
                one.model,
            )
            for method, (_, one) in shown.items()
        )
        return html('<label>{} <select name="{}">{}</select></label>', side, side, options)

    return html(
        '<div class="compare" style="--at: 50%"><h3>Compare two</h3>'
        '<div class="stage">{}{}'
        '<span class="edge" aria-hidden="true"></span></div>'
        '<input type="range" min="0" max="100" value="50" '
        'aria-label="How much of the left model is shown, in percent">'
        '<div class="pick">{}{}</div></div>',
        layer("right", right),
        layer("left", left),
        choice("left", left),
        choice("right", right),
    )


def _at(place: int) -> str:
    name = PLACES[place // 3][place % 3]
    return f"{PREPOSITIONS.get(name, 'in')} the {name}"


def _thirds(length: int) -> np.ndarray:
    """(3, length): how much of each of `length` equal stretches lies in each third."""
    edges = np.arange(length + 1) / length
    low, high = edges[:-1], edges[1:]
    begin, end = (np.arange(3) / 3)[:, None], (np.arange(1, 4) / 3)[:, None]
    return (np.minimum(high, end) - np.maximum(low, begin)).clip(min=0) * length
