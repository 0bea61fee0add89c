"""The way there: a plane with the paths that two runs took over it, and what is said of a step."""

import json
import math
from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from qtdog.landscape import Arm, PathPoint, Trajectories, title
from qtdog.ui.charts import number, table
from qtdog.ui.landscape.planes import (
    ACCURACY_COLOURS,
    INK,
    LOSS_COLOURS,
    SHOWN,
    TRANSPARENT,
    UNITS,
    grid,
    ink_of,
    style_of,
)
from qtdog.ui.markup import Markup, escape, html, join
from qtdog.ui.sentences import plain

HEIGHT = 430
RIM = "#ffffff"
TRUNK = "#172033"


def steps_of(record: Trajectories) -> list[int]:
    """The steps of all evaluations."""
    return [point.step for point in (*record.trunk, *record.arms[0].points)]


def point_at(record: Trajectories, arm: Arm, step: int) -> PathPoint:
    """Where a run stood at an evaluation; at the last one before where `step` is none."""
    points = (*record.trunk, *arm.points)
    return [points[0], *(point for point in points if point.step <= step)][-1]


def name_of(arm: Arm) -> str:
    """ "Full precision" or "QT-DoG, 7 bits": both runs have one seed."""
    return title(arm.model).rpartition(", seed")[0]


def picture(record: Trajectories, quantity: str, step: int) -> go.Figure:
    """The plane as contours of "loss" or "accuracy", both paths, and as the last two traces where
    the runs stood at `step`: way.js moves them."""
    figure = go.Figure()
    _add_plane(figure, record, quantity)
    _add_path(figure, record.trunk, TRUNK, "Both, before quantization", record)
    for arm in record.arms:
        points = (record.trunk[-1], *arm.points)
        _add_path(figure, points, style_of(arm.model).colour, name_of(arm), record)
    for arm in record.arms:
        _add_place(figure, arm, point_at(record, arm, step))
    _dress(figure, record)
    return figure


def _add_plane(figure: go.Figure, record: Trajectories, quantity: str) -> None:
    values = grid(record, quantity)
    low, high = float(values.min()), float(values.max())
    figure.add_contour(
        x=record.x,
        y=record.y,
        z=values,
        customdata=values,
        colorscale=LOSS_COLOURS if quantity == "loss" else ACCURACY_COLOURS,
        contours={"start": low, "end": high, "size": max(high - low, 1e-3) / 16},
        line={"width": 0.6, "color": "rgba(255,255,255,0.55)"},
        colorbar={"title": {"text": UNITS[quantity]}, "thickness": 12, "tickformat": ".3~g"},
        hovertemplate=html("in the plane: {} {}<extra></extra>", quantity, SHOWN[quantity]),
    )


def _add_path(
    figure: go.Figure,
    points: Sequence[PathPoint],
    colour: str,
    name: str,
    record: Trajectories,
) -> None:
    """A line on a white one, so that it is seen on every colour of the plane."""
    x, y = [point.x for point in points], [point.y for point in points]
    figure.add_scatter(
        x=x, y=y, mode="lines", line={"color": RIM, "width": 6}, opacity=0.85, hoverinfo="skip"
    )
    count = record.images.count
    said = [
        html(
            "{}<br>step {}<br>its own loss {} nats, {} % right",
            name,
            f"{point.step:,}",
            f"{point.own_reading.loss:.3f}",
            f"{100 * point.own_reading.correct / count:.1f}",
        )
        for point in points
    ]
    figure.add_scatter(
        x=x,
        y=y,
        mode="lines+markers",
        line={"color": colour, "width": 2.6},
        marker={"size": 6, "color": colour, "line": {"color": RIM, "width": 1}},
        text=said,
        hovertemplate="%{text}<extra></extra>",
    )


def _add_place(figure: go.Figure, arm: Arm, point: PathPoint) -> None:
    look = style_of(arm.model)
    # The circle is larger: before quantization the diamond lies on it.
    size = 26 if look.symbol == "circle" else 15
    figure.add_scatter(
        x=[point.x],
        y=[point.y],
        mode="markers",
        marker={
            "symbol": look.symbol,
            "size": size,
            "color": look.colour,
            "line": {"color": RIM, "width": 2.5},
        },
        name=escape(name_of(arm)),
        hoverinfo="skip",
    )


def _dress(figure: go.Figure, record: Trajectories) -> None:
    figure.update_layout(
        height=HEIGHT,
        paper_bgcolor=TRANSPARENT,
        plot_bgcolor=TRANSPARENT,
        font={"color": INK, "size": 13},
        margin=dict.fromkeys("lrtb", 8),
        showlegend=False,
        hoverlabel={"bgcolor": "#ffffff", "font": {"color": "#172033"}},
    )
    start = record.trunk[-1]
    figure.add_annotation(
        x=start.x,
        y=start.y,
        ax=0,
        ay=54,
        text=f"quantized from step {record.quantize_step:,}",
        arrowcolor=RIM,
        arrowwidth=2,
        arrowhead=2,
        standoff=8,
        bgcolor="rgba(255, 255, 255, 0.9)",
        borderpad=4,
        font={"color": TRUNK, "size": 13},
    )
    axis: dict[str, Any] = {
        "tickmode": "auto",
        "nticks": 6,
        "automargin": True,
        "zeroline": False,
        "showgrid": False,
    }
    first, second = (style_of(arm.model).marker for arm in record.arms)
    x_name, y_name = f"towards {first} (distance of weights)", f"towards {second}"
    figure.update_xaxes(title_text=x_name, fixedrange=True, **axis)
    figure.update_yaxes(title_text=y_name, fixedrange=True, **axis)
    if _even(record):
        figure.update_yaxes(scaleanchor="x", constrain="domain")  # distances are distances
        figure.update_xaxes(constrain="domain")


