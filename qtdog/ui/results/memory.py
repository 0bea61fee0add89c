"""What memory buys: accuracy against megabytes, what is best within a limit, and the first rows.

No gradio in here: the page and the static export both use these.
"""

import math
from collections.abc import Sequence
from textwrap import wrap
from typing import Any

import plotly.graph_objects as go

from qtdog.results import (
    AVERAGE,
    Comparison,
    MemoryKind,
    MemoryPoint,
    best_within,
    domains_of,
    frontier,
    points_on,
)
from qtdog.ui import charts
from qtdog.ui.appearance import METHOD_STYLES, MethodStyle
from qtdog.ui.markup import Markup, escape, html, join
from qtdog.ui.results.figures import INK, TYPE, blank_figure, style_key
from qtdog.ui.results.names import NAMES
from qtdog.ui.results.sentences import uncertainty
from qtdog.ui.results.tables import LogLink, log_button, plain
from qtdog.ui.results.views import View, missing
from qtdog.ui.sentences import MEGABYTE, listed, megabytes, number

TITLE = "What memory buys"
ABOUT = (
    "Every kind of network that was measured here, alone and together, by the bytes that it "
    "takes. Move the limit: what is best within it?"
)
IN_THE_PAPER = "In the paper, by the memory of one network in full precision (its Figure 1)"
LIMIT, DOWNLOAD = "This many MB", "Download at"
MOST_MEGABYTES = 50
MEGABYTES = 10.5
"""At first what five 7-bit networks take, a little more than one in full precision."""
SPEEDS = {"2": "2 Mbit/s (a poor phone line)", "10": "10 Mbit/s", "100": "100 Mbit/s"}
"""Mbit/s of a download, and what to call it."""
TICKS = (0.5, 1, 2, 5, 10, 20, 50, 100)  # MB
REACH = 16
"""Points below the best that the axis shows: what two bits leave would press the rest together."""
FIRST_ROWS = (("ERM", 1), ("QT-DoG", 1), ("QT-DoG", 5))
"""Method and members of the rows that stand first: what the page is about."""
TOGETHER = {"erm": "erm-ensemble", "post-training": "eoptq", "qt-dog": "eoq"}
TOGETHER |= {f"qt-dog-{start}": f"eoq-{start}" for start in ("fitted", "refitted")}
"""How two networks and more that answer together are drawn: by the style of one."""
YOURS = "yours: "
LONGEST_NAME = 30  # letters in a line of the legend: a phone shows no more
NOTHING = "What memory buys is not measured here for this benchmark."


def view(
    points: Sequence[MemoryPoint],
    dataset: str,
    domain: str,
    limit: float,
    speed: str,
    log_link: LogLink = log_button,
    theirs: Sequence[MemoryPoint] = (),
) -> View:
    """The figure for a data set's held-out domain or the mean of all, at most `limit` MB, times at
    `speed` Mbit/s; below it what is best within the limit, and the numbers. `theirs`: a visitor's
    own points, which stand beside as far as they are of the same domains."""
    if domain not in domains_of(points, dataset):
        return missing(NOTHING)
    shown = points_on(points, dataset, domain)
    best = best_within(shown, limit * MEGABYTE)
    yours = their_points_on(theirs, points, dataset, domain)
    return View(
        figure(shown, best, limit, float(speed), yours),
        best_sentence(best, limit, float(speed), domain, log_link)
        + theirs_sentence(theirs, yours, dataset, limit)
        + below(shown, dataset, domain, yours),
    )


def their_points_on(
    theirs: Sequence[MemoryPoint], ours: Sequence[MemoryPoint], dataset: str, domain: str
) -> tuple[MemoryPoint, ...]:
    """A visitor's points for a held-out domain; for the mean of all only where they have the same
    domains as ours: other means do not compare."""
    same = domains_of(theirs, dataset) == domains_of(ours, dataset)
    return points_on(theirs, dataset, domain) if same or domain != AVERAGE else ()


