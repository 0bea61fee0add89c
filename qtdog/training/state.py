"""A run's state on disk: one safetensors file, whole or absent, from which training goes on."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.numpy import save  # of many small tensors, faster than torch's
from safetensors.torch import load
from torch import Tensor, nn

from qtdog.files import write_atomically
from qtdog.json_file import record_from_json
from qtdog.training import parallel


@dataclass(frozen=True)
class EvaluationPoint:
    """What one evaluation during training saw. Accuracies are fractions."""

    step: int
    quantized: bool
    """Whether all weights are, but for the layers left out."""
    train_loss: float
    """Mean cross-entropy since the evaluation before."""
    source_validation: float
    """Mean over the source domains of the accuracy on their held-out 20 %."""
    target: float
    """Accuracy on a fixed sample of the target domain: logged, never used."""
    averaged_source_validation: float | None = None
    """The same of the averaged weights; None before there are any."""
    averaged_target: float | None = None
    source_validation_loss: float | None = None
    """Mean over the source domains of the cross-entropy on their held-out 20 %; None in records
    that are older than this field."""


@dataclass(frozen=True)
class RunState:
    """Where a run stands after `step` steps.

    `average` is what the averaging needs to go on, `best` and `best_average` are the network and
    the averaged weights that the run would end in if it ended here.
    """

    step: int
    seconds: float
    points: tuple[EvaluationPoint, ...]
    network: Mapping[str, Tensor]
    optimizer: Mapping[str, Tensor]
    average: Mapping[str, Tensor]
    best: Mapping[str, Tensor]
    best_average: Mapping[str, Tensor]
    noise: Mapping[str, Tensor] = field(default_factory=dict)
    """Of the method "noise": the step sizes that it began with, by the weight's name."""


PARTS = ("network", "optimizer", "average", "best", "best_average", "noise")


def save_state(path: Path, state: RunState) -> None:
    """Write the state in one step: a kill leaves the one before."""
    tensors = {
        f"{part}/{name}": value.detach().cpu().contiguous().numpy()
        for part in PARTS
        for name, value in getattr(state, part).items()
    }
    record = {
        "step": state.step,
        "seconds": state.seconds,
        "points": [vars(point) for point in state.points],
    }
    content = save(tensors, {"record": json.dumps(record)})
    write_atomically(path, lambda handle: handle.write(content))


def load_state(path: Path) -> RunState | None:
    """The state at `path`, or None where there is none. Raises ValueError for a foreign file.

    Of several processes the leader reads it for all, so that all go on from the same one.
    """
    content = parallel.leaders(lambda: path.read_bytes() if path.exists() else None)
    if content is None:
        return None
    try:
        tensors = load(content)
        header = content[8 : 8 + int.from_bytes(content[:8], "little")]
        record = json.loads(json.loads(header)["__metadata__"]["record"])
        points = record_from_json(tuple[EvaluationPoint, ...], record["points"])
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is not a training state ({error}): remove it.") from None

    def part(prefix: str) -> dict[str, Tensor]:
        return {
            name.removeprefix(prefix): value
            for name, value in tensors.items()
            if name.startswith(prefix)
        }

    return RunState(
        record["step"],
        record["seconds"],
        points,
        *(part(f"{name}/") for name in PARTS),
    )


def optimizer_tensors(network: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Adam's state by parameter name: "weight-name:exp_avg" and so on."""
    names: dict[Tensor, str] = {one: name for name, one in network.named_parameters()}
    return {
        f"{names[parameter]}:{key}": value
        for parameter, values in optimizer.state.items()
        for key, value in values.items()
    }


def restore_optimizer(
    network: nn.Module, optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]
) -> None:
    """The inverse of `optimizer_tensors`, into an optimizer of the same parameters."""
    parameters = dict(network.named_parameters())
    for key, value in tensors.items():
        name, _, field = key.rpartition(":")
        parameter = parameters[name]
        if field != "step":  # the moments take the weight's layout in memory, not the file's
            value = torch.empty_like(parameter).copy_(value)
        optimizer.state[parameter][field] = value.to(parameter.device, copy=True)
