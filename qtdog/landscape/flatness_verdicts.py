"""What the measured landscapes say: is QT-DoG flatter, does a wall stand between two networks?"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import mode

import numpy as np

from qtdog.checkpoints import averaged_side_by_side
from qtdog.landscape.flatness import FlatnessComparison, compare, increases
from qtdog.landscape.records import WEIGHTS, FlatnessCurve, Record, Surface


@dataclass(frozen=True)
class FlatnessVerdict:
    """QT-DoG against full precision on some images of one held-out domain's networks."""

    target_domain: str
    split: str
    """ "source" or "target"."""
    distance: str
    """How far is measured: "filter" or "whole"."""
    outcome: FlatnessComparison
    of_averaged: bool
    """Whether the compared networks have averaged weights."""
    single: float | None
    """Full precision with one step's weights: mean rise of the loss over all radii, in nats."""
    averaged: float | None
    """The same with averaged weights."""


def against_full_precision(curves: Sequence[FlatnessCurve]) -> FlatnessComparison | None:
    """QT-DoG's networks, those of the bit width that most have, against ERM's, averaged or not
    alike (see `of_averaged`); None unless both are there. Raises ValueError when the curves were
    not measured alike."""
    like = [c for c in curves if c.model.averaged == of_averaged(curves)]
    erm = [c for c in like if c.model.method == "erm"]
    quantized = [c for c in like if c.model.method == "qt-dog"]
    widths = sorted((c.model.bits for c in quantized), reverse=True)
    quantized = [c for c in quantized if c.model.bits == mode(widths)]
    return compare(erm, quantized) if erm and quantized else None


def of_averaged(curves: Sequence[FlatnessCurve]) -> bool:
    """Whether averaged weights are compared."""
    return averaged_side_by_side((c.model.method, c.model.averaged) for c in curves)


def verdicts(records: Iterable[Record]) -> list[FlatnessVerdict]:
    """One for every held-out domain, images and kind of direction, in this order, as far as the
    weights were measured as they are and alike."""
    groups: dict[tuple[str, str, str, str], list[FlatnessCurve]] = {}
    for record in records:
        if isinstance(record, FlatnessCurve) and record.perturbed == WEIGHTS:
            images = record.images
            key = (images.dataset, record.target_domain, images.split, record.directions.kind)
            groups.setdefault(key, []).append(record)
    found = []
    for (_, domain, split, distance), group in sorted(groups.items()):
        try:
            outcome = against_full_precision(group)
        except ValueError:  # some were measured on other images than the rest
            continue
        if outcome is not None:
            found.append(
                FlatnessVerdict(
                    domain,
                    split,
                    distance,
                    outcome,
                    of_averaged=of_averaged(group),
                    single=_rise_of_erm(group, averaged=False),
                    averaged=_rise_of_erm(group, averaged=True),
                )
            )
    return found


def _rise_of_erm(curves: Sequence[FlatnessCurve], averaged: bool) -> float | None:
    rises = [
        float(increases(one).mean())
        for one in curves
        if (one.model.method, one.model.averaged) == ("erm", averaged)
    ]
    return float(np.mean(rises)) if rises else None


@dataclass(frozen=True)
class Wall:
    """Between two networks: how far the loss rises at most above the straight line between their
    own losses, in nats (below it throughout: negative), and where, 0..1."""

    height: float
    place: float


def wall(line: Surface) -> Wall:
    """The wall on the straight way between the two networks of an interpolation, as the error
    barrier of Frankle et al., Linear Mode Connectivity and the Lottery Ticket Hypothesis, ICML
    2020, Sec. 2, but of the loss and above the line between both ends."""
    first, second = (marker.own_reading.loss for marker in line.markers)
    between = [
        Wall(reading.loss - ((1 - x) * first + x * second), x)
        for x, reading in zip(line.x, line.readings[0], strict=True)
        if 0 < x < 1
    ]
    return max(between, key=lambda one: one.height)
