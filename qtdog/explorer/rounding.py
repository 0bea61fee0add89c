"""What rounding to b bits does to one layer's weights: grid, histograms, error, clipping."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from qtdog import quantization

if TYPE_CHECKING:
    from torch import Tensor

    from qtdog.quantization import Granularity, Levels, QuantizerConfig

WEIGHT_BINS = 96
ERROR_BINS = 32

Rule = Literal["start", "least error", "inq"]


@dataclass(frozen=True)
class Grid:
    """Which levels there are. Raises ValueError for an impossible width, granularity or rule.

    `rule`: "start" and "least error" are evenly spaced levels, see `NearestConfig`; "inq" are
    INQ's, powers of two and zero.
    """

    bits: int
    granularity: Granularity = "channel"
    rule: Rule = "least error"

    def __post_init__(self) -> None:
        if self.rule not in ("start", "least error", "inq"):
            raise ValueError(
                f"Rule '{self.rule}' is unknown: choose 'start', 'least error' or 'inq'."
            )
        self.quantizer  # noqa: B018  raises for a bit width or granularity that does not exist

    @property
    def quantizer(self) -> QuantizerConfig:
        """What `qtdog.quantization` needs to know."""
        if self.rule == "inq":
            return quantization.INQConfig(self.bits, self.granularity)
        return quantization.NearestConfig(self.bits, self.granularity, self.rule)

    @property
    def uniform(self) -> bool:
        """Whether the levels are evenly spaced."""
        return self.rule != "inq"


@dataclass(frozen=True)
class Histogram:
    """`counts[i]` values lie in `edges[i]`..`edges[i + 1]`, the last bin with both its ends."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True)
class Rounding:
    """One layer's weights, or those of one of its output channels, rounded to `bits` bits."""

    bits: int
    uniform: bool
    """Whether the levels are evenly spaced; else they are powers of two and zero."""
    weights: Histogram
    """In the unit below when `by_channel`, else the weights themselves."""
    by_channel: bool
    """Channels have different grids. Only weights divided by a unit of their own channel share
    one: by the step size, or, of powers of two, by the largest level."""
    grid: tuple[float, ...]
    """The values that a weight can take, in the unit of `weights`: 2^b, or 2^(b-1) + 1 powers of
    two and zero."""
    codes: tuple[int, ...]
    """How many weights take each of them, in the same order."""
    smallest_code: int
    """The code of the first of them; the others follow one by one."""
    errors: Histogram
    """Weight minus rounded weight, as a share of the gap between the two levels around the weight
    (of uniform levels the step size): -1/2..1/2. Without those clipped."""
    divergence: float
    """Kullback-Leibler divergence of `errors` from the uniform distribution, see `divergence`."""
    divergence_by_chance: float
    """What truly uniform errors would give on average for so few weights."""
    relative_error: float
    """Root of the summed squares of all errors over that of all weights, clipped ones included; 0
    when all weights are 0."""
    clipped: int
    """Weights beyond the grid's ends, which take the end's value."""
    step_sizes: tuple[float, float, float]
    """Smallest, median, largest. Of powers of two: of the smallest level but zero."""

    @property
    def total(self) -> int:
        """How many weights this is about."""
        return sum(self.codes)


def round_weights(weight: Tensor, grid: Grid, channel: int | None = None) -> Rounding:
    """Round a weight after training.

    `weight`: (out, ...). `channel`: look at this output channel alone, with the step size that it
    has in the layer. Raises ValueError for a channel that is not there.
    """
    import torch  # the page opens without it

    quantizer = grid.quantizer.build(weight)
    steps, levels = quantizer.step_size, quantizer.levels
    if channel is not None:
        if not 0 <= channel < len(weight):
            raise ValueError(
                f"There is no output channel {channel + 1}: the layer has {len(weight)}."
            )
        weight = weight[channel : channel + 1]
        steps = steps[channel : channel + 1] if len(steps) > 1 else steps
    codes = levels.codes(weight, steps).flatten(1)  # (out, n)
    values = weight.detach().double().flatten(1)
    steps = steps.double()[:, None]
    # From here on in step sizes.
    scaled = values / steps
    errors = scaled - levels.values(codes, torch.ones(1))
    shares = errors / levels.gaps(codes, upwards=errors > 0)
    lowest, highest = levels.ends
    inside = (scaled >= lowest) & (scaled <= highest)
    smallest, largest = levels.code_range
    all_levels = levels.values(torch.arange(smallest, largest + 1), torch.ones(1)).double()
    by_channel = len(steps) > 1
    unit = all_levels[-1] if not grid.uniform else 1.0
    histogram_of_errors = histogram(shares[inside].numpy(), ERROR_BINS, (-0.5, 0.5))
    energy = float(values.square().sum())
    return Rounding(
        bits=grid.bits,
        uniform=grid.uniform,
        weights=histogram((scaled / unit if by_channel else values).numpy(), WEIGHT_BINS),
        by_channel=by_channel,
        grid=tuple((all_levels / unit if by_channel else all_levels * steps[0]).tolist()),
        codes=count_codes(codes.numpy(), levels),
        smallest_code=smallest,
        errors=histogram_of_errors,
        divergence=divergence(histogram_of_errors.counts),
        divergence_by_chance=divergence_by_chance(histogram_of_errors.counts),
        relative_error=math.sqrt(float((errors * steps).square().sum()) / energy) if energy else 0,
        clipped=int((~inside).sum()),
        step_sizes=(float(steps.min()), float(np.median(steps)), float(steps.max())),
    )


def count_codes(codes: np.ndarray, levels: Levels) -> tuple[int, ...]:
    """How often each code occurs, from the smallest code to the largest."""
    smallest, largest = levels.code_range
    counts = np.bincount(codes.ravel().astype(int) - smallest, minlength=largest - smallest + 1)
    return tuple(counts.tolist())


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
