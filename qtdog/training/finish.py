"""From a trained network to its checkpoint: stored, read back, evaluated, written."""

import platform
from dataclasses import fields
from pathlib import Path

import torch
import torchvision

from qtdog import checkpoints, storage
from qtdog.checkpoints import CheckpointConfig, TrainingRecord
from qtdog.evaluation import domain_accuracy
from qtdog.training.config import RECIPES, TrainConfig
from qtdog.training.loop import RunData, TrainedNetwork, log_text
from qtdog.training.provenance import code_version, processor

# The settings of a run that have an option of their own, to change a recipe's.
OPTIONS = (
    "architecture",
    "start_weights",
    "bits",
    "granularity",
    "steps",
    "quantize_step",
    "evaluate_every",
    "image_size",
    "learning_rate",
)


def checkpoint_folder(root: Path, dataset: str, config: TrainConfig) -> Path:
    """`root`/<dataset>/<target>/<method>-seed<k>."""
    return root / dataset / config.target_domain / f"{config.method_name()}-seed{config.seed}"


def finish(trained: TrainedNetwork, run_data: RunData, root: Path, recipe: str) -> Path:
    """Write the checkpoint of a run and return its folder.

    The accuracies in its config are those of the network as stored, not as trained.
    """
    config = trained.config
    stored = storage.store(trained.network)
    network = storage.restore(stored, config.architecture, len(trained.classes))
    quantized = config.method == "qt-dog"
    record = CheckpointConfig(
        method=config.method,
        architecture=config.architecture,
        classes=trained.classes,
        dataset=run_data.name,
        source_domains=tuple(domain.name for domain in run_data.source_validation),
        target_domain=config.target_domain,
        image_size=config.image_size,
        mean=config.mean,
        std=config.std,
        bits=stored.bits,
        granularity=config.granularity if quantized else None,
        left_out=trained.left_out if quantized else (),
        source_validation=tuple(
            domain_accuracy(network, domain, config.mean, config.std)
            for domain in run_data.source_validation
        ),
        target=domain_accuracy(network, run_data.target, config.mean, config.std),
        training=_training_record(trained, run_data, recipe),
    )
    folder = checkpoint_folder(root, run_data.name, config)
    checkpoints.save(folder, stored, record, log_text(trained.points))
    return folder


def _training_record(trained: TrainedNetwork, run_data: RunData, recipe: str) -> TrainingRecord:
    config = trained.config
    return TrainingRecord(
        seed=config.seed,
        steps=config.steps,
        quantize_step=config.quantize_step,
        chosen_step=trained.chosen_step,
        images_per_domain=config.images_per_domain,
        learning_rate=config.learning_rate,
        step_size_learning_rate=(
            config.step_size_learning_rate if config.method == "qt-dog" else None
        ),
        freeze_batch_norm=config.freeze_batch_norm,
        start_weights=Path(config.start_weights).name,
        augmentation=str(config.augmentation),
        data_fingerprint=run_data.fingerprint,
        seconds=round(trained.seconds, 1),
        hardware=processor(),
        versions=(
            f"Python {platform.python_version()}, torch {torch.__version__}, "
            f"torchvision {torchvision.__version__}"
        ),
        commit=code_version(),
        command=command_line(config, recipe),
    )


def command_line(config: TrainConfig, recipe: str) -> str:
    """The command that repeats a run; of the data and the start weights only their names."""
    words = ["python -m qtdog train", f"--data {Path(config.data).name}"]
    words += [f"--target {config.target_domain}", f"--method {config.method}"]
    words += [f"--seed {config.seed}", f"--recipe {recipe}"]
    usual = {field.name: field.default for field in fields(TrainConfig)} | RECIPES[recipe]
    for name in OPTIONS:
        value = getattr(config, name)
        if value != usual[name]:
            value = Path(value).name if name == "start_weights" else value
            words.append(f"--{name.replace('_', '-')} {value}")
    words += [f"--leave-out {layer}" for layer in config.leave_out]
    return " ".join(words)
