"""Run logs: how accuracy went while a network was trained."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from qtdog.json_file import record_from_json
from qtdog.places import SHOWN_STUDY
from qtdog.results.records import RUNS, MeasuredResult, ResultsError
from qtdog.results.settings import main_setting

TRAINED = ("ERM", "QT-DoG", "Freeze")
"""Methods that are a training run of their own."""


@dataclass(frozen=True)
class RunPoint:
    """One evaluation during training. Accuracies are percent; averaged weights exist only after the
    quantization step."""

    step: int
    quantized: bool
    train_loss: float
    source_validation: float
    target: float
    """On a fixed sample of the held-out domain; it chose nothing."""
    averaged_source_validation: float | None = None
    averaged_target: float | None = None
    source_validation_loss: float | None = None
    """Nats; older logs lack it."""


ACCURACIES = ("source_validation", "target", "averaged_source_validation", "averaged_target")


@dataclass(frozen=True)
class RunLog:
    """One training run as it was logged."""

    name: str
    """The file, below the folder of run logs."""
    command: str
    config: tuple[tuple[str, str], ...]
    quantize_step: int | None
    """The step at which QT-DoG quantizes; ERM of the same seed is the same run up to there."""
    points: tuple[RunPoint, ...]


@dataclass(frozen=True)
class SeedRuns:
    """The training runs of one held-out domain and seed."""

    dataset: str
    domain: str
    seed: int
    logs: tuple[tuple[str, str], ...]
    """(method with bits, file of the run log)."""


def run_path(name: str, folder: Path = SHOWN_STUDY) -> Path:
    """The file of a run log. Raises ResultsError for one that is elsewhere or not there."""
    place = PurePosixPath(name)
    path = folder / RUNS / place
    if place.is_absolute() or ".." in place.parts or place.suffix != ".json" or not path.is_file():
        raise ResultsError(f"There is no run log '{name}'.")
    return path


def load_run(name: str, folder: Path = SHOWN_STUDY) -> RunLog:
    """Read a run log. Raises ResultsError."""
    path = run_path(name, folder)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        config = content["config"]
        points = tuple(map(_point, content["points"]))
        step = config.get("quantize_step")
        return RunLog(
            name,
            str(content["command"]),
            tuple((key, _plain(value)) for key, value in config.items()),
            None if step is None else int(step),
            points,
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ResultsError(f"The run log {name} cannot be read: {error}.") from None


def seed_runs(measured: Sequence[MeasuredResult], dataset: str) -> tuple[SeedRuns, ...]:
    """Every held-out domain and seed of a benchmark with the logs of ERM, QT-DoG and the control,
    each in the setting that was measured most often.

    One training run gives the single and the averaged weights, so one log is of both.
    """
    of_dataset = [one for one in measured if one.dataset == dataset]
    found: dict[tuple[str, int], list[tuple[str, str]]] = {}
    for method in TRAINED:
        for one in main_setting(of_dataset, method, averaged=False):
            run = one.measurement
            if run.seed is not None and run.runs:
                label = method if one.bits is None else f"{method}, {one.bits} bits"
                found.setdefault((one.domain, run.seed), []).append((label, run.runs[0]))
    return tuple(
        SeedRuns(dataset, domain, seed, tuple(logs))
        for (domain, seed), logs in sorted(found.items())
    )


def _point(values: dict[str, Any]) -> RunPoint:
    """From the log's fractions to percent."""
    point = record_from_json(RunPoint, values)
    shares = {name: getattr(point, name) for name in ACCURACIES}
    for name, share in shares.items():
        if share is not None and not 0 <= share <= 1:
            raise ValueError(f"{name} {share} is not between 0 and 1")
    percent = {name: share and 100 * share for name, share in shares.items()}
    return replace(point, **percent)


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_plain(inner)}" for key, inner in value.items())
    if isinstance(value, list):
        return ", ".join(map(_plain, value)) or "none"
    return str(value)