def theirs_sentence(
    theirs: Sequence[MemoryPoint], shown: Sequence[MemoryPoint], dataset: str, limit: float
) -> Markup:
    """What is best of a visitor's own points within the limit, or why none of them is `shown`."""
    domains = [one for one in domains_of(theirs, dataset) if one != AVERAGE]
    if not domains:
        return Markup()
    if not shown:
        where = listed([plain(one) for one in domains])
        return html("<p class='note'>Yours are not in it: they are on {} alone.</p>", where)
    best = best_within(shown, limit * MEGABYTE)
    lead = "None of yours is as small as that."
    if best is not None:
        lead = f"Of yours it is {title(best)}: {best.accuracy:.1f} % in "
        lead += f"{megabytes(best.size_bytes)}."
    return html(
        "<p class='note' role='status'>{} Yours have a dot in their marks and dashed lines. Their "
        "bytes are the sizes that your files state, of our full-precision network's.</p>",
        lead,
    )


def below(
    points: Sequence[MemoryPoint],
    dataset: str,
    domain: str,
    theirs: Sequence[MemoryPoint] = (),
) -> Markup:
    """How to read the figure of a held-out domain's `points`, and its numbers, a visitor's too."""
    where = f"{dataset}, {'mean of domains' if domain == AVERAGE else plain(domain)}"
    note = html(
        "<p class='note'>{}, measured here. Lines join one to five networks of a kind that "
        "answer together (▲ EoQ, ■ in full precision); hollow: averaged weights; the grey line: "
        "the best at each size. Whiskers: standard deviation over the choices of seeds, which "
        "overlap for two networks and more. Bytes are those of the weights' files; what lies more "
        "than {} points below the best stands in the table alone.</p>",
        where,
        REACH,
    )
    return note + _table(points, f"Accuracy against bytes, {where}, measured here", theirs)


def best_sentence(
    best: MemoryPoint | None, limit: float, speed: float, domain: str, log_link: LogLink
) -> Markup:
    """ "Within 10.5 MB the most accurate measured is ...", with its run logs to open. The limit and
    the seconds are marked for a script that changes them."""
    if best is None:
        return html(
            "<p class='summary'>Nothing that was measured is as small as <span data-limit>{:g}"
            "</span> MB.</p>",
            limit,
        )
    logs = join(html("<li>{}</li>", log_link(run)) for run in best.runs)
    return html(
        "<p class='summary' role='status'>Within <span data-limit>{:g}</span> MB the most accurate "
        "measured here is <b>{}</b>: {:.1f} % in {}, <span data-seconds>{}</span> to "
        "download.</p><p class='note'>A description of what was "
        "measured on {}, not a choice: shipped networks are chosen on source validation.</p>"
        "<details><summary>Its runs</summary><ul>{}</ul></details>",
        limit,
        title(best),
        best.accuracy,
        megabytes(best.size_bytes),
        seconds(best.size_bytes, speed),
        "the held-out domains" if domain == AVERAGE else plain(domain),
        logs,
    )


def first_rows(
    points: Sequence[MemoryPoint], dataset: str, compared: Sequence[Comparison] = ()
) -> Markup:
    """Full precision, QT-DoG and EoQ: memory and accuracy on unseen domains, and one sentence, with
    the uncertainty that was found of what is `compared`."""
    shown = points_on(points, dataset, domains_of(points, dataset)[0]) if points else ()
    rows = [one for wanted in FIRST_ROWS if (one := _main(shown, *wanted))]
    if len(rows) < len(FIRST_ROWS):
        return Markup()
    names = ("Full precision", "QT-DoG", "EoQ, five QT-DoG networks together")
    lines = join(
        html(
            '<tr><th scope="row" style="--ink: var(--{})"><span class="marker" aria-hidden="true">'
            "{}</span>{}</th><td>{}</td>"
            "<td><b>{:.1f} %</b></td></tr>",
            key,
            METHOD_STYLES[key].marker,
            name,
            megabytes(row.size_bytes),
            row.accuracy,
        )
        for key, name, row in zip(("erm", "qt-dog", "eoq"), names, rows, strict=True)
    )
    full, single, together = rows
    share = full.size_bytes / single.size_bytes
    return html(
        '<table class="first-rows"><caption>Size on disk and accuracy on domains never seen in '
        "training: means over the {} held-out domains of {}, for single networks over seeds too. "
        "Measured here.</caption>"
        '<thead><tr><th scope="col">Model</th><th scope="col">Memory</th>'
        '<th scope="col">Mean accuracy</th></tr></thead><tbody>{}</tbody></table>'
        '<p class="summary">One QT-DoG network takes {:.1f} times less memory than full precision '
        "and is {}{}. Five of them together take {:.1f} times the memory of one full-precision "
        "network and are {} than it{}.</p>",
        number(len(domains_of(points, dataset)) - 1 or 1),
        dataset,
        lines,
        share,
        _than(single, full),
        _how_sure(compared, "QT-DoG", single.kind.bits),
        together.size_bytes / full.size_bytes,
        _than(together, full),
        _how_sure(compared, "EoQ", together.kind.bits),
    )


