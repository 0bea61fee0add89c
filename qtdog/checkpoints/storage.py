"""A network as the tensors of one safetensors file, and back.

A full-precision network is its library's plain state dict. A quantized one is folded first;
each quantized weight `w` is then `w.codes` (uint8, packed at exactly b bits a weight) and
`w.step_size` (float32, one a channel or one in all), and w = step size * level(code). Which levels
these are follows from the name of the quantizer: level(0) = 0 and level(±j) = ±2^(j-1) for "inq",
level(code) = code for all others. The biases that folding made are float16, everything else is
float32.
"""

import copy
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor, nn

from qtdog import models
from qtdog.checkpoints.tensor_names import CODES, FULL_PRECISION_BITS, STEP_SIZE
from qtdog.models import fold_batch_norm
from qtdog.quantization import (
    Levels,
    QuantizedWeight,
    WeightGrid,
    bake,
    levels_of,
    pack,
    packed_size,
    quantizable_weights,
    quantizers,
    unpack,
)

LARGEST_FLOAT16 = 65504


@dataclass(frozen=True)
class StoredNetwork:
    """What the file holds. `bits` is 32 for a network in full precision, and `quantizer` None."""

    tensors: dict[str, Tensor]
    bits: int
    quantizer: str | None

    @property
    def quantized_weights(self) -> tuple[str, ...]:
        """Names of the weights that are stored as codes."""
        return tuple(n.removesuffix(CODES) for n in self.tensors if n.endswith(CODES))

    def grids(self) -> dict[str, WeightGrid]:
        """The values that each quantized weight can take, by its name; none in full precision."""
        names = self.quantized_weights
        return {name: WeightGrid(self.tensors[name + STEP_SIZE], self.levels) for name in names}

    @property
    def levels(self) -> Levels:
        """What the codes stand for. Raises ValueError in full precision."""
        return codes_levels(self.quantizer, self.bits)


def codes_levels(quantizer: str | None, bits: int) -> Levels:
    """What a quantizer's codes of that many bits stand for. Raises ValueError for None."""
    if quantizer is None:
        raise ValueError("a network in full precision has no codes")
    return levels_of(quantizer, bits)


def store(network: nn.Module) -> StoredNetwork:
    """Take the tensors of a network; one with quantizers is baked and folded in place.

    Folding multiplies step sizes, the codes stay. As the folded biases are rounded, what
    is evaluated after training must be `restore`'s network.
    """
    config = next((quantizer.config for *_, quantizer in quantizers(network)), None)
    if config is None:
        tensors = {name: value.detach().clone() for name, value in network.state_dict().items()}
        tensors = {name: value.cpu().contiguous() for name, value in tensors.items()}
        return StoredNetwork(tensors, FULL_PRECISION_BITS, None)
    quantized = bake(network.cpu())
    factors = fold_batch_norm(network)
    tensors = {}
    folded_biases = {f"{convolution}.bias" for convolution in factors}
    for name, value in network.state_dict().items():
        if name not in quantized:
            half = name in folded_biases and float(value.abs().max()) < LARGEST_FLOAT16
            value = value.to(torch.float16) if half else value
            tensors[name] = value.detach().clone().contiguous()
            continue
        weight = quantized[name]
        step_size = weight.step_size * factors.get(name.removesuffix(".weight"), 1)
        codes = pack(weight.codes.contiguous().numpy(), config.bits)
        tensors[name + CODES] = torch.from_numpy(codes)
        tensors[name + STEP_SIZE] = step_size.contiguous()
    return StoredNetwork(tensors, config.bits, config.kind)


def restore(
    stored: StoredNetwork, architecture: str, classes: int, image_size: int | None = None
) -> nn.Module:
    """The plain float32 network for images of that size (see `models.build`), in evaluation mode.
    Raises ValueError for what does not fit."""
    folded = stored.bits != FULL_PRECISION_BITS
    network = copy.deepcopy(_without_weights(architecture, classes, image_size, folded))
    expected = network.state_dict()
    tensors = {
        name: value
        for name, value in stored.tensors.items()
        if not name.endswith((CODES, STEP_SIZE))
    }
    for name in stored.quantized_weights:
        if name not in expected:
            raise ValueError(f"{architecture} has no weight '{name}'")
        tensors[name] = _quantized_weight(stored, name, expected[name].shape).values()
    missing = sorted(expected.keys() - tensors.keys())
    unknown = sorted(tensors.keys() - expected.keys())
    if missing or unknown:
        raise ValueError(f"it lacks {missing[:2]} and has the unknown {unknown[:2]}")
    for name, value in list(tensors.items()):
        if value.shape != expected[name].shape:
            raise ValueError(
                f"'{name}' has the shape {tuple(value.shape)} instead of "
                f"{tuple(expected[name].shape)}"
            )
        if value.dtype == torch.float16 and name.endswith(".bias"):
            value = tensors[name] = value.float()
        if value.dtype != expected[name].dtype:
            raise ValueError(f"'{name}' is {value.dtype} instead of {expected[name].dtype}")
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise ValueError(f"'{name}' holds values that are not finite")
    network.load_state_dict(tensors, assign=True)
    return network.requires_grad_(False)


def weight_bits(stored: StoredNetwork, network: nn.Module) -> float:
    """Mean stored bits a weight, over the weights of convolutions, linear layers and attention."""
    weights = {
        name: getattr(layer, attribute).numel()
        for name, (layer, attribute) in quantizable_weights(network).items()
    }
    quantized = set(stored.quantized_weights)
    bits = sum(
        count * (stored.bits if name in quantized else FULL_PRECISION_BITS)
        for name, count in weights.items()
    )
    return bits / sum(weights.values())


@lru_cache(maxsize=4)  # an ensemble's members share one: building and folding it takes a while
def _without_weights(
    architecture: str, classes: int, image_size: int | None, folded: bool
) -> nn.Module:
    """The network that the tensors go into, to be copied, not changed."""
    try:
        with torch.device("meta"):  # shapes only: no random weights are drawn
            network = models.build(architecture, classes, image_size=image_size)
    except NotImplementedError:  # RegNets compute their widths with tensors
        network = models.build(architecture, classes, image_size=image_size)
    if folded:
        fold_batch_norm(network)
    return network.eval()


def _quantized_weight(stored: StoredNetwork, name: str, shape: torch.Size) -> QuantizedWeight:
    packed = stored.tensors[name + CODES]
    step_size = stored.tensors.get(name + STEP_SIZE)
    if step_size is None or step_size.dtype != torch.float32:
        raise ValueError(f"'{name}' lacks its float32 step sizes")
    if not bool(torch.isfinite(step_size).all()):
        raise ValueError(f"'{name}' has step sizes that are not finite")
    if step_size.shape not in (shape[:1], (1,)):
        raise ValueError(f"'{name}' has {tuple(step_size.shape)} step sizes for shape {shape}")
    count = shape.numel()
    if packed.dtype != torch.uint8 or packed.shape != (packed_size(count, stored.bits),):
        raise ValueError(f"'{name}' is not {count} packed codes of {stored.bits} bits")
    levels = stored.levels
    codes = unpack(np.asarray(packed), stored.bits, count)
    smallest, largest = levels.code_range
    if codes.min(initial=0) < smallest or codes.max(initial=0) > largest:
        raise ValueError(
            f"'{name}' has codes outside {smallest}..{largest}, which stand for nothing"
        )
    return QuantizedWeight(torch.from_numpy(codes).view(shape), step_size, levels)
