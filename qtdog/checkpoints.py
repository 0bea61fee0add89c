"""One checkpoint on disk: a folder with config.json and model.safetensors, both ways.

An EoQ checkpoint is a folder with a config.json that names its members' folders.
Nothing is ever pickled or unpickled.
"""

import dataclasses
import hashlib
import json
import math
import os
import types
import typing
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load as tensors_from_bytes
from safetensors.torch import save as tensors_to_bytes
from torch import nn

from qtdog.accuracy import Accuracy
from qtdog.atomic import write_folder_atomically
from qtdog.storage import FULL_PRECISION_BITS, StoredNetwork, restore, weight_bits

FORMAT = "qtdog-checkpoint"
FORMAT_VERSION = 1
CONFIG, MODEL, LOG = "config.json", "model.safetensors", "log.csv"
METHODS = ("erm", "qt-dog", "eoq")
LARGEST_CONFIG_BYTES = 1 << 20
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


@dataclass(frozen=True)
class Checkpoint:
    """A loaded checkpoint: one plain float32 network, or EoQ's members, in evaluation mode."""

    folder: Path
    config: CheckpointConfig
    networks: tuple[nn.Module, ...]
    size_bytes: int
    """config.json and model.safetensors on disk, of all members."""
    bits_per_weight: float
    """Mean stored bits over the convolutions' and linear layers' weights, one member's."""
    members: tuple["Checkpoint", ...] = ()


def save(folder: Path, stored: StoredNetwork, config: CheckpointConfig, log: str) -> None:
    """Write a single model's checkpoint, in one step. `log` is the text of log.csv."""
    model = tensors_to_bytes(stored.tensors)
    files = (FileHash(MODEL, hashlib.sha256(model).hexdigest(), len(model)),)

    def fill(new: Path) -> None:
        _write(new / MODEL, model)
        _write(new / LOG, log.encode())
        _write(new / CONFIG, _to_json(dataclasses.replace(config, files=files)))

    write_folder_atomically(folder, fill)


def save_ensemble(folder: Path, members: Sequence[Path], config: CheckpointConfig) -> None:
    """Write an EoQ checkpoint that refers to its members' folders by relative path."""
    files = []
    for member in members:
        content = (member / CONFIG).read_bytes()
        relative = PurePosixPath(Path(os.path.relpath(member, folder)).as_posix()) / CONFIG
        files.append(FileHash(str(relative), hashlib.sha256(content).hexdigest(), len(content)))
    content = _to_json(dataclasses.replace(config, files=tuple(files)))
    write_folder_atomically(folder, lambda new: _write(new / CONFIG, content))


def load_config(folder: Path) -> CheckpointConfig:
    """Read config.json alone. Raises CheckpointError."""
    return _parse_config(Path(folder) / CONFIG, _read(Path(folder) / CONFIG))


def find(root: Path) -> list[Path]:
    """The checkpoint folders at and below `root`, sorted. Raises CheckpointError for none."""
    if not Path(root).is_dir():
        raise CheckpointError(f"The folder {root} does not exist.")
    folders = sorted(config.parent for config in Path(root).rglob(CONFIG))
    folders = [folder for folder in folders if not folder.name.startswith(".")]
    if not folders:
        raise CheckpointError(f"There is no checkpoint in {root}: no folder with a {CONFIG}.")
    return folders


def load(folder: Path) -> Checkpoint:
    """Read a checkpoint and check it. Raises CheckpointError naming the file and the reason."""
    folder = Path(folder)
    content = _read(folder / CONFIG)
    config = _parse_config(folder / CONFIG, content)
    if config.method == "eoq":
        return _load_ensemble(folder, config, len(content))
    path = folder / MODEL
    if [file.path for file in config.files] != [MODEL]:
        raise CheckpointError(f"{folder / CONFIG} does not say what {MODEL} must be.")
    model = _read_checked(path, config.files[0])
    try:
        stored = StoredNetwork(tensors_from_bytes(model), config.bits)
        network = restore(stored, config.architecture, len(config.classes))
    except (SafetensorError, KeyError) as error:  # KeyError: a dtype unknown to torch
        raise CheckpointError(f"{path} is not a safetensors file: {error}.") from None
    except ValueError as error:
        raise CheckpointError(f"{path} does not hold what its config says: {error}.") from None
    bits_per_weight = weight_bits(stored, network)
    return Checkpoint(folder, config, (network,), len(content) + len(model), bits_per_weight)


