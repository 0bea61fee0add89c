"""Noise in the place of rounding: the method "noise".

Rounding moves a weight by up to half a step size. Here it moves by as much at random, anew at every
step, and stays in full precision: what that gains is noise's and not the grid's. The objectives
"noise-1e-4" and so on, the paper's Table 15, have one size for all weights and begin with the first
step; this noise is as wide as each channel's step size and begins where quantization would.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from qtdog.quantization import LSQConfig, QuantizerConfig, along_channels, weights_to_quantize
from qtdog.training.objectives.perturbed import add_uniform, restored


def noise_step_sizes(
    network: nn.Module, config: QuantizerConfig, leave_out: Sequence[str]
) -> dict[str, Tensor]:
    """The step sizes with which quantization would start now, (out,) or (1,) by weight name.

    Raises ValueError for a quantizer that has no step sizes of its own.
    """
    if not isinstance(config, LSQConfig):
        raise ValueError(f"Noise as wide as step sizes needs LSQ's, not those of '{config.kind}'.")
    return {
        name: config.start(network.get_parameter(name))
        for name in weights_to_quantize(network, leave_out)
    }


@contextmanager
def step_noise(
    network: nn.Module, step_sizes: Mapping[str, Tensor], generator: torch.Generator
) -> Iterator[None]:
    """Inside, w + n stands in the place of each of the named weights, every entry of n drawn evenly
    from half a step size below 0 to half a step size above; gradients are those at w + n.
    Afterwards the weights are what they were, bit for bit. Without names nothing is drawn."""
    names = sorted(step_sizes)  # a state that was read again has them in another order
    with restored([network.get_parameter(name) for name in names]) as weights:
        for name, weight in zip(names, weights, strict=True):
            add_uniform(weight, along_channels(step_sizes[name], weight) / 2, generator)
        yield
