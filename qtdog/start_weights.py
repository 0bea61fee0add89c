"""Start weights from files: one's own, or a model repository's on the Hugging Face Hub.

Only ever safetensors, never a pickle.
"""

import re
from pathlib import Path

from huggingface_hub import hf_hub_download
from huggingface_hub.errors import (
    EntryNotFoundError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
)
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

HUB = "hub:"
HUB_ADDRESS = re.compile(r"([^@]+)(?:@(.+))?")
WEIGHTS_FILE = "model.safetensors"


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
        raise ValueError(
            f"The start weights {start_weights} are not a safetensors file: {error}."
        ) from None


def from_hub(address: str, what: str) -> dict[str, Tensor]:
    """model.safetensors of the repository ORG/NAME[@REVISION], downloaded once.

    Raises ValueError, which calls the weights `what`.
    """
    repository, revision = HUB_ADDRESS.fullmatch(address).groups() if address else ("", None)
    try:
        return load_file(hf_hub_download(repository, WEIGHTS_FILE, revision=revision))
    except LocalEntryNotFoundError:
        reason = "the Hub cannot be reached; offline, give a safetensors file as start weights"
    except EntryNotFoundError:
        reason = f"{repository} has no {WEIGHTS_FILE}, and pickled weights are not loaded"
    except HFValidationError:
        reason = f"'{repository:.80}' is not ORG/NAME"
    except (HfHubHTTPError, SafetensorError, OSError) as error:
        reason = str(error).strip().splitlines()[0]
    raise ValueError(f"{what} could not be had: {reason}.")


def short_name(start_weights: str) -> str:
    """What records and commands say: a file without its folder, the rest as it is."""
    return start_weights if start_weights.startswith(HUB) else Path(start_weights).name
