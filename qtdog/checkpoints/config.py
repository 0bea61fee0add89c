"""What a checkpoint's config.json says: typed records, written and read with care."""

import dataclasses
import hashlib
import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtdog.accuracy import Accuracy
from qtdog.checkpoints.run_identity import RunIdentity
from qtdog.checkpoints.tensor_names import FULL_PRECISION_BITS
from qtdog.data import Augmentation, SplitRule
from qtdog.json_file import FileFormat
from qtdog.method_names import AVERAGINGS, OBJECTIVES, added_methods
from qtdog.quantization import QUANTIZER_NAMES

if TYPE_CHECKING:
    from qtdog.quantization import Levels

STORED_METHODS = ("erm", "qt-dog", "freeze", "noise", "eoq")
LARGEST_CONFIG_BYTES = 1 << 20
CONFIG_FORMAT = FileFormat(
    "qtdog-checkpoint",
    1,
    "config",
    "the config of a QT-DoG checkpoint",
    "a checkpoint",
    LARGEST_CONFIG_BYTES,
)
# What an ensemble's members have in common.
SHARED = (
    "architecture",
    "classes",
    "dataset",
    "target_domain",
    "image_size",
    "mean",
    "std",
    "bits",
    "quantizer",
    "averaged",
    "refitted",
    "objective",
    "averaging",
)


class CheckpointError(ValueError):
    """One sentence: which file, what is wrong with it."""


@dataclass(frozen=True)
class TrainingRecord:
    """How a checkpoint came about. `seconds` of wall time, the shared trunk included."""

    seed: int
    steps: int
    quantize_step: int
    chosen_step: int
    images_per_domain: int
    learning_rate: float
    step_size_learning_rate: float | None
    freeze_batch_norm: bool
    start_weights: str
    augmentation: Augmentation | None
    """None where an older config does not tell."""
    data_fingerprint: str
    seconds: float
    hardware: str
    versions: str
    commit: str
    command: str
    split: SplitRule = "ours"
    """Which images of each domain were held out."""
    identity: RunIdentity | None = None
    """Which run it is. Older checkpoints lack it: `CheckpointConfig.identity` has what they say."""
    domain_fingerprints: tuple[str, ...] = ()
    """`Domain.fingerprint` of the source domains and, last, the target; older checkpoints have
    none."""


@dataclass(frozen=True)
class FileHash:
    """A file beside config.json (or, of a member, its config.json): what it must be."""

    path: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True)
class CheckpointConfig:
    """What config.json says. `bits` is 32 for full precision; accuracies are of the stored
    network: on each source domain's validation split and on all images of the target."""

    method: str
    architecture: str
    classes: tuple[str, ...]
    dataset: str
    source_domains: tuple[str, ...]
    target_domain: str
    image_size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    bits: int
    granularity: str | None
    left_out: tuple[str, ...]
    source_validation: tuple[Accuracy, ...]
    """One for each of `source_domains`; empty for EoQ, whose members have different splits."""
    target: Accuracy
    training: TrainingRecord | None
    """None for EoQ: its members have one each."""
    files: tuple[FileHash, ...] = ()
    """model.safetensors, or the members' config.json."""
    averaged: bool = False
    """Whether the weights are a mean over steps since quantization, not those of one step."""
    objective: str = "erm"
    """What was minimised: cross-entropy alone ("erm"), or with another DG method."""
    averaging: str = "sma"
    """Over which steps averaged weights are the mean: all since quantization, or SWAD's valley."""
    target_in: Accuracy | None = None
    """On the target's 80 % that DomainBed reports, where the split is DomainBed's."""
    quantizer: str | None = "lsq"
    """Which one made the codes: a name in `QUANTIZERS`, such as "lsq-least-error"; None in full
    precision. The first checkpoints do not say: theirs is LSQ."""
    refitted: bool = False
    """Whether step sizes were fitted anew to averaged weights, instead of being means."""

    @property
    def added_methods(self) -> tuple[str, ...]:
        """Names of the DG methods beside quantization that its weights come from."""
        return added_methods(self.objective, self.averaging if self.averaged else "sma")

    @property
    def own_training(self) -> TrainingRecord:
        """A single network's. Raises ValueError for EoQ."""
        if self.training is None:
            raise ValueError("An ensemble has no training of its own: its members have one each.")
        return self.training

    @property
    def levels(self) -> "Levels":
        """What the codes stand for. Raises ValueError in full precision."""
        from qtdog.checkpoints.storage import codes_levels  # configs are read without torch

        return codes_levels(self.quantizer, self.bits)

    @property
    def identity(self) -> RunIdentity | None:
        """Which run it comes from, as far as it says so; None for EoQ, which comes from several."""
        training = self.training
        if training is None or training.identity is not None:
            return training and training.identity
        quantized = self.bits != FULL_PRECISION_BITS
        fitted = "--quantizer lsq-fitted" in training.command  # the codes are stored as LSQ's
        return RunIdentity(
            dataset=self.dataset,
            sampled_data=training.data_fingerprint or None,
            target_domain=self.target_domain,
            split=training.split,
            seed=training.seed,
            method=self.method,
            objective=self.objective,
            averaging=self.averaging,
            averaged_weights="latent"
            if quantized
            else None,  # the only way before there was a choice
            architecture=self.architecture,
            start_weights=training.start_weights,
            bits=self.bits if quantized else None,
            granularity=self.granularity,
            quantizer="lsq-fitted" if fitted and self.quantizer == "lsq" else self.quantizer,
            image_size=self.image_size,
            images_per_domain=training.images_per_domain,
            steps=training.steps,
            quantize_step=training.quantize_step,
            learning_rate=training.learning_rate,
            step_size_learning_rate=training.step_size_learning_rate,
            freeze_batch_norm=training.freeze_batch_norm,
            mean=self.mean,
            std=self.std,
        )


