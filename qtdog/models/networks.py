"""A classification network with an n-class head, and how an image enters it."""

import copy
from collections.abc import Sequence
from types import ModuleType

import torch
import torchvision
from PIL import Image
from torch import Tensor, nn

from qtdog.models import timm_networks, torchvision_networks
from qtdog.models.folding import fold_batch_norm
from qtdog.models.pixel_scale import IMAGENET, Normalization
from qtdog.models.pixels import resize
from qtdog.models.start_weights import read as read_start_weights

IMAGENET_MEAN, IMAGENET_STD = IMAGENET

NORM_LAYERS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)

_tried: set[tuple[str, int]] = set()
"""Architectures with a size of images that they can take: trying takes longer than building."""


def build(
    architecture: str, classes: int, start_weights: str = "none", image_size: int | None = None
) -> nn.Module:
    """A network with a head for `classes`, dropout and stochastic depth off.

    `architecture`: a classification network of torchvision ("resnet50"), or a vision transformer
    of timm ("timm/deit_small_patch16_224", see `qtdog.models.timm_networks`).
    `start_weights`: "pretrained" (the architecture's own weights, downloaded once), "none"
    (random), a safetensors file with the network's state-dict names, or "hub:ORG/NAME" for such a
    file on the Hugging Face Hub. The head always starts at random. `image_size`: side of the
    images; None is the architecture's usual one. Convolutional networks take any image that is
    large enough, a vision transformer has position embeddings for one size alone: they are made for
    this one, and start weights are resampled to it.
    Raises ValueError naming what does not fit.
    """
    library = _library(architecture)
    network = library.create(architecture, classes, image_size)
    if image_size is not None and (architecture, image_size) not in _tried:
        _try_size(network, architecture, image_size)
        _tried.add((architecture, image_size))
    for layer in network.modules():
        if isinstance(layer, (nn.Dropout, torchvision.ops.StochasticDepth)):
            layer.p = 0.0
    if start_weights in library.PRETRAINED:
        weights, source = library.pretrained(architecture), f"The pretrained {architecture}"
    elif start_weights != "none":
        weights, source = read_start_weights(start_weights), start_weights
    else:
        return network
    try:
        weights = library.fitted(weights, network)
    except (RuntimeError, ValueError, LookupError, AttributeError, TypeError) as error:
        raise ValueError(f"{source} does not fit the network: {error}") from None
    _start_from(network, weights, source)
    return network


def normalization(architecture: str) -> Normalization:
    """Mean and deviation of the pixels on which the architecture's pretrained weights were trained:
    ImageNet's for most, others for CLIP and some of torchvision's. Raises ValueError."""
    return _library(architecture).normalization(architecture)


def library_version(architecture: str) -> str:
    """The library that the network comes from, and its version: "torchvision 0.25.0"."""
    return _library(architecture).version()


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
def for_inference(network: nn.Module) -> nn.Module:
    """A fast copy for the CPU: batch norm folded, channels last (as `to_network_input` lays images
    out). The logits are the same up to float rounding.

    TorchScript's frozen graph would be a little faster for some networks, but torch never gives
    back what it takes for each, and sweeps evaluate often.
    """
    fast = copy.deepcopy(network).eval()
    fold_batch_norm(fast)
    return fast.to(memory_format=torch.channels_last)


def _library(architecture: str) -> ModuleType:
    """The module that knows the architecture."""
    return timm_networks if architecture.startswith(timm_networks.PREFIX) else torchvision_networks


def _try_size(network: nn.Module, architecture: str, image_size: int) -> None:
    """Raise ValueError where the network cannot take such images. Only shapes are computed."""
    state = {name: torch.empty_like(v, device="meta") for name, v in network.state_dict().items()}
    image = torch.empty(1, 3, image_size, image_size, device="meta")
    training = network.training
    try:
        with torch.no_grad():
            torch.func.functional_call(network.eval(), state, image)
    except NotImplementedError:  # it cannot be tried without numbers
        pass
    except (RuntimeError, ValueError, AssertionError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise ValueError(
            f"{architecture} cannot take images of {image_size} px: {reason}"
        ) from None
    finally:
        network.train(training)


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
