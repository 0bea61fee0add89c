"""Landscapes as charts, tables and sentences: pure functions, records in, figures out."""

from collections.abc import Sequence

import numpy as np

from qtdog.landscape import (
    ROUNDED,
    Curvature,
    FlatnessComparison,
    FlatnessCurve,
    Record,
    Surface,
    Trajectories,
    against_full_precision,
    increases,
    mean_and_error,
    order,
    title,
    verdicts,
    wall,
)
from qtdog.ui.charts import Axis, Chart, figure, folded, legend, number, table
from qtdog.ui.landscape.planes import grid, ink_of, style_of
from qtdog.ui.landscape.stored import Stored, measured, perturbed_so
from qtdog.ui.landscape.texts import AGAIN, DIRECTIONS, IMAGES, LIVE_NOTE, MOVED, RADIUS
from qtdog.ui.landscape.way import trained, way_table
from qtdog.ui.markup import Markup, html, join
from qtdog.ui.sentences import minus, plain

LINES = ("", "dashed", "dotted")  # seeds of one method, in order


def headline(
    records: Sequence[Record],
    domain: str,
    there_is: Sequence[str] = (),
    apart: Sequence[Record] = (),
) -> Markup:
    """What the chosen records say, in a sentence; or that there are none, and what `there_is`
    instead. `apart`: the same by the other distance."""
    if not records:
        instead = f" Measured is: {'; '.join(there_is)}." if there_is else ""
        text = f"This has not been measured.{instead}"
        return html('<p class="nothing" role="status">{}</p>', text)
    if curves := [one for one in records if isinstance(one, FlatnessCurve)]:
        return conclusion(curves, domain, _curves(apart))
    first = records[0]
    if isinstance(first, Surface) and first.kind == "interpolation":
        return between(first)
    return Markup()


def numbers(records: Sequence[Record], everything: Sequence[Record]) -> str:
    """Charts and tables of records of one kind, but for the planes' pictures; of flatness also the
    verdicts over `everything`."""
    if curves := [one for one in records if isinstance(one, FlatnessCurve)]:
        return flatness(curves) + overview(everything)
    if curvatures := [one for one in records if isinstance(one, Curvature)]:
        return curvature(curvatures)
    if ways := [one for one in records if isinstance(one, Trajectories)]:
        return way_table(ways[0]) + trained(ways[0])
    surfaces = [one for one in records if isinstance(one, Surface)]
    if surfaces and surfaces[0].kind == "interpolation":
        return line(surfaces[0])
    return plane_table(surfaces) if surfaces else ""


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
        with chart.series():
            for (radius, value), spread in zip(points, error, strict=True):
                if np.isfinite(spread):
                    chart.line([(radius, value - spread), (radius, value + spread)], ink, "", 1.4)
            chart.line([(0, 0), *points], ink, style)
            chart.markers(points, ink, marker)
    rows = []
    for curve, (mean, error) in zip(curves, values, strict=True):
        cells = [f"{m:.3f}{_plus_minus(e)}" for m, e in zip(mean, error, strict=True)]
        rows.append([_name(curve), f"{measured(curve.centre).loss:.3f}", _accuracy(curve), *cells])
    head = ["model", "loss at radius 0", "accuracy there"]
    head += [f"rise at {number(radius)}" for radius in first.radii]
    caption = (
        f"Cross-entropy in nats, mean ± standard error over {first.directions.count} "
        f"{'direction' if first.directions.count == 1 else 'directions'}, on "
        f"{first.images.count} images. Perturbed: {_perturbed(curves)} with batch norm folded in."
    )
    shown = figure("Rise of the loss", chart.svg(), _legend(curves))
    return shown + _numbers(head, rows, caption)


