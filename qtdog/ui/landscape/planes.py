"""Planes of the loss landscape as contours or surfaces, and how each model is drawn."""

from collections.abc import Sequence
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
PLANE_HEIGHT, SCENE_HEIGHT = 340, 360
FEW, LOW = 3, 260
"""More planes than so many in a row are narrow, and so low; px."""
UNITS = {"loss": "nats", "accuracy": "%"}
SHOWN = {"loss": "%{customdata:.3f} nats", "accuracy": "%{customdata:.1f} %"}
"""A number of a plane's hover text; `customdata` is the number before it was cut off."""
CAMERA = {"eye": {"x": 1.82, "y": -1.82, "z": 1.08}, "center": {"x": 0, "y": 0, "z": -0.13}}
# Of a scene's box: the same for all planes, whatever their heights.
PROPORTIONS = {"x": 1, "y": 1, "z": 0.75}


def style_of(model: ModelReference) -> MethodStyle:
    """How a model is drawn."""
    key = f"{model.method}-averaged" if model.averaged else model.method
    return METHOD_STYLES.get(key, METHOD_STYLES["other"])


def ink_of(model: ModelReference) -> str:
    """Its colour, light or dark, as a CSS variable."""
    key = f"{model.method}-averaged" if model.averaged else model.method
    return f"var(--{key if key in METHOD_STYLES else 'other'})"


def heading(surface: Surface) -> Markup:
    """The names of a plane's models with their markers."""
    again = AGAIN[surface.perturbed]
    key = legend(
        (style_of(m.model).marker, ink_of(m.model), title(m.model) + again) for m in surface.markers
    )
    return html('<p class="heading">{}</p>', key)


def plane(
    surface: Surface, quantity: str, limits: tuple[float, float], scene: bool, in_row: int = 1
) -> go.Figure:
    """One plane of `in_row` beside each other, as contours, or as a surface in three dimensions
    when `scene`.

    `quantity` is "loss" or "accuracy"; `limits` of heights and colours, the same for planes side by
    side: what is higher is cut off, and its number told. The first trace's `meta` holds all numbers
    and its last is a mark without a place, both for landscape.js.
    """
    picture = go.Figure()
    add = _add_surface if scene else _add_contours
    add(picture, surface, quantity, limits)
    for marker in surface.markers:
        _add_model(picture, surface, marker, quantity, limits, scene)
    kind = go.Scatter3d if scene else go.Scatter
    look: dict[str, Any] = {"symbol": "x", "color": "#d4145a", "size": 5 if scene else 12}
    empty = {name: [None] for name in ("x", "y", *(["z"] if scene else []))}
    picture.add_trace(kind(**empty, mode="markers", marker=look, hoverinfo="skip"))
    _dress(picture, surface, quantity, limits, scene)
    if in_row > FEW:
        picture.update_layout(height=LOW)
        if surface.kind == "plane":  # directions without a meaning: no room for their names
            picture.update_scenes(xaxis_title_text="", yaxis_title_text="")
    return picture


def _add_surface(
    picture: go.Figure, surface: Surface, quantity: str, limits: tuple[float, float]
) -> None:
    """With its contours on it and as a shadow below."""
    values = grid(surface, quantity)
    steps = {"start": limits[0], "end": limits[1], "size": (limits[1] - limits[0]) / 16}
    line = {"show": True, "usecolormap": True, "project": {"z": True}, "width": 2, **steps}
    picture.add_surface(
        x=surface.x,
        y=surface.y,
        z=np.clip(values, *limits),
        customdata=values,
        cmin=limits[0],
        cmax=limits[1],
        contours={"z": line},
        showscale=False,
        **_colours(surface, quantity, limits),
    )


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
        **_colours(surface, quantity, limits),
    )


