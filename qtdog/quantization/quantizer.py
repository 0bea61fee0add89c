"""What a quantizer offers. LSQ, INQ and rounding to nearest are three of them."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from qtdog.quantization.levels import Levels, UniformLevels

Granularity = Literal["channel", "tensor"]

SMALLEST_STEP_SIZE = 1e-8
# A channel whose weights are this much smaller than those of its layer is dead: a step size of
# its own would clip it for ever, so it gets one from which it can grow again.
DEAD_CHANNEL_RATIO = 1e-3


@dataclass(frozen=True)
class QuantizerConfig(ABC):
    """How weights are quantized: `bits` in 2..8, one step size a `channel` or one a `tensor`."""

    bits: int = 7
    granularity: Granularity = "channel"

    kind: ClassVar[str]
    """Its name in a checkpoint's config.json."""
    shares: ClassVar[tuple[float, ...]] = (1.0,)
    """The share of the weights that is quantized in each phase of training, the last one 1."""

    def __post_init__(self) -> None:
        if not 2 <= self.bits <= 8:
            raise ValueError(f"A bit width of {self.bits} is not supported: choose 2 to 8 bits.")
        if self.granularity not in ("channel", "tensor"):
            raise ValueError(
                f"Granularity '{self.granularity}' is unknown: choose 'channel' or 'tensor'."
            )

    @property
    def levels(self) -> Levels:
        """What the codes stand for."""
        return UniformLevels(self.bits)

    @abstractmethod
    def build(self, weight: Tensor) -> "Quantizer":
        """A quantizer for this weight, (out, ...)."""


class Quantizer(nn.Module, ABC):
    """Maps a float weight (out, ...) to the quantized float weight of the same shape.

    Its parameters, if it has any, are learned beside the weights: they go to the optimizer. What
    training must find again when it goes on is in its state dict; of that, weight averaging takes
    the mean of what is floating-point.
    """

    step_size: Tensor
    """(out,) or (1,), positive, float32: weight = step size * level(code)."""

    def __init__(self, config: QuantizerConfig) -> None:
        super().__init__()
        self.config = config
        self.levels = config.levels

    @abstractmethod
    def forward(self, weight: Tensor) -> Tensor:  # (out, ...) -> same
        """The weight that the network computes with."""

    def codes(self, weight: Tensor) -> Tensor:
        """The codes that a weight is rounded to, int8 of its shape."""
        return self.levels.codes(weight.detach(), self.step_size)

    def advance(self, weight: Tensor, share: float) -> bool:
        """Training has come to where this share (0..1) of the weights must be quantized for good.

        Returns whether entries of `weight` were set in place, so that what an optimizer remembers
        of them is void. Most quantizers quantize all weights from the start and do nothing here.
        """
        return False

    def refit(self, weight: Tensor) -> None:
        """Give each channel of `weight` the step size with the least squared rounding error, unless
        the one that it has is as good. Where levels do not follow from step sizes that are
        learned, they stay."""

    def extra_repr(self) -> str:
        return f"bits={self.config.bits}, granularity={self.config.granularity}"


def revive(scales: Tensor) -> Tensor:
    """Scales of channels, (out,) or (1,), made positive: dead ones become a small share of the
    median of the others."""
    alive = scales[scales > SMALLEST_STEP_SIZE]
    floor = DEAD_CHANNEL_RATIO * alive.median() if alive.numel() else torch.tensor(1e-3)
    return scales.clamp_min(max(float(floor), SMALLEST_STEP_SIZE))
