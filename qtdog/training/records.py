"""What is kept of a run for good: one JSON with its settings, curves and results, and the logits.

Checkpoints are large and most are not kept; the logits are small, and ensembles, calibration and
every other figure follow from them.
"""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as tensors_from_bytes
from safetensors.numpy import save as tensors_to_bytes

from qtdog.accuracy import Accuracy
from qtdog.atomic import write_atomically
from qtdog.training.config import TrainConfig
from qtdog.training.state import EvaluationPoint

LISTS = ("points", "outcomes")


@dataclass(frozen=True)
class Outcome:
    """One network that a run ended in, stored as its checkpoint would be, read back, evaluated."""

    method: str
    """The run's method, or "post-training" for ERM's weights rounded without training."""
    averaged: bool
    bits: int
    chosen_step: int
    source_validation: tuple[Accuracy, ...]
    """On each source domain's validation split."""
    target: Accuracy
    """On all images of the target domain."""
    nll: float
    ece: float
    source_nll: float
    """Over the validation splits of all source domains together, as `source_ece`."""
    source_ece: float
    size_bytes: int
    """Of model.safetensors."""
    sha256: str
    """Of model.safetensors."""
    target_in: Accuracy | None = None
    """On the target's 80 % that DomainBed reports, where the split is DomainBed's."""

    @property
    def name(self) -> str:
        """Tells a run's outcomes apart: "single", "averaged" or, say, "post-training-4bit"."""
        if self.method == "post-training":
            return f"post-training-{self.bits}bit"
        return "averaged" if self.averaged else "single"


@dataclass(frozen=True)
class RunRecord:
    """A finished run. The data and the start weights are named by their file names alone."""

    config: TrainConfig
    recipe: str
    dataset: str
    classes: tuple[str, ...]
    source_domains: tuple[str, ...]
    data_fingerprint: str
    points: tuple[EvaluationPoint, ...]
    outcomes: tuple[Outcome, ...]
    seconds: float
    """Wall time of training and its evaluations, the shared trunk included."""
    hardware: str
    versions: str
    commit: str
    command: str


def save_record(path: Path, record: RunRecord, logits: Mapping[str, np.ndarray]) -> None:
    """Write `path` (.json) and, before it, the logits beside it (.safetensors).

    `logits`: "<outcome>/target" and "<outcome>/source", (n, classes) float32, and "labels/target"
    and "labels/source", (n,) of the smallest unsigned integers.
    """
    tensors = tensors_to_bytes(dict(logits))
    write_atomically(path.with_suffix(".safetensors"), lambda handle: handle.write(tensors))
    values = dataclasses.asdict(record)
    text = json.dumps(values | {key: f"@{key}@" for key in LISTS}, indent=1)
    for key in LISTS:  # a line each: compact, and legible in a diff
        rows = ",\n  ".join(json.dumps(row) for row in values[key])
        text = text.replace(f'"@{key}@"', f"[\n  {rows}\n ]")
    write_atomically(path, lambda handle: handle.write((text + "\n").encode()))


def load_record(path: Path) -> RunRecord:
    """The inverse of `save_record`, of the JSON alone. Raises ValueError naming a broken file."""
    try:
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return RunRecord(
            **{
                **values,
                "config": TrainConfig.from_json(values["config"]),
                "classes": tuple(values["classes"]),
                "source_domains": tuple(values["source_domains"]),
                "points": tuple(EvaluationPoint(**point) for point in values["points"]),
                "outcomes": tuple(_outcome(outcome) for outcome in values["outcomes"]),
            }
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is not the record of a run ({error}).") from None


def load_logits(path: Path) -> dict[str, np.ndarray]:
    """The logits beside the record at `path` (.json). Raises ValueError naming a broken file."""
    file = path.with_suffix(".safetensors")
    try:
        return tensors_from_bytes(file.read_bytes())
    except (OSError, SafetensorError) as error:
        raise ValueError(f"{file} does not hold a run's logits ({error}).") from None


def _outcome(values: dict[str, Any]) -> Outcome:
    accuracies = tuple(Accuracy(**accuracy) for accuracy in values["source_validation"])
    values = {**values, "source_validation": accuracies, "target": Accuracy(**values["target"])}
    if inside := values.get("target_in"):
        values["target_in"] = Accuracy(**inside)
    return Outcome(**values)
