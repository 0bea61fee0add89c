"""Landscapes as charts, tables and sentences: pure functions, records in, figures out."""

import csv
import io
import json
from collections.abc import Sequence
from html import escape

import numpy as np
import plotly.graph_objects as go

from qtdog.landscape.flatness import FlatnessComparison, compare, increases, mean_and_error
from qtdog.landscape.records import (
    LATENT,
    ROUNDED,
    WEIGHTS,
    Curvature,
    FlatnessCurve,
    ModelReference,
    Record,
    Surface,
    to_json,
)
from qtdog.landscape.subjects import order, title
from qtdog.ui.charts import Axis, Chart, figure, legend, number, table
from qtdog.ui.sentences import plain
from qtdog.ui.theme import METHOD_STYLES, MethodStyle

INK = "#68768c"
GRID = "rgba(128, 140, 160, 0.28)"
TRANSPARENT = "rgba(0, 0, 0, 0)"
# From low to high loss; the same steps of lightness in grey.
LOSS_COLOURS, ACCURACY_COLOURS = "Viridis_r", "Viridis"
LINES = ("", "dashed", "dotted")  # seeds of one method, in order
PLANE_HEIGHT, SCENE_HEIGHT = 340, 380

QUESTION = (
    '<p class="question">The paper\'s argument is a picture: training with quantized weights ends '
    "in a flatter valley of the loss, and flat valleys are where a new domain hurts less. Here is "
    "that valley, measured around these very networks.</p>"
)
NOTHING = (
    '<p class="nothing" role="status">No landscape of these checkpoints is stored. Measure one '
    "yourself, below, on a few pictures.</p>"
)
LIVE = (
    '<h2 class="section">On your pictures, now</h2><p class="section">The flatness of these '
    "networks on a few pictures whose class you know: coarse at once, then finer with every "
    "direction.</p>"
)
ROUND_AGAIN = "Round quantized weights again after every move"
ROUND_AGAIN_INFO = (
    "They snap back to the values that they can take: small moves change nothing, and the "
    "landscape becomes a staircase. Full precision has no such values and stays as it is."
)
LIVE_WAITING = '<p class="news" role="status">Nothing is measured yet.</p>'
LIVE_QUEUED = '<p class="news" role="status">Waiting for the measurement before yours …</p>'
LIVE_CANCELLED = '<p class="news" role="status">Cancelled. What you see is what was measured.</p>'
LIVE_NOTE = (
    '<p class="made">Few pictures: what holds for them need not hold for a domain. The directions '
    "are those of the stored curves (seed 0); the error bars are over directions, not pictures.</p>"
)
KINDS = {
    "flatness": "Flatness",
    "plane": "A plane around each model",
    "three-models": "The plane through three models",
    "interpolation": "The line between two models",
    "curvature": "Curvature",
}
AGAIN = {WEIGHTS: "", LATENT: ", latent weights", ROUNDED: ", rounded again"}
"""What a record's name says of what was perturbed."""
SPLITS = {"target": "Held-out domain", "source": "Source domains"}
DIRECTIONS = {"filter": "Relative to each filter", "whole": "Of the whole vector (the paper)"}
RADIUS = {
    "filter": "radius, as a part of each filter's norm",
    "whole": "radius, length of the change to all weights",
}