def figure(
    points: Sequence[MemoryPoint],
    best: MemoryPoint | None,
    limit: float,
    speed: float,
    theirs: Sequence[MemoryPoint] = (),
) -> go.Figure:
    """Accuracy over megabytes, a line a kind, the frontier in grey, the limit as a vertical; over
    all that a visitor's own."""
    shown = blank_figure("Weights on disk, MB", "Accuracy on unseen domains (%)")
    steps = frontier(points)
    shown.add_scatter(
        name="best at each size",
        x=[one.size_bytes / MEGABYTE for one in steps],
        y=[one.accuracy for one in steps],
        mode="lines",
        line={"color": INK, "width": 2, "shape": "hv", "dash": "dot"},
        hoverinfo="skip",
    )
    for kind, line in _lines(points).items():
        styles = [_style(kind, one.members) for one in line]
        colours = [style.colour for style in styles]
        marker = {
            "symbol": [style.symbol for style in styles],
            "color": colours,
            "size": [12 if one == best else 9 for one in line],
            "line": {"width": 1, "color": colours},
        }
        _add_line(shown, kind_title(kind), line, speed, marker, "solid")
    for kind, line in _lines(theirs).items():
        styles = [_style(kind, one.members) for one in line]
        marker = {
            "symbol": [f"{style.symbol}-dot" for style in styles],
            "color": [style.colour for style in styles],
            "size": 14,
            "line": {"width": 2, "color": INK},
        }
        _add_line(shown, f"{YOURS}{kind_title(kind)}", line, speed, marker, "dash")
    if best is not None:
        shown.add_annotation(**label(best))
    shown.add_vline(limit, line={"color": INK, "width": 1.5})
    _axes(shown, sorted((*points, *theirs), key=lambda one: one.size_bytes), speed)
    return shown


def _add_line(
    shown: go.Figure,
    name: str,
    line: Sequence[MemoryPoint],
    speed: float,
    marker: dict[str, Any],
    dash: str,
) -> None:
    """One kind, of one to five members."""
    style = _style(line[0].kind)
    shown.add_scatter(
        name="<br>".join(map(escape, wrap(name, LONGEST_NAME))),
        x=[one.size_bytes / MEGABYTE for one in line],
        y=[one.accuracy for one in line],
        error_y=_whiskers(line, style),
        mode="lines+markers",
        line={"color": style.colour, "width": 1.5, "dash": dash},
        marker=marker,
        customdata=[
            [escape(title(one)), megabytes(one.size_bytes), seconds(one.size_bytes, speed)]
            for one in line
        ],
        hovertemplate="%{customdata[0]}<br>%{y:.1f} %, %{customdata[1]}, "
        "%{customdata[2]}<extra></extra>",
    )


def label(best: MemoryPoint) -> dict[str, Any]:
    """The best one's name in the figure, as plotly's annotation."""
    return {
        "x": math.log10(best.size_bytes / MEGABYTE),
        "y": best.accuracy,
        "text": html("{}<br>{:.1f} %", title(best), best.accuracy),
        "showarrow": True,
        "arrowcolor": INK,
        "xanchor": "right",  # the limit's line stands to the right of it
        "ax": -14,
        "ay": -46,
        "font": {"size": TYPE},
    }


