"""Results as plotly figures: pure functions, records in, figure out. No gradio in here.

Every figure has a transparent background and neutral ink, so that it works in light and dark; the
style sheet turns text and methods' colours to the dark ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from qtdog.results import Cell, Group, Row, RunLog, RunPoint
from qtdog.ui.appearance import METHOD_STYLES, MethodStyle
from qtdog.ui.markup import Markup, escape, html, join

INK = "#68768c"
GRID = "rgba(128, 140, 160, 0.28)"
TRANSPARENT = "rgba(0, 0, 0, 0)"
HEIGHT = 480
TYPE = 13
"""px of all words in a figure."""

OTHERS = "other papers' methods"

METHOD_KEYS = {
    "ERM": "erm",
    "ERM (paper runs)": "erm",
    "QT-DoG": "qt-dog",
    "EoQ": "eoq",
    "ERM ensemble": "erm-ensemble",
    "ERM Ens.": "erm-ensemble",
    "Freeze": "freeze",
    "Post-training": "post-training",
    "EoPTQ (least error)": "eoptq",
    "Noise of one step size": "noise",
    "OBC (post-training)": "post-training",
    "Full precision": "erm",
    "Five in full precision together": "erm-ensemble",
    "Rounded after training": "post-training",
    "Quantized, then frozen": "freeze",
}
VARIANT_KEYS = {
    "QT-DoG (fitted)": "qt-dog-fitted",
    "QT-DoG (refitted)": "qt-dog-refitted",
    "EoQ (fitted)": "eoq-fitted",
    "EoQ (refitted)": "eoq-refitted",
    "Post-training (least error)": "post-training-least-error",
    "Rounded after training (least error)": "post-training-least-error",
}
"""Methods that differ in their step sizes alone: the same figure tells them apart."""


@dataclass(frozen=True)
class Curve:
    """One training run's accuracies over the steps, of its single or averaged weights."""

    label: str
    key: str
    """Of METHOD_STYLES."""
    steps: tuple[int, ...]
    source: tuple[float, ...]
    """Percent, source validation."""
    target: tuple[float, ...]
    """Percent, on the sample of the target."""


def style_key(method: str, averaged: bool = False) -> str:
    """How a method of the tables is drawn: a key of METHOD_STYLES. The paper's variants of QT-DoG
    are drawn as QT-DoG, other papers' methods all alike."""
    key = VARIANT_KEYS.get(method, family(method))
    return f"{key}-averaged" if averaged and f"{key}-averaged" in METHOD_STYLES else key


def family(method: str) -> str:
    """The key in METHOD_STYLES of a method of the tables, whichever step sizes it starts from."""
    key = METHOD_KEYS.get(method.partition(" (")[0] if method in VARIANT_KEYS else method)
    return key or ("qt-dog" if "QT-DoG" in method else "other")


def style_of(row: Row) -> MethodStyle:
    """How a row is drawn."""
    return METHOD_STYLES[style_key(row.method, row.averaged)]


def full_label(row: Row) -> str:
    """Method, variant and bits, as in "QT-DoG, averaged, 7 bits"."""
    return row.label if row.bits is None else f"{row.label}, {row.bits} bits"


def with_number(rows: Sequence[Row], column: int) -> list[Row]:
    """The rows that have a number in a column."""
    return [row for row in rows if row.cells[column]]


def number_in(row: Row, column: int) -> Cell:
    """The number of a row `with_number`. Raises ValueError for another row."""
    cell = row.cells[column]
    if cell is None:
        raise ValueError(f"{row.label} has no number in column {column}.")
    return cell


def size_figure(group: Group, column: int) -> go.Figure:
    """Accuracy of one column against the weights' memory, relative to one full-precision network
    (the paper's Figure 1). Rows without a size or a number are left out."""
    figure = blank_figure("Memory, full precision = 1", "Accuracy (%)")
    rows = [row for row in with_number(group.rows, column) if row.size]
    lines: dict[str, list[Row]] = {}
    for row in rows:
        known = style_of(row) is not METHOD_STYLES["other"]
        lines.setdefault(row.label if known else OTHERS, []).append(row)
    best = _best_others(rows, column)
    for name, line in sorted(lines.items(), key=lambda line: line[0] != OTHERS):  # ours on top
        style, cells = style_of(line[0]), [number_in(row, column) for row in line]
        spans = [row.size for row in line if row.size]
        sizes = [sum(span) / 2 for span in spans]
        reach = [span[1] - middle for span, middle in zip(spans, sizes, strict=True)]
        figure.add_scatter(
            name=escape(name),
            x=sizes,
            y=[cell.value for cell in cells],
            error_y=error_bars(cells, style),
            error_x={"array": reach, "color": style.colour, "width": 4} if any(reach) else None,
            showlegend=not line[0].averaged,
            mode="markers+text",
            text=[
                escape(_name(row, cell)) if row in best else ""
                for row, cell in zip(line, cells, strict=True)
            ],
            textposition="top left",
            customdata=[
                [escape(full_label(row)), row.relative_size, _plus_minus(cell.error), _doubts(cell)]
                for row, cell in zip(line, cells, strict=True)
            ],
            marker={
                "symbol": style.symbol,
                "color": style.colour,
                "size": 9 if name == OTHERS else 13,
            },
            hovertemplate="%{customdata[0]}<br>memory × %{customdata[1]}<br>"
            "%{y:.1f} %%{customdata[2]}%{customdata[3]}<extra></extra>",
        )
    smallest = min((row.size[0] for row in rows if row.size), default=1.0)
    figure.update_xaxes(
        type="log",
        tickmode="array",
        tickvals=[0.06, 0.12, 0.25, 0.5, 1, 2, 5],
        ticktext=["0.06", "0.12", "0.25", "0.5", "1", "2", "5"],
        range=[-1.35 if smallest < 0.15 else -0.85, 1.15],
    )
    return figure


