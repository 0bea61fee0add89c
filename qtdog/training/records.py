"""What is kept of a run for good: one JSON with its settings, curves and results, and the logits.

Checkpoints are large and most are not kept; the logits are small, and ensembles, calibration and
every other figure follow from them.
"""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as tensors_from_bytes
from safetensors.numpy import save as tensors_to_bytes

from qtdog.accuracy import Accuracy
from qtdog.checkpoints import RunIdentity
from qtdog.files import write_atomically
from qtdog.json_file import record_from_json
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
    refitted: bool = False
    """Whether, after averaging, step sizes were fitted anew, instead of being means."""
    rule: str = "start"
    """Of "post-training": where the step sizes come from, see `NearestConfig`."""

    @property
    def name(self) -> str:
        """Tells a run's outcomes apart: "single", "averaged", "averaged-refitted" or, say,
        "post-training-4bit" and "least-error-4bit-averaged", after the rule for step sizes."""
        averaged = "-averaged" if self.averaged else ""
        if self.method == "post-training":
            rule = "post-training" if self.rule == "start" else self.rule.replace(" ", "-")
            return f"{rule}-{self.bits}bit{averaged}"
        return ("averaged" if self.averaged else "single") + ("-refitted" if self.refitted else "")


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
    identity: RunIdentity = field(default_factory=RunIdentity)
    """Which run it is; read from an older record, what its settings say."""

    def late_mean(self, averaged: bool = False) -> float:
        """The mean accuracy on the sample of the held-out domain over the evaluations in the last
        half of the steps, of the single or the averaged weights: a description, never a choice."""
        late = [one for one in self.points if 2 * one.step > self.config.steps]
        seen = [one.averaged_target if averaged else one.target for one in late]
        return float(np.mean([one for one in seen if one is not None]))


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
        config = TrainConfig.from_json(values["config"])
        if known := values.get("identity"):
            identity = record_from_json(RunIdentity, known)
        else:
            identity = config.identity(sampled_data=values["data_fingerprint"]).without(
                "start_weights_hash"  # of a file of that name here, if anything
            )
        return record_from_json(RunRecord, values, config=config, identity=identity)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is not the record of a run ({error}).") from None


def load_logits(path: Path) -> dict[str, np.ndarray]:
    """The logits beside the record at `path` (.json). Raises ValueError naming a broken file."""
    file = path.with_suffix(".safetensors")
    try:
        return tensors_from_bytes(file.read_bytes())
    except (OSError, SafetensorError) as error:
        raise ValueError(f"{file} does not hold a run's logits ({error}).") from None
