"""A visitor's own numbers beside those measured here."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace

from qtdog.results.records import (
    ALL_BENCHMARKS,
    MeasuredResult,
    Results,
    ResultsError,
    renamed,
)
from qtdog.results.settings import main_widths

MOST_NUMBERS = 20_000
BESIDE = ("ERM", "QT-DoG", "ERM ensemble", "EoQ")


@dataclass(frozen=True)
class Beside:
    """A method as somebody else measured it and as it was measured here, in percent: means over the
    held-out `domains` that both have, each the mean over its seeds."""

    method: str
    bits: int | None
    averaged: bool
    backbone: str
    dataset: str
    theirs: float
    ours: float
    domains: tuple[str, ...]


def fitting(
    name: str, measured: Sequence[MeasuredResult], known: Results
) -> tuple[MeasuredResult, ...]:
    """The numbers of the file `name` as they stand beside ours: benchmarks in the paper's spelling,
    no run logs, which are not here. Raises ResultsError for none, too many, another benchmark."""
    datasets = {one.dataset for one in (*known.paper, *known.measured)} - {ALL_BENCHMARKS}
    found = renamed(measured, known.paper)
    if not found:
        raise ResultsError(f"{name} holds no number; expected is at least one.")
    if len(found) > MOST_NUMBERS:
        raise ResultsError(
            f"{name} holds {len(found):,} numbers; at most {MOST_NUMBERS:,} are read."
        )
    foreign = next((one.dataset for one in found if one.dataset not in datasets), None)
    if foreign is not None:
        raise ResultsError(
            f"{name} has numbers of {foreign!r:.60}; expected is one of "
            f"{', '.join(sorted(datasets))}."
        )
    return tuple(replace(one, measurement=replace(one.measurement, runs=())) for one in found)


def beside(theirs: Sequence[MeasuredResult], ours: Sequence[MeasuredResult]) -> tuple[Beside, ...]:
    """The main methods that both have, on the same benchmark and network, at the same width, in the
    setting that each measured most often."""
    found = []
    alike = dict.fromkeys((one.dataset, one.backbone) for one in theirs)
    for kind in alike:
        both = [
            [one for one in side if (one.dataset, one.backbone) == kind and one.split == "target"]
            for side in (theirs, ours)
        ]
        for method in BESIDE:
            for averaged in (False, True):
                one, other = (
                    {ones[0].bits: ones for ones in main_widths(side, method, averaged)}
                    for side in both
                )
                pairs = (_beside(one[bits], other[bits]) for bits in one if bits in other)
                found += [pair for pair in pairs if pair]
    return tuple(found)


def _beside(theirs: Sequence[MeasuredResult], ours: Sequence[MeasuredResult]) -> Beside | None:
    domains = sorted({one.domain for one in theirs} & {one.domain for one in ours})
    if not domains:
        return None
    first = theirs[0]
    return Beside(
        method=first.method,
        bits=first.bits,
        averaged=first.measurement.averaged,
        backbone=first.backbone,
        dataset=first.dataset,
        theirs=_mean(theirs, domains),
        ours=_mean(ours, domains),
        domains=tuple(domains),
    )


def _mean(measured: Sequence[MeasuredResult], domains: Sequence[str]) -> float:
    return statistics.fmean(
        statistics.fmean(one.accuracy for one in measured if one.domain == domain)
        for domain in domains
    )
