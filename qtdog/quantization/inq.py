"""Incremental network quantization (Zhou et al., ICLR 2017, arXiv 1702.03044): powers of two.

Instead of all weights at once, ever more of them are rounded and kept, the largest first, and the
others are trained on to make up for it (the paper's Sec. 2.2 and Algorithm 1).
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from qtdog.quantization.levels import PowerOfTwoLevels, power_below
from qtdog.quantization.quantizer import Quantizer, QuantizerConfig, revive

SMALLEST_LARGEST_POWER = -60  # so that the smallest level of 8 bits is still a normal float32


@dataclass(frozen=True)
class INQConfig(QuantizerConfig):
    """How INQ quantizes: `bits` in 2..8, one set of levels a `channel` or, as in the paper, one a
    `tensor`."""

    kind: ClassVar[str] = "inq"
    shares: ClassVar[tuple[float, ...]] = (0.5, 0.75, 0.875, 1.0)
    """The accumulated portions that the paper uses for most networks (its Sec. 3.1)."""

    @property
    def levels(self) -> PowerOfTwoLevels:
        return PowerOfTwoLevels(self.bits)

    def build(self, weight: Tensor) -> "INQQuantizer":
        return INQQuantizer(weight, self)


def smallest_level(weight: Tensor, config: INQConfig) -> Tensor:
    """2^n2: the smallest level but zero, for one channel or the whole tensor.

    n1 = floor(log2(4 s / 3)) with s = max|w| (the paper's Eq. 2 and 3), so that by Eq. 4 the
    largest weight is rounded to the largest level, 2^n1; and n2 = n1 + 1 - 2^(b-1) / 2.
    `weight`: (out, ...). Returns (out,) or (1,), all powers of two, also where a channel is dead.
    """
    magnitude = weight.detach().float().abs()
    rows = magnitude.flatten(1) if config.granularity == "channel" else magnitude.reshape(1, -1)
    n1 = power_below(revive(rows.amax(1))).clamp_min(SMALLEST_LARGEST_POWER)
    n2 = n1 + 1 - config.levels.code_range[1]
    return torch.tensor([2.0**power for power in n2.tolist()], device=weight.device)


class INQQuantizer(Quantizer):
    """Some weights are frozen on their levels, the others are as they are and learn.

    A frozen weight gets no gradient; that it stays is up to the optimizer, which must neither
    decay it nor remember the momentum from before (`advance` says when to forget). The levels
    follow from the weights when quantization starts and stay. The paper ranks a layer's weights
    together; so does this, also where channels have levels of their own.
    """

    step_size: Tensor
    frozen: Tensor
    """Which weights are, bool of the weight's shape."""

    def __init__(self, weight: Tensor, config: INQConfig) -> None:
        super().__init__(config)
        self.register_buffer("step_size", smallest_level(weight, config))
        self.register_buffer("frozen", torch.zeros_like(weight, dtype=torch.bool))

    def forward(self, weight: Tensor) -> Tensor:  # (out, ...) -> same
        return torch.where(self.frozen, weight.detach(), weight)

    @torch.no_grad()
    def advance(self, weight: Tensor, share: float) -> bool:
        """Freeze the largest of the weights that are still free until `share` of all are frozen,
        and set all that are frozen to their levels."""
        magnitude = weight.abs().masked_fill(self.frozen, torch.inf).flatten()
        largest = magnitude.argsort(descending=True, stable=True)[: round(share * weight.numel())]
        chosen = torch.zeros_like(magnitude, dtype=torch.bool)
        chosen[largest] = True
        self.frozen.logical_or_(chosen.view(weight.shape))
        on_level = self.levels.values(self.codes(weight), self.step_size)
        weight.copy_(torch.where(self.frozen, on_level, weight))
        return True