def _colours(surface: Surface, quantity: str, limits: tuple[float, float]) -> dict[str, Any]:
    """What surfaces and contours have in common, and the numbers for the script."""
    name = " and ".join(title(marker.model) for marker in surface.markers)
    return {
        "colorscale": LOSS_COLOURS if quantity == "loss" else ACCURACY_COLOURS,
        "colorbar": {
            "title": {"text": UNITS[quantity]},
            "thickness": 12,
            "tickmode": "auto",
            "tickformat": ".3~g",
        },
        "hovertemplate": html(
            "{} {}<br>x %{{x:.3f}}, y %{{y:.3f}}<extra></extra>", quantity, SHOWN[quantity]
        ),
        "meta": {
            "name": name,
            "quantity": quantity,
            "highest": limits[1],
            "x": list(surface.x),
            "y": list(surface.y),
            "loss": grid(surface, "loss").round(4).tolist(),
            "accuracy": grid(surface, "accuracy").round(2).tolist(),
        },
    }


def _add_model(
    picture: go.Figure,
    surface: Surface,
    marker: Marker,
    quantity: str,
    limits: tuple[float, float],
    scene: bool,
) -> None:
    """A network where it lies, in its colour."""
    look = style_of(marker.model)
    own = _value(marker.reading, quantity, surface.images.count)
    said: dict[str, Any] = {
        "x": [marker.x],
        "y": [marker.y],
        "name": escape(title(marker.model)),
        "mode": "markers",
        "customdata": [own],
        "hovertemplate": html("{}: {}<extra></extra>", title(marker.model), SHOWN[quantity]),
    }
    symbol = look.symbol.removesuffix("-open")
    hollow = symbol != look.symbol
    if scene:
        solid = look.symbol if symbol in ("circle", "diamond", "square") else "circle"
        dress: dict[str, Any] = {"color": look.colour, "size": 7, "symbol": solid}
        picture.add_scatter3d(**said, z=[min(own, limits[1])], marker=dress)
        return
    fill, rim = ("#ffffff", look.colour) if hollow else (look.colour, "#ffffff")
    dress = {"color": fill, "line": {"color": rim, "width": 2.5}, "size": 15, "symbol": symbol}
    picture.add_scatter(**said, marker=dress)


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


def _dress(
    picture: go.Figure,
    surface: Surface,
    quantity: str,
    limits: tuple[float, float],
    scene: bool,
) -> None:
    picture.update_layout(
        height=SCENE_HEIGHT if scene else PLANE_HEIGHT,
        paper_bgcolor=TRANSPARENT,
        plot_bgcolor=TRANSPARENT,
        font={"color": INK, "size": 13},
        margin={"l": 0, "r": 0, "t": 0, "b": 0} if scene else dict.fromkeys("lrtb", 8),
        showlegend=False,
        hoverlabel={"bgcolor": "#ffffff", "font": {"color": "#172033"}},
    )
    x_name, y_name = _axis_names(surface)
    if scene:
        look = {"tickmode": "auto", "nticks": 4, "gridcolor": GRID, "backgroundcolor": TRANSPARENT}
        look |= {"tickfont": {"size": 12}, "showspikes": False}
        room = 0.25 * (limits[1] - limits[0])  # for the shadow of the contours
        picture.update_scenes(
            xaxis={"title": {"text": escape(x_name), "font": {"size": 13}}, **look},
            yaxis={"title": {"text": escape(y_name), "font": {"size": 13}}, **look},
            zaxis={
                "title": {"text": ""},  # it would be cut off: the highest tick says it
                "ticksuffix": f" {UNITS[quantity]}",
                "showticksuffix": "last",
                "range": [limits[0] - room, limits[1]],
                **look,
            },
            camera=CAMERA,
            aspectmode="manual",
            aspectratio=PROPORTIONS,
        )
        return
    axis = {"tickmode": "auto", "nticks": 6, "automargin": True, "zeroline": False}
    picture.update_xaxes(title_text=escape(x_name), fixedrange=True, **axis)
    picture.update_yaxes(title_text=escape(y_name), fixedrange=True, **axis)
    width, height = surface.x[-1] - surface.x[0], surface.y[-1] - surface.y[0]
    if surface.kind == "three-models" and 1 / 3 < width / height < 3:
        picture.update_yaxes(scaleanchor="x")  # distances are distances
