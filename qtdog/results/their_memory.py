"""A visitor's own numbers as points of what memory buys."""

import statistics
from collections.abc import Sequence

from qtdog.method_names import ENSEMBLES, METHODS
from qtdog.results.measured_means import unique
from qtdog.results.memory import MemoryKind, MemoryPoint
from qtdog.results.records import MeasuredResult
from qtdog.results.settings import alike_widths

MEMBERS = {ENSEMBLES[key]: METHODS[key] for key in ENSEMBLES}
"""By an ensemble's name, its members'."""


def their_points(
    theirs: Sequence[MeasuredResult], ours: Sequence[MemoryPoint]
) -> tuple[MemoryPoint, ...]:
    """Every method of theirs in the setting that they measured most often, at every width, on each
    held-out domain: mean and standard deviation over their seeds.

    Their files say how large weights are beside one full-precision network; the bytes of that are
    `ours`, of the same benchmark and network. Numbers without such a network are left out.
    """
    full = {
        (one.kind.dataset, one.kind.backbone): one.size_bytes
        for one in ours
        if one.kind.method == METHODS["erm"] and not one.kind.averaged and one.members == 1
    }
    points = []
    for alike in unique((one.dataset, one.backbone) for one in theirs):
        same = [
            one
            for one in theirs
            if (one.dataset, one.backbone) == alike and one.split == "target" and _is_number(one)
        ]
        for method in unique(one.method for one in same):
            of_method = [one for one in same if one.method == method]
            for averaged in (False, True):
                for ones in alike_widths(of_method, method, averaged).values():
                    points += _points(ones, full[alike]) if alike in full else []
    return tuple(points)


def _points(ones: Sequence[MeasuredResult], full_bytes: float) -> list[MemoryPoint]:
    """Values of one setting, a point a held-out domain."""
    first = ones[0]
    name, bracket, variant = first.method.partition(" (")
    member = MEMBERS.get(name, name) + bracket + variant
    averaged = first.measurement.averaged
    kind = MemoryKind(first.backbone, first.dataset, member, averaged, first.bits)
    points = []
    for domain in unique(one.domain for one in ones):
        here = [one for one in ones if one.domain == domain]
        accuracies = [one.accuracy for one in here]
        points.append(
            MemoryPoint(
                kind=kind,
                domain=domain,
                members=int(first.models_trained) if name in MEMBERS else 1,
                size_bytes=full_bytes * statistics.fmean(float(one.relative_size) for one in here),
                accuracy=statistics.fmean(accuracies),
                spread=statistics.stdev(accuracies) if len(here) > 1 else None,
                choices=len(here),
                runs=(),
            )
        )
    return points


def _is_number(one: MeasuredResult) -> bool:
    """Whether it says a size and a number of networks that are single numbers."""
    sized = one.relative_size and "-" not in one.relative_size
    return bool(sized) and one.models_trained.isdecimal()
