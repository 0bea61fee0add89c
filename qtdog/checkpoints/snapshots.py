"""What a run computed with at its evaluations, a file each: the way that training took."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from qtdog.checkpoints.run_identity import RunIdentity
from qtdog.files import write_atomically
from qtdog.json_file import record_from_json
from qtdog.quantization import plain_state


@dataclass(frozen=True)
class SnapshotNote:
    """What an evaluation during training saw. Accuracies are fractions."""

    step: int
    source_validation: float
    """Mean over the source domains of the accuracy on their held-out fifth."""
    target: float
    """Accuracy on a fixed sample of the target domain."""


@dataclass(frozen=True)
class Snapshot:
    """The state dict of a plain network, of a quantized one with its quantized weights."""

    note: SnapshotNote
    tensors: Mapping[str, Tensor]


def snapshot_path(runs: Path, identity: RunIdentity, fingerprint: str, step: int) -> Path:
    """Where a run's snapshot is: up to the quantization step with the trunk that other runs share.

    `runs`: the folder of unfinished runs; `fingerprint`: of the run's data.
    """
    shared = step <= (identity.quantize_step or 0)
    name = (identity.trunk if shared else identity).name
    return runs / "snapshots" / f"{name}-{fingerprint}" / f"step-{step:07d}.safetensors"


def save_snapshot(path: Path, network: nn.Module, note: SnapshotNote) -> None:
    """Write the weights in use, in one step: a kill leaves a whole file or none."""
    tensors = {
        name: value.detach().cpu().contiguous() for name, value in plain_state(network).items()
    }
    content = save(tensors, {"note": json.dumps(dataclasses.asdict(note))})
    write_atomically(path, lambda handle: handle.write(content))


def load_snapshot(path: Path) -> Snapshot:
    """The inverse of `save_snapshot`. Raises ValueError that names a missing or foreign file."""
    try:
        content = path.read_bytes()
        tensors = load(content)
        header = content[8 : 8 + int.from_bytes(content[:8], "little")]
        note = json.loads(json.loads(header)["__metadata__"]["note"])
        return Snapshot(record_from_json(SnapshotNote, note), tensors)
    except FileNotFoundError:
        raise ValueError(
            f"There is no snapshot {path}: train the run with --snapshots, into a folder --runs "
            "that does not hold it yet."
        ) from None
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is not a snapshot of a run ({error}): remove it.") from None
