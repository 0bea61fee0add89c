"""The training loop under the DomainBed protocol, resumable at any moment.

It is given three values that combine freely: an objective, an averaging, a quantization schedule.
Every batch, its augmentation and the objective's draws follow from the seed and the step alone, so
a run that goes on from a saved state sees exactly what it would have seen without the interruption.
"""

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from qtdog import models
from qtdog.checkpoints import SnapshotNote, save_snapshot, snapshot_path
from qtdog.csv_file import records_csv
from qtdog.files import write_atomically
from qtdog.memory import keep_freed_memory
from qtdog.quantization import advance, quantized_state, refit
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
from qtdog.training.step_noise import noise_step_sizes, step_noise

STATE = "state.safetensors"  # in a run's folder

StepProgress = Callable[[int, str], None]
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
    refitted: bool = False
    """Whether step sizes were fitted anew to the mean, instead of being means themselves."""


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
    return runs / f"{run_data.identity(config).name}-{run_data.fingerprint}"


def forget_state(runs: Path, config: TrainConfig, run_data: RunData) -> None:
    """Delete the state of a run that need not go on; its log and its trunk stay."""
    (run_folder(runs, config, run_data) / STATE).unlink(missing_ok=True)


def train(
    config: TrainConfig,
    run_data: RunData,
    runs: Path,
    progress: StepProgress = lambda step, text: None,
    snapshots: bool = False,
) -> TrainedRun:
    """Train to the end, going on from where a run of this configuration on this data stopped.

    Runs that differ only after the quantization step share `runs`/trunks. The folder also
    receives log.csv, one line an evaluation. With `snapshots` the weights of every evaluation are
    kept in `runs`/snapshots; raises ValueError for a run that went some way without. Several
    processes (`parallel`) train one network.
    """
    keep_freed_memory()
    run = _Run(config, run_data, runs, snapshots)
    run.go_on_from_saved_state()
    while run.step < config.steps:
        run.quantize_if_due()
        run.update_weights()
        run.step += 1
        if run.settled:
            run.add_to_average()
        if run.step % config.evaluate_every == 0:
            run.evaluate()
            if run.settled:
                run.keep_the_best()
            run.save()
        if parallel.leads():
            points = run.points
            progress(run.step, f"source {points[-1].source_validation:.1%}" if points else "")
    return run.outcome()