def conclusion(
    curves: Sequence[FlatnessCurve], domain: str, apart: Sequence[FlatnessCurve] = ()
) -> Markup:
    """What the curves say of QT-DoG against full precision, computed from them; or empty. `apart`:
    the same by the other distance, which may say something else."""
    outcome = against_full_precision(curves)
    if outcome is None:
        return Markup()
    where = {"source": "the source domains", "target": f"{plain(domain)}, never seen in training,"}
    place = where.get(curves[0].images.split, "these pictures")
    words = {
        "flatter": f"On {place} QT-DoG lies flatter than full precision",
        "sharper": f"On {place} QT-DoG lies sharper than full precision",
        "undecided": f"On {place} these numbers do not tell whether QT-DoG lies flatter",
    }[outcome.verdict]
    words += _but(outcome, curves, apart)
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
    return html(
        '<p class="summary" role="status">{}.<span class="aside">When its weights are moved, '
        "QT-DoG's loss rises by {:.3f} nats{} on average over all radii, full precision's by "
        "{:.3f}{}: a difference of {}"
        "{} (standard error over {}, the same for both)."
        "{}</span></p>",
        words.strip(", "),
        outcome.other,
        f" (mean of {outcome.networks} networks)" if outcome.networks > 1 else "",
        outcome.first,
        _other_weights(curves),
        minus(f"{outcome.difference:+.3f}"),
        _plus_minus(outcome.error),
        directions,
        few,
    )


def _but(
    outcome: FlatnessComparison, curves: Sequence[FlatnessCurve], apart: Sequence[FlatnessCurve]
) -> str:
    """What the other distance says, where that is something else."""
    other = against_full_precision(apart) if apart else None
    if other is None or other.verdict == outcome.verdict:
        return ""
    ways = [MOVED[one[0].directions.kind] for one in (curves, apart)]
    says = {"undecided": "that is not decided"}.get(other.verdict, f"it lies {other.verdict}")
    return f" when {ways[0]}; when {ways[1]}, {says}"


def _other_weights(curves: Sequence[FlatnessCurve]) -> str:
    """What full precision's other weights rise by: averaged, where one step's are compared."""
    found = next(iter(verdicts(curves)), None)
    if found is None:
        return ""
    if found.of_averaged:
        other = "" if found.single is None else f", one step's by {found.single:.3f}"
        return f" (averaged weights of both{other})"
    return "" if found.averaged is None else f" (its averaged weights' by {found.averaged:.3f})"


def curvature_sentence(records: Sequence[Curvature]) -> Markup:
    """The largest eigenvalue of each network in one line; empty without any."""
    if not records:
        return Markup()
    values = [(one.eigenvalue, title(one.model)) for one in sorted(records, key=_by_model)]
    said = "; ".join(f"{name} {value:,.1f}" for value, name in values)
    return html(
        '<p class="made">Curvature in the steepest direction, smaller is flatter: {}.</p>', said
    )


def beside_planes(stored: Stored, target: str, images: str, way: str) -> Markup:
    """What flatness and curvature say, a line each: a plane is two directions of millions."""
    curves = perturbed_so(stored.of(target, images, "flatness", way), again=False)
    flat, apart = _curves(curves), _curves(stored.apart(target, images, "flatness", way))
    bent = stored.of(target, images, "curvature", way)
    said = conclusion(flat, target.rpartition("/")[2], apart) if flat else Markup()
    return said + curvature_sentence([one for one in bent if isinstance(one, Curvature)])


def overview(records: Sequence[Record]) -> str:
    """The verdict for every held-out domain, images and kind of direction that is there."""
    rows, found = [], verdicts(records)
    for one in found:
        outcome = one.outcome
        rows.append(
            [
                plain(one.target_domain),
                {"undecided": "not decided"}.get(outcome.verdict, f"QT-DoG {outcome.verdict}"),
                IMAGES[one.split].lower(),
                DIRECTIONS[one.distance].lower(),
                *("–" if rise is None else f"{rise:.3f}" for rise in (one.single, one.averaged)),
                f"{outcome.other:.3f}",
                minus(f"{outcome.difference:+.3f}") + _plus_minus(outcome.error),
            ]
        )
    if not rows:
        return ""
    head = ["held out", "verdict", "images of the", "distance", "full precision", "averaged"]
    averaged = any(one.of_averaged for one in found)
    head += ["QT-DoG, averaged" if averaged else "QT-DoG", "QT-DoG less full precision"]
    caption = (
        "Every held-out domain: mean rise of the loss over all radii, in nats. Decided is what "
        "differs by more than twice its standard error, with all QT-DoG networks on that side."
        + (" Averaged weights are compared with averaged weights." if averaged else "")
    )
    return _numbers(head, rows, caption, "Flatter here, not there")