_READ = {
    "flatness": (
        "Every weight is moved a given distance in a random direction, the same for every model, "
        "and the loss is measured again. A curve that rises later belongs to a flatter valley. The "
        "bars are one standard error over the directions."
    ),
    "plane": (
        "The middle is the model. To the right and upwards its weights are moved in two random "
        "directions, the same for every model; the unit is the size of the change as a part of "
        "each filter's norm. A wide pale area is a flat valley. All planes have one colour scale."
    ),
    "three-models": (
        "Three networks span a plane. Each is marked; the distances are those between their "
        "weights. Between two networks the colour says whether a wall separates their valleys."
    ),
    "interpolation": (
        "On the way from one network to the other every weight is mixed in proportion: 0 is the "
        "first, 1 the second. A bump in between is a wall between two valleys."
    ),
    "curvature": (
        "The largest eigenvalue is the curvature in the steepest direction, the trace the sum over "
        "all directions. Smaller is flatter. The trace also predicts the flatness at a small "
        "radius r: r² × trace / 2 in units of the filters, r² × trace / (2 × parameters) of the "
        "weights as they are."
    ),
}
_NOT = {
    "flatness": (
        "An average over directions hides the few steep ones. Flatness depends on the scale of "
        "the weights: with the length of the whole vector, layers with small weights suffer most, "
        "and rescaling a network without changing its answers changes the curve. Measured "
        "relative to each filter, it does not. Flat does not prove that a network generalizes."
    ),
    "plane": (
        "A random plane is two directions out of millions and can look smooth where others are "
        "not. Biases are not moved. Trust the flatness over many directions first."
    ),
    "three-models": (
        "What lies outside this plane. A wall on the straight way does not mean that there is no "
        "other way around. Networks are compared with batch norm folded into their weights."
    ),
    "interpolation": (
        "What lies beside the straight line. The weights are mixed with batch norm folded in, "
        "which is not the mix of the networks before folding."
    ),
    "curvature": (
        "What happens further away: the Hessian describes the loss in the smallest neighbourhood. "
        "In units of the weights as they are it depends on their scale; in units of the filters "
        "it does not. ReLU networks bend where a unit switches, which no Hessian sees."
    ),
}

# The paper draws these curves without a table: their order is all that can be repeated.
_PAPER = {
    "flatness": (
        "Figure 3, from flattest to sharpest: SWAD, QT-DoG, SWA, SAM, ERM. That is ResNet-50, 100 "
        "directions of the whole vector with lengths from 0 to 60, the mean over held-out domains. "
        "Lengths do not compare with ours: another network has other weights. Its values are "
        "drawn, not printed."
    ),
}


def style_of(model: ModelReference) -> MethodStyle:
    """How a model is drawn."""
    key = f"{model.method}-averaged" if model.averaged else model.method
    return METHOD_STYLES.get(key, METHOD_STYLES["other"])


def ink_of(model: ModelReference) -> str:
    """Its colour, light or dark, as a CSS variable."""
    key = f"{model.method}-averaged" if model.averaged else model.method
    return f"var(--{key if key in METHOD_STYLES else 'other'})"


def notes(kind: str) -> str:
    """How to read a kind, what it does not show, and what the paper has of it."""
    paper = f"<p><b>In the paper.</b> {_PAPER[kind]}</p>" if kind in _PAPER else ""
    return (
        f'<div class="reading"><p><b>How to read this.</b> {_READ[kind]}</p>'
        f"<p><b>What it does not show.</b> {_NOT[kind]}</p>{paper}</div>"
    )


def headline(records: Sequence[Record], domain: str) -> str:
    """What the chosen records say, in a sentence; and that there are none."""
    if not records:
        return '<p class="nothing" role="status">This has not been measured.</p>'
    return conclusion(records, domain) if isinstance(records[0], FlatnessCurve) else ""


def numbers(records: Sequence[Record], everything: Sequence[Record]) -> str:
    """Charts and tables of records of one kind, but for the planes' pictures; of flatness also the
    verdicts over `everything`."""
    if not records:
        return ""
    first = records[0]
    if isinstance(first, Curvature):
        return curvature(records)
    if isinstance(first, Surface):
        return line(first) if first.kind == "interpolation" else plane_table(records)
    return flatness(records) + overview(
        [one for one in everything if isinstance(one, FlatnessCurve) and one.perturbed == WEIGHTS]
    )


def heading(surface: Surface) -> str:
    """The names of a plane's models with their markers."""
    again = AGAIN[surface.perturbed]
    key = legend(
        (style_of(m.model).marker, ink_of(m.model), title(m.model) + again) for m in surface.markers
    )
    return f'<p class="heading">{key}</p>'


