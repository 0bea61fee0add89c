"""What came of a plan: the recorded runs' numbers beside the paper's."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from qtdog.data import benchmark_named
from qtdog.evaluation import accuracy_of
from qtdog.reproduce.cells import Cell, rows
from qtdog.reproduce.plan import Setting, config, seeds, study
from qtdog.results import ALL_BENCHMARKS, AVERAGE, Result, mean_and_error
from qtdog.training import Outcome, load_logits, load_record


@dataclass(frozen=True)
class Reproduced:
    """A number of the paper and, where all its runs are recorded, the one that they give."""

    paper: Result
    accuracy: float | None
    """Percent."""
    error: float | None
    """Standard error over trials; None for a single one."""
    trials: int
    """Trials that are complete."""
    wanted: int

    @property
    def difference(self) -> float | None:
        """Ours minus the paper's, in points."""
        return None if self.accuracy is None else self.accuracy - self.paper.accuracy


def outcomes(
    table: str, cells: Sequence[Cell], settings: Mapping[str, Setting], root: Path
) -> list[Reproduced]:
    """One for every number that the paper prints of these cells and, where they are of all
    benchmarks of the table, for the averages over those. `settings` by benchmark."""
    found = [one for cell in cells for one in _of_cell(cell, settings[cell.dataset], root)]
    return found + _averages(table, found)


def _of_cell(cell: Cell, setting: Setting, root: Path) -> list[Reproduced]:
    trials = (
        _ensemble(cell, setting, root) if cell.how.members > 1 else _singles(cell, setting, root)
    )
    wanted = 1 if cell.how.members > 1 else len(seeds(cell, setting))
    benchmark = benchmark_named(cell.dataset)
    folders = {one.name: one.folder for one in benchmark.domains}
    found = []
    for printed in cell.printed:
        needed = setting.targets if printed.domain == AVERAGE else (folders[printed.domain],)
        values = [
            100 * statistics.fmean(trial[domain][printed.split] for domain in needed)
            for trial in trials
            if all(printed.split in trial.get(domain, ()) for domain in needed)
        ]
        found.append(_reproduced(printed, values, wanted))
    return found


# One trial's accuracies, as fractions: held-out domain -> "target" and "in-domain" -> accuracy.
Trial = dict[str, dict[str, float]]


def _singles(cell: Cell, setting: Setting, root: Path) -> list[Trial]:
    """A trial a seed. The target accuracy is on its 80 % under DomainBed's split, as DomainBed
    reports it; in-domain is the mean over the source domains' held-out 20 %."""
    trials: list[Trial] = []
    for seed in seeds(cell, setting):
        trial: Trial = {}
        for domain, path in _recorded(cell, setting, root, seed).items():
            one = _outcome(path, cell)
            inside = statistics.fmean(each.fraction for each in one.source_validation)
            trial[domain] = {
                "target": (one.target_in or one.target).fraction,
                "in-domain": inside,
            }
        trials.append(trial)
    return trials


def _ensemble(cell: Cell, setting: Setting, root: Path) -> list[Trial]:
    """One trial: the members' mean logits, on all images of the target, for the seeds of the
    members split it differently. In-domain there is no image that all members never saw."""
    members = [_recorded(cell, setting, root, seed) for seed in seeds(cell, setting)]
    trial: Trial = {}
    for domain in setting.domains:
        paths = [member[domain] for member in members if domain in member]
        if len(paths) == len(members):
            tensors = [load_logits(path) for path in paths]
            name = "averaged" if cell.how.averaged else "single"
            logits = np.mean([each[f"{name}/target"] for each in tensors], axis=0)
            trial[domain] = {"target": accuracy_of(logits, tensors[0]["labels/target"]).fraction}
    return [trial]


def _recorded(cell: Cell, setting: Setting, root: Path, seed: int) -> dict[str, Path]:
    """Held-out domain -> the record of the cell's run, where it is there."""
    found = {}
    for domain in setting.domains:
        run = config(cell, setting, domain, seed)
        path = study(run, setting, root).record_path(setting.dataset, run)
        if path.exists():
            found[domain] = path
    return found


def _outcome(path: Path, cell: Cell) -> Outcome:
    name = "averaged" if cell.how.averaged else "single"
    return next(one for one in load_record(path).outcomes if one.name == name)


def _reproduced(printed: Result, values: Sequence[float], wanted: int) -> Reproduced:
    if not values:
        return Reproduced(printed, None, None, 0, wanted)
    return Reproduced(printed, *mean_and_error(values), len(values), wanted)


def _averages(table: str, found: Sequence[Reproduced]) -> list[Reproduced]:
    """The means over benchmarks, of methods of which all benchmarks are there."""
    printed = [one for one in rows(table) if one.dataset == ALL_BENCHMARKS]
    datasets = {one.dataset for one in rows(table)} - {ALL_BENCHMARKS}
    averages = []
    for one in printed:
        parts = [each for each in found if _same_row(each.paper, one)]
        if {each.paper.dataset for each in parts} == datasets:
            known = [each.accuracy for each in parts if each.accuracy is not None]
            values = [statistics.fmean(known)] if len(known) == len(parts) else []
            averages.append(_reproduced(one, values, 1))
    return averages


def _same_row(part: Result, average: Result) -> bool:
    row = (part.method, part.bits, part.domain, part.split)
    return row == (average.method, average.bits, AVERAGE, average.split)