def bits_figure(rows: Sequence[Row], column: int, label: str) -> go.Figure:
    """Accuracy of one column against bits a weight, a line a method; full precision as a level.

    `label` says what the accuracy is of.
    """
    figure = blank_figure("Bits a weight", f"{label}, accuracy (%)")
    lines = bit_lines(rows, column)
    bits = sorted({row.bits for line in lines.values() for row in line if row.bits is not None})
    for row in rows:
        cell, style = row.cells[column], style_of(row)
        if row.bits is not None or not cell or not bits or style_key(row.method) != "erm":
            continue
        figure.add_scatter(
            name=escape(level_name(row)),
            x=[bits[0] - 0.3, bits[-1] + 0.3],
            y=[cell.value, cell.value],
            mode="lines",
            showlegend=not row.averaged,
            line={"color": style.colour, "dash": "dash" if row.averaged else "dot", "width": 2},
            hovertemplate=html(
                "%{{fullData.name}}<br>%{{y:.1f}} %{}<extra></extra>", _plus_minus(cell.error)
            ),
        )
    for name, line in lines.items():
        style = style_of(line[0])
        cells = [number_in(row, column) for row in line]
        figure.add_scatter(
            name=escape(name),
            x=[row.bits for row in line],
            y=[cell.value for cell in cells],
            error_y=error_bars(cells, style),
            mode="lines+markers",
            showlegend=not line[0].averaged,
            line={"color": style.colour, "width": 2, "dash": "dash" if line[0].averaged else None},
            marker={"symbol": style.symbol, "size": 11, "color": style.colour},
            hovertemplate="%{fullData.name}<br>%{x} bits: %{y:.1f} %<extra></extra>",
        )
    figure.update_xaxes(tickmode="array", tickvals=bits, ticktext=[str(bit) for bit in bits])
    return figure


def level_name(row: Row) -> str:
    """A row in full precision beside rounded ones: "ERM, full precision"."""
    known = row.label.lower().startswith("full precision")
    return row.label if known else f"{row.label}, full precision"


def bit_lines(rows: Sequence[Row], column: int) -> dict[str, list[Row]]:
    """The quantized rows with a number in a column, by label, each in the order of bits. EoQ and
    other ensembles are left out: they compare by memory, not by bits. So are ablations and
    combinations with other methods."""
    lines: dict[str, list[Row]] = {}
    for row in rows:
        single = family(row.method) in ("qt-dog", "post-training", "freeze")
        if row.bits is not None and row.cells[column] and single and row.main:
            lines.setdefault(row.label, []).append(row)
    return {name: sorted(line, key=lambda row: row.bits or 0) for name, line in lines.items()}


def curves(logs: Sequence[tuple[str, RunLog]]) -> tuple[Curve, ...]:
    """Of each (method, run log), the single weights' curve and, if there is one, the averaged
    weights'."""
    found = []
    for label, log in logs:
        known = (name for name in METHOD_KEYS if label.startswith(f"{name}, "))
        method = next(known, label.partition(",")[0])
        later = [
            (point.step, point.averaged_source_validation, point.averaged_target)
            for point in log.points
            if point.averaged_source_validation is not None and point.averaged_target is not None
        ]
        found.append(
            Curve(
                label,
                style_key(method),
                _steps(log.points),
                tuple(point.source_validation for point in log.points),
                tuple(point.target for point in log.points),
            )
        )
        if later:
            found.append(
                Curve(
                    f"{label}, averaged",
                    style_key(method, averaged=True),
                    *zip(*later, strict=True),
                )
            )
    return tuple(found)


