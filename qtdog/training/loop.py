"""The training loop under the DomainBed protocol, resumable at any moment.

It is given three values that combine freely: an objective, an averaging, a quantization schedule.
Every batch, its augmentation and the objective's draws follow from the seed and the step alone, so
a run that goes on from a saved state sees exactly what it would have seen without the interruption.
"""

import csv
import io
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import torch
from torch import Tensor, nn

from qtdog import models
from qtdog.atomic import write_atomically
from qtdog.memory import keep_freed_memory
from qtdog.quantization import advance
from qtdog.training import parallel
from qtdog.training.averaging import make_averaging
from qtdog.training.batches import Batches
from qtdog.training.config import TrainConfig
from qtdog.training.evaluator import Evaluator, Scores
from qtdog.training.frozen_norm import fuse_frozen_norms
from qtdog.training.networks import left_out, start_network, start_quantization, with_weights
from qtdog.training.objectives import make_objective
from qtdog.training.run_data import RunData
from qtdog.training.shared_norm import share_norms
from qtdog.training.state import (
    EvaluationPoint,
    RunState,
    load_state,
    optimizer_tensors,
    restore_optimizer,
    save_state,
)

STATE = "state.safetensors"  # in a run's folder

Progress = Callable[[int, str], None]
"""Called after every step with the number of steps done and a short text."""


@dataclass(frozen=True)
class Chosen:
    """A network that source validation chose, and the step it is of.

    In evaluation mode, with its quantizers attached if the method has any.
    """

    network: nn.Module
    step: int
    averaged: bool
    """Whether its weights are the mean of those since `settled_step`."""


@dataclass(frozen=True)
class TrainedRun:
    """The outcome of a run: the weights of one step, and the averaged weights."""

    config: TrainConfig
    classes: tuple[str, ...]
    left_out: tuple[str, ...]
    """Layers that the method leaves in full precision."""
    single: Chosen
    average: Chosen
    points: tuple[EvaluationPoint, ...]
    seconds: float
    """Time spent in training and evaluation, over all sittings, the shared trunk included."""


def run_folder(runs: Path, config: TrainConfig, run_data: RunData) -> Path:
    """Where a run keeps its state: other data are another run, as other settings are."""
    return runs / f"{config.name()}-{run_data.fingerprint}"


def forget_state(runs: Path, config: TrainConfig, run_data: RunData) -> None:
    """Delete the state of a run that need not go on; its log and its trunk stay."""
    (run_folder(runs, config, run_data) / STATE).unlink(missing_ok=True)


