"""The Quantize tab's figures and sentences: pure functions, records in, text out."""

import math
from collections.abc import Sequence
from html import escape

from qtdog.lab import Answers, Layer, LayerRounding, Reference
from qtdog.rounding import Rounding
from qtdog.ui import charts
from qtdog.ui.charts import Axis, Chart, number
from qtdog.ui.figures import plain
from qtdog.ui.samples import Sample
from qtdog.ui.sentences import listed, percent
from qtdog.ui.theme import METHOD_STYLES

METHOD_WORDS = {
    "erm": "full precision",
    "post-training": "rounded after training",
    "qt-dog": "QT-DoG, trained rounded",
}
LEVELS = {True: "such step sizes", False: "powers of two"}
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
WAITING = '<p class="summary" role="status">Rounding the network …</p>'


def waiting(done: int, total: int) -> str:
    """How far the table is."""
    return f'<p class="summary">Rounding the network: {done} of {total} done …</p>'


def reference_name(reference: Reference) -> str:
    """ "sketch held out, seed 0, averaged"."""
    config = reference.config
    parts = [f"{plain(config.target_domain)} held out ({config.dataset.upper()})"]
    parts += [f"seed {config.training.seed}"] if config.training else []
    parts += [*config.added_methods, *(["averaged weights"] if config.averaged else [])]
    return ", ".join(parts)


def layer_name(place: int, layer: Layer) -> str:
    """ "12 · depthwise 3×3 conv · 144×1×3×3 (1,296 weights)"."""
    kind = layer.kind.replace("convolution", "conv")
    left_out = ", never quantized" if layer.left_out else ""
    return f"{place} · {kind} · {_shape(layer)} ({layer.weights:,} weights{left_out})"


def layer_sentence(seen: LayerRounding) -> str:
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
    return _summary(said[0], " ".join(said[1:]))


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
    rows = (
        (f"{number(left)} to {number(right)}", f"{count:,}")
        for left, right, count in zip(edges, edges[1:], counts, strict=False)
    )
    table = charts.table((unit, "weights"), rows, "Weights by value")
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
    rows = (
        (f"{left:+.3f} to {right:+.3f}", f"{count:,}")
        for left, right, count in zip(edges, edges[1:], counts, strict=False)
    )
    table = charts.table((f"error, {unit}", "weights"), rows, "Weights by rounding error")
    return charts.figure("What rounding adds", chart.svg(), marks, table)


def codes_chart(seen: LayerRounding) -> str:
    """How often each code is used: rounded after training, and by QT-DoG trained at this width."""
    if seen.layer.left_out:
        return ""
    if not seen.trained_codes:
        return (
            '<p class="aside-note">No QT-DoG network was trained here at '
            f"{seen.rounding.bits} bits with {LEVELS[seen.rounding.uniform]}, so there are "
            "no trained codes to set beside these.</p>"
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
        ("shape (output channels first)", _shape(seen.layer)),
        ("weights looked at", f"{rounding.total:,}"),
        *_grid_rows(rounding),
        ("error relative to the weights", f"{rounding.relative_error:.4f}"),
        ("cut off", f"{rounding.clipped:,} ({_share(rounding.clipped, rounding.total)})"),
        ("error's divergence from uniform", f"{rounding.divergence:.4f} nats"),
        ("… uniform noise, by chance", f"{rounding.divergence_by_chance:.4f} nats"),
        ("layer, in 32 bits", size(seen.layer_bytes_full)),
        ("layer, in the file", _ratio(seen.layer_bytes, seen.layer_bytes_full)),
        ("network's file, in 32 bits", size(seen.network_bytes_full)),
        ("network's file", _ratio(seen.network_bytes, seen.network_bytes_full)),
    ]
    return charts.table(("", f"{rounding.bits} bits"), rows, "In numbers")


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


