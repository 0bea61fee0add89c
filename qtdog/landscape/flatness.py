"""Local flatness F(radius) = E[L(w') - L(w)], w' at that distance in a random direction.

QT-DoG, Eq. 5, and SWAD (arXiv 2102.08604), section 4.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING

import numpy as np

from qtdog.landscape.directions import RECIPES, DirectionKind, random_direction
from qtdog.landscape.records import (
    Directions,
    FlatnessCurve,
    ImageSample,
    ModelReference,
    Provenance,
    Reading,
)
from qtdog.landscape.survey import Survey

if TYPE_CHECKING:
    from torch import Tensor

    from qtdog.landscape.space import WeightPoint

# Twice the standard error: about 95 % of estimates lie within that of the truth.
STANDARD_ERRORS = 2.0


def flatness_survey(
    point: WeightPoint,
    model: ModelReference,
    target_domain: str,
    images: ImageSample,
    kind: DirectionKind,
    seed: int,
    directions: int,
    radii: Sequence[float],
    made: Provenance,
) -> Survey:
    """The network itself, then one direction after the other at all `radii`."""
    record = FlatnessCurve(
        model,
        target_domain,
        images,
        Directions(kind, seed, directions, RECIPES[kind]),
        point.perturbed,
        tuple(radii),
        made,
    )
    # All radii of a direction come in a row: few directions are in memory at a time.
    cached = lru_cache(maxsize=4)(partial(random_direction, point, kind, seed))

    def moved(index: int, radius: float) -> Tensor:
        vector = point.vector + radius * cached(index) if radius else point.vector
        return point.used(vector)

    def finish(readings: Sequence[Reading]) -> FlatnessCurve:
        return dataclasses.replace(
            record, centre=readings[0], readings=_rows(readings[1:], len(radii))
        )

    points = [partial(moved, 0, 0.0)]
    points += [partial(moved, index, radius) for index in range(directions) for radius in radii]
    return Survey(record, tuple(points), finish)


def partial_curve(record: FlatnessCurve, readings: Sequence[Reading]) -> FlatnessCurve:
    """The curve over those directions of `record` whose readings are all there; at least one."""
    rows = _rows(readings[1:], len(record.radii))
    recipe = dataclasses.replace(record.directions, count=len(rows))
    return dataclasses.replace(record, directions=recipe, centre=readings[0], readings=rows)


def increases(curve: FlatnessCurve) -> np.ndarray:
    """L(w') - L(w) in nats, (directions, radii) float64."""
    losses = [[reading.loss for reading in row] for row in curve.readings]
    return np.array(losses) - curve.own_reading.loss


def mean_and_error(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean over the first axis and its standard error (not a number for a single row)."""
    if len(values) < 2:
        return values.mean(0), np.full(values.shape[1:], np.nan)
    return values.mean(0), values.std(0, ddof=1) / np.sqrt(len(values))


@dataclass(frozen=True)
class FlatnessComparison:
    """Two groups of networks on the same images in the same directions.

    `difference` is the others' F minus the first's, the mean over radii, in nats; `error` its
    standard error over directions, which are paired. `agreeing` of the `networks` networks of the
    other group have a difference of the same sign as the group.
    """

    first: float
    other: float
    difference: float
    error: float
    directions: int
    first_networks: int
    networks: int
    agreeing: int

    @property
    def verdict(self) -> str:
        """ "flatter" or "sharper" (the other group), or "undecided": the difference is less than
        twice its standard error, or the networks of the group do not agree."""
        if not abs(self.difference) > STANDARD_ERRORS * self.error:
            return "undecided"
        if self.agreeing < self.networks:
            return "undecided"
        return "flatter" if self.difference < 0 else "sharper"


def compare(first: Sequence[FlatnessCurve], other: Sequence[FlatnessCurve]) -> FlatnessComparison:
    """Is the `other` group flatter than the `first`? Raises ValueError when the curves were not
    measured alike."""
    curves = [*first, *other]
    if any(
        (curve.images, curve.directions, curve.radii)
        != (curves[0].images, curves[0].directions, curves[0].radii)
        for curve in curves
    ):
        raise ValueError("These curves are of other images, directions or radii.")
    base = np.mean([increases(curve).mean(1) for curve in first], axis=0)  # (directions,)
    each = np.array([increases(curve).mean(1) for curve in other])  # (networks, directions)
    paired = each.mean(0) - base
    difference, error = mean_and_error(paired)
    signs = np.sign(each.mean(1) - base.mean()) == np.sign(difference)
    return FlatnessComparison(
        float(base.mean()),
        float(each.mean()),
        float(difference),
        float(error),
        len(paired),
        len(first),
        len(other),
        int(signs.sum()),
    )


def _rows(readings: Sequence[Reading], columns: int) -> tuple[tuple[Reading, ...], ...]:
    """Whole rows only."""
    count = len(readings) // columns
    return tuple(tuple(readings[row * columns : (row + 1) * columns]) for row in range(count))