def joint_sha256(weights: Sequence[str]) -> str:
    """What networks are known by whose weights have these SHA-256: one's own, or, for EoQ, that of
    its members' hashes, one after the other in hexadecimal."""
    if len(weights) == 1:
        return weights[0]
    return hashlib.sha256("".join(weights).encode()).hexdigest()


def differing_fields(one: CheckpointConfig, other: CheckpointConfig) -> list[str]:
    """Of what an ensemble's members must share, the fields in which two configs differ."""
    return [field for field in SHARED if getattr(one, field) != getattr(other, field)]


def to_json(config: CheckpointConfig) -> bytes:
    """The content of config.json."""
    return CONFIG_FORMAT.content(config)


def parse_config(path: Path, content: bytes) -> CheckpointConfig:
    """The inverse of `to_json`. Raises CheckpointError, which calls the file `path`."""
    try:
        values = CONFIG_FORMAT.values(path, content)
        training = values.get("training")
        if isinstance(training, dict) and isinstance(training.get("augmentation"), str):
            training["augmentation"] = _plain_augmentation(training["augmentation"])
        config = CONFIG_FORMAT.record(CheckpointConfig, path, values)
    except ValueError as error:
        raise CheckpointError(str(error)) from None
    if config.method not in STORED_METHODS:
        raise CheckpointError(f"{path} has the unknown method {config.method!r:.40}.")
    if config.objective not in OBJECTIVES:
        raise CheckpointError(f"{path} has the unknown objective {config.objective!r:.40}.")
    if config.averaging not in AVERAGINGS:
        raise CheckpointError(f"{path} has the unknown averaging {config.averaging!r:.40}.")
    if config.bits != FULL_PRECISION_BITS and not 2 <= config.bits <= 8:
        raise CheckpointError(f"{path} has an impossible bit width, {config.bits!r:.20}.")
    if config.bits == FULL_PRECISION_BITS:
        config = dataclasses.replace(config, quantizer=None)
    elif config.quantizer not in QUANTIZER_NAMES:
        raise CheckpointError(f"{path} has the unknown quantizer {config.quantizer!r:.40}.")
    if len(config.classes) < 2 or not 1 <= config.image_size <= 4096:
        raise CheckpointError(f"{path} has too few classes or an impossible image size.")
    for name, values in (("mean", config.mean), ("std", config.std)):
        if len(values) != 3 or not all(map(math.isfinite, values)):
            raise CheckpointError(f"{path} needs three finite numbers as '{name}'.")
    _check_domains(path, config)
    if min(config.std) <= 0:
        raise CheckpointError(f"{path} has an 'std' that is not positive.")
    return config


def _check_domains(path: Path, config: CheckpointConfig) -> None:
    """What is stated once a domain, where it is stated, has as many entries as there are domains.
    Raises CheckpointError."""
    sources = len(config.source_domains)
    contents = config.training.domain_fingerprints if config.training else ()
    for name, stated, domains in (
        ("source_validation", config.source_validation, sources),
        ("domain_fingerprints", contents, sources + 1),
    ):
        if stated and len(stated) != domains:
            raise CheckpointError(
                f"{path} states {len(stated)} '{name}' where its domains need {domains}."
            )


def _plain_augmentation(text: str) -> dict[str, Any] | None:
    """The plain values in what the first configs hold, the text of a Python object such as
    "Augmentation(crop_area=0.7, flip=False)"; None for another text."""
    if not re.fullmatch(r"Augmentation\(\w+=[\w.+-]+(, \w+=[\w.+-]+)*\)", text):
        return None
    try:
        return {
            name: json.loads(word.lower()) for name, word in re.findall(r"(\w+)=([\w.+-]+)", text)
        }
    except ValueError:
        return None
