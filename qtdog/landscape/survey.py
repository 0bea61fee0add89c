"""Points to measure and the record they make; interrupted surveys go on where they stopped."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from qtdog.files import write_atomically
from qtdog.landscape.records import FlatnessCurve, Reading, Surface, Trajectories

if TYPE_CHECKING:
    from qtdog.landscape.meter import LossMeter, MakeVector

Measurable = FlatnessCurve | Surface | Trajectories
"""Records of points that are read one after the other."""
_LOSS = rb"(-?\d+\.?\d*(?:e[+-]?\d+)?|nan|-?inf)"
LINE = re.compile(_LOSS + rb" (\d+)(?: " + _LOSS + rb")?\n")  # as _line writes it


@dataclass(frozen=True)
class Survey:
    """`record` lacks its readings; `finish` puts those of all `points`, in order, into it."""

    record: Measurable
    points: tuple[MakeVector, ...]
    finish: Callable[[Sequence[Reading]], Measurable]


def run(
    survey: Survey,
    meter: LossMeter,
    journal: Path | None = None,
    progress: Callable[[int], None] = lambda points: None,
) -> Measurable:
    """Measure the survey's points and return the whole record.

    With a `journal` file every reading is written down as it comes, and a run that was
    interrupted takes those readings over. `progress` gets the number of points done.
    """
    readings = list(_written(journal)) if journal else []
    readings = readings[: len(survey.points)]
    progress(len(readings))
    handle = None
    if journal:
        whole = "".join(map(_line, readings)).encode()  # without what a kill cut off
        write_atomically(journal, lambda file: file.write(whole))
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
    tempered = "" if reading.tempered is None else f" {reading.tempered!r}"
    return f"{reading.loss!r} {reading.correct}{tempered}\n"


def _written(journal: Path) -> Iterator[Reading]:
    """The readings up to the first line that is not whole."""
    if not journal.exists():
        return
    for line in journal.read_bytes().splitlines(keepends=True):
        found = LINE.fullmatch(line)
        if not found:
            return
        tempered = None if found[3] is None else float(found[3])
        yield Reading(float(found[1]), int(found[2]), tempered)
