"""Records for other programs: every number as CSV, and plain values for JSON."""

import json
from collections.abc import Iterator, Sequence

import numpy as np

from qtdog.csv_file import csv_text
from qtdog.landscape.flatness import mean_and_error
from qtdog.landscape.records import (
    ROUNDED,
    Curvature,
    FlatnessCurve,
    Reading,
    Record,
    Surface,
    Trajectories,
    to_json,
)

LOSSES = ("dataset", "held-out domain", "kind", "model", "seed", "images")
LOSSES += ("direction", "radius", "x", "y", "loss", "correct", "total", "tempered loss")
CURVATURES = ("dataset", "held-out domain", "scale", "model", "seed", "images", "total")
CURVATURES += ("quantity", "value", "uncertainty")
WAYS = ("dataset", "held-out domain", "model", "seed", "images", "step", "x", "y", "off plane")
WAYS += ("source validation", "held-out accuracy", "loss", "correct", "total")


def to_csv(records: Sequence[Record]) -> str:
    """Every number in long form, one reading a row; of curvatures alone, one quantity a row;
    of trajectories alone, first every snapshot, then the plane without a model."""
    curvatures = [one for one in records if isinstance(one, Curvature)]
    if len(curvatures) == len(records):
        return csv_text(CURVATURES, (row for one in curvatures for row in _quantities(one)))
    ways = [one for one in records if isinstance(one, Trajectories)]
    if len(ways) == len(records):
        return csv_text(WAYS, (row for one in ways for row in _ways(one)))
    return csv_text(LOSSES, (row for one in records for row in _readings(one)))


def _readings(one: Record) -> Iterator[list[object]]:
    total, image_set = one.images.count, one.images.split
    place = [one.images.dataset, one.target_domain]
    if isinstance(one, FlatnessCurve):
        kind = "flatness-" + one.directions.kind
        kind += "-rounded" if one.perturbed == ROUNDED else ""
        start = [*place, kind, one.model.name, one.model.seed, image_set]
        centre = one.own_reading
        yield [*start, "", 0, "", "", *_outcome(centre, total)]
        for direction, row in enumerate(one.readings):
            for radius, r in zip(one.radii, row, strict=True):
                yield [*start, direction, radius, "", "", *_outcome(r, total)]
    elif isinstance(one, Surface):
        names = " ".join(marker.model.name for marker in one.markers)
        seeds = " ".join(str(marker.model.seed) for marker in one.markers)
        start = [*place, one.kind, names, seeds, image_set, "", ""]
        for y, row in zip(one.y, one.readings, strict=True):
            for x, r in zip(one.x, row, strict=True):
                yield [*start, x, y, *_outcome(r, total)]


def _outcome(reading: Reading, total: int) -> list[object]:
    tempered = "" if reading.tempered is None else reading.tempered
    return [reading.loss, reading.correct, total, tempered]


def _quantities(one: Curvature) -> Iterator[list[object]]:
    start = [one.images.dataset, one.target_domain, one.scale, one.model.name]
    start += [one.model.seed, one.images.split, one.images.count]
    yield [*start, "largest eigenvalue", one.eigenvalue, one.eigenvalue_residual]
    mean, error = mean_and_error(np.array(one.traces)[:, None])
    yield [*start, "trace", float(mean[0]), float(error[0])]


def _ways(one: Trajectories) -> Iterator[list[object]]:
    place, total = [one.images.dataset, one.target_domain], one.images.count
    for arm in one.arms:
        start = [*place, arm.model.name, arm.model.seed, one.images.split]
        for at in (*one.trunk, *arm.points):
            own, seen = at.own_reading, [at.source_validation, at.target]
            where = [at.step, at.x, at.y, at.off_plane]
            yield [*start, *where, *seen, own.loss, own.correct, total]
    for y, row in zip(one.y, one.readings, strict=True):
        for x, r in zip(one.x, row, strict=True):
            images = [*place, "", "", one.images.split]
            yield [*images, "", x, y, 0, "", "", r.loss, r.correct, total]


def as_json(records: Sequence[Record]) -> list[dict]:
    """The records as they are stored, everything needed to repeat them included."""
    return [json.loads(to_json(one)) for one in records]
