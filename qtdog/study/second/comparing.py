"""Differences between two arms of like pairs, and what the study's rule makes of them."""

import statistics
from collections.abc import Callable, Sequence

from qtdog.paired import Interval, Paired, paired
from qtdog.study.markdown import signed
from qtdog.study.second.networks import Part, StudyNetwork

SUPPORTED, NOT_SUPPORTED, NOT_DECIDED = "supported", "not supported", "not decided"


def difference(part: Part, arm: str, base: str) -> dict[str, list[float]]:
    """`arm` minus `base` in points by held-out domain: one value for every seed that both have.

    Where one side is an ensemble there is one difference a domain; its values are the jackknife's
    (Tukey's pseudo-values, moved so that their mean is that difference), each for a seed that was
    left out of both sides. Of two single arms they are the plain differences.
    """
    ones, others = part.by_arm.get(arm, {}), part.by_arm.get(base, {})
    found = {}
    for domain in part.domains:
        sides = [_of_domain(side, domain) for side in (ones, others)]
        if not all(sides):
            continue
        if any(None in side for side in sides):
            found[domain] = _with_ensemble(*sides)
        elif common := sorted(sides[0].keys() & sides[1].keys(), key=str):
            found[domain] = [sides[0][k].row.accuracy - sides[1][k].row.accuracy for k in common]
    return {domain: values for domain, values in found.items() if values}


def late_difference(part: Part, arm: str, base: str) -> dict[str, list[float]]:
    """The same of late means, of single networks."""
    ones, others = part.by_arm.get(arm, {}), part.by_arm.get(base, {})
    found: dict[str, list[float]] = {}
    for key in sorted(ones.keys() & others.keys(), key=str):
        first, second = ones[key].late_mean, others[key].late_mean
        if first is not None and second is not None:
            found.setdefault(key[0], []).append(first - second)
    return found


def compared(
    part: Part,
    arm: str,
    base: str,
    of: Callable[[Part, str, str], dict[str, list[float]]] = difference,
) -> Paired | None:
    """The difference over all domains that have both arms; None where none has."""
    values = of(part, arm, base)
    return paired(values) if values else None


def verdict(found: Paired) -> str:
    """What the rule says of "the first is better": the interval for these domains decides."""
    if found.here and found.here.low > 0:
        return SUPPORTED
    if found.here and found.here.high < 0:
        return NOT_SUPPORTED
    return NOT_DECIDED


def interval_text(interval: Interval | None) -> str:
    """ "+0.1 to +0.3"."""
    return f"{signed(interval.low)} to {signed(interval.high)}" if interval else "–"


def _of_domain(
    networks: dict[tuple[str, int | None], StudyNetwork], domain: str
) -> dict[int | None, StudyNetwork]:
    return {seed: one for (of, seed), one in networks.items() if of == domain}


def _with_ensemble(*sides: dict[int | None, StudyNetwork]) -> list[float]:
    """Empty where a single arm lacks one of the ensemble's seeds."""
    whole, without = [], []
    members = next(len(side[None].without) for side in sides if None in side)
    for side in sides:
        if None in side:
            whole.append(side[None].row.accuracy)
            without.append(side[None].without)
            continue
        if not set(range(members)) <= side.keys():
            return []
        values = [side[seed].row.accuracy for seed in range(members)]
        whole.append(statistics.fmean(values))
        without.append(_means_without(values))
    difference = whole[0] - whole[1]
    left = [one - other for one, other in zip(*without, strict=True)]
    pseudo = [members * difference - (members - 1) * one for one in left]
    shift = difference - statistics.fmean(pseudo)
    return [one + shift for one in pseudo]


def _means_without(values: Sequence[float]) -> list[float]:
    return [(sum(values) - one) / (len(values) - 1) for one in values]
