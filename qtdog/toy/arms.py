"""What a network computes with after the quantization step: one class for each arm."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from qtdog.quantization import LeastErrorLSQConfig
from qtdog.toy.draws import NOISE, uniform
from qtdog.toy.network import Networks


class FullPrecision:
    """Nothing happens at the quantization step."""

    trains_weights = True

    def learned(self) -> list[nn.Parameter]:
        """Parameters that training learns beside weights and biases."""
        return []

    def computed(self, weights: Sequence[Tensor], step: int) -> tuple[Tensor, ...]:
        """The weights that step `step` computes with; `weights`: of each layer (seeds, out, in)."""
        return tuple(weights)

    def stored(self, weights: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """The weights that are kept."""
        return self.computed(weights, 0)


class Quantized(FullPrecision):
    """QT-DoG: all weights are rounded in every step, by step sizes that are learned, one an output
    neuron."""

    def __init__(self, trunk: Networks, bits: int) -> None:
        config = LeastErrorLSQConfig(bits=bits, granularity="channel")
        # To the quantizer, all seeds' neurons are the channels of one weight.
        rows = [weight.flatten(0, 1) for weight in trunk.weights]
        self.quantizers = [config.build(one).to(one.dtype) for one in rows]
        for quantizer, one in zip(self.quantizers, rows, strict=True):
            # The logarithm in the weights' precision: often the largest weight is at the last code.
            quantizer.log_step.data = config.start(one).to(one.dtype).log()

    def learned(self) -> list[nn.Parameter]:
        return [one.log_step for one in self.quantizers]

    def computed(self, weights: Sequence[Tensor], step: int) -> tuple[Tensor, ...]:
        return tuple(
            quantizer(weight.flatten(0, 1)).view_as(weight)
            for quantizer, weight in zip(self.quantizers, weights, strict=True)
        )

    def codes(self, weights: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Of each layer (seeds, out, in), int8."""
        return tuple(
            quantizer.codes(weight.flatten(0, 1)).view_as(weight)
            for quantizer, weight in zip(self.quantizers, weights, strict=True)
        )


class Frozen(Quantized):
    """The control: rounded at the quantization step, and only the biases learn on."""

    trains_weights = False

    def learned(self) -> list[nn.Parameter]:
        return []


class Noise(FullPrecision):
    """Uniform noise as wide as one step on every weight instead of rounding, drawn anew in every
    step; the step sizes stay as they start. The network that is kept has none."""

    def __init__(self, trunk: Networks, bits: int, seeds: NDArray[np.integer]) -> None:
        self.seeds = seeds
        self.steps = [
            one.step_size.view(*weight.shape[:2], 1)
            for one, weight in zip(Quantized(trunk, bits).quantizers, trunk.weights, strict=True)
        ]

    def computed(self, weights: Sequence[Tensor], step: int) -> tuple[Tensor, ...]:
        count = sum(weight[0].numel() for weight in weights)
        drawn = uniform(self.seeds, NOISE, step * count + np.arange(count)) - 0.5
        parts = torch.from_numpy(drawn).split([weight[0].numel() for weight in weights], dim=1)
        return tuple(
            weight + size * part.view_as(weight).to(weight.dtype)
            for weight, size, part in zip(weights, self.steps, parts, strict=True)
        )

    def stored(self, weights: Sequence[Tensor]) -> tuple[Tensor, ...]:
        return tuple(weights)