def _even(record: Trajectories) -> bool:
    """Whether the plane is about as wide as high, so that distances can be drawn as distances."""
    width, height = record.x[-1] - record.x[0], record.y[-1] - record.y[0]
    return 1 / 3 < width / height < 3


def frames(record: Trajectories) -> list[dict[str, Any]]:
    """What way.js shows at each step: where both runs stood, and the words of `numbers_at`."""
    return [
        {
            "step": step,
            "x": [point_at(record, arm, step).x for arm in record.arms],
            "y": [point_at(record, arm, step).y for arm in record.arms],
            "words": _words(record, step),
        }
        for step in steps_of(record)
    ]


def _words(record: Trajectories, step: int) -> list[str]:
    """The step, what it is, and each run's accuracy on source domains and on the held-out one."""
    points = [point_at(record, arm, step) for arm in record.arms]
    seen = [
        f"{100 * value:.1f} %"
        for point in points
        for value in (point.source_validation, point.target)
    ]
    shared, start = step <= record.quantize_step, f"{record.quantize_step:,}"
    phase = "one network still, in full precision" if shared else f"quantized since step {start}"
    return [f"Step {step:,} of {record.steps:,}", phase, *seen]


def numbers_at(record: Trajectories, step: int) -> Markup:
    """Large, what both runs' accuracies were at a step; it brings what way.js needs for others."""
    place, what, *seen = _words(record, step)
    rows = join(
        html(
            '<tr><th scope="row"><b style="color:{}" aria-hidden="true">{}</b> {}</th>'
            "<td data-way>{}</td><td data-way>{}</td></tr>",
            ink_of(arm.model),
            style_of(arm.model).marker,
            name_of(arm),
            *seen[2 * row : 2 * row + 2],
        )
        for row, arm in enumerate(record.arms)
    )
    return html(
        '<div class="way" data-frames="{}"><p class="way-step" role="status"><b data-way>{}</b>'
        "<span data-way>{}</span></p>"
        '<table><thead><tr><td></td><th scope="col">source</th><th scope="col">{}</th></tr></thead>'
        "<tbody>{}</tbody></table></div>",
        json.dumps(frames(record)),
        place,
        what,
        plain(record.target_domain),
        rows,
    )


def held_sentence(record: Trajectories) -> Markup:
    """What part of the paths the plane holds, and how far rounding takes the quantized run."""
    full, rounded = (_first_distance(arm) for arm in record.arms)
    return html(
        '<p class="made">The plane goes through three networks: where quantization began, and both '
        "ends. It holds {} of the paths' variance; no plane holds more than {}.{}</p>"
        '<p class="made">In the {} steps after that full precision moves by {}; {}, whose weights '
        "are rounded, by {}.</p>",
        _share(record.held),
        _share(sum(record.principal[:2])),
        "" if _even(record) else " Its axes have scales of their own.",
        record.arms[0].points[0].step - record.quantize_step,
        number(full),
        name_of(record.arms[1]),
        number(rounded),
    )


def _first_distance(arm: Arm) -> float:
    """From the trunk's end, the plane's origin, to the first evaluation after it."""
    first = arm.points[0]
    return math.hypot(first.x, first.y, first.off_plane)


def _share(part: float) -> str:
    return f"{100 * part:.0f} %"


def way_table(record: Trajectories) -> Markup:
    """Both paths in numbers, for those who cannot see them."""
    count = record.images.count
    rows = [
        [
            f"{name}, step {point.step:,}",
            f"{100 * point.source_validation:.1f} %",
            f"{100 * point.target:.1f} %",
            f"{point.own_reading.loss:.3f}",
            f"{100 * point.own_reading.correct / count:.1f} %",
            f"({point.x:.2f}, {point.y:.2f})",
            f"{point.off_plane:.2f}",
        ]
        for name, points in (
            ("Both", record.trunk),
            *((name_of(arm), arm.points) for arm in record.arms),
        )
        for point in points
    ]
    head = ["network", "source validation", f"{plain(record.target_domain)} (sample)"]
    head += ["loss (nats)", "accuracy", "place", "distance from the plane"]
    losses = grid(record, "loss")
    about = (
        f"Loss and accuracy on the plane's {count} images; in the plane the loss goes from "
        f"{losses.min():.3f} to {losses.max():.3f} nats at {len(record.x)} × {len(record.y)} "
        "points. The first two columns are what training logged at its evaluations."
    )
    return html(
        '<p class="made">{}</p><div class="scroll" tabindex="0">{}</div>',
        about,
        table(head, rows, "Both ways"),
    )


def trained(record: Trajectories) -> Markup:
    """How both runs were made."""
    return join(
        html(
            '<p class="made">{}: <code>{}</code>, code {}, data {}; source validation chose step '
            "{}.</p>",
            name_of(arm),
            arm.command,
            arm.commit[:10],
            arm.data_fingerprint,
            f"{arm.chosen_step:,}",
        )
        for arm in record.arms
    )
