"""Slices of the landscape: a random plane, the plane through three networks, a line between two."""

import dataclasses
from collections.abc import Sequence
from functools import lru_cache, partial

import numpy as np
from torch import Tensor

from qtdog.landscape.directions import RECIPES, random_direction
from qtdog.landscape.records import (
    Directions,
    ImageSample,
    Marker,
    ModelReference,
    Provenance,
    Reading,
    Surface,
)
from qtdog.landscape.space import WeightPoint, require_same_space
from qtdog.landscape.survey import Survey

# The plane through three networks reaches this far beyond them, as a part of its width.
MARGIN = 0.25


def random_plane(
    point: WeightPoint,
    model: ModelReference,
    target_domain: str,
    images: ImageSample,
    seed: int,
    radius: float,
    size: int,
    made: Provenance,
) -> Survey:
    """`size` x `size` points up to `radius` along two filter-normalised directions, those of
    index 0 and 1 of `seed`, the same for every model."""
    axis = tuple(np.linspace(-radius, radius, size).round(9).tolist())
    record = Surface(
        "plane",
        target_domain,
        images,
        Directions("filter", seed, 2, RECIPES["filter"]),
        point.perturbed,
        axis,
        axis,
        (Marker(model, 0.0, 0.0),),
        made,
    )
    along = lru_cache(maxsize=2)(partial(random_direction, point, "filter", seed))

    def moved(x: float, y: float) -> Tensor:
        vector = point.vector + x * along(0) + y * along(1) if x or y else point.vector
        return point.used(vector)

    points = [partial(moved, 0.0, 0.0)] + [partial(moved, x, y) for y in axis for x in axis]
    return _survey(record, points)


def three_model_plane(
    networks: Sequence[WeightPoint],
    models: Sequence[ModelReference],
    target_domain: str,
    images: ImageSample,
    size: int,
    made: Provenance,
) -> Survey:
    """`size` x `size` points of the plane through three networks. The first is the origin, the
    second lies on the x axis. Raises ValueError when they lie on a line or differ in kind."""
    require_same_space(*networks)
    origin, second, third = (network.vector for network in networks)
    to_second, to_third = (second - origin).double(), (third - origin).double()
    width = float(to_second.norm())
    if width == 0:
        raise ValueError("Two of the three networks are the same.")
    foot = float(to_third @ to_second) / width
    height = float((to_third - to_second * (foot / width)).norm())
    if height <= 1e-6 * float(to_third.norm()):
        raise ValueError("The three networks lie on one line.")
    corners = ((0.0, 0.0), (width, 0.0), (foot, height))

    def axis(values: Sequence[float]) -> tuple[float, ...]:
        low, high = min(values), max(values)
        margin = MARGIN * (high - low)
        return tuple(np.linspace(low - margin, high + margin, size).round(9).tolist())

    def moved(x: float, y: float) -> Tensor:
        return mix(y / height, x / width - y / height * foot / width)

    def mix(of_third: float, of_second: float) -> Tensor:
        # A weighted mean, so that at a network itself its weights come out bit for bit.
        return (1 - of_second - of_third) * origin + of_second * second + of_third * third

    record = Surface(
        "three-models",
        target_domain,
        images,
        None,
        networks[0].perturbed,
        axis([x for x, _ in corners]),
        axis([y for _, y in corners]),
        tuple(Marker(model, x, y) for model, (x, y) in zip(models, corners, strict=True)),
        made,
    )
    points = [partial(mix, *shares) for shares in ((0.0, 0.0), (0.0, 1.0), (1.0, 0.0))]
    points += [partial(moved, x, y) for y in record.y for x in record.x]
    return _survey(record, points)


def interpolation(
    networks: Sequence[WeightPoint],
    models: Sequence[ModelReference],
    target_domain: str,
    images: ImageSample,
    positions: Sequence[float],
    made: Provenance,
) -> Survey:
    """`positions` on the straight line from the first network (0) to the second (1)."""
    require_same_space(*networks)
    first, second = (network.vector for network in networks)

    def moved(position: float) -> Tensor:
        return (1 - position) * first + position * second

    record = Surface(
        "interpolation",
        target_domain,
        images,
        None,
        networks[0].perturbed,
        tuple(positions),
        (0.0,),
        tuple(Marker(model, float(place), 0.0) for place, model in enumerate(models)),
        made,
    )
    points = [partial(moved, position) for position in (0.0, 1.0, *positions)]
    return _survey(record, points)


def _survey(record: Surface, points: Sequence) -> Survey:
    """The markers' points come first, then the rows."""
    count, columns = len(record.markers), len(record.x)

    def finish(readings: Sequence[Reading]) -> Surface:
        own, rest = readings[:count], readings[count:]
        markers = [
            dataclasses.replace(marker, reading=reading)
            for marker, reading in zip(record.markers, own, strict=True)
        ]
        rows = [tuple(rest[start : start + columns]) for start in range(0, len(rest), columns)]
        return dataclasses.replace(record, markers=tuple(markers), readings=tuple(rows))

    return Survey(record, tuple(points), finish)
