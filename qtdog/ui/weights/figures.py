"""Two networks compared, as figures: all layers at a glance, then one of them."""

import math
from collections.abc import Sequence

from qtdog.checkpoints import CheckpointConfig
from qtdog.csv_file import csv_text
from qtdog.explorer import CELLS, Compared, LayerPair
from qtdog.ui import charts
from qtdog.ui.appearance import METHOD_STYLES
from qtdog.ui.charts import Axis, Chart, number
from qtdog.ui.markup import Markup, html, join
from qtdog.ui.weights.words import cosine, names, share

FAINTEST = 0.16
FEW_LEVELS = 40
TICKS = 8


def inks(compared: Compared) -> tuple[str, str]:
    """A colour for each: its method's, for the second the text's where both have the same."""
    first, second = (_ink(one) for one in (compared.first, compared.second))
    return first, (second if second != first else "currentColor")


def layers_chart(compared: Compared, chosen: str) -> Markup:
    """How far apart every layer is, a bar that can be clicked each; the chosen one is marked."""
    layers = compared.layers
    highest = max([one.distance or 0 for one in layers] + [one.rounding or 0 for one in layers])
    every = max(1, len(layers) // TICKS)
    chart = Chart(
        Axis(
            0.5,
            len(layers) + 0.5,
            "layer, from the image to the answer",
            tuple((place, str(place)) for place in range(1, len(layers) + 1, every)),
        ),
        Axis(0, 110 * highest or 1, "apart, % of the weights"),
        "How far apart the two networks are in each layer; the table below has the numbers",
    )
    _, ink = inks(compared)
    for place, one in enumerate(layers, start=1):
        looks = {"fill_opacity": "1" if one.name == chosen else "0.45"}
        title = f"{place} · {one.name}: {share(one.distance)}, {one.kind}"
        x = (place - 0.42, place + 0.42)
        chart.box(x, (0, 100 * (one.distance or 0)), ink, title, **looks)
        if one.rounding is not None:
            level = 100 * one.rounding
            chart.line([(x[0], level), (x[1], level)], "currentColor", width=2)
        # The whole height of a layer can be clicked.
        looks = {"data_layer": one.name, "fill_opacity": "0"}
        chart.box((place - 0.5, place + 0.5), (0, 110 * highest or 1), ink, title, **looks)
    entries = [("■", ink, "apart; click a layer")]
    if compared.whole.rounding is not None:
        entries.append(("—", "currentColor", "what rounding alone would do"))
    return charts.figure("Every layer", chart.svg(), charts.legend(entries))


def layers_table(compared: Compared) -> Markup:
    """The same in numbers, with a button a layer."""
    head = ("layer", "weights", "apart", "cosine", "by rounding", "other level", "codes", "steps")
    heads = join(html('<th scope="col">{}</th>', one) for one in head)
    rows = join(
        html(
            '<tr><th scope="row"><button type="button" data-layer="{}">{}</button></th>{}</tr>',
            one.name,
            f"{place} · {one.name}",
            join(
                html("<td>{}</td>", cell)
                for cell in (
                    f"{one.weights:,}",
                    share(one.distance),
                    cosine(one.cosine),
                    "" if one.rounding is None else share(one.rounding),
                    "" if one.changed is None else share(one.changed / one.weights),
                    _of_both(one.codes_used, one.codes_possible),
                    " / ".join("–" if step is None else f"{step:.3g}" for step in one.step_sizes),
                )
            ),
        )
        for place, one in enumerate(compared.layers, start=1)
    )
    first, second = names(compared)
    table = html(
        '<table class="numbers"><caption>Codes used of those there are, and median step sizes: '
        "{} / {}</caption><thead><tr>{}</tr></thead><tbody>{}</tbody></table>",
        *(first, second, heads, rows),
    )
    return charts.folded("Every layer in numbers", table)


def histograms(pair: LayerPair, compared: Compared) -> Markup:
    """Both networks' weights over the same bins, with the levels as lines."""
    first, second = pair.counts
    low, high = pair.edges[0], pair.edges[-1]
    unit = _unit(pair)
    chart = Chart(
        Axis(low, high, unit),
        Axis(0, 1.08 * max(*first, *second), "weights"),
        f"Histograms of the weights of both networks in this layer, {number(low)} to "
        f"{number(high)}, with {len(pair.grid)} levels as lines",
    )
    seen = [level for level in pair.grid if low <= level <= high]
    chart.verticals(seen, "var(--grid-line)", 1.2 if len(seen) <= FEW_LEVELS else 0.4)
    ink, other = inks(compared)
    for left, right, count in zip(pair.edges, pair.edges[1:], first, strict=False):
        if count:
            title = f"{number(left)} to {number(right)}: {count:,}"
            chart.box((left, right), (0, count), ink, title, fill_opacity="0.5")
    outline = [
        point
        for left, right, count in zip(pair.edges, pair.edges[1:], second, strict=False)
        for point in ((left, count), (right, count))
    ]
    chart.line(outline, other, width=1.8)
    one, two = names(compared)
    entries = [("■", ink, one), ("▁", other, two)]
    entries += [("│", "var(--grid-line)", "levels")] if seen else []
    beyond = max(pair.layer.weights - sum(counts) for counts in pair.counts)
    entries += [("", "", f"{beyond:,} lie farther out")] if beyond else []
    rows = (
        (f"{number(left)} to {number(right)}", f"{a:,}", f"{b:,}")
        for left, right, a, b in zip(pair.edges, pair.edges[1:], first, second, strict=False)
        if a or b
    )
    table = charts.table((unit, one, two), rows, "Weights by value")
    return charts.figure("Both histograms", chart.svg(), charts.legend(entries), table)


def scatter(pair: LayerPair, compared: Compared) -> Markup:
    """Weight against weight: what has not moved lies on the diagonal."""
    first, second = names(compared)
    reach = pair.reach * 1.02
    chart = Chart(
        Axis(-reach, reach, first),
        Axis(-reach, reach, second),
        f"{pair.layer.weights:,} weights of the layer, the first network's to the right and the "
        "second's upwards; equal ones lie on the diagonal",
        height=400,
    )
    _, ink = inks(compared)
    chart.line([(-reach, -reach), (reach, reach)], "currentColor", "dashed", 1.2)
    if pair.single:
        chart.dots(((one.first, one.second) for one in pair.cells), ink, 0.6)
        said = "each weight a point"
    else:
        half = pair.reach / CELLS
        most = math.log1p(max(one.count for one in pair.cells))
        for one in pair.cells:
            opacity = FAINTEST + (1 - FAINTEST) * math.log1p(one.count) / most
            title = f"about {number(one.first)} and {number(one.second)}: {one.count:,} weights"
            x, y = ((at - half, at + half) for at in (one.first, one.second))
            chart.box(x, y, ink, title, fill_opacity=f"{opacity:.2f}")
        said = f"the darker, the more weights; {pair.outside:,} lie farther out"
    entries = [("■", ink, said), ("┄", "currentColor", "not moved")]
    unit = html('<p class="aside-note">Both axes: {}.</p>', _unit(pair))
    rows = [(one.first, one.second, one.count) for one in pair.cells]
    numbers = csv_text((first, second, "weights"), rows)
    svg = chart.svg() + unit
    return charts.figure("Weight against weight", svg, charts.legend(entries), csv=numbers)


def channels_table(pair: LayerPair, compared: Compared) -> Markup:
    """The output channels that differ most."""
    first, second = names(compared)
    rows = (
        (
            str(one.channel),
            share(one.distance),
            cosine(one.cosine),
            *(f"{norm:.3g}" for norm in one.norms),
        )
        for one in pair.channels
    )
    head = ("channel", "apart", "cosine", f"norm, {first}", f"norm, {second}")
    of = f"The output channels that differ most, of {pair.layer.shape[0]:,}"
    return charts.table(head, rows, of)


def _ink(config: CheckpointConfig) -> str:
    return f"var(--{config.method if config.method in METHOD_STYLES else 'other'})"


def _unit(pair: LayerPair) -> str:
    if not pair.by_channel:
        return "weight"
    return f"weight ÷ {'step size' if pair.uniform else 'largest level'} of its channel"


def _of_both(used: Sequence[int | None], possible: Sequence[int | None]) -> str:
    cells = [
        "–" if one is None else f"{one} of {of}" for one, of in zip(used, possible, strict=True)
    ]
    return " / ".join(cells)
