"""Points to measure and the record they make; interrupted surveys go on where they stopped."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from qtdog.landscape.meter import LossMeter, MakeVector
from qtdog.landscape.records import FlatnessCurve, Reading, Surface


@dataclass(frozen=True)
class Survey:
    """`record` lacks its readings; `finish` puts those of all `points`, in order, into it."""

    record: FlatnessCurve | Surface
    points: tuple[MakeVector, ...]
    finish: Callable[[Sequence[Reading]], FlatnessCurve | Surface]


def run(
    survey: Survey,
    meter: LossMeter,
    journal: Path | None = None,
    progress: Callable[[int], None] = lambda points: None,
) -> FlatnessCurve | Surface:
    """Measure the survey's points and return the whole record.

    With a `journal` file every reading is written down as it comes, and a run that was
    interrupted takes those readings over. `progress` gets the number of points done.
    """
    readings = list(_written(journal)) if journal else []
    readings = readings[: len(survey.points)]
    progress(len(readings))
    handle = None
    if journal:
        journal.parent.mkdir(parents=True, exist_ok=True)
        journal.write_text("".join(map(_line, readings)))  # drops a line cut off by a kill
        handle = journal.open("a")
    try:
        for reading in meter.read(survey.points[len(readings) :]):
            readings.append(reading)
            if handle:
                handle.write(_line(reading))
                handle.flush()
            progress(len(readings))
    finally:
        if handle:
            os.fsync(handle.fileno())
            handle.close()
    return survey.finish(readings)


def _line(reading: Reading) -> str:
    return f"{reading.loss!r} {reading.correct}\n"


def _written(journal: Path) -> Iterator[Reading]:
    if not journal.exists():
        return
    for line in journal.read_text().splitlines(keepends=True):
        if not line.endswith("\n"):
            return
        loss, correct = line.split()
        yield Reading(float(loss), int(correct))