def flatness(curves: Sequence[FlatnessCurve]) -> str:
    """The curves of several models over the same images and directions, and their numbers."""
    curves = sorted(curves, key=lambda curve: order(curve.model))
    first = curves[0]
    values = [mean_and_error(increases(curve)) for curve in curves]
    tops = [mean + np.nan_to_num(error) for mean, error in values]
    lows = [mean - np.nan_to_num(error) for mean, error in values]
    high = max(float(np.max(tops)), 1e-3)
    low = min(0.0, float(np.min(lows)))
    names = ", ".join(map(_name, curves))
    chart = Chart(
        Axis(0, first.radii[-1] * 1.04, RADIUS[first.directions.kind]),
        Axis(low - 0.04 * (high - low), high * 1.04, "rise of the loss (nats)"),
        f"Rise of the loss with the radius, of {names}. The table has the numbers.",
        height=300,
    )
    if low < 0:
        chart.line([(0, 0), (first.radii[-1], 0)], "var(--quiet)", "dotted", 1)
    for curve, (mean, error), style in zip(curves, values, _line_styles(curves), strict=True):
        ink, marker = ink_of(curve.model), style_of(curve.model).marker
        points = list(zip(curve.radii, mean.tolist(), strict=True))
        for (radius, value), spread in zip(points, error, strict=True):
            if np.isfinite(spread):
                chart.line([(radius, value - spread), (radius, value + spread)], ink, "", 1.4)
        chart.line([(0, 0), *points], ink, style)
        chart.markers(points, ink, marker)
    rows = []
    for curve, (mean, error) in zip(curves, values, strict=True):
        cells = [f"{m:.3f}{_plus_minus(e)}" for m, e in zip(mean, error, strict=True)]
        rows.append([_name(curve), f"{curve.centre.loss:.3f}", _accuracy(curve), *cells])
    head = ["model", "loss at radius 0", "accuracy there"]
    head += [f"rise at {number(radius)}" for radius in first.radii]
    caption = (
        f"Cross-entropy in nats, mean ± standard error over {first.directions.count} "
        f"{'direction' if first.directions.count == 1 else 'directions'}, on "
        f"{first.images.count} images. Perturbed: {_perturbed(curves)} with batch norm folded in."
    )
    shown = figure("Rise of the loss", chart.svg(), _legend(curves))
    return shown + _numbers(head, rows, caption)


def comparison(curves: Sequence[FlatnessCurve]) -> FlatnessComparison | None:
    """QT-DoG's networks against ERM's, none averaged; None unless both are there."""
    erm = [c for c in curves if c.model.method == "erm" and not c.model.averaged]
    quantized = [c for c in curves if c.model.method == "qt-dog" and not c.model.averaged]
    return compare(erm, quantized) if erm and quantized else None


def conclusion(curves: Sequence[FlatnessCurve], domain: str) -> str:
    """What the curves say of QT-DoG against full precision, computed from them; or empty."""
    outcome = comparison(curves)
    if outcome is None:
        return ""
    where = {"source": "the source domains", "target": f"{plain(domain)}, never seen in training,"}
    place = where.get(curves[0].images.split, "these pictures")
    words = {
        "flatter": f"On {place} QT-DoG lies flatter than full precision",
        "sharper": f"On {place} QT-DoG lies sharper than full precision",
        "undecided": f"On {place} these numbers do not tell whether QT-DoG lies flatter",
    }[outcome.verdict]
    few = ""
    if outcome.agreeing < outcome.networks:
        few = f" Only {outcome.agreeing} of {outcome.networks} QT-DoG networks are on that side."
    elif outcome.first_networks == outcome.networks == 1:
        few = " One network of each method cannot speak for the methods."
    elif outcome.first_networks == 1:
        few = " Full precision is one network here: how far its seeds differ is not known."
    if any(curve.perturbed == ROUNDED for curve in curves):
        few += " The moved weights of QT-DoG are rounded again."
    directions = "one direction" if outcome.directions == 1 else f"{outcome.directions} directions"
    return (
        f'<p class="summary" role="status">{escape(words.strip(", "))}.<span class="aside">Over '
        f"all radii the loss rises by {outcome.other:.3f} nats on average, full precision's by "
        f"{outcome.first:.3f}: a difference of {outcome.difference:+.3f}"
        f"{_plus_minus(outcome.error)} (standard error over {directions}, the same for both)."
        f"{few}</span></p>"
    )


