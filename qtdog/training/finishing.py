"""From a trained network to its checkpoint: stored, read back, evaluated, written."""

import platform
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from torch import nn

from qtdog import checkpoints, models
from qtdog.accuracy import Accuracy
from qtdog.checkpoints import CheckpointConfig, TrainingRecord, storage
from qtdog.evaluation import accuracy_of, fast_logits
from qtdog.models import short_name
from qtdog.provenance import code_version, processor
from qtdog.training import parallel
from qtdog.training.config import RECIPES, SCHEDULE, TrainConfig
from qtdog.training.evaluator import FAST_FROM
from qtdog.training.loop import Chosen, TrainedRun, log_text
from qtdog.training.run_data import RunData

# The settings of a run that have an option of their own, to change a recipe's.
OPTIONS = (
    "architecture",
    "start_weights",
    "bits",
    "granularity",
    "quantizer",
    "averaged_weights",
    "steps",
    "quantize_step",
    "evaluate_every",
    "image_size",
    "learning_rate",
    "step_size_learning_rate",
    "split",
)


def checkpoint_folder(
    root: Path,
    dataset: str,
    config: TrainConfig,
    recipe: str,
    averaged: bool,
    refitted: bool = False,
) -> Path:
    """`root`/<dataset>/<target>/<method>[-averaged[-refitted]]-seed<k>."""
    label = config.label(recipe) + ("-averaged" if averaged else "")
    label += "-refitted" if refitted else ""
    return root / dataset / config.target_domain / f"{label}-seed{config.seed}"


def require_free(root: Path, config: TrainConfig, run_data: RunData, recipe: str) -> None:
    """Raises ValueError where one of a run's checkpoint folders holds another run's checkpoint."""
    for averaged in (False, True):
        folder = checkpoint_folder(root, run_data.name, config, recipe, averaged)
        checkpoints.require_same_run(folder, run_data.identity(config))


@dataclass(frozen=True)
class Measurement:
    """What a network, stored and read back, says of a run's images: logits, (n, classes) float32,
    for each source domain's validation split and for the target domain."""

    source: tuple[np.ndarray, ...]
    target: np.ndarray


@dataclass(frozen=True)
class Finished:
    """A checkpoint that was written, and what it was measured to do."""

    folder: Path
    stored: storage.StoredNetwork
    measurement: Measurement


def measure(stored: storage.StoredNetwork, run: TrainedRun, run_data: RunData) -> Measurement:
    """Evaluate a network as stored."""
    config = run.config
    network = storage.restore(stored, config.architecture, len(run.classes), config.image_size)
    fast: nn.Module = network
    if sum(map(len, (*run_data.source_validation, run_data.target))) >= FAST_FROM:
        fast = models.for_inference(network)
    source, target = [
        tuple(fast_logits(network, fast, one.images, config.mean, config.std) for one in domains)
        for domains in (run_data.source_validation, (run_data.target,))
    ]
    return Measurement(source, target[0])


def target_in(measurement: Measurement, run_data: RunData) -> Accuracy | None:
    """The accuracy that DomainBed reports, on 80 % of the target; None under our split."""
    rows = run_data.target_in
    if rows is None:
        return None
    return accuracy_of(measurement.target[rows], run_data.target.labels[rows])


def finish(run: TrainedRun, chosen: Chosen, run_data: RunData, root: Path, recipe: str) -> Finished:
    """Write the checkpoint of a run's single or averaged weights.

    The accuracies in its config are those of the network as stored, not as trained. Quantizers
    that are attached to `chosen.network` are baked in.
    """
    config = run.config
    stored = storage.store(chosen.network)
    measurement = measure(stored, run, run_data)
    record = CheckpointConfig(
        method=config.method,
        architecture=config.architecture,
        classes=run.classes,
        dataset=run_data.name,
        source_domains=tuple(domain.name for domain in run_data.source_validation),
        target_domain=config.target_domain,
        image_size=config.image_size,
        mean=config.mean,
        std=config.std,
        bits=stored.bits,
        granularity=config.granularity if config.quantized else None,
        left_out=run.left_out if config.quantized else (),
        source_validation=tuple(
            accuracy_of(logits, domain.labels)
            for logits, domain in zip(measurement.source, run_data.source_validation, strict=True)
        ),
        target=accuracy_of(measurement.target, run_data.target.labels),
        training=training_record(run, chosen.step, run_data, recipe),
        averaged=chosen.averaged,
        objective=config.objective,
        averaging=config.averaging,
        target_in=target_in(measurement, run_data),
        quantizer=stored.quantizer,
        refitted=chosen.refitted,
    )
    folder = checkpoint_folder(
        root, run_data.name, config, recipe, chosen.averaged, chosen.refitted
    )
    checkpoints.save(folder, stored, record, log_text(run.points))
    return Finished(folder, stored, measurement)


def training_record(
    run: TrainedRun, chosen_step: int, run_data: RunData, recipe: str
) -> TrainingRecord:
    """How the weights chosen at `chosen_step` came about."""
    config = run.config
    return TrainingRecord(
        seed=config.seed,
        steps=config.steps,
        quantize_step=config.quantize_step,
        chosen_step=chosen_step,
        images_per_domain=config.images_per_domain,
        learning_rate=config.learning_rate,
        step_size_learning_rate=(
            config.step_size_learning_rate
            if config.method == "qt-dog" and config.quantizer != "inq"
            else None
        ),
        freeze_batch_norm=config.freeze_batch_norm,
        start_weights=short_name(config.start_weights),
        augmentation=config.augmentation,
        data_fingerprint=run_data.fingerprint,
        seconds=round(run.seconds, 1),
        hardware=processor(parallel.processes()),
        versions=(
            f"Python {platform.python_version()}, torch {torch.__version__}, "
            + models.library_version(config.architecture)
        ),
        commit=code_version(),
        command=command_line(config, recipe),
        split=config.split,
        identity=run_data.identity(config),
        domain_fingerprints=run_data.domain_fingerprints,
    )


def command_line(config: TrainConfig, recipe: str) -> str:
    """The command that repeats a run; of the data and the start weights only their names."""
    words = ["python -m qtdog train", f"--data {Path(config.data).name}"]
    words += [f"--target {config.target_domain}", f"--method {config.method}"]
    words += [f"--objective {config.objective}"] if config.objective != "erm" else []
    words += [f"--averaging {config.averaging}"] if config.averaging != "sma" else []
    words += [f"--seed {config.seed}", f"--recipe {recipe}"]
    usual = {field.name: field.default for field in fields(TrainConfig)} | RECIPES[recipe]
    # Other steps alone would bring other evaluations and another quantization step.
    said = SCHEDULE if config.steps != usual["steps"] else ()
    for name in OPTIONS:
        value = getattr(config, name)
        if value != usual[name] or name in said:
            value = short_name(value) if name == "start_weights" else value
            words.append(f"--{name.replace('_', '-')} {value}")
    words += [f"--leave-out {layer}" for layer in config.leave_out]
    return " ".join(words)