def between(surface: Surface) -> Markup:
    """Whether a wall stands on the straight way between two networks."""
    found = wall(surface)
    first, second = (title(marker.model) for marker in surface.markers)
    low, where = min(
        (reading.loss, x) for x, reading in zip(surface.x, surface.readings[0], strict=True)
    )
    if found.height <= 0:
        said = f"Between {first} and {second} stands no wall."
        aside = "Everywhere between them the loss is below the straight line between theirs."
    else:
        said = f"Between {first} and {second} the loss rises by {found.height:.3f} nats."
        aside = (
            f"So far it is above the straight line between theirs, at {found.place:.2f} of the way."
        )
    aside += f" The lowest loss on the whole line, {low:.3f} nats, is at {where:.2f}."
    return html('<p class="summary" role="status">{}<span class="aside">{}</span></p>', said, aside)


def line(surface: Surface) -> Markup:
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
            own = measured(marker.reading)
            value = own.loss if "loss" in name else 100 * own.correct / count
            chart.markers([(marker.x, value)], ink_of(marker.model), style_of(marker.model).marker)
        charts.append(figure(name.capitalize(), chart.svg()))
    rows = [
        [number(x), f"{r.loss:.3f}", f"{100 * r.correct / count:.1f} %"]
        for x, r in zip(surface.x, row, strict=True)
    ]
    about = f"On {count} images. 0 is {first}, 1 is {second}."
    values = table(["position", "loss (nats)", "accuracy"], rows, about)
    shown = html('<p class="made">{}</p>{}', about, folded("The same as a table", values))
    key = legend(
        (style_of(m.model).marker, ink_of(m.model), title(m.model)) for m in surface.markers
    )
    return html('{}<div class="charts">{}</div>{}', key, join(charts), shown)


def plane_table(surfaces: Sequence[Surface]) -> str:
    """What can be read off planes in numbers, for those who cannot see them."""
    rows = []
    for surface in surfaces:
        losses, count = grid(surface, "loss"), surface.images.count
        lowest = np.unravel_index(losses.argmin(), losses.shape)
        for marker in surface.markers:
            own = measured(marker.reading)
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
    head = [
        "model",
        "place",
        "loss (nats)",
        "accuracy on these images",
        "lowest loss in the plane",
        "highest",
    ]
    head += ["area within 0.5 nats of the model"]
    caption = (
        f"On {surfaces[0].images.count} images, {_points(surfaces)}. "
        f"Perturbed: {_perturbed(surfaces)} with batch norm folded in."
    )
    return _numbers(head, rows, caption)


def curvature(records: Sequence[Curvature]) -> str:
    """Largest eigenvalue and trace of each model."""
    rows = []
    for one in sorted(records, key=_by_model):
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


def live_result(curves: Sequence[FlatnessCurve], domain: str) -> str:
    """A measurement on a visitor's pictures as far as it has come."""
    return conclusion(curves, domain) + flatness(curves) + LIVE_NOTE


def _numbers(
    head: Sequence[str], rows: Sequence[Sequence[str]], about: str, name: str = "The numbers"
) -> Markup:
    """A wide table that scrolls by itself, below what it is about, which does not."""
    return html(
        '<p class="made">{}</p><div class="scroll wide" tabindex="0">{}</div>',
        about,
        table(head, rows, name),
    )


def _points(surfaces: Sequence[Surface]) -> str:
    """ "21 × 21 points", or "21 × 21 points (EoQ, 7 bits: 11 × 11)" where some have others."""
    grids = [f"{len(one.x)} × {len(one.y)}" for one in surfaces]
    others = (
        f"{title(one.markers[0].model)}: {grid}"
        for one, grid in zip(surfaces, grids, strict=True)
        if grid != grids[0]
    )
    apart = ", ".join(others)
    return f"{grids[0]} points" + (f" ({apart})" if apart else "")


def _curves(records: Sequence[Record]) -> list[FlatnessCurve]:
    return [one for one in records if isinstance(one, FlatnessCurve)]


def _by_model(record: Curvature) -> tuple[object, ...]:
    return order(record.model)


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
    right, count = measured(curve.centre).correct, curve.images.count
    return f"{100 * right / count:.1f} % ({right}/{count})"


def _plus_minus(error: float, decimals: int = 3) -> str:
    return f" ± {error:.{decimals}f}" if np.isfinite(error) else ""
