"""Planes of the loss landscape as contours or surfaces, and how each model is drawn."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from qtdog.landscape import ModelReference, Surface, title
from qtdog.ui.appearance import METHOD_STYLES, MethodStyle
from qtdog.ui.charts import legend
from qtdog.ui.landscape.texts import AGAIN
from qtdog.ui.markup import Markup, escape, html

INK = "#68768c"
GRID = "rgba(128, 140, 160, 0.28)"
TRANSPARENT = "rgba(0, 0, 0, 0)"
# From low to high loss; the same steps of lightness in grey.
LOSS_COLOURS, ACCURACY_COLOURS = "Viridis_r", "Viridis"
PLANE_HEIGHT, SCENE_HEIGHT = 340, 380


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


def plane(surface: Surface, quantity: str, limits: tuple[float, float], scene: bool) -> go.Figure:
    """One plane as contours, or as a surface in three dimensions when `scene`.

    `quantity` is "loss" or "accuracy"; `limits` of its colours, the same for planes side by side.
    """
    values = grid(surface, quantity)
    unit = "nats" if quantity == "loss" else "%"
    shown = {"loss": "%{z:.3f} nats", "accuracy": "%{z:.1f} %"}[quantity]
    x_name, y_name = _axis_names(surface)
    colours = {
        "colorscale": LOSS_COLOURS if quantity == "loss" else ACCURACY_COLOURS,
        "colorbar": {
            "title": {"text": unit},
            "thickness": 12,
            "tickmode": "auto",
            "tickformat": ".3~g",
        },
        "hovertemplate": html(
            "{} {}<br>x %{{x:.3f}}, y %{{y:.3f}}<extra></extra>", quantity, shown
        ),
    }
    picture = go.Figure()
    if scene:
        picture.add_surface(
            x=surface.x,
            y=surface.y,
            z=values,
            cmin=limits[0],
            cmax=limits[1],
            showscale=False,
            **colours,
        )
    else:
        steps = (limits[1] - limits[0]) / 16
        picture.add_contour(
            x=surface.x,
            y=surface.y,
            z=np.clip(values, *limits),
            customdata=values,
            zmin=limits[0],
            zmax=limits[1],
            contours={"start": limits[0], "end": limits[1], "size": steps},
            line={"width": 0.6, "color": "rgba(255,255,255,0.55)"},
            **{**colours, "hovertemplate": colours["hovertemplate"].replace("z:", "customdata:")},
        )
    for marker in surface.markers:
        look = style_of(marker.model)
        own = _value(marker.reading, quantity, surface.images.count)
        place = {"x": [marker.x], "y": [marker.y], "name": escape(title(marker.model))}
        said = html(
            "{}: {}<extra></extra>", title(marker.model), shown.replace("%{z", "%{customdata")
        )
        fill, rim = look.colour, "#ffffff"
        if look.symbol.endswith("-open"):
            fill, rim = rim, fill
        dress = {"color": fill, "line": {"color": rim, "width": 2.5}}
        if scene:
            symbol = look.symbol if look.symbol in ("circle", "diamond", "square") else "circle"
            picture.add_scatter3d(
                **place,
                z=[own],
                mode="markers",
                customdata=[own],
                hovertemplate=said,
                marker={"color": look.colour, "size": 6, "symbol": symbol},
            )
        else:
            picture.add_scatter(
                **place,
                mode="markers",
                customdata=[own],
                hovertemplate=said,
                marker={**dress, "size": 15, "symbol": look.symbol.removesuffix("-open")},
            )
    _dress(picture, surface, scene, x_name, y_name, f"{quantity} ({unit})", limits)
    return picture


def grid(surface: Surface, quantity: str) -> np.ndarray:
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
        return "first direction", "second direction"
    marks = [style_of(marker.model).marker for marker in surface.markers]
    return f"towards {marks[1]} (distance of weights)", f"towards {marks[2]}"


def _dress(
    picture: go.Figure,
    surface: Surface,
    scene: bool,
    x_name: str,
    y_name: str,
    z_name: str,
    limits: tuple[float, float],
) -> None:
    picture.update_layout(
        height=SCENE_HEIGHT if scene else PLANE_HEIGHT,
        paper_bgcolor=TRANSPARENT,
        plot_bgcolor=TRANSPARENT,
        font={"color": INK, "size": 13},
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        showlegend=False,
        hoverlabel={"bgcolor": "#ffffff", "font": {"color": "#172033"}},
    )
    axis = {"tickmode": "auto", "nticks": 6, "automargin": True, "zeroline": False}
    if scene:
        look = {"tickmode": "auto", "nticks": 5, "gridcolor": GRID, "backgroundcolor": TRANSPARENT}
        picture.update_scenes(
            xaxis={"title": {"text": escape(x_name)}, **look},
            yaxis={"title": {"text": escape(y_name)}, **look},
            zaxis={"title": {"text": z_name}, "range": list(limits), **look},
            camera={"eye": {"x": 1.6, "y": -1.6, "z": 1.0}},
        )
        return
    picture.update_xaxes(title_text=escape(x_name), fixedrange=True, **axis)
    picture.update_yaxes(title_text=escape(y_name), fixedrange=True, **axis)
    width, height = surface.x[-1] - surface.x[0], surface.y[-1] - surface.y[0]
    if surface.kind == "three-models" and 1 / 3 < width / height < 3:
        picture.update_yaxes(scaleanchor="x")  # distances are distances
