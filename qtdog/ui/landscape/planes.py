"""Planes of the loss landscape as contours or surfaces, and how each model is drawn."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from qtdog.landscape import Marker, ModelReference, Surface, Trajectories, title
from qtdog.ui.appearance import METHOD_STYLES, MethodStyle
from qtdog.ui.charts import legend
from qtdog.ui.landscape.texts import AGAIN
from qtdog.ui.markup import Markup, escape, html

INK = "#68768c"
GRID = "rgba(128, 140, 160, 0.28)"
TRANSPARENT = "rgba(0, 0, 0, 0)"
# From low to high loss; the same steps of lightness in grey.
LOSS_COLOURS, ACCURACY_COLOURS = "Viridis_r", "Viridis"
PLANE_HEIGHT, SURFACE_HEIGHT = 340, 360
FEW, LOW = 3, 260
"""More planes than so many in a row are narrow, and so low; px."""
UNITS = {"loss": "nats", "accuracy": "%"}
SHOWN = {"loss": "%{customdata:.3f} nats", "accuracy": "%{customdata:.1f} %"}
"""A number of a plane's hover text; `customdata` is the number before it was cut off."""


def style_of(model: ModelReference) -> MethodStyle:
    """How a model is drawn."""
    key = f"{model.method}-averaged" if model.averaged else model.method
    return METHOD_STYLES.get(key, METHOD_STYLES["other"])


def ink_of(model: ModelReference) -> str:
    """Its colour, light or dark, as a CSS variable."""
    return f"var({_ink(model)})"


def _ink(model: ModelReference) -> str:
    key = f"{model.method}-averaged" if model.averaged else model.method
    return f"--{key if key in METHOD_STYLES else 'other'}"


def heading(surface: Surface) -> Markup:
    """The names of a plane's models with their markers."""
    again = AGAIN[surface.perturbed]
    key = legend(
        (style_of(m.model).marker, ink_of(m.model), title(m.model) + again) for m in surface.markers
    )
    return html('<p class="heading">{}</p>', key)


def surface_html(
    surface: Surface, quantity: str, limits: Mapping[str, tuple[float, float]], in_row: int = 1
) -> Markup:
    """A place in which surface.js draws a plane of `in_row` beside each other, three-dimensional.

    `quantity`: the height, "loss" or "accuracy"; `limits` of each, the same for planes side by
    side: what is higher is cut off.
    """
    # Directions of a plane around one network have no meaning, and in a narrow one no room.
    named = in_row <= FEW or surface.kind != "plane"
    data = {
        **_numbers(surface),
        "limits": limits,
        "axes": list(_axis_names(surface)) if named else [],
        "height": LOW if in_row > FEW else SURFACE_HEIGHT,
        "markers": [
            {
                "x": one.x,
                "y": one.y,
                "marker": style_of(one.model).marker,
                "ink": _ink(one.model),
                **{name: _value(one.reading, name, surface.images.count) for name in UNITS},
            }
            for one in surface.markers
        ],
    }
    return html(
        '<div class="surface" data-quantity="{}" data-surface="{}"></div>',
        quantity,
        json.dumps(data, separators=(",", ":")),
    )


def _numbers(surface: Surface) -> dict[str, Any]:
    """All numbers of a plane, for scripts."""
    return {
        "name": " and ".join(title(marker.model) for marker in surface.markers),
        "x": list(surface.x),
        "y": list(surface.y),
        "loss": grid(surface, "loss").round(4).tolist(),
        "accuracy": grid(surface, "accuracy").round(2).tolist(),
    }


def plane(
    surface: Surface, quantity: str, limits: tuple[float, float], in_row: int = 1
) -> go.Figure:
    """One plane of `in_row` beside each other, as contours.

    `quantity` is "loss" or "accuracy"; `limits` of the colours, the same for planes side by side:
    what is higher is cut off, and its number told. The first trace's `meta` holds all numbers and
    its last is a mark without a place, both for landscape.js.
    """
    picture = go.Figure()
    _add_contours(picture, surface, quantity, limits)
    for marker in surface.markers:
        _add_model(picture, surface, marker, quantity)
    look: dict[str, Any] = {"symbol": "x", "color": "#d4145a", "size": 12}
    picture.add_scatter(x=[None], y=[None], mode="markers", marker=look, hoverinfo="skip")
    _dress(picture, surface)
    if in_row > FEW:
        picture.update_layout(height=LOW)
    return picture


