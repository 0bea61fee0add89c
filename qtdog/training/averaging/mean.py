"""The mean of a network's states along one run."""

from collections.abc import Mapping

import torch
from torch import Tensor


class WeightAverage:
    """The mean of every state that was added, tensor by tensor.

    Averaged are the floating-point tensors of a state dict: weights, biases, batch-norm
    statistics and, in a quantized network, the logarithms of the step sizes and the weights that it
    computes with (under the older rule the latent ones); the mean is then rounded. Weights that INQ
    has frozen are their own mean, bit for bit. Other tensors are those of the last state.
    """

    def __init__(self, count: int = 0, mean: Mapping[str, Tensor] | None = None) -> None:
        self.count = count
        self.mean: dict[str, Tensor] = dict(mean or {})

    def add(self, state: Mapping[str, Tensor]) -> None:
        """Take one more state into the mean: mean += (state - mean) / count."""
        self.merge(WeightAverage(1, state))

    @torch.no_grad()
    def merge(self, later: "WeightAverage") -> None:
        """Take all the states of a later average into this one."""
        self.count += later.count
        if self.count == later.count:
            self.mean = {name: value.detach().clone() for name, value in later.mean.items()}
            return
        for name, value in later.mean.items():
            if value.is_floating_point():
                self.mean[name].lerp_(value.detach(), later.count / self.count)
            else:
                self.mean[name].copy_(value)