def train(
    config: TrainConfig, run_data: RunData, runs: Path, progress: Progress = lambda step, text: None
) -> TrainedRun:
    """Train to the end, going on from where a run of this configuration on this data stopped.

    Runs that differ only after the quantization step share `runs`/trunks. The folder also
    receives log.csv, one line an evaluation. Several processes (`parallel`) train one network.
    """
    keep_freed_memory()
    device = parallel.device()
    folder = run_folder(runs, config, run_data)
    parallel.require_same(folder.name)
    state_file = folder / STATE
    trunk_file = runs / "trunks" / f"{config.trunk_name()}-{run_data.fingerprint}.safetensors"

    network = start_network(config, len(run_data.classes)).to(
        device, memory_format=torch.channels_last
    )
    if config.freeze_batch_norm:
        fuse_frozen_norms(network)
    else:
        share_norms(network)
    objective = make_objective(config.objective, network, config.image_size)
    evaluator = Evaluator(config, run_data, device)
    optimizer = torch.optim.Adam(network.parameters(), lr=config.learning_rate, fused=True)
    state = load_state(state_file) or load_state(trunk_file)
    step, seconds, points = 0, 0.0, ()
    best: dict[str, Tensor] = {}
    best_average: dict[str, Tensor] = {}
    average = make_averaging(config.averaging, run_data.name)
    if state is not None:
        step, seconds, points = state.step, state.seconds, state.points
        best, best_average = dict(state.best), dict(state.best_average)
        if config.quantized and step > config.quantize_step:
            start_quantization(network, optimizer, config)
        network.load_state_dict(state.network)
        restore_optimizer(network, optimizer, state.optimizer)
        if step > config.settled_step:
            on_device = {name: value.to(device) for name, value in state.average.items()}
            average.restore(on_device, step - config.settled_step)

    batches = Batches(config, run_data.source_training, device)
    losses: list[Tensor] = []
    started = time.monotonic() - seconds
    while step < config.steps:
        if step in config.schedule:
            if step == config.quantize_step:
                start_quantization(network, optimizer, config)
            for weight in advance(network, config.schedule[step]):
                optimizer.state.pop(weight, None)  # or its momentum would move what is frozen
        models.train_mode(network, config.freeze_batch_norm)
        optimizer.zero_grad()
        losses.append(objective.backward(network, batches.at(step)))
        parallel.average_gradients(network.parameters())
        optimizer.step()
        step += 1
        if step > config.settled_step:
            average.add(network.state_dict())

        if step % config.evaluate_every == 0:
            train_loss = parallel.mean(float(torch.stack(losses).mean()))
            losses.clear()
            now, averaged = evaluator.of(network), None
            settled = step > config.settled_step
            if settled:
                average.evaluated(now.source_loss)
                averaged = evaluator.of_average(average.mean)
            quantized = config.quantized and settled
            points = (*points, _point(step, quantized, train_loss, now, averaged))
            if settled:
                if chosen_step(points, config) == step:
                    best = _snapshot(network.state_dict())
                if average.is_chosen(_later(points, config)):
                    best_average = _snapshot(average.mean)
            seconds = time.monotonic() - started
            tensors = optimizer_tensors(network, optimizer)
            state = RunState(
                step,
                seconds,
                points,
                network.state_dict(),
                tensors,
                average.tensors(),
                best,
                best_average,
            )
            if parallel.leads():
                save_state(state_file, state)
                if step == config.quantize_step and not trunk_file.exists():
                    save_state(trunk_file, state)
                log = log_text(points).encode()
                write_atomically(folder / "log.csv", lambda handle, log=log: handle.write(log))
        if parallel.leads():
            progress(step, f"source {points[-1].source_validation:.1%}" if points else "")

    later = _later(points, config)
    classes = len(run_data.classes)
    return TrainedRun(
        config,
        run_data.classes,
        left_out(network, config),
        _chosen(best, config, classes, chosen_step(points, config), averaged=False),
        _chosen(best_average, config, classes, average.chosen_step(later), averaged=True),
        points,
        seconds,
    )


def chosen_step(points: Sequence[EvaluationPoint], config: TrainConfig) -> int:
    """The evaluation after `settled_step` with the highest source validation; the first of equals.
    The target has no say."""
    return max(_later(points, config), key=lambda point: point.source_validation).step


def log_text(points: tuple[EvaluationPoint, ...]) -> str:
    """The evaluations as CSV, one line each."""
    text = io.StringIO()
    names = [field.name for field in fields(EvaluationPoint)]
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(vars(point) for point in points)
    return text.getvalue()


def _point(
    step: int, quantized: bool, train_loss: float, single: Scores, averaged: Scores | None
) -> EvaluationPoint:
    return EvaluationPoint(
        step,
        quantized,
        train_loss,
        single.source_validation,
        single.target,
        averaged.source_validation if averaged else None,
        averaged.target if averaged else None,
        single.source_loss,
    )


def _later(points: Sequence[EvaluationPoint], config: TrainConfig) -> list[EvaluationPoint]:
    """Those at which the network is what it is to be: the others choose nothing."""
    return [point for point in points if point.step > config.settled_step]


def _chosen(
    tensors: Mapping[str, Tensor], config: TrainConfig, classes: int, step: int, averaged: bool
) -> Chosen:
    return Chosen(with_weights(tensors, config, classes).eval(), step, averaged)


def _snapshot(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().cpu().clone() for name, value in state.items()}
