"""Learned step size quantization of weights (Esser et al., ICLR 2020, arXiv 1902.08153)."""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

Granularity = Literal["channel", "tensor"]

SMALLEST_STEP_SIZE = 1e-8
# A channel whose weights are this much smaller than those of its layer is dead: a step size of
# its own would clip it for ever, so it gets one from which it can grow again.
DEAD_CHANNEL_RATIO = 1e-3


@dataclass(frozen=True)
class LSQConfig:
    """How weights are quantized: `bits` in 2..8, one step size a `channel` or one a `tensor`."""

    bits: int = 7
    granularity: Granularity = "channel"

    def __post_init__(self) -> None:
        if not 2 <= self.bits <= 8:
            raise ValueError(f"A bit width of {self.bits} is not supported: choose 2 to 8 bits.")
        if self.granularity not in ("channel", "tensor"):
            raise ValueError(
                f"Granularity '{self.granularity}' is unknown: choose 'channel' or 'tensor'."
            )


def code_range(bits: int) -> tuple[int, int]:
    """Smallest and largest integer code: -2^(b-1) and 2^(b-1) - 1."""
    return -(2 ** (bits - 1)), 2 ** (bits - 1) - 1


def initial_step_size(weight: Tensor, config: LSQConfig) -> Tensor:
    """LSQ's start, s = 2 mean|w| / sqrt(2^(b-1) - 1), one value a channel or one in all.

    `weight`: (out, ...). Returns (out,) or (1,), all positive, also where a channel is dead.
    """
    _, largest = code_range(config.bits)
    magnitude = weight.detach().float().abs()
    means = (
        magnitude.flatten(1).mean(1) if config.granularity == "channel" else magnitude.mean()[None]
    )
    steps = 2 * means / math.sqrt(largest)
    alive = steps[steps > SMALLEST_STEP_SIZE]
    floor = DEAD_CHANNEL_RATIO * alive.median() if alive.numel() else steps.new_tensor(1e-3)
    return steps.clamp_min(max(float(floor), SMALLEST_STEP_SIZE))


def integer_codes(weight: Tensor, step_size: Tensor, bits: int) -> Tensor:
    """round(clip(w / s, -2^(b-1), 2^(b-1) - 1)) as int8, ties to even.

    `weight`: (out, ...), `step_size`: (out,) or (1,). Returns int8 of the weight's shape.
    """
    smallest, largest = code_range(bits)
    scaled = weight / _along_channels(step_size, weight)
    return scaled.clamp_(smallest, largest).round_().to(torch.int8)


def dequantize(codes: Tensor, step_size: Tensor) -> Tensor:
    """s * code. `codes`: (out, ...) integers, `step_size`: (out,) or (1,). Returns float32."""
    return codes.float() * _along_channels(step_size, codes)


def _along_channels(step_size: Tensor, weight: Tensor) -> Tensor:
    return step_size.view(-1, *[1] * (weight.dim() - 1))  # (out, 1, ...) or (1, 1, ...)


class _StraightThroughRounding(torch.autograd.Function):
    """w_q = s * round(clip(w / s)), with LSQ's gradients (its Eq. 3 and 5).

    The step size is given by its logarithm, so its gradient is s * dL/ds.
    """

    @staticmethod
    def forward(ctx, weight: Tensor, log_step: Tensor, bits: int, scale: float) -> Tensor:
        smallest, largest = code_range(bits)
        step = _along_channels(log_step.exp(), weight)
        scaled = weight / step
        codes = scaled.clamp(smallest, largest).round_()
        ctx.save_for_backward(scaled, codes, step)
        ctx.range, ctx.scale, ctx.step_shape = (smallest, largest), scale, log_step.shape
        return codes * step

    @staticmethod
    def backward(ctx, gradient: Tensor):
        scaled, codes, step = ctx.saved_tensors
        smallest, largest = ctx.range
        inside = scaled.clamp(smallest, largest).eq_(scaled)  # 1 in the range, 0 outside it
        weight_gradient = gradient * inside
        # d w_q / d s: round(v) - v inside the range, the end of the range outside it. In place,
        # because a step's time goes into passes over memory here.
        slope = inside.mul_(scaled).neg_().add_(codes).mul_(step).mul_(gradient)
        if ctx.step_shape.numel() == 1:
            log_step_gradient = slope.sum().reshape(ctx.step_shape)
        else:
            log_step_gradient = slope.flatten(1).sum(1)
        return weight_gradient, log_step_gradient.mul_(ctx.scale), None, None


class LSQQuantizer(nn.Module):
    """Maps a float weight (out, ...) to its quantized float weight of the same shape.

    The step size is learned as its logarithm. Under Adam every update is about as large as the
    learning rate, so a plain step size far smaller than that crosses zero within some hundred
    steps; its logarithm moves by a relative amount and cannot.
    """

    def __init__(self, weight: Tensor, config: LSQConfig) -> None:
        super().__init__()
        self.config = config
        steps = initial_step_size(weight, config)
        self.log_step = nn.Parameter(steps.log())
        _, largest = code_range(config.bits)
        weights_a_step = weight.numel() / steps.numel()
        self.gradient_scale = 1 / math.sqrt(weights_a_step * largest)

    @property
    def step_size(self) -> Tensor:
        """(out,) or (1,), positive."""
        return self.log_step.detach().exp()

    def forward(self, weight: Tensor) -> Tensor:  # (out, ...) -> same
        return _StraightThroughRounding.apply(
            weight, self.log_step, self.config.bits, self.gradient_scale
        )

    def extra_repr(self) -> str:
        return f"bits={self.config.bits}, granularity={self.config.granularity}"
