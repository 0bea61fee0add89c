"""Paired differences over held-out domains, and how sure their mean is: one computation for the
Results tab, the reports and the texts that cite them."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Interval:
    """The two ends of a confidence interval."""

    low: float
    high: float


@dataclass(frozen=True)
class Paired:
    """The mean over domains of each one's mean difference, so that every domain counts alike."""

    mean: float
    pairs: int
    domains: tuple[str, ...]
    here: Interval | None
    """For these very domains: Student's interval, stratified by domain, the variance between pairs
    pooled over the domains. None where no domain has two pairs."""
    elsewhere: Interval | None
    """With the domains as a sample of others: Student's interval of the domains' means. With as
    many pairs in each domain it is the one of a mixed model with an effect of the domain. None for
    one domain."""


def paired(differences: Mapping[str, Sequence[float]]) -> Paired:
    """What the differences of pairs say, by domain: at least one, and of each at least one pair."""
    means = [statistics.fmean(values) for values in differences.values()]
    mean = statistics.fmean(means)
    pairs = sum(map(len, differences.values()))
    here = elsewhere = None
    if spare := pairs - len(means):
        squares = sum(
            (value - centre) ** 2
            for values, centre in zip(differences.values(), means, strict=True)
            for value in values
        )
        share = sum(1 / len(values) for values in differences.values()) / len(means) ** 2
        here = _student(mean, math.sqrt(squares / spare * share), spare)
    if len(means) > 1:
        error = statistics.stdev(means) / math.sqrt(len(means))
        elsewhere = _student(mean, error, len(means) - 1)
    return Paired(mean, pairs, tuple(differences), here, elsewhere)


def _student(mean: float, error: float, freedom: int) -> Interval:
    from scipy.special import stdtrit  # only where there are pairs: the page starts without

    reach = float(stdtrit(freedom, (1 + CONFIDENCE) / 2)) * error
    return Interval(mean - reach, mean + reach)