def steps_figure(shown: Sequence[Curve], quantize_step: int | None, domain: str) -> go.Figure:
    """Accuracy over training: source validation above, the target sample below (the paper's
    Figure 4). The quantization step is marked."""
    figure = make_subplots(
        rows=2,
        shared_xaxes=True,
        vertical_spacing=0.09,
        subplot_titles=("Source validation", html("Held out: {}, 1,000 images", domain)),
    )
    for curve in shown:
        style = METHOD_STYLES[curve.key]
        averaged = curve.key.endswith("-averaged")
        for place, values in enumerate((curve.source, curve.target), start=1):
            figure.add_scatter(
                row=place,
                col=1,
                name=escape(curve.label),
                legendgroup=curve.label.removesuffix(", averaged"),
                showlegend=place == 2 and not averaged,
                x=curve.steps,
                y=values,
                mode="lines+markers",
                line={"color": style.colour, "width": 2, "dash": "dash" if averaged else None},
                marker={"symbol": style.symbol, "size": 7, "color": style.colour},
                hovertemplate="%{fullData.name}<br>step %{x}: %{y:.1f} %<extra></extra>",
            )
    if quantize_step is not None:
        upper: Any = 1  # plotly's own types allow nothing but text here
        lower: Any = 2
        left: Any = 1
        figure.add_vline(
            quantize_step,
            line={"color": INK, "dash": "dot", "width": 1.5},
            annotation={"text": "quantization", "textangle": 0},
            annotation_position="bottom right",
            row=upper,
            col=left,
        )
        figure.add_vline(
            quantize_step, line={"color": INK, "dash": "dot", "width": 1.5}, row=lower, col=left
        )
    _dress(figure, height=640)
    figure.update_annotations(font_size=TYPE)
    figure.update_yaxes(title_text="Accuracy (%)")
    figure.update_xaxes(title_text="Training step", row=2)
    return figure


def calibration_figure(group: Group, column: int, label: str) -> go.Figure:
    """One measure of calibration of one column, a line a method: in full precision and at the
    width that most runs have. Other widths, ablations and combinations would hide these."""
    rows = [row for row in with_number(group.rows[::-1], column) if row.main]
    width = _main_width(rows, column)
    rows = [row for row in rows if row.bits in (None, width)]
    figure = blank_figure(label, "")
    for row in rows:
        style, cell = style_of(row), number_in(row, column)
        figure.add_scatter(
            name=escape(full_label(row)),
            x=[cell.value],
            y=[escape(full_label(row))],
            error_x=error_bars([cell], style),
            mode="markers",
            marker={"symbol": style.symbol, "color": style.colour, "size": 11},
            hovertemplate=html(
                "%{{y}}<br>%{{x:.3f}}{}<extra></extra>", _plus_minus(cell.error, decimals=3)
            ),
            showlegend=False,
        )
    figure.update_layout(height=110 + 26 * max(len(rows), 4))
    figure.update_xaxes(rangemode="tozero")
    return figure


def _main_width(rows: Sequence[Row], column: int) -> int | None:
    """The bits a weight at which most runs were trained."""
    trained = [
        (number_in(row, column).runs, row.bits)
        for row in rows
        if row.bits and family(row.method) != "post-training"
    ]
    return max(trained)[1] if trained else None


def _best_others(rows: Sequence[Row], column: int) -> list[Row]:
    """Of the methods that are drawn alike, the best of each size, to be named in the figure."""
    best: dict[str, Row] = {}
    for row in rows:
        if style_of(row) is METHOD_STYLES["other"]:
            other = best.setdefault(row.relative_size, row)
            if number_in(row, column).value > number_in(other, column).value:
                best[row.relative_size] = row
    return list(best.values())


def _steps(points: Sequence[RunPoint]) -> tuple[int, ...]:
    return tuple(point.step for point in points)


def error_bars(cells: Sequence[Cell], style: MethodStyle) -> dict | None:
    """Error bars where at least one number has an error."""
    if all(cell.error is None for cell in cells):
        return None
    return {"array": [cell.error or 0 for cell in cells], "color": style.colour, "thickness": 1.5}


def _name(row: Row, cell: Cell) -> str:
    return f"{row.label} ⚑" if cell.flags else row.label


def _doubts(cell: Cell) -> Markup:
    """The flags as further lines of a hover text."""
    return join(html("<br>⚑ {}", flag) for flag in cell.flags)


def _plus_minus(error: float | None, decimals: int = 1) -> str:
    return "" if error is None else f" ± {error:.{decimals}f}"


def blank_figure(x: str, y: str) -> go.Figure:
    """A figure with these titles of its axes and no traces."""
    figure = go.Figure()
    _dress(figure, HEIGHT)
    figure.update_xaxes(title_text=escape(x))
    figure.update_yaxes(title_text=escape(y))
    return figure


def _dress(figure: go.Figure, height: int) -> None:
    figure.update_layout(
        height=height,
        paper_bgcolor=TRANSPARENT,
        plot_bgcolor=TRANSPARENT,
        font={"color": INK, "size": TYPE},
        margin={"l": 8, "r": 16, "t": 30, "b": 8},
        legend={"orientation": "h", "yref": "container", "yanchor": "bottom", "y": 0, "x": 0},
        hoverlabel={"bgcolor": "#ffffff", "font": {"color": "#172033"}},
        hovermode="closest",
    )
    axis = {
        "tickmode": "auto",
        "gridcolor": GRID,
        "linecolor": INK,
        "title_font_size": TYPE,
        "zeroline": False,
        "automargin": True,
        "fixedrange": True,
    }
    figure.update_xaxes(**axis)
    figure.update_yaxes(**axis)
