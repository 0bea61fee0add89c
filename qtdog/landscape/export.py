"""Records for other programs: every number as CSV, and plain values for JSON."""

import csv
import io
import json
from collections.abc import Sequence

import numpy as np

from qtdog.landscape.flatness import mean_and_error
from qtdog.landscape.records import ROUNDED, Curvature, FlatnessCurve, Record, Surface, to_json


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