class _Run:
    """A run under way: the network after `step` steps, and all that the next step needs."""

    def __init__(self, config: TrainConfig, run_data: RunData, runs: Path, snapshots: bool) -> None:
        self.config, self.run_data = config, run_data
        self.runs, self.snapshots = runs, snapshots
        self.device = parallel.device()
        self.folder = run_folder(runs, config, run_data)
        parallel.require_same(self.folder.name)
        trunk = run_data.identity(config).trunk.name
        self.trunk_file = runs / "trunks" / f"{trunk}-{run_data.fingerprint}.safetensors"

        network = start_network(config, len(run_data.classes)).to(self.device)
        self.network = network.to(memory_format=torch.channels_last)
        if config.freeze_batch_norm:
            fuse_frozen_norms(self.network)
        else:
            share_norms(self.network)
        self.objective = make_objective(config.objective, self.network, config.image_size)
        self.evaluator = Evaluator(config, run_data, self.device)
        self.optimizer = torch.optim.Adam(
            self.network.parameters(), lr=config.learning_rate, fused=True
        )
        self.batches = Batches(config, run_data.source_training, self.device)
        self.noise: dict[str, Tensor] = {}
        self.average = make_averaging(config.averaging, run_data.name)

        self.step = 0
        self.seconds = 0.0
        """As of the last evaluation."""
        self.started = time.monotonic()
        self.losses: list[Tensor] = []
        """Of every step since the last evaluation."""
        self.points: tuple[EvaluationPoint, ...] = ()
        self.best: dict[str, Tensor] = {}
        self.best_average: dict[str, Tensor] = {}

    @property
    def settled(self) -> bool:
        """Whether the network is by now what it is to be: what came before chooses nothing."""
        return self.step > self.config.settled_step

    def go_on_from_saved_state(self) -> None:
        """That of this run or, before it has one, of the trunk that it shares; without either it
        stays at its start."""
        state = load_state(self.folder / STATE) or load_state(self.trunk_file)
        if state is None:
            return
        config, device = self.config, self.device
        self.step, self.seconds, self.points = state.step, state.seconds, state.points
        self._require_snapshots()
        self.best, self.best_average = dict(state.best), dict(state.best_average)
        if config.quantized and self.step > config.quantize_step:
            start_quantization(self.network, self.optimizer, config)
        self.noise = {name: value.to(device) for name, value in state.noise.items()}
        self.network.load_state_dict(state.network)
        restore_optimizer(self.network, self.optimizer, state.optimizer)
        if self.settled:
            on_device = {name: value.to(device) for name, value in state.average.items()}
            self.average.restore(on_device, self.step - config.settled_step)
        self.started = time.monotonic() - state.seconds

    def quantize_if_due(self) -> None:
        """At the quantization step: attach quantizers or, of the control, begin with noise. At the
        steps of INQ's schedule: freeze the next share of the weights."""
        config, step = self.config, self.step
        if step in config.schedule:
            if step == config.quantize_step:
                start_quantization(self.network, self.optimizer, config)
            for weight in advance(self.network, config.schedule[step]):
                self.optimizer.state.pop(weight, None)  # its momentum would move what is frozen
        if config.noisy and step == config.quantize_step:
            layers = left_out(self.network, config)
            self.noise = noise_step_sizes(self.network, config.quantization, layers)

    def update_weights(self) -> None:
        """One step of the optimizer down the objective's gradient on one batch."""
        models.train_mode(self.network, self.config.freeze_batch_norm)
        self.optimizer.zero_grad()
        batch = self.batches.at(self.step)
        with step_noise(self.network, self.noise, batch.generator):
            self.losses.append(self.objective.backward(self.network, batch))
        parallel.average_gradients(self.network.parameters())
        self.optimizer.step()

    def add_to_average(self) -> None:
        """The weights after this step: latent ones, or those that the network computes with."""
        latent = self.config.averaged_weights == "latent"
        self.average.add(self.network.state_dict() if latent else quantized_state(self.network))

    def evaluate(self) -> None:
        """Log what the weights of this step and the averaged ones are worth."""
        train_loss = parallel.mean(float(torch.stack(self.losses).mean()))
        self.losses.clear()
        single, averaged = self.evaluator.of(self.network), None
        if self.settled:
            self.average.evaluated(single.source_loss)
            averaged = self.evaluator.of_average(self.average.mean)
        quantized = self.config.quantized and self.settled
        point = _point(self.step, quantized, train_loss, single, averaged)
        self.points = (*self.points, point)

    def keep_the_best(self) -> None:
        """A copy of what source validation chooses among the evaluations so far, if it is now."""
        if chosen_step(self.points, self.config) == self.step:
            self.best = _snapshot(self.network.state_dict())
        if self.average.is_chosen(_later(self.points, self.config)):
            self.best_average = _snapshot(self.average.mean)

    def save(self) -> None:
        """The state to go on from, the log and, at the quantization step, the shared trunk."""
        self.seconds = time.monotonic() - self.started
        state = RunState(
            step=self.step,
            seconds=self.seconds,
            points=self.points,
            network=self.network.state_dict(),
            optimizer=optimizer_tensors(self.network, self.optimizer),
            average=self.average.tensors(),
            best=self.best,
            best_average=self.best_average,
            noise=self.noise,
        )
        if parallel.leads():
            if self.snapshots:  # before the state: what goes on from it has them all
                self._save_snapshot(self.points[-1])
            save_state(self.folder / STATE, state)
            if self.step == self.config.quantize_step and not self.trunk_file.exists():
                save_state(self.trunk_file, state)
            log = log_text(self.points).encode()
            write_atomically(self.folder / "log.csv", lambda handle: handle.write(log))

    def _snapshot_path(self, step: int) -> Path:
        data = self.run_data
        return snapshot_path(self.runs, data.identity(self.config), data.fingerprint, step)

    def _save_snapshot(self, point: EvaluationPoint) -> None:
        note = SnapshotNote(point.step, point.source_validation, point.target)
        save_snapshot(self._snapshot_path(point.step), self.network, note)

    def _require_snapshots(self) -> None:
        """Raises ValueError where they are wanted and evaluations before have none."""
        paths = (self._snapshot_path(point.step) for point in self.points if self.snapshots)
        if any(not path.exists() for path in paths):
            raise ValueError(
                f"This run is in {self.runs} up to step {self.step}, trained without --snapshots: "
                "give another --runs to train it anew."
            )

    def outcome(self) -> TrainedRun:
        """What source validation has chosen of the whole run."""
        config, classes = self.config, self.run_data.classes
        single = chosen_step(self.points, config)
        average = self.average.chosen_step(_later(self.points, config))
        return TrainedRun(
            config,
            classes,
            left_out(self.network, config),
            _chosen(self.best, config, len(classes), single, averaged=False),
            _chosen(self.best_average, config, len(classes), average, averaged=True),
            self.points,
            self.seconds,
        )


def refitted(run: TrainedRun) -> Chosen:
    """A quantized run's averaged weights on a grid that is fitted to them.

    Of an average over one step it is the same network: there the grid fits without error. Built
    anew, as baking one of two copies of a parametrized network breaks the other.
    """
    state = run.average.network.state_dict()
    network = with_weights(state, run.config, len(run.classes)).eval()
    refit(network)
    return dataclasses.replace(run.average, network=network, refitted=True)


def chosen_step(points: Sequence[EvaluationPoint], config: TrainConfig) -> int:
    """The evaluation after `settled_step` with the highest source validation; the first of equals.
    The target has no say."""
    return max(_later(points, config), key=lambda point: point.source_validation).step


def log_text(points: tuple[EvaluationPoint, ...]) -> str:
    """The evaluations as CSV, one line each."""
    return records_csv(EvaluationPoint, points)


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
