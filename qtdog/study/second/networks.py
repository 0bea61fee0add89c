"""The second study's networks: every measured row beside what only its record knows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from qtdog.study.rows import MEMBERS, MeasuredRow, domain_name, rows_of, under
from qtdog.training import RunRecord, load_logits, load_record

METHODS = ("ERM", "QT-DoG", "QT-DoG (refitted)", "Post-training (least error)", "Freeze")
METHODS += ("Noise of one step size",)
ENSEMBLES = ("ERM ensemble", "EoQ", "EoQ (refitted)", "EoPTQ (least error)")
MAIN_BITS = (32, 7, 5)
"""Full precision and the widths that all held-out domains have."""


@dataclass(frozen=True)
class StudyNetwork:
    """One network or ensemble of five, on one held-out domain. Accuracies are percent."""

    row: MeasuredRow
    size_bytes: float
    """Of the weights' files; to the 0.01 % to which measured.csv states it."""
    late_mean: float | None
    """Mean over the evaluations in the last half of the steps, on a sample of the held-out domain;
    None where training did not evaluate such weights."""
    without: tuple[float, ...] = ()
    """Of an ensemble: its accuracy without the member of seed 0, 1 ..."""

    @property
    def arm(self) -> str:
        """ "QT-DoG, 5 bits, averaged"."""
        return arm_name(self.row.method, self.row.bits, self.row.averaged == "yes")


def arm_name(method: str, bits: int = 32, averaged: bool = False) -> str:
    """ "ERM", "ERM, averaged", "QT-DoG (refitted), 5 bits, averaged"."""
    width = f", {bits} bits" if bits < 32 else ""
    return f"{method}{width}{', averaged' if averaged else ''}"


@dataclass(frozen=True)
class Part:
    """All networks of one data set and backbone."""

    dataset: str
    backbone: str
    domains: tuple[str, ...]
    """All that are or will be held out, sorted."""
    networks: tuple[StudyNetwork, ...]

    @property
    def title(self) -> str:
        """ "PACS, MobileNetV2"."""
        return f"{self.dataset}, {self.backbone}"

    @cached_property
    def by_arm(self) -> dict[str, dict[tuple[str, int | None], StudyNetwork]]:
        """Arm -> (held-out domain, seed) -> network; the seed of an ensemble is None."""
        found: dict[str, dict[tuple[str, int | None], StudyNetwork]] = {}
        for one in self.networks:
            found.setdefault(one.arm, {})[one.row.domain, one.row.seed] = one
        return found

    def arms(self, bits: tuple[int, ...] = MAIN_BITS) -> list[str]:
        """The arms that exist, of the study's own methods at these widths, in order."""
        wanted = [
            arm_name(method, width, averaged)
            for method in (*METHODS, *ENSEMBLES)
            for width in bits
            for averaged in (False, True)
        ]
        return [arm for arm in wanted if arm in self.by_arm]


@dataclass(frozen=True)
class Study:
    """The records of a study, by their names below its folder, and the parts that they make."""

    records: Mapping[str, RunRecord]
    rows: tuple[MeasuredRow, ...]
    parts: tuple[Part, ...]


def load_study(folder: Path) -> Study:
    """Everything in and below `folder` of runs under our split. Raises ValueError where nothing is
    measured or a file is not a record, and where no mean may mix what is there."""
    paths = sorted(Path(folder).rglob("*.json"), key=lambda path: (path.parent, path.name))
    found = {path.relative_to(folder).as_posix(): load_record(path) for path in paths}
    records = under(found, "ours", None)
    rows = tuple(rows_of(folder, records))
    if not rows:
        raise ValueError(f"There is no record of a run in {folder}: run the sweep first.")
    parts: dict[tuple[str, str], list[StudyNetwork]] = {}
    for row in rows:
        parts.setdefault((row.dataset, row.backbone), []).append(_network(folder, records, row))
    made = [
        Part(*key, _domains(records, networks), tuple(networks)) for key, networks in parts.items()
    ]
    return Study(records, rows, tuple(sorted(made, key=lambda part: -len(part.networks))))


def _domains(records: Mapping[str, RunRecord], networks: Sequence[StudyNetwork]) -> tuple[str, ...]:
    found = set()
    for one in networks:
        record = records[one.row.run.split(";")[0]]
        folders = (*record.source_domains, record.config.target_domain)
        found |= {domain_name(record.dataset, folder) for folder in folders}
    return tuple(sorted(found))


def _network(folder: Path, records: Mapping[str, RunRecord], row: MeasuredRow) -> StudyNetwork:
    names = row.run.split(";")
    record = records[names[0]]
    full = next(
        outcome.size_bytes
        for one in records.values()
        for outcome in one.outcomes
        if outcome.bits == 32
        and (one.dataset, one.config.architecture) == (record.dataset, record.config.architecture)
    )
    late = None
    evaluated = not (row.method.startswith("Post-training") or "(refitted)" in row.method)
    if row.seed is not None and evaluated:
        late = 100 * record.late_mean(row.averaged == "yes")
    without = _without(folder, records, row) if row.seed is None else ()
    return StudyNetwork(row, row.relative_size * full, late, without)


def _without(folder: Path, records: Mapping[str, RunRecord], row: MeasuredRow) -> tuple[float, ...]:
    """An ensemble's accuracies without one member each."""
    names = row.run.split(";")
    rounded = row.method.startswith("EoPTQ")
    outcome = next(
        one
        for one in records[names[0]].outcomes
        if (one.bits, one.averaged) == (row.bits, row.averaged == "yes")
        and (one.method == "post-training") == rounded
        and one.refitted == ("(refitted)" in row.method)
    )
    tensors = [load_logits(folder / name) for name in names]
    logits = np.stack([one[f"{outcome.name}/target"] for one in tensors])
    total, labels = logits.sum(0), tensors[0]["labels/target"]
    return tuple(
        100 * float(((total - logits[k]).argmax(1) == labels).mean()) for k in range(MEMBERS)
    )