def differing_fields(one: CheckpointConfig, other: CheckpointConfig) -> list[str]:
    """Of what an ensemble's members must share, the fields in which two configs differ."""
    return [field for field in SHARED if getattr(one, field) != getattr(other, field)]


def _load_ensemble(folder: Path, config: CheckpointConfig, size_bytes: int) -> Checkpoint:
    if not config.files:
        raise CheckpointError(f"{folder / CONFIG} names no members.")
    members = []
    for file in config.files:
        place = PurePosixPath(file.path)
        # A member is a sibling folder or lies within: "../name/config.json" or "name/config.json".
        name = place.parts[1:] if place.parts[:1] == ("..",) else place.parts
        if place.is_absolute() or ".." in name or len(name) != 2 or name[1] != CONFIG:
            raise CheckpointError(f"{folder / CONFIG} names a member elsewhere: '{file.path}'.")
        path = folder / place
        _read_checked(path, file)
        member = load(path.parent)
        if unequal := differing_fields(member.config, config):
            raise CheckpointError(f"{path} differs from its ensemble in '{unequal[0]}'.")
        members.append(member)
    return Checkpoint(
        folder,
        config,
        tuple(network for member in members for network in member.networks),
        size_bytes + sum(member.size_bytes for member in members),
        members[0].bits_per_weight,
        tuple(members),
    )


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as handle:
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())


def _read(path: Path) -> bytes:
    with _readable(path):
        return path.read_bytes()


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise CheckpointError(f"{path} is missing.") from None
    except (OSError, ValueError) as error:  # ValueError: a name with a null character
        reason = getattr(error, "strerror", None) or error
        raise CheckpointError(f"{path} cannot be read: {reason}.") from None


def _read_checked(path: Path, expected: FileHash) -> bytes:
    with _readable(path):
        size = path.stat().st_size
    if size != expected.size_bytes:
        raise CheckpointError(
            f"{path} has {size:,} bytes instead of {expected.size_bytes:,}: it is truncated or "
            "another file."
        )
    content = _read(path)
    if hashlib.sha256(content).hexdigest() != expected.sha256:
        raise CheckpointError(f"{path} was changed: its SHA-256 is not the one in the config.")
    return content


def _to_json(config: CheckpointConfig) -> bytes:
    values = {"format": FORMAT, "format_version": FORMAT_VERSION, **dataclasses.asdict(config)}
    return (json.dumps(values, indent=1) + "\n").encode()


def _parse_config(path: Path, content: bytes) -> CheckpointConfig:
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
            f"{path} has format version {version}; this program reads version {FORMAT_VERSION}. "
            "Update the program, or use a checkpoint that it wrote."
        )
    try:
        config = _typed(CheckpointConfig, values)
    except TypeError as error:
        raise CheckpointError(f"{path} is not a valid config: {error}.") from None
    if config.method not in METHODS:
        raise CheckpointError(f"{path} has the unknown method '{config.method}'.")
    if config.bits != FULL_PRECISION_BITS and not 2 <= config.bits <= 8:
        raise CheckpointError(f"{path} has an impossible bit width, {config.bits}.")
    if len(config.classes) < 2 or not 1 <= config.image_size <= 4096:
        raise CheckpointError(f"{path} has too few classes or an impossible image size.")
    for name, values in (("mean", config.mean), ("std", config.std)):
        if len(values) != 3 or not all(map(math.isfinite, values)):
            raise CheckpointError(f"{path} needs three finite numbers as '{name}'.")
    if min(config.std) <= 0:
        raise CheckpointError(f"{path} has an 'std' that is not positive.")
    return config


def _typed(kind: Any, value: Any) -> Any:
    """`value` from JSON as the annotated type `kind`. Raises TypeError naming what is wrong."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is types.UnionType:
        return None if value is None else _typed(arguments[0], value)
    if origin is tuple:
        if not isinstance(value, list):
            raise TypeError(f"{value!r:.40} should be a list")
        return tuple(_typed(arguments[0], item) for item in value)
    if dataclasses.is_dataclass(kind):
        if not isinstance(value, dict):
            raise TypeError(f"{value!r:.40} should be an object")
        hints = typing.get_type_hints(kind)
        if unknown := value.keys() - hints.keys():
            raise TypeError(f"'{min(unknown)}' is unknown")
        if missing := hints.keys() - value.keys():
            raise TypeError(f"'{min(missing)}' is missing")
        return kind(**{name: _typed(hints[name], item) for name, item in value.items()})
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise TypeError(f"{value!r:.40} should be of type {kind.__name__}")
    return value
