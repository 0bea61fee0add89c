"""One method against another, from the measured values, with the uncertainty of the seeds."""

import statistics
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from qtdog.paired import paired
from qtdog.results.records import MeasuredResult
from qtdog.results.settings import main_widths
from qtdog.results.table_parts import ALL

PAIRS = (
    ("QT-DoG", "ERM"),
    ("QT-DoG", "Freeze"),
    ("EoQ", "ERM ensemble"),
    ("EoQ", "ERM"),
    ("QT-DoG (fitted)", "ERM"),
    ("QT-DoG (fitted)", "QT-DoG"),
    ("EoQ (fitted)", "ERM ensemble"),
    ("QT-DoG", "Post-training (least error)"),
    ("EoQ", "EoPTQ (least error)"),
    ("Noise of one step size", "ERM"),
    ("QT-DoG (refitted)", "ERM"),
    ("EoQ (refitted)", "ERM ensemble"),
)
"""What the paper claims or leaves open: the method, its control, and the ensemble and its; in the
first study the same with step sizes that start at the least rounding error; in the second rounding
after training, noise in the place of rounding, and averages whose step sizes were fitted anew. Not
every one has been measured."""


@dataclass(frozen=True)
class Comparison:
    """`first` minus `second`, in points of accuracy on held-out domains."""

    first: str
    second: str
    averaged: bool
    """Whether both are of averaged weights."""
    backbone: str
    dataset: str
    bits: int | None
    """Of the quantized one."""
    difference: float
    """Mean over the targets of the mean difference over the seeds of each."""
    low: float | None
    high: float | None
    """95 % interval over seeds; None where no target has two seeds of both."""
    targets: tuple[str, ...]
    seeds: int
    """Different seeds that the difference rests on; 0 where an ensemble is compared."""
    fewest_seeds: int
    """Of any target; 0 where an ensemble is compared."""


def comparisons(measured: Sequence[MeasuredResult], dataset: str = ALL) -> tuple[Comparison, ...]:
    """All of PAIRS that were measured on a benchmark or, for "all", on each, of single and of
    averaged weights, at every width that is no ablation; two quantized ones at the same width."""
    alike: dict[tuple[str, str], list[MeasuredResult]] = defaultdict(list)
    for one in measured:
        if dataset in (ALL, one.dataset) and one.split == "target":
            alike[one.dataset, one.backbone].append(one)
    found = []
    for same in alike.values():
        for averaged in (False, True):
            for first, second in PAIRS:
                others = {ones[0].bits: ones for ones in main_widths(same, second, averaged)}
                for ours in main_widths(same, first, averaged):
                    theirs = others.get(None) or others.get(ours[0].bits, [])
                    if theirs and (one := compare(ours, theirs)):
                        found.append(one)
    return tuple(found)


def compare(first: Sequence[MeasuredResult], second: Sequence[MeasuredResult]) -> Comparison | None:
    """One setting of a method against one of another; None without a common held-out domain.

    Values of one domain and seed are paired, for they share the data split and the first steps. The
    interval is Student's, with the variance between seeds pooled over the domains: it says how far
    other seeds might move the difference, not other domains. An ensemble has no seed: it is
    compared with the mean over the other's seeds, without an interval.
    """
    differences = _by_domain(first, second)
    if not differences:
        return None
    found = paired({domain: tuple(values.values()) for domain, values in differences.items()})
    seeds = {seed for values in differences.values() for seed in values if seed is not None}
    return Comparison(
        first=first[0].method,
        second=second[0].method,
        averaged=first[0].measurement.averaged,
        backbone=first[0].backbone,
        dataset=first[0].dataset,
        bits=first[0].bits,
        difference=found.mean,
        low=found.here and found.here.low,
        high=found.here and found.here.high,
        targets=tuple(differences),
        seeds=len(seeds),
        fewest_seeds=min(len(values) for values in differences.values()) if seeds else 0,
    )


def _by_domain(
    first: Sequence[MeasuredResult], second: Sequence[MeasuredResult]
) -> dict[str, dict[int | None, float]]:
    """The differences of every common domain, by seed; by None where one side has no seeds."""
    tables = []
    for side in (first, second):
        table: dict[str, dict[int | None, float]] = defaultdict(dict)
        for one in side:
            table[one.domain][one.measurement.seed] = one.accuracy
        tables.append(table)
    found = {}
    for domain in sorted(tables[0].keys() & tables[1].keys()):
        a, b = tables[0][domain], tables[1][domain]
        if None in a or None in b:
            found[domain] = {None: statistics.fmean(a.values()) - statistics.fmean(b.values())}
        elif common := sorted(a.keys() & b.keys()):
            found[domain] = {seed: a[seed] - b[seed] for seed in common}
    return found