def network_sentence(answers: Sequence[Answers], labels: Sequence[str]) -> str:
    """At which width each falls apart on the samples: right on fewer than half of them."""
    known = [label for label in labels if label in answers[0].classes]
    if not known:
        return (
            '<p class="summary">These networks know none of the classes of our samples; below is '
            "what they say all the same.</p>"
        )
    right = {one.contender: _right(one, labels) for one in answers}
    full = next(one for one in answers if one.contender.method == "erm")
    rounded = [one for one in answers if one.contender.method == "post-training"]
    trained = [one for one in answers if one.contender.method == "qt-dog"]
    n = len(known)
    said = [
        f"In full precision the network is right on {right[full.contender]} of our {n} samples."
    ]
    said.append(_falls("Rounded after training, it", rounded, right, n))
    if trained:
        said.append(_falls("QT-DoG", trained, right, n))
        widths = sorted(one.contender.bits for one in trained)
        if len(widths) < len(rounded):
            said.append(f"QT-DoG was trained here at {_bits(widths)} only.")
    else:
        levels = LEVELS[rounded[0].contender.grid.uniform]
        said.append(f"No QT-DoG network was trained here with {levels}.")
    if not rounded[0].contender.grid.uniform:
        said.append("INQ rounds some of the weights at a time and trains the others on.")
    return _summary(" ".join(said[:2]), " ".join(said[2:]))


def network_chart(answers: Sequence[Answers], labels: Sequence[str]) -> str:
    """Right answers on the samples against bits."""
    known = [label for label in labels if label in answers[0].classes]
    if not known:
        return ""
    n = len(known)
    chart = Chart(
        Axis(1.7, 8.3, "bits a weight", tuple((bits, str(bits)) for bits in range(2, 9))),
        Axis(0, n * 1.06, f"right, of {n} samples"),
        "Right answers on the samples against the bit width; the table below has the numbers",
    )
    full = next(one for one in answers if one.contender.method == "erm")
    level = _right(full, labels)
    chart.line([(1.7, level), (8.3, level)], "var(--erm)", "dashed", 1.6)
    entries = [("┄", "var(--erm)", "full precision, 32 bits")]
    for method in ("post-training", "qt-dog"):
        points = [
            (one.contender.bits, _right(one, labels))
            for one in answers
            if one.contender.method == method
        ]
        if points:
            marker = METHOD_STYLES[method].marker
            chart.line(points, f"var(--{method})")
            chart.markers(points, f"var(--{method})", marker)
            entries.append((marker, f"var(--{method})", METHOD_WORDS[method]))
    return charts.figure("Right answers by width", chart.svg(), charts.legend(entries))


def picture_sentence(answers: Sequence[Answers]) -> str:
    """At which width the class of the current picture changes."""
    full = next(one for one in answers if one.contender.method == "erm")
    rounded = [one for one in answers if one.contender.method == "post-training"]
    label, said = plain(full.labels[0]), []
    said.append(f"Your picture: full precision says {label} ({percent(full.confidences[0])}).")
    changed = next((one for one in rounded if one.labels != full.labels), None)
    if changed is None:
        said.append(
            f"Rounded after training, it says so down to {rounded[-1].contender.bits} bits."
        )
    else:
        said.append(
            f"Rounded after training, it first says something else at {changed.contender.bits} "
            f"bits: {plain(changed.labels[0])} ({percent(changed.confidences[0])})."
        )
    trained = [one for one in answers if one.contender.method == "qt-dog"]
    if trained:
        camps = [f"{plain(one.labels[0])} at {one.contender.bits} bits" for one in trained]
        said.append(f"QT-DoG says {listed(camps)}.")
    return f'<p class="picture-said">{escape(" ".join(said))}</p>'


