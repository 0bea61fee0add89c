"""What rounding to b bits does to one layer's weights: grid, histograms, error, clipping."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from qtdog.quantization import LSQConfig
from qtdog.quantization.lsq import (
    Granularity,
    code_range,
    dequantize,
    initial_step_size,
    integer_codes,
)

WEIGHT_BINS = 96
ERROR_BINS = 32
# Tried for the least squared error: shares of the step size at which nothing is clipped.
STEP_SIZE_SHARES = torch.linspace(0.1, 1, 37)

Rule = Literal["start", "least error"]


@dataclass(frozen=True)
class Grid:
    """How step sizes are chosen. Raises ValueError for an impossible width, granularity or rule.

    `rule`: "start" is LSQ's initial step size, from which training goes on; "least error" is the
    step size with the least squared rounding error, the better one for rounding alone.
    """

    bits: int
    granularity: Granularity = "channel"
    rule: Rule = "start"

    def __post_init__(self) -> None:
        LSQConfig(self.bits, self.granularity)
        if self.rule not in ("start", "least error"):
            raise ValueError(f"Rule '{self.rule}' is unknown: choose 'start' or 'least error'.")

    @property
    def quantizer(self) -> LSQConfig:
        """What `qtdog.quantization` needs to know."""
        return LSQConfig(self.bits, self.granularity)


@dataclass(frozen=True)
class Histogram:
    """`counts[i]` values lie in `edges[i]`..`edges[i + 1]`, the last bin with both its ends."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True)
class Rounding:
    """One layer's weights, or those of one of its output channels, rounded to `bits` bits."""

    bits: int
    weights: Histogram
    """In units of the step size when `in_steps`, else the weights themselves."""
    in_steps: bool
    """Channels have different step sizes, hence different grids. Only weights divided by their
    own channel's step size share one, the integers."""
    grid: tuple[float, ...]
    """The 2^b values that a weight can take, in the unit of `weights`."""
    codes: tuple[int, ...]
    """How many weights take each of them, in the same order."""
    errors: Histogram
    """Weight minus rounded weight, in units of the step size: -1/2..1/2. Without those clipped."""
    divergence: float
    """Kullback-Leibler divergence of `errors` from the uniform distribution, see `divergence`."""
    divergence_by_chance: float
    """What truly uniform errors would give on average for so few weights."""
    clipped: int
    """Weights beyond the grid's ends, which take the end's value."""
    step_sizes: tuple[float, float, float]
    """Smallest, median, largest."""

    @property
    def total(self) -> int:
        """How many weights this is about."""
        return sum(self.codes)


def step_sizes(weight: Tensor, grid: Grid) -> Tensor:
    """The grid's step sizes for a weight (out, ...): (out,) or (1,), all positive."""
    start = initial_step_size(weight, grid.quantizer)
    if grid.rule == "start":
        return start
    rows = weight.detach().float().reshape(len(start), -1)
    _, largest = code_range(grid.bits)
    unclipped = rows.abs().amax(1) / largest
    best, least = start, torch.full_like(start, torch.inf)
    for share in STEP_SIZE_SHARES.tolist():
        # A dead channel keeps LSQ's start, which is positive.
        tried = torch.where(unclipped > start * 1e-3, share * unclipped, start)
        rounded = dequantize(integer_codes(rows, tried, grid.bits), tried)
        error = (rounded - rows).square().sum(1)
        best = torch.where(error < least, tried, best)
        least = torch.minimum(error, least)
    return best


def round_weights(weight: Tensor, grid: Grid, channel: int | None = None) -> Rounding:
    """Round a weight to nearest.

    `weight`: (out, ...). `channel`: look at this output channel alone, with the step size that it
    has in the layer. Raises ValueError for a channel that is not there.
    """
    steps = step_sizes(weight, grid)
    if channel is not None:
        if not 0 <= channel < len(weight):
            raise ValueError(
                f"There is no output channel {channel + 1}: the layer has {len(weight)}."
            )
        weight = weight[channel : channel + 1]
        steps = steps[channel : channel + 1] if len(steps) > 1 else steps
    bits = grid.bits
    codes = integer_codes(weight, steps, bits).numpy().ravel()
    steps = steps.numpy().astype(np.float64)
    values = weight.detach().numpy().astype(np.float64).reshape(len(weight), -1)
    scaled = (values / steps.reshape(-1, 1)).ravel()
    smallest, largest = code_range(bits)
    inside = (scaled >= smallest) & (scaled <= largest)
    errors = histogram((scaled - codes)[inside], ERROR_BINS, (-0.5, 0.5))
    in_steps = len(steps) > 1
    levels = np.arange(smallest, largest + 1)
    return Rounding(
        bits=bits,
        weights=histogram(scaled if in_steps else values.ravel(), WEIGHT_BINS),
        in_steps=in_steps,
        grid=tuple((levels if in_steps else levels * steps[0]).tolist()),
        codes=count_codes(codes, bits),
        errors=errors,
        divergence=divergence(errors.counts),
        divergence_by_chance=divergence_by_chance(errors.counts),
        clipped=int((~inside).sum()),
        step_sizes=(float(steps.min()), float(np.median(steps)), float(steps.max())),
    )


def count_codes(codes: np.ndarray, bits: int) -> tuple[int, ...]:
    """How often each of the 2^b codes occurs, from the smallest code to the largest."""
    smallest, _ = code_range(bits)
    return tuple(np.bincount(codes.ravel().astype(int) - smallest, minlength=2**bits).tolist())


def histogram(
    values: np.ndarray, bins: int, interval: tuple[float, float] | None = None
) -> Histogram:
    """`bins` equal bins over `interval`, by default from the smallest value to the largest."""
    if interval is not None:  # a quotient in float64 may miss the end by a rounding error
        values = values.clip(*interval)
    counts, edges = np.histogram(values, bins, interval)
    return Histogram(tuple(edges.tolist()), tuple(counts.tolist()))


def divergence(counts: tuple[int, ...]) -> float:
    """Kullback-Leibler divergence, in nats, of a histogram of equal bins from the uniform one.

    sum_i p_i log(p_i k) with p_i = counts_i / n, over k bins; empty bins add nothing. 0 for
    equal counts, log k when one bin holds everything, 0 for no counts at all. This plug-in
    estimator is biased upwards, see `divergence_by_chance`.
    """
    n = sum(counts)
    shares = np.array([count / n for count in counts if count])
    return float(np.sum(shares * np.log(shares * len(counts)))) if n else 0.0


def divergence_by_chance(counts: tuple[int, ...]) -> float:
    """The mean of `divergence` over samples of that many uniform values: about (k - 1) / 2n.

    First term of Miller's (1955) bias of the plug-in entropy; an upper bound is log k.
    """
    n, k = sum(counts), len(counts)
    return min((k - 1) / (2 * n), float(np.log(k))) if n else 0.0
