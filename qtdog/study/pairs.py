"""Paired differences between arms, with their uncertainty."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from qtdog.paired import paired


@dataclass(frozen=True)
class Difference:
    """Paired differences of target accuracy in points: same held-out domain, same seed. Of several
    domains: the mean over them of each one's."""

    pairs: int
    mean: float
    low: float
    high: float
    """The ends of the mean's 95 % confidence interval (Student's, stratified by domain); infinite
    where no domain has two pairs."""

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


def paired_difference(*domains: Sequence[float]) -> Difference:
    """Mean and confidence interval of the paired differences on one domain or several."""
    found = paired({str(place): values for place, values in enumerate(domains)})
    low, high = (found.here.low, found.here.high) if found.here else (-np.inf, np.inf)
    return Difference(found.pairs, found.mean, low, high)


def against(table: pd.DataFrame, arm: str, base: str) -> dict[str, Difference]:
    """`arm` minus `base` by held-out domain, and over all of them as "all"."""
    keys = ["domain", "seed"]
    pairs = table[table.arm == arm].merge(table[table.arm == base], on=keys, suffixes=("", "_base"))
    if pairs.empty:
        return {}
    pairs["difference"] = pairs.accuracy - pairs.accuracy_base
    values = {
        str(domain): tuple(group.difference.tolist()) for domain, group in pairs.groupby("domain")
    }
    found = {domain: paired_difference(ones) for domain, ones in values.items()}
    return found | {"all": paired_difference(*values.values())}
