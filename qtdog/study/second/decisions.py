"""What source validation decides for all held-out domains alike: the ending of a quantized average,
and the width and weights that are shipped. The held-out domains decide nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from qtdog.study.members import MEANS, REFITTED, SECOND_KINDS, SINGLE, MemberKind
from qtdog.study.rows import MeasuredRow
from qtdog.study.second.networks import Study, arm_name

WIDTHS = (7, 5)


@dataclass(frozen=True)
class Option:
    """Weights of one kind and width, and what source validation says of them."""

    kind: MemberKind
    bits: int
    runs: int
    """Held-out domains and seeds that all options have: the mean is over these."""
    source_validation: float
    """Percent."""

    @property
    def arm(self) -> str:
        """As in the report's tables."""
        return arm_name(self.kind.method, self.bits, self.kind.averaged)


@dataclass(frozen=True)
class Decision:
    """What was compared, and what came out."""

    endings: tuple[Option, ...]
    """Step sizes as means and fitted anew, at every width."""
    ending: MemberKind
    members: tuple[Option, ...]
    """Single weights and averages of that ending, at every width."""
    chosen: Option


def decide(rows: Sequence[MeasuredRow]) -> Decision | None:
    """From rows of one data set and backbone; None where nothing is to be decided yet: no width has
    all three kinds of weights."""
    found = _source_validation(rows)
    widths = [bits for bits in WIDTHS if all((kind, bits) in found for kind in SECOND_KINDS)]
    if not widths:
        return None
    shared = set.intersection(*(set(found[kind, bits]) for kind in SECOND_KINDS for bits in widths))
    if not shared:
        return None

    def option(kind: MemberKind, bits: int) -> Option:
        mean = float(np.mean([found[kind, bits][run] for run in sorted(shared)]))
        return Option(kind, bits, len(shared), mean)

    endings = tuple(option(kind, bits) for kind in (MEANS, REFITTED) for bits in widths)
    means = {
        kind: np.mean([one.source_validation for one in endings if one.kind == kind])
        for kind in (MEANS, REFITTED)
    }
    ending = REFITTED if means[REFITTED] > means[MEANS] else MEANS
    members = tuple(option(kind, bits) for kind in (SINGLE, ending) for bits in widths)
    chosen = max(members, key=lambda one: one.source_validation)
    return Decision(endings, ending, members, chosen)


def choose_second(study: Study, bits: int | None = None) -> tuple[MemberKind, int]:
    """The kind and the width of the second study's members, decided on its largest part for all; of
    a given width the better of single weights and averages. Raises ValueError where the records do
    not tell yet."""
    found = decide([one.row for one in study.parts[0].networks])
    options = [one for one in found.members if bits in (None, one.bits)] if found else []
    if not options:
        width = f" of {bits} bits" if bits else ""
        raise ValueError(
            f"No QT-DoG network{width} is measured with all endings: run the sweep first."
        )
    best = max(options, key=lambda one: one.source_validation)
    return best.kind, best.bits


def _source_validation(
    rows: Sequence[MeasuredRow],
) -> Mapping[tuple[MemberKind, int], Mapping[tuple[str, int | None], float]]:
    """(kind, width) -> (domain, seed) -> percent."""
    found: dict[tuple[MemberKind, int], dict[tuple[str, int | None], float]] = {}
    for row in rows:
        for kind in SECOND_KINDS:
            same = (row.method, row.averaged == "yes") == (kind.method, kind.averaged)
            if same and row.bits in WIDTHS and row.source_validation is not None:
                found.setdefault((kind, row.bits), {})[row.domain, row.seed] = row.source_validation
    return found