def network_table(
    answers: Sequence[Answers],
    samples: Sequence[Sample],
    thumbnails: Sequence[str],
    picture: Sequence[Answers] = (),
) -> str:
    """A row a network, a column a picture: class and probability, right or wrong.

    `thumbnails` are data URIs of the samples; `picture` are the same networks' answers to the
    visitor's picture.
    """
    labels = [sample.label for sample in samples]
    known = [label for label in labels if label in answers[0].classes]
    heads = "".join(
        f'<th scope="col"><img src="{uri}" alt="{escape(sample.alt)}" '
        f'title="{escape(sample.title)}"><span>{escape(plain(sample.label))}</span></th>'
        for sample, uri in zip(samples, thumbnails, strict=True)
    )
    own = '<th scope="col" class="own">your<br>picture</th>' if picture else ""
    rows = []
    of_picture = {one.contender: one for one in picture}
    for one in answers:
        contender = one.contender
        style = METHOD_STYLES[contender.method]
        name = (
            f'<span class="marker" style="color:var(--{contender.method})" aria-hidden="true">'
            f"{style.marker}</span> {contender.bits} bits"
            f"<small>{METHOD_WORDS[contender.method]}</small>"
        )
        mine = of_picture.get(contender)
        cells = _cell(mine.labels[0], mine.confidences[0], None, "own") if mine else ""
        if picture and not mine:
            cells = '<td class="own">…</td>'
        cells += "".join(
            _cell(said, sure, label if label in one.classes else None)
            for said, sure, label in zip(one.labels, one.confidences, labels, strict=True)
        )
        right = f"{_right(one, labels)} of {len(known)}" if known else "not known"
        rows.append(
            f'<tr class="{contender.method}"><th scope="row">{name}</th>'
            f'<td class="sum">{right}</td><td class="sum">{one.network_bytes / 1e6:.2f} MB</td>'
            f"{cells}</tr>"
        )
    return (
        f'<p class="answers-about">On our {len(samples)} samples, which the project drew: an '
        "illustration, not a measurement of accuracy. Each cell: the class that the network "
        "chooses and its probability in percent; ✗ wrong.</p>"
        '<div class="scroll wide" tabindex="0" role="region" aria-label="Answers by width">'
        '<table class="numbers answers"><thead><tr>'
        f'<th scope="col">network</th><th scope="col">right</th><th scope="col">file</th>{own}'
        f"{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def size(count: int) -> str:
    """Bytes in words: "864 bytes", "12.3 kB", "2.07 MB"."""
    if count < 1000:
        return f"{count} bytes"
    return f"{count / 1e3:.1f} kB" if count < 1e6 else f"{count / 1e6:.2f} MB"


def _shape(layer: Layer) -> str:
    return "×".join(map(str, layer.shape))


def _summary(said: str, aside: str) -> str:
    return (
        f'<p class="summary" role="status">{escape(said)}'
        f'<span class="aside">{escape(aside)}</span></p>'
    )


def _falls(who: str, ordered: Sequence[Answers], right: dict, n: int) -> str:
    """ "… is right on 15 of 17 at 6 bits and on 4 at 5 bits, where it falls apart (…)."""
    broken = next((one for one in ordered if right[one.contender] * 2 < n), None)
    if broken is None and len(ordered) == 1:
        only = ordered[0].contender
        return f"{who} at {only.bits} bits is right on {right[only]} of {n}."
    if broken is None:
        last = ordered[-1].contender
        return f"{who} never falls apart: {right[last]} of {n} at {last.bits} bits."
    at = ordered.index(broken)
    count = f"{right[broken.contender]} of {n} at {broken.contender.bits} bits"
    if at == 0:
        return f"{who} has fallen apart already at {broken.contender.bits} bits ({count})."
    before = ordered[at - 1].contender
    return (
        f"{who} still gets {right[before]} at {before.bits} bits, and falls apart, to fewer than "
        f"half, at {broken.contender.bits} bits ({count})."
    )


def _right(one: Answers, labels: Sequence[str]) -> int:
    return sum(said == label for said, label in zip(one.labels, labels, strict=True))


def _cell(said: str, sure: float, label: str | None, extra: str = "") -> str:
    mark, kind = "", extra
    if label is not None:
        right = said == label
        kind = f"{extra} {'right' if right else 'wrong'}".strip()
        mark = "" if right else '<b role="img" aria-label="wrong">✗</b>'
    return f'<td class="{kind}">{mark}{escape(plain(said))}<small>{sure * 100:.0f}</small></td>'


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.2f} %" if whole else "0 %"


def _ratio(count: int, full: int) -> str:
    return f"{size(count)} ({count / full:.2f}×)"


def _bits(widths: Sequence[int]) -> str:
    return f"{listed([str(width) for width in widths])} bits"
