"""Where a network looks: Grad-CAM of its last feature map.

Selvaraju et al., Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization,
ICCV 2017. With feature maps A_k of the last convolutional layer and the logit y of a class,
a_k = mean over places of dy/dA_k and the heat map is ReLU(sum over k of a_k A_k).

A vision transformer's last feature map is its patch tokens as they enter the last attention, where
the class token hears of them for the last time. The paper's argument is about
convolutions, whose places stay places; tokens have been mixed by every attention before, so such a
map says less about where in the picture the evidence is.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torchvision.models.vision_transformer import VisionTransformer

from qtdog.models import timm_networks


class ExplainError(ValueError):
    """One sentence: why this network cannot be explained in this way."""


def grad_cam(networks: Sequence[nn.Module], image: Tensor, label: int) -> np.ndarray:
    """The heat map of class number `label` for one network, or for several whose answer is the
    mean of their logits (EoQ). `image`: (1, 3, h, w). Returns (map h, map w) float32, 0 or more,
    in logits: before the ReLU the places of a network that ends in global average pooling and a
    linear layer sum up to its logit without the bias.

    For an ensemble its members' feature maps count as one map with the members' channels beside
    each other: dy/dA of the ensemble's logit is a member's own gradient divided by the number of
    members, so the sum over all channels is the mean over members, before the ReLU.
    Gradients are taken from the feature map upwards only; the networks are left as they were.
    Raises ExplainError when a network has no feature map with places in it, or another size of
    map than the others, and ValueError for an unknown label.
    """
    maps = [_weighted_map(network, image, label) for network in networks]
    if len({one.shape for one in maps}) != 1:
        raise ExplainError("The members' feature maps have different sizes: no common map exists.")
    return torch.stack(maps).mean(0).relu().numpy()


def last_map(network: nn.Module, image: Tensor) -> nn.Module:
    """The module that gives the last feature map of `network`.

    Of a vision transformer that classifies by its class token it is the norm before the last
    attention, of one that pools all tokens the last block; both give (1, tokens, channels). Of any
    other network it is the last module to finish, in a forward pass of `image`, whose output is
    four-dimensional (1, channels, h, w) with more than one place. Pooling to a fixed size only
    repeats places of the map before it and does not count. Raises ExplainError.
    """
    if isinstance(network, VisionTransformer):
        return network.encoder.layers[-1].get_submodule("ln_1")
    if timm_networks.made(network):
        last = network.blocks[-1]
        if network.global_pool != "token":
            return last  # what is pooled
        if hasattr(last, "norm1"):
            return last.get_submodule("norm1")
        raise ExplainError(
            f"This transformer has blocks of a rare kind, {type(last).__name__}: Grad-CAM does not "
            "know their feature map."
        )
    if any(isinstance(module, nn.MultiheadAttention) for module in network.modules()):
        raise ExplainError(
            f"{type(network).__name__} mixes all places by attention: it has no last "
            "feature map, which Grad-CAM needs."
        )
    found: list[nn.Module] = []

    def note(module: nn.Module, inputs: object, output: object) -> None:
        if isinstance(output, Tensor) and output.ndim == 4 and output.shape[-2:].numel() > 1:
            found.append(module)

    handles = [
        module.register_forward_hook(note)
        for module in network.modules()
        if module is not network and not isinstance(module, nn.AdaptiveAvgPool2d)
    ]
    try:
        with torch.no_grad():
            network(image)
    finally:
        for handle in handles:
            handle.remove()
    if not found:
        raise ExplainError(
            f"{type(network).__name__} has no convolutional feature map with more than one place "
            f"for an image of {image.shape[-1]} px: Grad-CAM needs one."
        )
    return found[-1]


def _weighted_map(network: nn.Module, image: Tensor, label: int) -> Tensor:
    """sum over k of a_k A_k, (h, w), without the ReLU."""
    training = network.training
    network.eval()
    maps: list[Tensor] = []

    def cut(module: nn.Module, inputs: object, output: Tensor) -> Tensor:
        # A leaf of the graph, so nothing below it is differentiated; a copy goes on, for later
        # layers may work in place.
        maps.append(output.detach().requires_grad_())
        return maps[-1].clone()

    handle = last_map(network, image).register_forward_hook(cut)
    try:
        with torch.enable_grad():
            logits = network(image)[0]
            if not 0 <= label < len(logits):
                raise ValueError(f"There is no class {label}: the network has {len(logits)}.")
            (gradient,) = torch.autograd.grad(logits[label], maps[-1])
    finally:
        handle.remove()
        network.train(training)
    features = maps[-1].detach()
    if features.ndim == 3:
        side = _patch_size(network)
        rows, columns = image.shape[-2] // side, image.shape[-1] // side
        features, gradient = (_places(each, rows, columns) for each in (features, gradient))
    weights = gradient.mean((2, 3), keepdim=True)  # a_k
    return (weights * features).sum(1)[0]


def _patch_size(network: nn.Module) -> int:
    """Side of a vision transformer's patches in pixels."""
    if isinstance(network, VisionTransformer):
        return network.patch_size
    if timm_networks.made(network):
        return network.patch_embed.patch_size[0]
    raise ExplainError(f"{type(network).__name__} is no known kind of vision transformer.")


def _places(tokens: Tensor, rows: int, columns: int) -> Tensor:
    """(1, further tokens and then patches, channels) -> (1, channels, rows, columns)."""
    patches = tokens[:, -rows * columns :]  # the class token and registers come first
    return patches.transpose(1, 2).unflatten(2, (rows, columns))
