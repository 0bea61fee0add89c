"""Rounding to nearest after training: uniform levels, nothing is learned."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from torch import Tensor

from qtdog.quantization.lsq import LSQConfig, LSQQuantizer
from qtdog.quantization.quantizer import Quantizer, QuantizerConfig
from qtdog.quantization.starts import least_error_step_size

Rule = Literal["start", "least error"]


@dataclass(frozen=True)
class NearestConfig(QuantizerConfig):
    """How step sizes are chosen. `rule`: "least error" is the step size with the least squared
    rounding error, "start" LSQ's initial step size, at 7 bits several times too coarse for rounding
    alone."""

    rule: Rule = "least error"

    kind: ClassVar[str] = "nearest"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.rule not in ("start", "least error"):
            raise ValueError(f"Rule '{self.rule}' is unknown: choose 'start' or 'least error'.")

    def build(self, weight: Tensor) -> "NearestQuantizer":
        return NearestQuantizer(weight, self)


def step_sizes(weight: Tensor, config: NearestConfig) -> Tensor:
    """The step sizes for a weight (out, ...): (out,) or (1,), all positive."""
    if config.rule == "start":
        return LSQQuantizer(weight, LSQConfig(config.bits, config.granularity)).step_size
    return least_error_step_size(weight, config)


class NearestQuantizer(Quantizer):
    """Every weight is rounded to the nearest level. Not for training: no gradient passes."""

    step_size: Tensor

    def __init__(self, weight: Tensor, config: NearestConfig) -> None:
        super().__init__(config)
        self.register_buffer("step_size", step_sizes(weight, config))

    def forward(self, weight: Tensor) -> Tensor:  # (out, ...) -> same
        return self.levels.values(self.codes(weight), self.step_size)