def overview(curves: Sequence[FlatnessCurve]) -> str:
    """The verdict for every held-out domain, images and kind of direction that is there."""
    groups: dict[tuple[str, str, str], list[FlatnessCurve]] = {}
    for curve in curves:
        key = (curve.target_domain, curve.images.split, curve.directions.kind)
        groups.setdefault(key, []).append(curve)
    rows = []
    for (domain, split, kind), group in sorted(groups.items()):
        try:
            outcome = comparison(group)
        except ValueError:  # some were measured on other images than the rest
            continue
        if outcome is None:
            continue
        rows.append(
            [
                plain(domain),
                SPLITS[split].lower(),
                DIRECTIONS[kind].lower(),
                f"{outcome.first:.3f}",
                f"{outcome.other:.3f}",
                f"{outcome.difference:+.3f}{_plus_minus(outcome.error)}",
                {"undecided": "not decided"}.get(outcome.verdict, f"QT-DoG {outcome.verdict}"),
            ]
        )
    if not rows:
        return ""
    head = ["held out", "images of the", "distance", "full precision", "QT-DoG", "difference"]
    caption = (
        "Flatter here, not there: mean rise of the loss over all radii, in nats. Decided is what "
        "differs by more than twice its standard error, with all QT-DoG networks on that side."
    )
    return _numbers([*head, "verdict"], rows, caption)


def line(surface: Surface) -> str:
    """Loss and accuracy along the line between two networks, and the numbers."""
    (row,) = surface.readings
    count = surface.images.count
    first, second = (title(marker.model) for marker in surface.markers)
    charts = []
    accuracy = [(x, 100 * r.correct / count) for x, r in zip(surface.x, row, strict=True)]
    loss = [(x, r.loss) for x, r in zip(surface.x, row, strict=True)]
    for name, points, low in (("loss (nats)", loss, 0.0), ("accuracy (%)", accuracy, 0.0)):
        high = max(y for _, y in points) * 1.05 or 1.0
        chart = Chart(
            Axis(surface.x[0], surface.x[-1], f"0: {first}, 1: {second}"),
            Axis(low, high, name),
            f"{name} from {first} to {second}. The table has the numbers.",
        )
        chart.verticals([0, 1], "var(--quiet)")
        chart.line(points, "var(--quiet)")
        for marker in surface.markers:
            own = marker.reading
            value = own.loss if "loss" in name else 100 * own.correct / count
            chart.markers([(marker.x, value)], ink_of(marker.model), style_of(marker.model).marker)
        charts.append(figure(name.capitalize(), chart.svg()))
    rows = [
        [number(x), f"{r.loss:.3f}", f"{100 * r.correct / count:.1f} %"]
        for x, r in zip(surface.x, row, strict=True)
    ]
    caption = f"On {count} images. 0 is {first}, 1 is {second}."
    shown = _numbers(["position", "loss (nats)", "accuracy"], rows, caption)
    key = legend(
        (style_of(m.model).marker, ink_of(m.model), title(m.model)) for m in surface.markers
    )
    return f'{key}<div class="charts">{"".join(charts)}</div>{shown}'


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
        "hovertemplate": f"{quantity} {shown}<br>x %{{x:.3f}}, y %{{y:.3f}}<extra></extra>",
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
        place = {"x": [marker.x], "y": [marker.y], "name": title(marker.model)}
        said = f"{title(marker.model)}: {shown.replace('%{z', '%{customdata')}<extra></extra>"
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
    """The colours' range for planes side by side. The highest tenth of the losses has one colour:
    the valley is of interest, not the height of the mountains."""
    values = np.concatenate([grid(surface, quantity).ravel() for surface in surfaces])
    if quantity == "accuracy":
        return 0.0, 100.0
    low, high = float(values.min()), float(np.quantile(values, 0.9))
    return low, max(high, low + 1e-3)


