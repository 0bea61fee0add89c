"""memory.csv: what accuracy is had for how many bytes, as checked records."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from qtdog.csv_file import CsvError, CsvLine, field_names, read_lines
from qtdog.places import SHOWN_STUDY
from qtdog.results.records import AVERAGE, FULL_PRECISION, ResultsError

MEMORY = "memory.csv"


@dataclass(frozen=True)
class MemoryKind:
    """What networks have in common that differ in members alone."""

    backbone: str
    dataset: str
    method: str
    """Of a member: "ERM", "QT-DoG", "Post-training"."""
    averaged: bool
    """Whether a member's weights are the mean of those since the quantization step."""
    bits: int | None
    """Of a weight; None in full precision."""


@dataclass(frozen=True)
class MemoryPoint:
    """One network, or several that answer by the mean of their logits, on one held-out domain."""

    kind: MemoryKind
    domain: str
    members: int
    size_bytes: float
    """Of the members' weights together."""
    accuracy: float
    """Percent, mean over the choices of seeds."""
    spread: float | None
    """Standard deviation over those choices, in points; None for a single one."""
    choices: int
    runs: tuple[str, ...]
    """The run logs' files."""


COLUMNS = (
    *field_names(MemoryKind),
    *(name for name in field_names(MemoryPoint) if name not in ("kind", "runs")),
    "run",
)


def read_memory(path: Path) -> tuple[MemoryPoint, ...]:
    """Raises ResultsError: one sentence."""
    try:
        return tuple(_point(line) for line in read_lines(path, COLUMNS))
    except CsvError as error:
        raise ResultsError(str(error)) from None


def load_memory(folder: Path = SHOWN_STUDY) -> tuple[MemoryPoint, ...]:
    """The points in a folder of results; none where there is no such file. Raises ResultsError."""
    return read_memory(folder / MEMORY) if (folder / MEMORY).exists() else ()


def domains_of(points: Sequence[MemoryPoint], dataset: str) -> tuple[str, ...]:
    """What `points_on` takes for a data set: the mean over its domains, where there are several,
    and each domain."""
    domains = tuple(sorted({one.domain for one in points if one.kind.dataset == dataset}))
    return (AVERAGE, *domains) if len(domains) > 1 else domains


def points_on(
    points: Sequence[MemoryPoint], dataset: str, domain: str = AVERAGE
) -> tuple[MemoryPoint, ...]:
    """The points of a held-out domain, or their means over all domains of the data set, of what was
    measured on all of them; the smallest first.

    A mean's spread is that of independent domains, sqrt(sum of squares) / domains.
    """
    of = [one for one in points if one.kind.dataset == dataset]
    if domain != AVERAGE:
        return _by_size(one for one in of if one.domain == domain)
    groups: dict[tuple[MemoryKind, int], list[MemoryPoint]] = defaultdict(list)
    for one in of:
        groups[one.kind, one.members].append(one)
    everywhere = len({one.domain for one in of})
    return _by_size(_mean(group) for group in groups.values() if len(group) == everywhere)


def best_within(points: Sequence[MemoryPoint], size_bytes: float) -> MemoryPoint | None:
    """The most accurate of at most that size; None where nothing is as small."""
    fitting = [one for one in points if one.size_bytes <= size_bytes]
    return max(fitting, key=lambda one: one.accuracy, default=None)


def frontier(points: Sequence[MemoryPoint]) -> tuple[MemoryPoint, ...]:
    """Those that nothing smaller or as large surpasses, the smallest first."""
    best: list[MemoryPoint] = []
    for one in sorted(points, key=lambda one: (one.size_bytes, -one.accuracy)):
        if not best or one.accuracy > best[-1].accuracy:
            best.append(one)
    return tuple(best)


def _by_size(points: Iterable[MemoryPoint]) -> tuple[MemoryPoint, ...]:
    return tuple(sorted(points, key=lambda one: (one.size_bytes, -one.accuracy)))


def _mean(group: Sequence[MemoryPoint]) -> MemoryPoint:
    spreads = [one.spread for one in group if one.spread is not None]
    return MemoryPoint(
        kind=group[0].kind,
        domain=AVERAGE,
        members=group[0].members,
        size_bytes=sum(one.size_bytes for one in group) / len(group),
        accuracy=sum(one.accuracy for one in group) / len(group),
        spread=math.hypot(*spreads) / len(group) if len(spreads) == len(group) else None,
        choices=min(one.choices for one in group),
        runs=tuple(run for one in group for run in one.runs),
    )


def _point(line: CsvLine) -> MemoryPoint:
    bits = line.whole("bits", 1)
    kind = MemoryKind(
        backbone=line.text("backbone"),
        dataset=line.text("dataset"),
        method=line.text("method"),
        averaged=line.one_of("averaged", ("yes", "no")) == "yes",
        bits=None if bits == FULL_PRECISION else bits,
    )
    return MemoryPoint(
        kind=kind,
        domain=line.text("domain"),
        members=line.whole("members", 1),
        size_bytes=line.whole("size_bytes", 1),
        accuracy=line.number_of("accuracy", 0, 100),
        spread=line.number_or_none("spread", 0, 100),
        choices=line.whole("choices", 1),
        runs=tuple(filter(None, (name.strip() for name in line.values["run"].split(";")))),
    )
