"""One layer, rounded: its sentence, charts and table."""

import math
from collections.abc import Callable, Sequence

from qtdog.explorer import LayerRounding, Rounding
from qtdog.ui import charts
from qtdog.ui.appearance import METHOD_STYLES
from qtdog.ui.charts import Axis, Chart, number
from qtdog.ui.markup import Markup, html
from qtdog.ui.quantize.words import LEVELS, shape, size, summary
from qtdog.ui.sentences import percent

SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def layer_sentence(seen: LayerRounding) -> Markup:
    """What this width does to this layer, in words."""
    rounding = seen.rounding
    used = sum(count > 0 for count in rounding.codes)
    channels = seen.layer.shape[0]
    said = [
        f"At {rounding.bits} bits a weight can take {len(rounding.grid)} values"
        + (" in each channel" if rounding.by_channel else "")
        + ("" if rounding.uniform else ", powers of two and zero")
        + f"; {used} of them are used"
        + (" in some channel" if rounding.by_channel else "")
        + "."
    ]
    if rounding.clipped:
        said.append(
            f"{rounding.clipped:,} of {rounding.total:,} weights "
            f"({percent(rounding.clipped / rounding.total)}) lie beyond the grid's ends and are "
            "cut off."
        )
    else:
        said.append("No weight lies beyond the grid's ends.")
    said.append(f"Rounding moves the weights by {percent(rounding.relative_error)} of their size.")
    if not rounding.uniform:
        said.append("More bits add levels around zero only: between large ones the gaps stay wide.")
    said.append(_uniform_words(rounding))
    if seen.layer.left_out:
        said.append("This layer gives the answer and stays in full precision in every checkpoint.")
    else:
        said.append(
            f"The whole layer shrinks from {size(seen.layer_bytes_full)} to "
            f"{size(seen.layer_bytes)}, step sizes of {channels:,} "
            f"{'channel' if channels == 1 else 'channels'} included."
        )
    return summary(said[0], " ".join(said[1:]))


def _uniform_words(rounding: Rounding) -> str:
    """Is the error as uniform as so few weights can show?"""
    if not sum(rounding.errors.counts):
        return "All weights are cut off, so there is no rounding error to look at."
    by_chance = rounding.divergence_by_chance
    if rounding.divergence < 2 * by_chance:
        return "The rounding error looks as even as truly uniform noise would with so many weights."
    if rounding.divergence < 0.05:
        return "The rounding error is nearly uniform, though not quite."
    why = ": too few levels for the shape of the weights" if rounding.uniform else ""
    return f"The rounding error is far from uniform{why}."


def weights_chart(rounding: Rounding) -> str:
    """The weights' histogram with the grid's levels on it."""
    edges, counts = rounding.weights.edges, rounding.weights.counts
    unit = "step size" if rounding.uniform else "largest level"
    unit = f"weight ÷ {unit} of its channel" if rounding.by_channel else "weight"
    low, high = edges[0], edges[-1]
    chart = Chart(
        Axis(low, high, unit),
        Axis(0, 1.08 * max(counts), "weights"),
        f"Histogram of {rounding.total:,} weights between {number(low)} and {number(high)}, with "
        f"the {len(rounding.grid)} levels of the grid as lines",
    )
    if rounding.uniform:  # of powers of two the largest is chosen such that nothing is cut off
        half = (rounding.grid[1] - rounding.grid[0]) / 2
        chart.band(low, rounding.grid[0] - half, "var(--clipped)")
        chart.band(rounding.grid[-1] + half, high, "var(--clipped)")
    chart.bars(edges, counts, "var(--erm)")
    seen = sum(low <= level <= high for level in rounding.grid)
    few = seen <= (20 if rounding.uniform else 9)  # powers of two crowd around zero
    chart.verticals(rounding.grid, "var(--grid-line)", 1.8 if few else 0.7)
    marks = charts.legend(
        [
            (METHOD_STYLES["erm"].marker, "var(--erm)", "weights in full precision"),
            ("│", "var(--grid-line)", "where they may go"),
            *([("■", "var(--clipped)", "cut off")] if rounding.uniform else []),
        ]
    )
    table = _histogram_table(unit, edges, counts, number, "Weights by value")
    return charts.figure("Weights and the grid", chart.svg(), marks, table)


def errors_chart(rounding: Rounding) -> str:
    """The rounding errors' histogram against the uniform distribution."""
    edges, counts = rounding.errors.edges, rounding.errors.counts
    n = sum(counts)
    even = n / len(counts)
    unit = "in step sizes" if rounding.uniform else "share of the gap between levels"
    chart = Chart(
        Axis(-0.5, 0.5, f"rounding error, {unit}"),
        Axis(0, 1.15 * max(*counts, even, 1), "weights"),
        f"Histogram of the rounding errors of {n:,} weights; divergence from uniform "
        f"{rounding.divergence:.4f} nats",
    )
    chart.bars(edges, counts, "var(--post-training)")
    chart.line([(-0.5, even), (0.5, even)], "currentColor", "dashed", 1.6)
    marks = charts.legend(
        [
            (METHOD_STYLES["post-training"].marker, "var(--post-training)", "rounding errors"),
            ("┄", "currentColor", "uniform noise"),
        ]
    )
    table = _histogram_table(
        f"error, {unit}", edges, counts, "{:+.3f}".format, "Weights by rounding error"
    )
    return charts.figure("What rounding adds", chart.svg(), marks, table)