def plane_table(surfaces: Sequence[Surface]) -> str:
    """What can be read off planes in numbers, for those who cannot see them."""
    rows = []
    for surface in surfaces:
        losses, count = grid(surface, "loss"), surface.images.count
        lowest = np.unravel_index(losses.argmin(), losses.shape)
        for marker in surface.markers:
            own = marker.reading
            near = float((losses < own.loss + 0.5).mean())
            rows.append(
                [
                    title(marker.model) + AGAIN[surface.perturbed],
                    f"({number(marker.x)}, {number(marker.y)})",
                    f"{own.loss:.3f}",
                    f"{100 * own.correct / count:.1f} %",
                    f"{losses.min():.3f} at ({number(surface.x[lowest[1]])}, "
                    f"{number(surface.y[lowest[0]])})",
                    f"{losses.max():.3f}",
                    f"{100 * near:.0f} %",
                ]
            )
    head = ["model", "place", "loss (nats)", "accuracy", "lowest loss in the plane", "highest"]
    head += ["area within 0.5 nats of the model"]
    first = surfaces[0]
    caption = (
        f"On {first.images.count} images, {len(first.x)} × {len(first.y)} points. "
        f"Perturbed: {_perturbed(surfaces)} with batch norm folded in."
    )
    return _numbers(head, rows, caption)


def curvature(records: Sequence[Curvature]) -> str:
    """Largest eigenvalue and trace of each model."""
    rows = []
    for one in sorted(records, key=lambda record: order(record.model)):
        mean, error = mean_and_error(np.array(one.traces)[:, None])
        rows.append(
            [
                title(one.model),
                f"{one.eigenvalue:,.1f} ± {one.eigenvalue_residual:,.1f}",
                f"{mean[0]:,.1f}{_plus_minus(error[0], 1)}",
                f"{one.lanczos_steps} + {len(one.traces)}",
            ]
        )
    first = records[0]
    unit = {
        "filter": "in units of each filter's root mean square weight, biases fixed",
        "whole": "of the weights and biases as they are",
    }[first.scale]
    caption = (
        f"Hessian of the mean cross-entropy of {first.images.count} images, {unit}. After ±: how "
        "far an eigenvalue can be off (residual), and the trace's standard error over the probes."
    )
    head = ["model", "largest eigenvalue", "trace", "products with the Hessian"]
    return _numbers(head, rows, caption)


def provenance(records: Sequence[Record]) -> str:
    """Where the numbers come from."""
    first = records[0]
    directions = getattr(first, "directions", None)
    how = f" {escape(directions.recipe)} Seed {directions.seed}." if directions else ""
    domains = ", ".join(plain(domain) for domain in first.images.domains)
    images = f"{first.images.count} images of {domains}" if domains else "your pictures"
    seen = ""
    if first.images.split == "source":
        seen = " About four in five of them were in the models' training splits."
    return (
        f'<p class="made">Measured on {images}.{seen}{how} Code {escape(first.made.commit[:10])}, '
        f"{escape(first.made.hardware)}; {escape(first.made.versions)}.</p>"
    )


def to_csv(records: Sequence[Record]) -> str:
    """Every number in long form, one reading a row."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        ["kind", "model", "images", "direction", "radius", "x", "y", "loss", "correct", "total"]
    )
    for one in records:
        total, split = one.images.count, one.images.split
        if isinstance(one, FlatnessCurve):
            kind = "flatness-" + one.directions.kind
            kind += "-rounded" if one.perturbed == ROUNDED else ""
            start = [kind, one.model.name, split]
            writer.writerow([*start, "", 0, "", "", one.centre.loss, one.centre.correct, total])
            for place, row in enumerate(one.readings):
                for radius, r in zip(one.radii, row, strict=True):
                    writer.writerow([*start, place, radius, "", "", r.loss, r.correct, total])
        elif isinstance(one, Surface):
            names = " ".join(marker.model.name for marker in one.markers)
            for y, row in zip(one.y, one.readings, strict=True):
                for x, r in zip(one.x, row, strict=True):
                    writer.writerow(
                        [one.kind, names, split, "", "", x, y, r.loss, r.correct, total]
                    )
    if all(isinstance(one, Curvature) for one in records):
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["scale", "model", "images", "total", "quantity", "value", "uncertainty"])
        for one in records:
            start = [one.scale, one.model.name, one.images.split, one.images.count]
            value = [one.eigenvalue, one.eigenvalue_residual]
            writer.writerow([*start, "largest eigenvalue", *value])
            mean, error = mean_and_error(np.array(one.traces)[:, None])
            writer.writerow([*start, "trace", float(mean[0]), float(error[0])])
    return text.getvalue()


def as_json(records: Sequence[Record]) -> list[dict]:
    """The records as they are stored, everything needed to repeat them included."""
    return [json.loads(to_json(one)) for one in records]


def live_result(curves: Sequence[FlatnessCurve], domain: str) -> str:
    """A measurement on a visitor's pictures as far as it has come."""
    return conclusion(curves, domain) + flatness(curves) + LIVE_NOTE


