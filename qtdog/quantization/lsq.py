"""Learned step size quantization of weights (Esser et al., ICLR 2020, arXiv 1902.08153)."""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from qtdog.quantization.levels import along_channels
from qtdog.quantization.quantizer import Quantizer, QuantizerConfig
from qtdog.quantization.starts import initial_step_size, least_error_step_size, rounding_error


@dataclass(frozen=True)
class LSQConfig(QuantizerConfig):
    """How LSQ quantizes: `bits` in 2..8, one step size a `channel` or one a `tensor`.

    All is LSQ's, also where the step sizes start.
    """

    kind: ClassVar[str] = "lsq"

    def start(self, weight: Tensor) -> Tensor:
        """Where the step sizes of a weight (out, ...) start: (out,) or (1,), positive."""
        return initial_step_size(weight, self)

    def build(self, weight: Tensor) -> "LSQQuantizer":
        return LSQQuantizer(weight, self)


@dataclass(frozen=True)
class LeastErrorLSQConfig(LSQConfig):
    """Step sizes that start where rounding hurts the weights least, which is not LSQ's; from there
    on they are learned as LSQ's are."""

    kind: ClassVar[str] = "lsq-least-error"

    def start(self, weight: Tensor) -> Tensor:
        return least_error_step_size(weight, self)


@dataclass(frozen=True)
class FittedLSQConfig(LeastErrorLSQConfig):
    """The same, by the name that it has in the records of the first study."""

    kind: ClassVar[str] = "lsq-fitted"


class _StraightThroughRounding(torch.autograd.Function):
    """w_q = s * round(clip(w / s)), with LSQ's gradients (its Eq. 3 and 5).

    The step size is given by its logarithm, so its gradient is s * dL/ds.
    """

    @staticmethod
    def forward(
        ctx, weight: Tensor, log_step: Tensor, code_range: tuple[int, int], scale: float
    ) -> Tensor:
        step = along_channels(log_step.exp(), weight)
        scaled = weight / step
        codes = scaled.clamp(*code_range).round_()
        ctx.save_for_backward(scaled, codes, step)
        ctx.range, ctx.scale, ctx.step_shape = code_range, scale, log_step.shape
        return codes * step

    @staticmethod
    def backward(ctx, *grad_outputs: Tensor):
        (gradient,) = grad_outputs
        scaled, codes, step = ctx.saved_tensors
        inside = scaled.clamp(*ctx.range).eq_(scaled)  # 1 in the range, 0 outside it
        weight_gradient = gradient * inside
        # d w_q / d s: round(v) - v inside the range, the end of the range outside it. In place,
        # because a step's time goes into passes over memory here.
        slope = inside.mul_(scaled).neg_().add_(codes).mul_(step).mul_(gradient)
        if ctx.step_shape.numel() == 1:
            log_step_gradient = slope.sum().reshape(ctx.step_shape)
        else:
            log_step_gradient = slope.flatten(1).sum(1)
        return weight_gradient, log_step_gradient.mul_(ctx.scale), None, None


class LSQQuantizer(Quantizer):
    """LSQ: uniform levels whose step size is learned, all weights quantized in every step.

    The step size is learned as its logarithm. Under Adam every update is about as large as the
    learning rate, so a plain step size far smaller than that crosses zero within some hundred
    steps; its logarithm moves by a relative amount and cannot.
    """

    def __init__(self, weight: Tensor, config: LSQConfig) -> None:
        super().__init__(config)
        steps = config.start(weight)
        self.log_step = nn.Parameter(steps.log())
        _, largest = self.levels.code_range
        weights_a_step = weight.numel() / steps.numel()
        self.gradient_scale = 1 / math.sqrt(weights_a_step * largest)

    @property  # of an attribute that nobody sets: it follows from what is learned
    def step_size(self) -> Tensor:  # pyright: ignore[reportIncompatibleVariableOverride]
        """(out,) or (1,), positive."""
        return self.log_step.detach().exp()

    def forward(self, weight: Tensor) -> Tensor:  # (out, ...) -> same
        return _StraightThroughRounding.apply(
            weight, self.log_step, self.levels.code_range, self.gradient_scale
        )

    @torch.no_grad()
    def refit(self, weight: Tensor) -> None:
        fitted = least_error_step_size(weight, self.config)
        before, after = (
            rounding_error(weight, one, self.config) for one in (self.step_size, fitted)
        )
        self.log_step.copy_(torch.where(after < before, fitted.log(), self.log_step))
