"""Levels: the numbers that codes of b bits stand for, and rounding a weight to one of them.

A code is an integer; the weights of a channel, or of a whole tensor, share one step size, and
weight = step size * level(code). Multiplying the step size, as folding batch norm does, therefore
changes no code.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Levels(ABC):
    """The levels of codes of `bits` bits. Codes lie between the two ends of `code_range`."""

    bits: int

    @property
    @abstractmethod
    def code_range(self) -> tuple[int, int]:
        """Smallest and largest code; both fit into `bits` bits in two's complement."""

    @property
    def ends(self) -> tuple[float, float]:
        """In step sizes: weights beyond are not rounded to the last level but cut off there."""
        smallest, largest = self.code_range
        return float(smallest), float(largest)

    @abstractmethod
    def codes(self, weight: Tensor, step_size: Tensor) -> Tensor:
        """The codes of the levels that a weight is rounded to, int8.

        `weight`: (out, ...), `step_size`: (out,) or (1,), not 0. Beyond the ends: the end's code.
        """

    @abstractmethod
    def values(self, codes: Tensor, step_size: Tensor) -> Tensor:
        """The float32 weight, step size * level(code). `codes`: (out, ...) integers."""

    def gaps(self, codes: Tensor, upwards: Tensor) -> Tensor:
        """Distance from each code's level to the next one above where `upwards`, else below.

        In step sizes, float32; at an end the levels are continued.
        """
        one = torch.ones(1)
        neighbours = codes.int() + torch.where(upwards, 1, -1)
        return (self.values(neighbours, one) - self.values(codes, one)).abs()


class UniformLevels(Levels):
    """Evenly spaced: level(code) = code, from -2^(b-1) to 2^(b-1) - 1."""

    @property
    def code_range(self) -> tuple[int, int]:
        return -(2 ** (self.bits - 1)), 2 ** (self.bits - 1) - 1

    def codes(self, weight: Tensor, step_size: Tensor) -> Tensor:
        """round(clip(w / s, -2^(b-1), 2^(b-1) - 1)), ties to even."""
        scaled = weight / along_channels(step_size, weight)
        return scaled.clamp_(*self.code_range).round_().to(torch.int8)

    def values(self, codes: Tensor, step_size: Tensor) -> Tensor:
        return codes.float() * along_channels(step_size, codes)


class PowerOfTwoLevels(Levels):
    """Powers of two and zero: level(0) = 0, level(±j) = ±2^(j-1), j up to 2^(b-2).

    These are 2^(b-1) + 1 levels. With the step size 2^n2 they are those of INQ, {0, ±2^n2 ...
    ±2^n1} with n2 = n1 + 1 - 2^(b-1) / 2 (Zhou et al., ICLR 2017, arXiv 1702.03044, Sec. 2.1).
    """

    @property
    def code_range(self) -> tuple[int, int]:
        return -(2 ** (self.bits - 2)), 2 ** (self.bits - 2)

    @property
    def ends(self) -> tuple[float, float]:
        end = 1.5 * 2.0 ** (self.code_range[1] - 1)
        return -end, end

    def codes(self, weight: Tensor, step_size: Tensor) -> Tensor:
        """INQ's Eq. 4: of neighbouring levels 0 <= a < c, a weight w with (a + c) / 2 <= |w| <
        3c / 2 is rounded to ±c, one below all of these to 0.

        That gives no level to |w| >= 3/2 of the largest; such a weight takes the largest.
        """
        scaled = weight / along_channels(step_size, weight)
        magnitude = scaled.abs()
        places = (power_below(magnitude) + 1).clamp_(1, self.code_range[1])
        # Between 0 and the smallest level, 1, the middle is 1/2; a power of two below has 3/4 c.
        places = torch.where(magnitude < 0.5, 0, places)
        return (places * scaled.sign()).to(torch.int8)

    def values(self, codes: Tensor, step_size: Tensor) -> Tensor:
        # From a table, because no rounding error may touch a power of two. One level more than
        # there are, for `gaps`.
        magnitudes = [0.0] + [2.0**power for power in range(self.code_range[1] + 1)]
        table = torch.tensor(magnitudes, device=codes.device)
        codes = codes.int()
        return table[codes.abs()] * codes.sign() * along_channels(step_size, codes)


def power_below(magnitude: Tensor) -> Tensor:
    """floor(log2(4 m / 3)) without a rounding error: the n with 3/4 2^n <= m < 3/2 2^n.

    `magnitude`: non-negative floats. Returns integers of the same shape; of 0 it is -1.
    """
    mantissa, exponent = torch.frexp(magnitude)  # m = mantissa * 2^exponent, mantissa in [1/2, 1)
    return exponent - (mantissa < 0.75).to(exponent.dtype)


def along_channels(step_size: Tensor, weight: Tensor) -> Tensor:
    """(out,) or (1,) shaped to be multiplied with a weight (out, ...)."""
    return step_size.view(-1, *[1] * (weight.dim() - 1))  # (out, 1, ...) or (1, 1, ...)
