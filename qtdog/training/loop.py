"""The training loop: ERM and QT-DoG under the DomainBed protocol, resumable at any moment.

Every batch and its augmentation follow from the seed and the step alone, so a run that goes on
from a saved state sees exactly what it would have seen without the interruption.
"""

import csv
import io
import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from qtdog import data, models
from qtdog.atomic import write_atomically
from qtdog.data import Domain, split_rows
from qtdog.data.augmentation import augment
from qtdog.evaluation import domain_accuracy
from qtdog.quantization import quantize, quantizers, step_size_parameters
from qtdog.training.config import TrainConfig
from qtdog.training.memory import keep_freed_memory
from qtdog.training.state import (
    EvaluationPoint,
    RunState,
    load_state,
    optimizer_tensors,
    restore_optimizer,
    save_state,
)

TARGET_SAMPLE = 1000  # images of the target domain in the logged curve

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


@dataclass(frozen=True)
class TrainedNetwork:
    """The outcome of a run: the chosen network and how it came about."""

    config: TrainConfig
    classes: tuple[str, ...]
    network: nn.Module
    """In evaluation mode, with its quantizers attached if the method has any."""
    left_out: tuple[str, ...]
    """Layers that the method leaves in full precision."""
    chosen_step: int
    points: tuple[EvaluationPoint, ...]
    seconds: float
    """Time spent in training and evaluation, over all sittings, the shared trunk included."""


def load_run_data(config: TrainConfig) -> RunData:
    """Read the images of a run. Raises DataError or ValueError with one clear sentence."""
    large = data.load(config.data, config.stored_size)
    exact = data.load(config.data, config.image_size)
    training, validation = [], []
    for big, small in zip(
        large.sources(config.target_domain), exact.sources(config.target_domain), strict=True
    ):
        train_rows, validation_rows = split_rows(small, config.seed)
        training.append(big.subset(train_rows))
        validation.append(small.subset(validation_rows))
    return RunData(
        exact.name,
        exact.classes,
        tuple(training),
        tuple(validation),
        exact.domain(config.target_domain),
        exact.fingerprint(),
    )


def run_folder(runs: Path, config: TrainConfig, run_data: RunData) -> Path:
    """Where a run keeps its state: other data are another run, as other settings are."""
    return runs / f"{config.name()}-{run_data.fingerprint}"


