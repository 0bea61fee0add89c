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
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from qtdog import data, models
from qtdog.atomic import write_atomically
from qtdog.calibration import negative_log_likelihood
from qtdog.data import Domain, split
from qtdog.data.augmentation import Part, augment
from qtdog.data.rows import Rows, take
from qtdog.evaluation import accuracy_of, predict_logits
from qtdog.memory import keep_freed_memory
from qtdog.quantization import advance, learned_parameters, plain_state, quantize, quantizers
from qtdog.training import parallel
from qtdog.training.averaging import make_averaging
from qtdog.training.config import TrainConfig
from qtdog.training.frozen_norm import fuse_frozen_norms
from qtdog.training.objectives import Batch, make_objective
from qtdog.training.shared_norm import share_norms
from qtdog.training.state import (
    EvaluationPoint,
    RunState,
    load_state,
    optimizer_tensors,
    restore_optimizer,
    save_state,
)

TARGET_SAMPLE = 1000  # images of the target domain in the logged curve
STATE = "state.safetensors"  # in a run's folder
FAST_FROM = 500  # images to evaluate, from which making a fast copy of the network pays

Progress = Callable[[int, str], None]
"""Called after every step with the number of steps done and a short text."""


@dataclass(frozen=True)
class RunData:
    """One run's images: source training splits, source validation splits, the target."""

    name: str
    classes: tuple[str, ...]
    source_training: tuple[Domain, ...]  # at config.stored_size, for random crops
    source_validation: tuple[Domain, ...]  # at config.image_size
    target: Domain  # at config.image_size, all images
    fingerprint: str
    target_in: np.ndarray | None = None
    """Rows of the target's 80 % that DomainBed reports, where the split is DomainBed's."""


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


def load_run_data(config: TrainConfig) -> RunData:
    """Read the images of a run. Raises DataError or ValueError with one clear sentence."""
    parallel.rows(1, config.images_per_domain)  # raises before anything is read
    with parallel.first_on_each_machine():
        large = data.load(config.data, config.stored_size)
        exact = data.load(config.data, config.image_size)
    training, validation = [], []
    for big, small in zip(
        large.sources(config.target_domain), exact.sources(config.target_domain), strict=True
    ):
        train_rows, validation_rows = split(exact, small.name, config.seed, config.split)
        training.append(big.subset(train_rows))
        validation.append(small.subset(validation_rows))
    return RunData(
        exact.name,
        exact.classes,
        tuple(training),
        tuple(validation),
        exact.domain(config.target_domain),
        exact.fingerprint(),
        split(exact, config.target_domain, config.seed, config.split)[0]
        if config.split == "domainbed"
        else None,
    )


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

    network = _start_network(config, len(run_data.classes)).to(
        device, memory_format=torch.channels_last
    )
    if config.freeze_batch_norm:
        fuse_frozen_norms(network)
    else:
        share_norms(network)
    objective = make_objective(config.objective, network, config.image_size)
    evaluator = _Evaluator(config, run_data, device)
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
            _start_quantization(network, optimizer, config)
        network.load_state_dict(state.network)
        restore_optimizer(network, optimizer, state.optimizer)
        if step > config.settled_step:
            on_device = {name: value.to(device) for name, value in state.average.items()}
            average.restore(on_device, step - config.settled_step)

    batches = _Batches(config, run_data.source_training, device)
    losses: list[Tensor] = []
    started = time.monotonic() - seconds
    while step < config.steps:
        if step in config.schedule:
            if step == config.quantize_step:
                _start_quantization(network, optimizer, config)
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
        _left_out(network, config),
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


class _Batches:
    """This process's share of every step's batch, a function of the seed and the step.

    Images live on the device, those of a domain too large for memory on disk.
    """

    def __init__(
        self, config: TrainConfig, domains: tuple[Domain, ...], device: torch.device
    ) -> None:
        self.config = config
        self.images = [
            one.images if isinstance(one.images, Rows) else torch.from_numpy(one.images).to(device)
            for one in domains
        ]
        self.labels = [torch.from_numpy(domain.labels).to(device) for domain in domains]
        count = config.images_per_domain
        self.rows = parallel.rows(1, count)
        self.part = Part(parallel.rows(len(domains), count), len(domains) * count)

    def at(self, step: int) -> Batch:
        """Drawn with replacement, as DomainBed's endless loaders do."""
        config = self.config
        generator = torch.Generator().manual_seed(config.seed * 1_000_003 + step)
        images, labels = [], []
        for domain_images, domain_labels in zip(self.images, self.labels, strict=True):
            drawn = torch.randint(
                len(domain_labels), (config.images_per_domain,), generator=generator
            )
            rows = drawn[self.rows]
            images.append(_at(domain_images, rows, domain_labels.device))
            labels.append(domain_labels[rows.to(domain_labels.device)])
        pixels = torch.cat(images).permute(0, 3, 1, 2).float() / 255
        pixels = augment(pixels, config.image_size, config.augmentation, generator, self.part)
        pixels = models.normalize(pixels, config.mean, config.std)
        pixels = pixels.contiguous(memory_format=torch.channels_last)
        return Batch(pixels, torch.cat(labels), len(labels), generator)