def _axes(shown: go.Figure, points: Sequence[MemoryPoint], speed: float) -> None:
    """Megabytes below, and the time of their download as a second line of the ticks."""
    low, high = points[0].size_bytes / MEGABYTE, points[-1].size_bytes / MEGABYTE
    ticks = [tick for tick in TICKS if low / 1.5 <= tick <= high * 1.5]
    shown.update_xaxes(
        type="log",
        tickmode="array",
        tickvals=ticks,
        ticktext=[f"{tick:g}<br>{seconds(tick * MEGABYTE, speed)}" for tick in ticks],
        title_text=f"Weights on disk in MB,<br>and their download at {speed:g} Mbit/s",
        range=[math.log10(low / 1.3), math.log10(high * 1.3)],
    )
    accuracies = [one.accuracy for one in points]
    lowest, highest = max(min(accuracies), max(accuracies) - REACH), max(accuracies)
    room = 0.1 * (highest - lowest + 1)
    shown.update_yaxes(range=[lowest - room, highest + 1.6 * room])
    shown.update_layout(height=560)


def title(point: MemoryPoint) -> str:
    """ "EoQ, five together: QT-DoG, 7 bits" or "full precision"."""
    if point.members == 1:
        return kind_title(point.kind)
    called = "EoQ, " if point.kind.method.startswith("QT-DoG") else ""
    return f"{called}{number(point.members)} together: {kind_title(point.kind)}"


def kind_title(kind: MemoryKind) -> str:
    """ "QT-DoG, 7 bits, averaged"."""
    called = NAMES.get(kind.method)
    words = [called[0].lower() + called[1:] if called else kind.method]
    words += [f"{kind.bits} bits"] if kind.bits else []
    return ", ".join(words + (["averaged"] if kind.averaged else []))


def seconds(size_bytes: float, speed: float) -> str:
    """How long a download takes at `speed` Mbit/s: "0.3 s", "36 s", "2.4 min"."""
    time = 8 * size_bytes / MEGABYTE / speed
    return (
        f"{time / 60:.1f} min" if time > 90 else f"{time:.1f} s" if time < 10 else f"{time:.0f} s"
    )


def _lines(points: Sequence[MemoryPoint]) -> dict[MemoryKind, list[MemoryPoint]]:
    lines: dict[MemoryKind, list[MemoryPoint]] = {}
    for one in sorted(points, key=lambda one: one.members):
        lines.setdefault(one.kind, []).append(one)
    return lines


def _main(points: Sequence[MemoryPoint], method: str, members: int) -> MemoryPoint | None:
    """The single weights of a method, at the width of which there are most members."""
    found = [
        one
        for one in points
        if one.kind.method == method and not one.kind.averaged and one.members == members
    ]
    widest = [one for one in points if one.kind.method == method and one.members == 5]
    widths = {one.kind.bits for one in widest}
    return next((one for one in found if one.kind.bits in widths), None)


def _than(one: MemoryPoint, other: MemoryPoint) -> str:
    difference = one.accuracy - other.accuracy
    if abs(difference) < 0.05:
        return "as accurate"
    side = "more" if difference > 0 else "less"
    return f"{abs(difference):.1f} points {side} accurate"


def _how_sure(compared: Sequence[Comparison], first: str, bits: int | None) -> str:
    """How sure the difference of `first` from full precision is; empty where it is not compared."""
    found = (
        one
        for one in compared
        if (one.first, one.second, one.averaged, one.bits) == (first, "ERM", False, bits)
    )
    return next(map(uncertainty, found), "")


def _style(kind: MemoryKind, members: int = 1) -> MethodStyle:
    key = style_key(kind.method.removesuffix(" (least error)"))
    if members > 1:
        key = TOGETHER.get(key, key)
    averaged = f"{key}-averaged"
    return METHOD_STYLES[averaged if kind.averaged and averaged in METHOD_STYLES else key]


def _whiskers(line: Sequence[MemoryPoint], style: MethodStyle) -> dict | None:
    if all(one.spread is None for one in line):
        return None
    spreads = [one.spread or 0 for one in line]
    return {"array": spreads, "color": style.colour, "thickness": 1, "width": 3}


def _table(
    points: Sequence[MemoryPoint], caption: str, theirs: Sequence[MemoryPoint] = ()
) -> Markup:
    rows = (
        (
            ("" if one in points else YOURS) + title(one),
            megabytes(one.size_bytes),
            f"{one.accuracy:.1f} %" + ("" if one.spread is None else f" ± {one.spread:.1f}"),
            f"{one.choices}",
        )
        for one in (*points, *theirs)
    )
    head = ("Networks", "Memory", "Accuracy ± spread", "Choices of seeds")
    table = charts.table(head, rows, caption)
    return html("<details><summary>These numbers as a table</summary>{}</details>", table)
