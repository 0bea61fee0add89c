"""What a checkpoint's config.json says: typed records, written and read with care."""

import dataclasses
import json
import math
import types
import typing
from dataclasses import MISSING, dataclass
from pathlib import Path
from typing import Any

from qtdog.accuracy import Accuracy
from qtdog.method_names import AVERAGINGS, OBJECTIVES, added_methods
from qtdog.quantization import QUANTIZERS
from qtdog.storage import FULL_PRECISION_BITS

FORMAT = "qtdog-checkpoint"
FORMAT_VERSION = 1
METHODS = ("erm", "qt-dog", "freeze", "eoq")
LARGEST_CONFIG_BYTES = 1 << 20
LARGEST_INTEGER = 1 << 53  # beyond it, programs disagree on what JSON's numbers are
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
    augmentation: str
    data_fingerprint: str
    seconds: float
    hardware: str
    versions: str
    commit: str
    command: str
    split: str = "ours"
    """Which images of each domain were held out: a rule of `qtdog.data.splits`."""


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
    """Which one made the codes: "lsq", "inq" or "nearest"; None in full precision. The first
    checkpoints do not say: theirs is LSQ."""

    @property
    def added_methods(self) -> tuple[str, ...]:
        """Names of the DG methods beside quantization that its weights come from."""
        return added_methods(self.objective, self.averaging if self.averaged else "sma")


def differing_fields(one: CheckpointConfig, other: CheckpointConfig) -> list[str]:
    """Of what an ensemble's members must share, the fields in which two configs differ."""
    return [field for field in SHARED if getattr(one, field) != getattr(other, field)]


def to_json(config: CheckpointConfig) -> bytes:
    """The content of config.json."""
    values = {"format": FORMAT, "format_version": FORMAT_VERSION, **dataclasses.asdict(config)}
    return (json.dumps(values, indent=1) + "\n").encode()


def parse_config(path: Path, content: bytes) -> CheckpointConfig:
    """The inverse of `to_json`. Raises CheckpointError, which calls the file `path`."""
    if len(content) > LARGEST_CONFIG_BYTES:
        raise CheckpointError(f"{path} is too large to be a checkpoint's config.")
    try:
        values = json.loads(content)
    except (ValueError, RecursionError):
        raise CheckpointError(f"{path} is not JSON: it is truncated or another file.") from None
    if not isinstance(values, dict) or values.pop("format", None) != FORMAT:
        raise CheckpointError(f"{path} is not the config of a QT-DoG checkpoint.")
    version = values.pop("format_version", None)
    if version != FORMAT_VERSION:
        raise CheckpointError(
            f"{path} has format version {version!r:.20}; this program reads version "
            f"{FORMAT_VERSION}. Update the program, or use a checkpoint that it wrote."
        )
    try:
        config = typed(CheckpointConfig, values)
    except TypeError as error:
        raise CheckpointError(f"{path} is not a valid config: {error}.") from None
    if config.method not in METHODS:
        raise CheckpointError(f"{path} has the unknown method {config.method!r:.40}.")
    if config.objective not in OBJECTIVES:
        raise CheckpointError(f"{path} has the unknown objective {config.objective!r:.40}.")
    if config.averaging not in AVERAGINGS:
        raise CheckpointError(f"{path} has the unknown averaging {config.averaging!r:.40}.")
    if config.bits != FULL_PRECISION_BITS and not 2 <= config.bits <= 8:
        raise CheckpointError(f"{path} has an impossible bit width, {config.bits!r:.20}.")
    if config.bits == FULL_PRECISION_BITS:
        config = dataclasses.replace(config, quantizer=None)
    elif config.quantizer not in QUANTIZERS:
        raise CheckpointError(f"{path} has the unknown quantizer {config.quantizer!r:.40}.")
    if len(config.classes) < 2 or not 1 <= config.image_size <= 4096:
        raise CheckpointError(f"{path} has too few classes or an impossible image size.")
    for name, values in (("mean", config.mean), ("std", config.std)):
        if len(values) != 3 or not all(map(math.isfinite, values)):
            raise CheckpointError(f"{path} needs three finite numbers as '{name}'.")
    if min(config.std) <= 0:
        raise CheckpointError(f"{path} has an 'std' that is not positive.")
    return config


def typed(kind: Any, value: Any) -> Any:
    """`value` from JSON as the annotated type `kind`. Raises TypeError naming what is wrong."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is types.UnionType:
        return None if value is None else typed(arguments[0], value)
    if origin is tuple:
        if not isinstance(value, list):
            raise TypeError(f"{value!r:.40} should be a list")
        return tuple(typed(arguments[0], item) for item in value)
    if dataclasses.is_dataclass(kind):
        if not isinstance(value, dict):
            raise TypeError(f"{value!r:.40} should be an object")
        hints = typing.get_type_hints(kind)
        if unknown := value.keys() - hints.keys():
            raise TypeError(f"{min(unknown)!r:.40} is unknown")
        optional = {f.name for f in dataclasses.fields(kind) if f.default is not MISSING}
        if missing := hints.keys() - value.keys() - optional:
            raise TypeError(f"'{min(missing)}' is missing")
        return kind(**{name: typed(hints[name], item) for name, item in value.items()})
    if isinstance(value, int) and abs(value) > LARGEST_INTEGER:
        raise TypeError(f"{value!r:.40} is too large")
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise TypeError(f"{value!r:.40} should be of type {kind.__name__}")
    return value