def _at(images: Tensor | Rows, rows: Tensor, device: torch.device) -> Tensor:
    if isinstance(images, Rows):
        return torch.from_numpy(images[rows.numpy()]).to(device)
    return images[rows.to(device)]


class Scores(NamedTuple):
    """What an evaluation during training finds out of a network: see EvaluationPoint."""

    source_validation: float
    target: float
    source_loss: float


class _Evaluator:
    """Scores during training: on the source domains' validation splits, on a target sample."""

    def __init__(self, config: TrainConfig, run_data: RunData, device: torch.device) -> None:
        self.config = config
        self.classes = len(run_data.classes)
        self.source_validation = run_data.source_validation
        self.target = _sample(run_data.target, TARGET_SAMPLE)
        self.device = device
        images = len(self.target) + sum(map(len, self.source_validation))
        self.fast = device.type == "cpu" and images >= FAST_FROM
        self.plain = _plain_network(config, self.classes).to(device)

    def of(self, network: nn.Module) -> Scores:
        """Of the weights as quantized."""
        self.plain.load_state_dict(plain_state(network))
        evaluated = self.plain.eval()
        if self.fast:  # half the time, the same up to float rounding
            evaluated = models.for_inference(self.plain, self.config.image_size)
        source = [self._logits(evaluated, domain) for domain in self.source_validation]
        pairs = list(zip(source, self.source_validation, strict=True))
        return Scores(
            float(np.mean([accuracy_of(logits, one.labels).fraction for logits, one in pairs])),
            accuracy_of(self._logits(evaluated, self.target), self.target.labels).fraction,
            float(np.mean([negative_log_likelihood(logits, one.labels) for logits, one in pairs])),
        )

    def of_average(self, mean: Mapping[str, Tensor]) -> Scores:
        """The same of averaged weights, quantized after averaging."""
        return self.of(_with_weights(mean, self.config, self.classes).to(self.device))

    def _logits(self, network: nn.Module, domain: Domain) -> np.ndarray:
        """(images, classes). Every process computes every n-th image's, and gets all."""
        own, images = slice(None), domain.images
        if parallel.processes() > 1:
            own = np.arange(parallel.rank(), len(domain), parallel.processes())
            images = take(images, own)
        logits = torch.zeros(len(domain), self.classes)
        if len(images):
            computed = predict_logits(network, images, self.config.mean, self.config.std)
            logits[own] = torch.from_numpy(computed)
        return parallel.added(logits).numpy()


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


def _start_network(config: TrainConfig, classes: int) -> nn.Module:
    with parallel.first_on_each_machine(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        return models.build(config.architecture, classes, config.start_weights, config.image_size)


def _plain_network(config: TrainConfig, classes: int) -> nn.Module:
    """One to load weights into."""
    return models.build(config.architecture, classes, image_size=config.image_size)


def _start_quantization(
    network: nn.Module, optimizer: torch.optim.Optimizer, config: TrainConfig
) -> None:
    """Attach quantizers; the optimizer keeps its state for the weights and gets the step sizes.

    The control "freeze" trains neither.
    """
    quantize(network, config.quantization, _left_out(network, config))
    if config.method == "freeze":
        for _, layer, attribute, quantizer in quantizers(network):
            quantizer.requires_grad_(False)
            layer.parametrizations[attribute].original.requires_grad_(False)
        optimizer.zero_grad()  # Adam passes over what has no gradient, its momentum included
        return
    if learned := learned_parameters(network):
        optimizer.add_param_group({"params": learned, "lr": config.step_size_learning_rate})


def _left_out(network: nn.Module, config: TrainConfig) -> tuple[str, ...]:
    return (models.classifier_name(network), *config.leave_out)


def _with_weights(tensors: Mapping[str, Tensor], config: TrainConfig, classes: int) -> nn.Module:
    """A network with weights from after the quantization step, and quantizers if the method has
    any."""
    network = _plain_network(config, classes)
    if config.quantized:
        quantize(network, config.quantization, _left_out(network, config))
    network.load_state_dict(tensors)
    return network


def _chosen(
    tensors: Mapping[str, Tensor], config: TrainConfig, classes: int, step: int, averaged: bool
) -> Chosen:
    return Chosen(_with_weights(tensors, config, classes).eval(), step, averaged)


def _snapshot(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().cpu().clone() for name, value in state.items()}


def _sample(domain: Domain, count: int) -> Domain:
    """Every k-th image, so that all classes are in it as in the whole."""
    if len(domain) <= count:
        return domain
    return domain.subset(np.linspace(0, len(domain) - 1, count).round().astype(np.int64))
