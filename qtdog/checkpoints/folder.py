"""One checkpoint on disk: a folder with config.json and model.safetensors, both ways.

An EoQ checkpoint is a folder with a config.json that names its members' folders.
Nothing is ever pickled or unpickled.
"""

import dataclasses
import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from safetensors import SafetensorError

from qtdog import git_lfs
from qtdog.checkpoints.config import (
    LARGEST_CONFIG_BYTES,
    CheckpointConfig,
    CheckpointError,
    FileHash,
    TrainingRecord,
    differing_fields,
    parse_config,
    to_json,
)
from qtdog.checkpoints.run_identity import RunIdentity
from qtdog.files import write_folder_atomically

if TYPE_CHECKING:
    from torch import nn

    from qtdog.checkpoints.storage import StoredNetwork
    from qtdog.quantization import WeightGrid

__all__ = [
    "Checkpoint",
    "CheckpointConfig",
    "CheckpointError",
    "FileHash",
    "TrainingRecord",
    "differing_fields",
    "find",
    "load",
    "load_config",
    "load_files",
    "member_configs",
    "member_path",
    "require_place",
    "require_same_run",
    "save",
    "save_ensemble",
]

CONFIG, MODEL, LOG = "config.json", "model.safetensors", "log.csv"
LARGEST_MODEL_BYTES = 1 << 30
MOST_MEMBERS = 32
LONGEST_MEMBER_PATH = 255


@dataclass(frozen=True)
class Checkpoint:
    """A loaded checkpoint: one plain float32 network, or EoQ's members, in evaluation mode."""

    folder: Path
    config: CheckpointConfig
    networks: "tuple[nn.Module, ...]"
    size_bytes: int
    """model.safetensors on disk, of all members."""
    bits_per_weight: float
    """Mean stored bits over the convolutions' and linear layers' weights, one member's."""
    members: tuple["Checkpoint", ...] = ()
    grids: "Mapping[str, WeightGrid]" = field(default_factory=dict)
    """Of a quantized network, the values that each quantized weight can take, by its name."""


@dataclass(frozen=True)
class CheckpointFiles:
    """What is on disk: one network's model.safetensors, or EoQ's members."""

    folder: Path
    config: CheckpointConfig
    size_bytes: int
    """model.safetensors on disk, of all members."""
    model: bytes = b""
    members: "tuple[CheckpointFiles, ...]" = ()


def save(folder: Path, stored: "StoredNetwork", config: CheckpointConfig, log: str) -> None:
    """Write a single model's checkpoint, in one step. `log` is the text of log.csv. Raises
    CheckpointError where `folder` holds more than a checkpoint."""
    require_place(folder)
    from safetensors.torch import save as tensors_to_bytes

    model = tensors_to_bytes(stored.tensors)
    files = (FileHash(MODEL, hashlib.sha256(model).hexdigest(), len(model)),)

    def fill(new: Path) -> None:
        _write(new / MODEL, model)
        _write(new / LOG, log.encode())
        _write(new / CONFIG, to_json(dataclasses.replace(config, files=files)))

    write_folder_atomically(folder, fill)


def save_ensemble(folder: Path, members: Sequence[Path], config: CheckpointConfig) -> None:
    """Write an EoQ checkpoint that refers to its members' folders by relative path. Raises
    CheckpointError where `folder` holds more than a checkpoint."""
    require_place(folder)
    files = []
    for member in members:
        content = (member / CONFIG).read_bytes()
        place, sha256 = member_path(member, folder), hashlib.sha256(content).hexdigest()
        files.append(FileHash(place, sha256, len(content)))
    content = to_json(dataclasses.replace(config, files=tuple(files)))
    write_folder_atomically(folder, lambda new: _write(new / CONFIG, content))


def member_path(member: Path, folder: Path) -> str:
    """How EoQ's config in `folder` names the config of a member."""
    return str(PurePosixPath(Path(os.path.relpath(member, folder)).as_posix()) / CONFIG)


def require_place(folder: Path) -> None:
    """Raises CheckpointError where `folder` is there and holds anything but a checkpoint's own
    files, such as other checkpoints: all of it would go when a checkpoint takes its place."""
    if folder.exists() and not folder.is_dir():
        raise CheckpointError(f"{folder} is no folder: choose another place.")
    for path in folder.iterdir() if folder.exists() else ():
        if path.name not in (CONFIG, MODEL, LOG) or path.is_dir():
            raise CheckpointError(
                f"{folder} holds {path.name}, which is no part of a checkpoint and would be lost: "
                "choose another folder."
            )


def require_same_run(folder: Path, identity: RunIdentity | None) -> None:
    """Raises ValueError where `folder` is there and holds a checkpoint of another run."""
    there = load_config(folder).identity if folder.exists() else None
    if there and identity and (differing := there.difference(identity)):
        raise ValueError(
            f"{folder} holds another run, with {differing}: give --replace to write over it, "
            "or choose another folder."
        )


def load_config(folder: Path) -> CheckpointConfig:
    """Read config.json alone. Raises CheckpointError."""
    return parse_config(Path(folder) / CONFIG, _read(Path(folder) / CONFIG, LARGEST_CONFIG_BYTES))


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
    return load_files(read_files(folder))


