"""The second study's question (d): is QT-DoG flatter beyond the spread over seeds, by which
measure, and does flatness go with accuracy on the held-out domain?"""

import math
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from qtdog.landscape import DIRECTION_KINDS, IMAGE_SETS, WEIGHTS, FlatnessCurve, Record, increases
from qtdog.paired import CONFIDENCE, Paired
from qtdog.study.flatness import DISTANCES, IMAGES
from qtdog.study.markdown import plain, row, section, signed, table_head
from qtdog.study.members import MemberKind
from qtdog.study.second.claims import claims
from qtdog.study.second.comparing import (
    NOT_DECIDED,
    NOT_SUPPORTED,
    SUPPORTED,
    compared,
    verdict,
)
from qtdog.study.second.networks import Part, StudyNetwork

Place = tuple[str, int | None]
"""Held-out domain and seed, as in `Part.by_arm`."""
MOST_CORRELATED = 1 - 1e-12
"""Of numbers on one line, whose z is infinite."""


@dataclass(frozen=True)
class Measure:
    """One number a curve for what a network loses when it is moved: less is flatter."""

    name: str
    digits: int
    of: Callable[[FlatnessCurve], float | None]
    """The mean over directions and radii; None where it was not measured."""


@dataclass(frozen=True)
class Setting:
    """Curves that compare: on which images, how far, and network -> its curve, by arm and place."""

    image_set: str
    distance: str
    curves: dict[str, dict[Place, FlatnessCurve]]

    @property
    def title(self) -> str:
        """ "source domains, relative to each filter"."""
        return f"{IMAGES[self.image_set]}, {DISTANCES[self.distance]}"


def _rise(curve: FlatnessCurve) -> float:
    return float(increases(curve).mean())


def _tempered_rise(curve: FlatnessCurve) -> float | None:
    losses = [one.tempered for readings in curve.readings for one in readings]
    own = curve.own_reading.tempered
    if own is None or None in losses:
        return None
    return statistics.fmean(one for one in losses if one is not None) - own


def _accuracy_lost(curve: FlatnessCurve) -> float:
    right = [one.correct for readings in curve.readings for one in readings]
    return 100 * (curve.own_reading.correct - statistics.fmean(right)) / curve.images.count


MEASURES = (
    Measure("loss", 3, _rise),
    Measure("loss at fitted temperature", 3, _tempered_rise),
    Measure("accuracy", 1, _accuracy_lost),
)


def flatness_section(part: Part, ending: MemberKind, landscapes: Sequence[Record]) -> str:
    """Question (d) on the networks of `part` that were measured; "" where none can be compared.

    Raises ValueError where curves of one held-out domain were not measured alike.
    """
    settings = _settings(part, landscapes)
    pairs = [(one.arm, one.base) for one in claims(ending)]
    lines = table_head(["", "images, distance", *(one.name for one in MEASURES), "pairs"])
    verdicts: dict[tuple[str, str], list[list[str]]] = {}
    for pair in pairs:
        for setting in settings:
            found = [_compared(part, setting, one, *pair) for one in MEASURES]
            if any(found):
                cells = [_cell(*both) for both in zip(found, MEASURES, strict=True)]
                counts = max(one.pairs for one in found if one)
                name = " – ".join(pair)
                lines.append(row([name, setting.title, *cells, str(counts)]))
                verdicts.setdefault(pair, []).append([_verdict(one) for one in found])
    if not verdicts:
        return ""
    return section(
        f"(d) Flatness, {part.title}",
        _explained(settings),
        [
            *(line for pair, rows in verdicts.items() for line in _answer(pair, rows)),
            "",
            *lines,
            "",
            *_with_accuracy(part, settings),
        ],
    )


def _explained(settings: Sequence[Setting]) -> str:
    curves = [one for setting in settings for of in setting.curves.values() for one in of.values()]
    directions = {one.directions.count for one in curves}
    images = {one.images.count for one in curves}
    return (
        "What a network loses when its weights are moved, mean over radii and "
        f"{_range(directions)} random directions, the same for all networks of a held-out "
        f"domain, on {_range(images)} images: rise of the loss (nats; F of QT-DoG's Eq. 5), rise "
        "of the loss with every "
        "network's logits divided by its own temperature, fitted on source validation (nats; "
        "smaller logits alone look flatter), and accuracy lost (points). Pairs of one domain and "
        "seed; the mean counts every domain alike. In brackets the 95 % interval for these "
        'domains, which knows the spread over seeds; with the domains as a sample. "Flatter": the '
        'first interval lies below zero; "sharper": above; else "not decided".'
    )


def _range(counts: set[int]) -> str:
    return " to ".join(f"{one:,}" for one in sorted({min(counts), max(counts)}))


def _settings(part: Part, landscapes: Sequence[Record]) -> list[Setting]:
    networks = {one.row.sha256: one for one in part.networks if one.row.sha256}
    found = []
    for image_set in IMAGE_SETS:
        for distance in DIRECTION_KINDS:
            curves = [
                (networks[one.model.sha256], one)
                for one in landscapes
                if isinstance(one, FlatnessCurve)
                and one.perturbed == WEIGHTS
                and (one.images.split, one.directions.kind) == (image_set, distance)
                and one.model.sha256 in networks
            ]
            if curves:
                found.append(Setting(image_set, distance, _by_arm(curves)))
    return found


