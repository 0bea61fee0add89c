"""Start weights from files: one's own, or a model repository's on the Hugging Face Hub.

Only ever safetensors, never a pickle.
"""

import hashlib
from functools import lru_cache
from pathlib import Path

from huggingface_hub.errors import EntryNotFoundError, OfflineModeIsEnabled
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from qtdog import git_lfs
from qtdog.hub_client import Repository, TransferError, download_bar

HUB = "hub:"
WEIGHTS_FILE = "model.safetensors"
LARGEST_BYTES = 16 << 30  # several times the largest network that is known here


def read(start_weights: str) -> dict[str, Tensor]:
    """A state dict from "hub:ORG/NAME", "hub:ORG/NAME@REVISION" or a safetensors file's path.

    Raises ValueError naming what is wrong.
    """
    if start_weights.startswith(HUB):
        return from_hub(start_weights.removeprefix(HUB), f"The start weights {start_weights}")
    try:
        return load_file(start_weights)
    except FileNotFoundError:
        raise ValueError(f"The start weights {start_weights} do not exist.") from None
    except (SafetensorError, OSError) as error:
        if git_lfs.is_pointer_file(Path(start_weights)):
            raise ValueError(
                f"The start weights {start_weights} are {git_lfs.WHAT_TO_DO}."
            ) from None
        raise ValueError(
            f"The start weights {start_weights} are not a safetensors file: {error}."
        ) from None


def from_hub(address: str, what: str) -> dict[str, Tensor]:
    """model.safetensors of the repository ORG/NAME[@REVISION], downloaded once.

    Raises ValueError, which calls the weights `what`.
    """
    repository = Repository.parse(address)
    if repository is None:
        raise ValueError(f"{what} could not be had: '{address:.80}' is not ORG/NAME.")
    try:
        return load_file(_download(repository))
    except TransferError as error:
        why = str(error).rstrip(".")
        if isinstance(error.__cause__, EntryNotFoundError):
            why = f"{repository} has no {WEIGHTS_FILE}, and pickled weights are not loaded"
        elif isinstance(error.__cause__, OfflineModeIsEnabled):
            why = "the Hub cannot be reached; offline, give a safetensors file as start weights"
    except (SafetensorError, OSError) as error:
        why = str(error).strip().splitlines()[0]
    raise ValueError(f"{what} could not be had: {why}.")


def _download(repository: Repository) -> Path:
    """The newest weights; those that were downloaded before where the Hub does not answer."""
    try:
        size = repository.metadata(WEIGHTS_FILE, LARGEST_BYTES).size
    except TransferError:
        if (before := repository.cached(WEIGHTS_FILE)) is not None:
            return before
        raise
    paths = repository.download([WEIGHTS_FILE], repository.revision, size or 0, download_bar())
    return paths[0]


def content_hash(start_weights: str) -> str | None:
    """BLAKE2b, 32 hexadecimal digits, of start weights that are a file; None for others."""
    path = Path(start_weights)
    if start_weights.startswith(HUB) or not path.is_file():
        return None
    return _file_hash(path, path.stat().st_size, path.stat().st_mtime_ns)


@lru_cache
def _file_hash(path: Path, size: int, changed: int) -> str:
    return hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()


def short_name(start_weights: str) -> str:
    """What records and commands say: a file without its folder, the rest as it is."""
    return start_weights if start_weights.startswith(HUB) else Path(start_weights).name