def read_files(folder: Path) -> CheckpointFiles:
    """Read a checkpoint's files and check that they are those that its config names; what the
    tensors are is not looked at. Without torch. Raises CheckpointError naming the file and the
    reason."""
    folder = Path(folder)
    content = _read(folder / CONFIG, LARGEST_CONFIG_BYTES)
    config = parse_config(folder / CONFIG, content)
    if config.method == "eoq":
        return _read_ensemble(folder, config)
    return _read_network(folder, config)


def _read_network(folder: Path, config: CheckpointConfig) -> CheckpointFiles:
    if [file.path for file in config.files] != [MODEL]:
        raise CheckpointError(f"{folder / CONFIG} does not say what {MODEL} must be.")
    model = _read_checked(folder / MODEL, config.files[0], LARGEST_MODEL_BYTES)
    return CheckpointFiles(folder, config, len(model), model)


def load_files(files: CheckpointFiles) -> Checkpoint:
    """What `load` makes of files that were read. Raises CheckpointError."""
    if files.members:
        members = tuple(map(load_files, files.members))
        networks = tuple(network for member in members for network in member.networks)
        bits = members[0].bits_per_weight
        return Checkpoint(files.folder, files.config, networks, files.size_bytes, bits, members)
    from safetensors.torch import load as tensors_from_bytes

    from qtdog.checkpoints.storage import StoredNetwork, restore, weight_bits

    config, path = files.config, files.folder / MODEL
    try:
        stored = StoredNetwork(tensors_from_bytes(files.model), config.bits, config.quantizer)
        network = restore(stored, config.architecture, len(config.classes), config.image_size)
    except (SafetensorError, KeyError) as error:  # KeyError: a dtype unknown to torch
        raise CheckpointError(f"{path} is not a safetensors file: {error}.") from None
    except ValueError as error:
        raise CheckpointError(f"{path} does not hold what its config says: {error}.") from None
    bits = weight_bits(stored, network)
    grids = stored.grids()
    return Checkpoint(files.folder, config, (network,), files.size_bytes, bits, grids=grids)


def _read_ensemble(folder: Path, config: CheckpointConfig) -> CheckpointFiles:
    members = []
    for path, named in member_configs(folder, config):
        member = _read_network(path.parent, named)
        if unequal := differing_fields(member.config, config):
            raise CheckpointError(f"{path} differs from its ensemble in '{unequal[0]}'.")
        members.append(member)
    size_bytes = sum(member.size_bytes for member in members)
    return CheckpointFiles(folder, config, size_bytes, members=tuple(members))


def member_configs(
    folder: Path, config: CheckpointConfig
) -> Iterator[tuple[Path, CheckpointConfig]]:
    """The config.json of each member of the ensemble in `folder`: where it is and what it says.
    Raises CheckpointError for one that is not what the ensemble's `config` names."""
    if not config.files:
        raise CheckpointError(f"{folder / CONFIG} names no members.")
    if len({file.path for file in config.files}) < len(config.files):
        raise CheckpointError(f"{folder / CONFIG} names a member twice.")
    if len(config.files) > MOST_MEMBERS:
        raise CheckpointError(f"{folder / CONFIG} names more than {MOST_MEMBERS} members.")
    for file in config.files:
        place = PurePosixPath(file.path)
        # A member is a sibling folder or lies within: "../name/config.json" or "name/config.json".
        name = place.parts[1:] if place.parts[:1] == ("..",) else place.parts
        if not file.path.isprintable() or len(file.path) > LONGEST_MEMBER_PATH:
            name = ()
        if place.is_absolute() or ".." in name or len(name) != 2 or name[1] != CONFIG:
            raise CheckpointError(f"{folder / CONFIG} names a member elsewhere: {file.path!r:.80}.")
        path = folder / place
        content = _read_checked(path, file, LARGEST_CONFIG_BYTES)
        named = parse_config(path, content)
        if named.method == "eoq":
            raise CheckpointError(f"{path} is a member and an ensemble itself.")
        yield path, named


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as handle:
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())


def _read(path: Path, most_bytes: int) -> bytes:
    if path.is_fifo():
        raise CheckpointError(f"{path} is not a file.")  # to open it would wait for a writer
    with _readable(path):
        size = path.stat().st_size
        content = path.read_bytes() if size <= most_bytes else b""
    if size > most_bytes:
        raise CheckpointError(f"{path} is too large: at most {most_bytes:,} bytes are read.")
    return content


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise CheckpointError(f"{path} is missing.") from None
    except (OSError, ValueError) as error:  # ValueError: a name with a null character
        reason = getattr(error, "strerror", None) or error
        raise CheckpointError(f"{path} cannot be read: {reason}.") from None


def _read_checked(path: Path, expected: FileHash, most_bytes: int) -> bytes:
    with _readable(path):
        size = path.stat().st_size
    if size != expected.size_bytes:
        if git_lfs.is_pointer_file(path):
            raise CheckpointError(f"{path} is {git_lfs.WHAT_TO_DO}.")
        raise CheckpointError(
            f"{path} has {size:,} bytes instead of {expected.size_bytes:,}: it is truncated or "
            "another file."
        )
    content = _read(path, most_bytes)
    if hashlib.sha256(content).hexdigest() != expected.sha256:
        raise CheckpointError(f"{path} was changed: its SHA-256 is not the one in the config.")
    return content