def _histogram_table(
    what: str,
    edges: Sequence[float],
    counts: Sequence[int],
    number: Callable[[float], str],
    caption: str,
) -> Markup:
    """A histogram's numbers: from edge to edge, and how many weights lie there."""
    rows = (
        (f"{number(left)} to {number(right)}", f"{count:,}")
        for left, right, count in zip(edges, edges[1:], counts, strict=False)
    )
    return charts.table((what, "weights"), rows, caption)


def codes_chart(seen: LayerRounding) -> Markup:
    """How often each code is used: rounded after training, and by QT-DoG trained at this width."""
    if seen.layer.left_out:
        return Markup()
    if not seen.trained_codes:
        return html(
            '<p class="aside-note">No QT-DoG network was trained here at '
            "{} bits with {}, so there are "
            "no trained codes to set beside these.</p>",
            seen.rounding.bits,
            LEVELS[seen.rounding.uniform],
        )
    rounded, trained = seen.rounding.codes, seen.trained_codes
    lowest = seen.rounding.smallest_code
    unit = (
        "a whole number of step sizes"
        if seen.rounding.uniform
        else "± counts powers of two from the smallest"
    )
    used = [i for i in range(len(rounded)) if rounded[i] or trained[i]]
    first, last = used[0], used[-1]
    chart = Chart(
        Axis(lowest + first - 0.5, lowest + last + 0.5, f"code ({unit})"),
        Axis(0, 1.1 * max(*rounded, *trained), "weights"),
        "How many weights take each code, rounded after training and trained with QT-DoG",
    )
    codes = range(first, last + 1)
    edges = [lowest + i - 0.5 for i in range(first, last + 2)]
    chart.bars(edges, [rounded[i] for i in codes], "var(--post-training-soft)")
    outline = [
        point
        for i in codes
        for point in ((lowest + i - 0.5, trained[i]), (lowest + i + 0.5, trained[i]))
    ]
    chart.line(outline, "var(--qt-dog)", width=1.8)
    marks = charts.legend(
        [
            ("■", "var(--post-training-soft)", "full precision, rounded"),
            (METHOD_STYLES["qt-dog"].marker, "var(--qt-dog)", "QT-DoG, trained at this width"),
        ]
    )
    rows = ((f"{lowest + i}", f"{rounded[i]:,}", f"{trained[i]:,}") for i in codes)
    table = charts.table(("code", "rounded", "QT-DoG"), rows, "Weights by code")
    return charts.figure("Rounded afterwards, and trained", chart.svg(), marks, table)


def layer_table(seen: LayerRounding) -> str:
    """The numbers beside the figures."""
    rounding = seen.rounding
    rows = [
        ("shape (output channels first)", shape(seen.layer)),
        ("weights looked at", f"{rounding.total:,}"),
        *_grid_rows(rounding),
        ("error relative to the weights", f"{rounding.relative_error:.4f}"),
        ("cut off", f"{rounding.clipped:,} ({_share(rounding.clipped, rounding.total)})"),
        ("codes used", codes_used(rounding.codes)),
        *([("… by QT-DoG", codes_used(seen.trained_codes))] if seen.trained_codes else []),
        ("error's divergence from uniform", f"{rounding.divergence:.4f} nats"),
        ("… uniform noise, by chance", f"{rounding.divergence_by_chance:.4f} nats"),
        ("layer, in 32 bits", size(seen.layer_bytes_full)),
        ("layer, in the file", _ratio(seen.layer_bytes, seen.layer_bytes_full)),
        ("network's file, in 32 bits", size(seen.network_bytes_full)),
        ("network's file", _ratio(seen.network_bytes, seen.network_bytes_full)),
    ]
    return charts.table(("", f"{rounding.bits} bits"), rows, "In numbers")


def codes_used(counts: Sequence[int]) -> str:
    """ "23 of 128, entropy 3.9 bits": the effective width beside the nominal one."""
    used = [count for count in counts if count]
    total = sum(used)
    entropy = sum(count / total * math.log2(total / count) for count in used)
    return f"{len(used)} of {len(counts)}, entropy {entropy:.1f} bits"


def _grid_rows(rounding: Rounding) -> list[tuple[str, str]]:
    """Step sizes, or the ends of the powers of two."""
    smallest, median, largest = rounding.step_sizes
    if rounding.uniform and smallest == largest:
        return [("step size", number(median))]
    if rounding.uniform:
        return [
            ("step sizes, smallest … largest", f"{smallest:.3g} … {largest:.3g}"),
            ("step size, median", number(median)),
        ]
    top = 2.0 ** (-rounding.smallest_code - 1)  # the largest level over the smallest but zero
    return [
        (f"{name} level", " … ".join(dict.fromkeys([_power(smallest * to), _power(largest * to)])))
        for name, to in (("smallest", 1.0), ("largest", top))
    ]


def _power(value: float) -> str:
    """A power of two, such as "2⁻⁷"."""
    return "2" + str(round(math.log2(value))).translate(SUPERSCRIPTS)


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.2f} %" if whole else "0 %"


def _ratio(count: int, full: int) -> str:
    return f"{size(count)} ({count / full:.2f}×)"
