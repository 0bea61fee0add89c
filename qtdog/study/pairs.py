"""Paired differences between arms, with their uncertainty."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Difference:
    """Paired differences of target accuracy in points: same held-out domain, same seed."""

    pairs: int
    mean: float
    low: float
    high: float
    """The ends of the 95 % confidence interval of the mean (Student's t); infinite for one pair."""

    @property
    def verdict(self) -> str:
        """What the interval says."""
        if self.low > 0:
            return "better"
        if self.high < 0:
            return "worse"
        return "not told apart"

    def __str__(self) -> str:
        if self.pairs < 2:
            return f"{self.mean:+.1f} (one pair)"
        return f"{self.mean:+.1f} [{self.low:+.1f}, {self.high:+.1f}], {self.pairs} pairs"


def paired_difference(differences: Sequence[float]) -> Difference:
    """Mean and confidence interval of paired differences, at least one."""
    values = np.asarray(differences, float)
    mean = float(values.mean())
    if len(values) < 2:
        return Difference(len(values), mean, -np.inf, np.inf)
    error = float(values.std(ddof=1)) / np.sqrt(len(values))
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, len(values) - 1)) * error
    return Difference(len(values), mean, mean - half, mean + half)


def against(table: pd.DataFrame, arm: str, base: str) -> dict[str, Difference]:
    """`arm` minus `base` by held-out domain, and over all of them as "all"."""
    keys = ["domain", "seed"]
    pairs = table[table.arm == arm].merge(table[table.arm == base], on=keys, suffixes=("", "_base"))
    if pairs.empty:
        return {}
    pairs["difference"] = pairs.accuracy - pairs.accuracy_base
    found = {
        str(domain): paired_difference(group.difference)
        for domain, group in pairs.groupby("domain")
    }
    return found | {"all": paired_difference(pairs.difference)}