def _add_contours(
    picture: go.Figure, surface: Surface, quantity: str, limits: tuple[float, float]
) -> None:
    values = grid(surface, quantity)
    picture.add_contour(
        x=surface.x,
        y=surface.y,
        z=np.clip(values, *limits),
        customdata=values,
        zmin=limits[0],
        zmax=limits[1],
        contours={"start": limits[0], "end": limits[1], "size": (limits[1] - limits[0]) / 16},
        line={"width": 0.6, "color": "rgba(255,255,255,0.55)"},
        colorscale=LOSS_COLOURS if quantity == "loss" else ACCURACY_COLOURS,
        colorbar={
            "title": {"text": UNITS[quantity]},
            "thickness": 12,
            "tickmode": "auto",
            "tickformat": ".3~g",
        },
        hovertemplate=html(
            "{} {}<br>x %{{x:.3f}}, y %{{y:.3f}}<extra></extra>", quantity, SHOWN[quantity]
        ),
        meta=_numbers(surface),
    )


def _add_model(picture: go.Figure, surface: Surface, marker: Marker, quantity: str) -> None:
    """A network where it lies, in its colour."""
    look = style_of(marker.model)
    symbol = look.symbol.removesuffix("-open")
    fill, rim = ("#ffffff", look.colour) if symbol != look.symbol else (look.colour, "#ffffff")
    picture.add_scatter(
        x=[marker.x],
        y=[marker.y],
        name=escape(title(marker.model)),
        mode="markers",
        customdata=[_value(marker.reading, quantity, surface.images.count)],
        hovertemplate=html("{}: {}<extra></extra>", title(marker.model), SHOWN[quantity]),
        marker={
            "color": fill,
            "line": {"color": rim, "width": 2.5},
            "size": 15,
            "symbol": symbol,
        },
    )


def grid(surface: Surface | Trajectories, quantity: str) -> np.ndarray:
    """(len(y), len(x)) of "loss" in nats or "accuracy" in percent."""
    count = surface.images.count
    return np.array([[_value(r, quantity, count) for r in row] for row in surface.readings])


def plane_limits(surfaces: Sequence[Surface], quantity: str) -> tuple[float, float]:
    """The colours' range for planes side by side. Around single networks the highest tenth of the
    losses has one colour: the valley is of interest, not the height of the mountains."""
    values = np.concatenate([grid(surface, quantity).ravel() for surface in surfaces])
    if quantity == "accuracy":
        return 0.0, 100.0
    highest = 0.9 if surfaces[0].kind == "plane" else 1.0
    low, high = float(values.min()), float(np.quantile(values, highest))
    return low, max(high, low + 1e-3)


def _value(reading, quantity: str, count: int) -> float:
    return reading.loss if quantity == "loss" else 100 * reading.correct / count


def _axis_names(surface: Surface) -> tuple[str, str]:
    if surface.kind == "plane":
        return "direction 1", "direction 2"
    marks = [style_of(marker.model).marker for marker in surface.markers]
    return f"towards {marks[1]} (distance of weights)", f"towards {marks[2]}"


def _dress(picture: go.Figure, surface: Surface) -> None:
    x_name, y_name = _axis_names(surface)
    picture.update_layout(
        height=PLANE_HEIGHT,
        paper_bgcolor=TRANSPARENT,
        plot_bgcolor=TRANSPARENT,
        font={"color": INK, "size": 13},
        margin=dict.fromkeys("lrtb", 8),
        showlegend=False,
        hoverlabel={"bgcolor": "#ffffff", "font": {"color": "#172033"}},
    )
    axis = {"tickmode": "auto", "nticks": 6, "automargin": True, "zeroline": False}
    picture.update_xaxes(title_text=escape(x_name), fixedrange=True, **axis)
    picture.update_yaxes(title_text=escape(y_name), fixedrange=True, **axis)
    width, height = surface.x[-1] - surface.x[0], surface.y[-1] - surface.y[0]
    if surface.kind == "three-models" and 1 / 3 < width / height < 3:
        picture.update_yaxes(scaleanchor="x")  # distances are distances
