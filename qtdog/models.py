"""Any torchvision classification network with an n-class head, and how an image enters it."""

import copy
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torchvision
from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from qtdog.folding import fold_batch_norm

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

# Old networks with further heads for training only: built without them.
AUXILIARY_HEADS = {"googlenet": "aux", "inception_v3": "AuxLogits"}

NORM_LAYERS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


def architectures() -> list[str]:
    """Names of the classification networks that torchvision can build."""
    return torchvision.models.list_models(module=torchvision.models)


def build(architecture: str, classes: int, start_weights: str = "none") -> nn.Module:
    """A torchvision network with a head for `classes`, dropout and stochastic depth off.

    `start_weights`: "torchvision" (its default weights, downloaded once), "none" (random), or a
    safetensors file with torchvision's state-dict names. The head always starts at random.
    Raises ValueError naming what does not fit.
    """
    if architecture not in architectures():
        raise ValueError(
            f"{architecture!r:.40} is not a torchvision classification network. "
            f"There are: {', '.join(architectures())}."
        )
    options = (
        {"aux_logits": False, "init_weights": False} if architecture in AUXILIARY_HEADS else {}
    )
    network = torchvision.models.get_model(
        architecture, weights=None, num_classes=classes, **options
    )
    for layer in network.modules():
        if isinstance(layer, (nn.Dropout, torchvision.ops.StochasticDepth)):
            layer.p = 0.0
    if start_weights == "torchvision":
        _start_from(network, _torchvision_weights(architecture), f"torchvision's {architecture}")
    elif start_weights != "none":
        _start_from(network, _weights_file(Path(start_weights)), start_weights)
    return network


def classifier_name(network: nn.Module) -> str:
    """Name of the layer that gives the logits: the last convolution or linear layer."""
    names = [n for n, m in network.named_modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    return names[-1]


def train_mode(network: nn.Module, freeze_batch_norm: bool) -> None:
    """Training mode, but batch norm keeps its running statistics when frozen."""
    network.train()
    if freeze_batch_norm:
        for layer in network.modules():
            if isinstance(layer, NORM_LAYERS):
                layer.eval()


def resize(image: Image.Image, size: int) -> np.ndarray:
    """An RGB image squashed to (size, size, 3) uint8, as DomainBed does; the same everywhere."""
    return np.asarray(image.resize((size, size), Image.Resampling.BILINEAR))


def normalize(pixels: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """(batch, 3, h, w) in 0..1 -> the same shape with the start weights' mean and deviation."""
    centre = pixels.new_tensor(mean).view(1, 3, 1, 1)
    spread = pixels.new_tensor(std).view(1, 3, 1, 1)
    return (pixels - centre) / spread


def to_network_input(pixels: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """(batch, h, w, 3) uint8 -> (batch, 3, h, w) float32, normalised, channels last in memory."""
    return normalize(pixels.permute(0, 3, 1, 2).float() / 255, mean, std)


def preprocess(
    image: Image.Image, size: int, mean: Sequence[float], std: Sequence[float]
) -> Tensor:
    """An RGB image -> (1, 3, size, size) float32, exactly as in evaluation."""
    return to_network_input(torch.from_numpy(resize(image, size).copy())[None], mean, std)


@torch.inference_mode()
def for_inference(network: nn.Module, image_size: int) -> nn.Module:
    """A fast copy for (batch, 3, image_size, image_size) inputs on the CPU: batch norm folded,
    channels last (as `to_network_input` lays images out), the graph frozen. The logits are the
    same up to float rounding.
    """
    fast = copy.deepcopy(network).eval()
    fold_batch_norm(fast)
    fast = fast.to(memory_format=torch.channels_last)
    example = torch.zeros(1, 3, image_size, image_size).to(memory_format=torch.channels_last)
    # TorchScript is deprecated, but torch.compile, its successor, needs a C++ compiler at run time.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        return torch.jit.freeze(torch.jit.trace(fast, example, check_trace=False))


def _torchvision_weights(architecture: str) -> dict[str, Tensor]:
    weights = torchvision.models.get_model_weights(architecture).DEFAULT
    tensors = weights.get_state_dict(check_hash=True)
    auxiliary = AUXILIARY_HEADS.get(architecture)
    if auxiliary is None:
        return tensors
    return {name: value for name, value in tensors.items() if not name.startswith(auxiliary)}


def _weights_file(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except FileNotFoundError:
        raise ValueError(f"The start weights {path} do not exist.") from None
    except (SafetensorError, OSError) as error:
        raise ValueError(f"The start weights {path} are not a safetensors file: {error}.") from None


def _start_from(network: nn.Module, weights: dict[str, Tensor], source: str) -> None:
    head = classifier_name(network) + "."
    body = {name: value for name, value in weights.items() if not name.startswith(head)}
    try:
        missing, unexpected = network.load_state_dict(body, strict=False)
    except RuntimeError as error:
        raise ValueError(f"{source} does not fit the network: {error}") from None
    # Files without the batch norms' counters are fine: frozen statistics never use them.
    missing = [n for n in missing if not n.startswith(head) and "num_batches_tracked" not in n]
    if missing or unexpected:
        raise ValueError(
            f"{source} does not fit the network: missing {missing[:3]}, unknown {unexpected[:3]}."
        )