def live_news(done: int, total: int, seconds: float, finished: bool) -> str:
    """How far a measurement has come."""
    if finished and done == total:
        text = f"Done: {total} directions in {seconds:.1f} s."
    elif finished:
        text = (
            f"Stopped after {done} of {total} directions: the machine is busy, and {seconds:.0f} s "
            "are over. Measure again for all of them."
        )
    else:
        left = seconds / done * (total - done)
        text = f"{done} of {total} directions, about {left:.0f} s left."
    return (
        f'<p class="news" role="status">{text}</p>'
        f'<progress max="{total}" value="{done}" aria-label="directions measured"></progress>'
    )


def _numbers(head: Sequence[str], rows: Sequence[Sequence[str]], about: str) -> str:
    """A wide table that scrolls by itself, below what it is about, which does not."""
    return (
        f'<p class="made">{escape(about)}</p>'
        f'<div class="scroll" tabindex="0">{table(head, rows, "The numbers")}</div>'
    )


def _name(curve: FlatnessCurve) -> str:
    return title(curve.model) + AGAIN[curve.perturbed]


def _perturbed(records: Sequence[FlatnessCurve | Surface]) -> str:
    """ "the weights", with what else is done to those of some."""
    return " and ".join(f"the {one}" for one in dict.fromkeys(one.perturbed for one in records))


def _legend(curves: Sequence[FlatnessCurve]) -> str:
    dashes = {"": "", "dashed": " (dashed)", "dotted": " (dotted)"}
    return legend(
        (style_of(c.model).marker, ink_of(c.model), _name(c) + dashes[style])
        for c, style in zip(curves, _line_styles(curves), strict=True)
    )


def _line_styles(curves: Sequence[FlatnessCurve]) -> list[str]:
    """Models of one look, for instance seeds, differ by their lines."""
    seen: dict[tuple[str, bool], int] = {}
    styles = []
    for curve in curves:
        look = (curve.model.method, curve.model.averaged)
        styles.append(LINES[seen.get(look, 0) % len(LINES)])
        seen[look] = seen.get(look, 0) + 1
    return styles


def _accuracy(curve: FlatnessCurve) -> str:
    right, count = curve.centre.correct, curve.images.count
    return f"{100 * right / count:.1f} % ({right}/{count})"


def _plus_minus(error: float, decimals: int = 3) -> str:
    return f" ± {error:.{decimals}f}" if np.isfinite(error) else ""


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
            xaxis={"title": {"text": x_name}, **look},
            yaxis={"title": {"text": y_name}, **look},
            zaxis={"title": {"text": z_name}, "range": list(limits), **look},
            camera={"eye": {"x": 1.6, "y": -1.6, "z": 1.0}},
        )
        return
    picture.update_xaxes(title_text=x_name, fixedrange=True, **axis)
    picture.update_yaxes(title_text=y_name, fixedrange=True, **axis)
    width, height = surface.x[-1] - surface.x[0], surface.y[-1] - surface.y[0]
    if surface.kind == "three-models" and 1 / 3 < width / height < 3:
        picture.update_yaxes(scaleanchor="x")  # distances are distances
