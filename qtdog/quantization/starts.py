"""Where step sizes start: by LSQ's formula, or at the least squared rounding error.

The formula is LSQ's (its Sec. 2.1). The other start is not: it is the least-error fit that tools
for rounding after training use.
"""

import math

import torch
from torch import Tensor

from qtdog.quantization.quantizer import QuantizerConfig, revive

# Tried for the least squared error: shares of the step size at which nothing is clipped.
STEP_SIZE_SHARES = torch.linspace(0.1, 1, 37)


def initial_step_size(weight: Tensor, config: QuantizerConfig) -> Tensor:
    """LSQ's start, s = 2 mean|w| / sqrt(2^(b-1) - 1), one value a channel or one in all.

    `weight`: (out, ...). Returns (out,) or (1,), all positive, also where a channel is dead.
    """
    _, largest = config.levels.code_range
    magnitude = weight.detach().float().abs()
    means = (
        magnitude.flatten(1).mean(1) if config.granularity == "channel" else magnitude.mean()[None]
    )
    return revive(2 * means / math.sqrt(largest))


def least_error_step_size(weight: Tensor, config: QuantizerConfig) -> Tensor:
    """The step sizes with the least squared rounding error of those tried: same shapes.

    At 4 bits it is about LSQ's start. At 7 or 8 bits it is far finer: LSQ's range then reaches
    several times further than the largest weight, and most of its codes stand for nothing.
    """
    start = initial_step_size(weight, config)
    rows = weight.detach().float().reshape(len(start), -1)
    unclipped = rows.abs().amax(1) / config.levels.code_range[1]
    best, least = start, torch.full_like(start, torch.inf)
    for share in STEP_SIZE_SHARES.tolist():
        # A dead channel keeps LSQ's start, which is positive.
        tried = torch.where(unclipped > start * 1e-3, share * unclipped, start)
        error = rounding_error(rows, tried, config)
        best = torch.where(error < least, tried, best)
        least = torch.minimum(error, least)
    return best


def rounding_error(weight: Tensor, step_size: Tensor, config: QuantizerConfig) -> Tensor:
    """The summed squared error of rounding a weight (out, ...) with these step sizes, and of their
    shape: (out,) or (1,)."""
    rows = weight.detach().float().reshape(len(step_size), -1)
    levels = config.levels
    return (levels.values(levels.codes(rows, step_size), step_size) - rows).square().sum(1)
