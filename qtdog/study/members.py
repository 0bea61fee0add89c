"""Which weights can become EoQ's members, and what source validation chose in the first study."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qtdog.method_names import method_name
from qtdog.study.rows import MeasuredRow

QUANTIZERS = ("lsq", "lsq-fitted")


@dataclass(frozen=True)
class MemberKind:
    """Weights that EoQ's members can have."""

    quantizer: str
    averaged: bool
    refitted: bool = False
    """Of averaged weights: whether step sizes were fitted anew, instead of being means."""

    @property
    def method(self) -> str:
        """As in the measured rows."""
        return method_name("qt-dog", quantizer=self.quantizer, refitted=self.refitted)

    @property
    def arm(self) -> str:
        """ "QT-DoG" or, say, "QT-DoG (fitted), averaged"."""
        return f"{self.method}, averaged" if self.averaged else self.method

    def checkpoint(self, bits: int, seed: int) -> str:
        """The name of the folder of one network of this kind."""
        quantizer = "" if self.quantizer == "lsq" else f"{self.quantizer}-"
        ending = "-averaged" if self.averaged else ""
        ending += "-refitted" if self.refitted else ""
        return f"qt-dog-{quantizer}{bits}bit{ending}-seed{seed}"


WEIGHT_KINDS = tuple(
    MemberKind(quantizer, averaged) for quantizer in QUANTIZERS for averaged in (False, True)
)
"""The first study's."""
SECOND_QUANTIZER = "lsq-least-error"
SINGLE = MemberKind(SECOND_QUANTIZER, averaged=False)
MEANS = MemberKind(SECOND_QUANTIZER, averaged=True)
REFITTED = MemberKind(SECOND_QUANTIZER, averaged=True, refitted=True)
SECOND_KINDS = (SINGLE, MEANS, REFITTED)
"""The second study's: one step's, averaged with the mean step sizes, and with step sizes fitted
anew."""


@dataclass(frozen=True)
class Candidate:
    """What source validation says of one kind. Accuracies are percent."""

    kind: MemberKind
    runs: int
    """Held-out domains and seeds for which it was measured."""
    over_shared: float
    """Mean over the runs that all candidates have; NaN where there is none."""
    over_all: float | None
    """Mean over all runs; None where another kind has more of them: then it cannot be chosen."""


@dataclass(frozen=True)
class MemberChoice:
    """All kinds that were measured, and the one that EoQ is made of."""

    candidates: tuple[Candidate, ...]
    shared_runs: int

    @property
    def best(self) -> MemberKind:
        """The kind with the best source validation among those measured for all runs; of equals
        the first."""
        complete = [one for one in self.candidates if one.over_all is not None]
        return max(complete, key=lambda one: one.over_all or 0.0).kind


def choose_members(rows: Sequence[MeasuredRow], bits: int) -> MemberChoice:
    """Compare the first study's kinds at `bits` with one step size a channel, at the quantization
    step of most runs. Raises ValueError where no QT-DoG of that width was measured.

    A kind that is not measured for every held-out domain and seed of the others is not chosen:
    the set would then differ in kind from domain to domain.
    """
    names = {method_name("qt-dog", quantizer=quantizer): quantizer for quantizer in QUANTIZERS}
    rows = [
        row
        for row in rows
        if row.method in names and row.bits == bits and row.granularity == "channel"
    ]
    if not rows:
        raise ValueError(f"No QT-DoG network of {bits} bits is measured: run the sweep first.")
    moments = [row.quantize_step for row in rows]
    usual = max(moments, key=moments.count)
    found: dict[MemberKind, dict[tuple[str, int | None], float]] = {}
    for row in rows:
        if row.quantize_step == usual and row.source_validation is not None:
            kind = MemberKind(names[row.method], row.averaged == "yes")
            found.setdefault(kind, {})[row.domain, row.seed] = row.source_validation
    shared = set.intersection(*(set(runs) for runs in found.values()))
    most = max(len(runs) for runs in found.values())
    candidates = [
        Candidate(
            kind,
            len(runs),
            _mean([runs[run] for run in shared]),
            _mean([*runs.values()]) if len(runs) == most else None,
        )
        for kind in WEIGHT_KINDS
        if (runs := found.get(kind))
    ]
    return MemberChoice(tuple(candidates), len(shared))


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else float("nan")