def train(
    config: TrainConfig, run_data: RunData, runs: Path, progress: Progress = lambda step, text: None
) -> TrainedNetwork:
    """Train to the end, going on from where a run of this configuration on this data stopped.

    Runs that differ only after the quantization step share `runs`/trunks. The folder also
    receives log.csv, one line an evaluation.
    """
    keep_freed_memory()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    folder = run_folder(runs, config, run_data)
    state_file = folder / "state.safetensors"
    trunk_file = runs / "trunks" / f"{config.trunk_name()}-{run_data.fingerprint}.safetensors"

    network = _start_network(config, len(run_data.classes)).to(
        device, memory_format=torch.channels_last
    )
    optimizer = torch.optim.Adam(network.parameters(), lr=config.learning_rate, fused=True)
    state = load_state(state_file) or load_state(trunk_file)
    step, seconds, points, best_step, best = 0, 0.0, (), None, {}
    if state is not None:
        step, seconds, points = state.step, state.seconds, state.points
        best_step, best = state.best_step, dict(state.best)
        if any("log_step" in name for name in state.network):
            _start_quantization(network, optimizer, config)
        network.load_state_dict(state.network)
        restore_optimizer(network, optimizer, state.optimizer)

    batches = _Batches(config, run_data.source_training, device)
    target_sample = _sample(run_data.target, TARGET_SAMPLE)
    losses: list[Tensor] = []
    started = time.monotonic() - seconds
    while step < config.steps:
        if step == config.quantize_step and config.method == "qt-dog" and not _quantized(network):
            _start_quantization(network, optimizer, config)
        models.train_mode(network, config.freeze_batch_norm)
        images, labels = batches.at(step)
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            loss = F.cross_entropy(network(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
        step += 1

        if step % config.evaluate_every == 0:
            point = EvaluationPoint(
                step,
                _quantized(network),
                float(torch.stack(losses).mean()),
                float(np.mean([_accuracy(network, d, config) for d in run_data.source_validation])),
                _accuracy(network, target_sample, config),
            )
            losses.clear()
            points = (*points, point)
            if step > config.quantize_step and _is_best(point, points, config):
                best_step, best = step, _snapshot(network)
            seconds = time.monotonic() - started
            state = RunState(
                step,
                seconds,
                points,
                best_step,
                network.state_dict(),
                optimizer_tensors(network, optimizer),
                best,
            )
            save_state(state_file, state)
            if step == config.quantize_step and not trunk_file.exists():
                save_state(trunk_file, state)
            log = log_text(points).encode()
            write_atomically(folder / "log.csv", lambda handle, log=log: handle.write(log))
        progress(step, f"source {points[-1].source_validation:.1%}" if points else "")

    network.load_state_dict(best)
    network.eval().cpu()
    left_out = _left_out(network, config)
    return TrainedNetwork(config, run_data.classes, network, left_out, best_step, points, seconds)


def log_text(points: tuple[EvaluationPoint, ...]) -> str:
    """The evaluations as CSV, one line each."""
    text = io.StringIO()
    names = [field.name for field in fields(EvaluationPoint)]
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(vars(point) for point in points)
    return text.getvalue()


class _Batches:
    """The batch of every step, a function of the seed and the step. Images live on the device."""

    def __init__(
        self, config: TrainConfig, domains: tuple[Domain, ...], device: torch.device
    ) -> None:
        self.config = config
        self.images = [torch.from_numpy(domain.images).to(device) for domain in domains]
        self.labels = [torch.from_numpy(domain.labels).to(device) for domain in domains]

    def at(self, step: int) -> tuple[Tensor, Tensor]:
        """(domains * images_per_domain, 3, size, size) float, and labels. Drawn with replacement,
        as DomainBed's endless loaders do."""
        config = self.config
        generator = torch.Generator().manual_seed(config.seed * 1_000_003 + step)
        images, labels = [], []
        for domain_images, domain_labels in zip(self.images, self.labels, strict=True):
            rows = torch.randint(
                len(domain_labels), (config.images_per_domain,), generator=generator
            ).to(domain_labels.device)
            images.append(domain_images[rows])
            labels.append(domain_labels[rows])
        pixels = torch.cat(images).permute(0, 3, 1, 2).float() / 255
        pixels = augment(pixels, config.image_size, config.augmentation, generator)
        pixels = models.normalize(pixels, config.mean, config.std)
        return pixels.contiguous(memory_format=torch.channels_last), torch.cat(labels)


def _start_network(config: TrainConfig, classes: int) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        return models.build(config.architecture, classes, config.start_weights)


def _start_quantization(
    network: nn.Module, optimizer: torch.optim.Optimizer, config: TrainConfig
) -> None:
    """Attach quantizers; the optimizer keeps its state for the weights and gets the step sizes."""
    quantize(network, config.quantizer, _left_out(network, config))
    optimizer.add_param_group(
        {"params": step_size_parameters(network), "lr": config.step_size_learning_rate}
    )


def _left_out(network: nn.Module, config: TrainConfig) -> tuple[str, ...]:
    return (models.classifier_name(network), *config.leave_out)


def _quantized(network: nn.Module) -> bool:
    return next(quantizers(network), None) is not None


def _is_best(
    point: EvaluationPoint, points: tuple[EvaluationPoint, ...], config: TrainConfig
) -> bool:
    """Whether source validation is higher than at every evaluation since the quantization step."""
    rivals = [p for p in points if config.quantize_step < p.step < point.step]
    return all(point.source_validation > rival.source_validation for rival in rivals)


def _snapshot(network: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().cpu().clone() for name, value in network.state_dict().items()}


def _accuracy(network: nn.Module, domain: Domain, config: TrainConfig) -> float:
    return domain_accuracy(network, domain, config.mean, config.std).fraction


def _sample(domain: Domain, count: int) -> Domain:
    """Every k-th image, so that all classes are in it as in the whole."""
    if len(domain) <= count:
        return domain
    return domain.subset(np.linspace(0, len(domain) - 1, count).round().astype(np.int64))