def _by_arm(
    curves: Sequence[tuple[StudyNetwork, FlatnessCurve]],
) -> dict[str, dict[Place, FlatnessCurve]]:
    by_arm: dict[str, dict[Place, FlatnessCurve]] = {}
    first: dict[str, FlatnessCurve] = {}
    for network, curve in curves:
        domain = network.row.domain
        usual = first.setdefault(domain, curve)
        if any(
            getattr(curve, name) != getattr(usual, name)
            for name in ("images", "directions", "radii")
        ):
            raise ValueError(
                f"{curve.model.name} and {usual.model.name} of {plain(domain)} were measured on "
                "other images, directions or radii: measure the flatness of one of them anew."
            )
        by_arm.setdefault(network.arm, {})[domain, network.row.seed] = curve
    return by_arm


def _compared(part: Part, setting: Setting, measure: Measure, arm: str, base: str) -> Paired | None:
    return compared(part, arm, base, partial(_differences, setting, measure))


def _differences(
    setting: Setting, measure: Measure, part: Part, arm: str, base: str
) -> dict[str, list[float]]:
    """`arm` minus `base` by held-out domain."""
    ones, others = setting.curves.get(arm, {}), setting.curves.get(base, {})
    found: dict[str, list[float]] = {}
    for place in sorted(ones.keys() & others.keys(), key=str):
        first, second = measure.of(ones[place]), measure.of(others[place])
        if first is not None and second is not None:
            found.setdefault(place[0], []).append(first - second)
    return found


def _verdict(found: Paired | None) -> str:
    """The rule's, of a loss: more is worse."""
    said = verdict(found) if found else NOT_DECIDED
    return {SUPPORTED: "sharper", NOT_SUPPORTED: "flatter"}.get(said, said)


def _cell(found: Paired | None, measure: Measure) -> str:
    if not found:
        return "–"
    digits = measure.digits
    intervals = [
        f"{signed(one.low, digits)} to {signed(one.high, digits)}" if one else "–"
        for one in (found.here, found.elsewhere)
    ]
    return f"{signed(found.mean, digits)} ({'; '.join(intervals)}), {_verdict(found)}"


def _answer(pair: tuple[str, str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """How often each measure says what, over images and distances."""
    said = []
    for measure, verdicts in zip(MEASURES, zip(*rows, strict=True), strict=True):
        counts = [
            f"{verdict} in {verdicts.count(verdict)}"
            for verdict in ("flatter", "sharper", NOT_DECIDED)
            if verdict in verdicts
        ]
        said.append(f"by {measure.name} {', '.join(counts)}")
    yield f"- {pair[0]} against {pair[1]}, of {len(rows)} kinds of images and distance: " + (
        "; ".join(said) + "."
    )


def _with_accuracy(part: Part, settings: Sequence[Setting]) -> Iterator[str]:
    """Over all measured networks of a held-out domain, whatever their arm: does one that loses less
    answer better?"""
    heads = [one.name for one in MEASURES]
    lines = table_head(["flatness and accuracy on the held-out domain", *heads, "networks"])
    head = len(lines)
    for setting in settings:
        places = [(arm, place) for arm, of in setting.curves.items() for place in of]
        cells = []
        for measure in MEASURES:
            points = [
                (place[0], value, part.by_arm[arm][place].row.accuracy)
                for arm, place in places
                if (value := measure.of(setting.curves[arm][place])) is not None
            ]
            cells.append(_correlation(points))
        if any(cell != "–" for cell in cells):
            lines.append(row([setting.title, *cells, str(len(places))]))
    if len(lines) == head:
        return
    yield (
        "Correlation of what a network loses with its accuracy on the held-out domain, over all "
        "measured networks: Pearson's, after each held-out domain's mean is taken off both; in "
        "brackets its 95 % interval by Fisher's z. Negative: flatter networks are better."
    )
    yield ""
    yield from lines


def _correlation(points: Sequence[tuple[str, float, float]]) -> str:
    """Of the two numbers, within the first: "+0.42 (+0.11 to +0.71)"."""
    domains = sorted({one[0] for one in points})
    freedom = len(points) - (len(domains) - 1) - 3  # Fisher's z of a partial correlation
    if freedom < 1:
        return "–"
    centred = []
    for domain in domains:
        values = np.array([one[1:] for one in points if one[0] == domain])
        centred.append(values - values.mean(0))
    together = np.concatenate(centred)
    if not together.std(0).all():
        return "–"
    r = float(np.corrcoef(together.T)[0, 1])
    reach = statistics.NormalDist().inv_cdf((1 + CONFIDENCE) / 2) / math.sqrt(freedom)
    z = np.arctanh(np.clip(r, -MOST_CORRELATED, MOST_CORRELATED))
    low, high = (math.tanh(z + side * reach) for side in (-1, 1))
    return f"{signed(r, 2)} ({signed(low, 2)} to {signed(high, 2)})"
