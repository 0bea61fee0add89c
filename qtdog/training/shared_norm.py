"""Batch norm that trains, over the whole batch of a run on several processes."""

from types import MethodType

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from qtdog.models import NORM_LAYERS
from qtdog.training import parallel


def share_norms(network: nn.Module) -> None:
    """Let every batch norm in training mode take its statistics from all processes' images.

    The same function, gradients and running statistics as one process has on the whole batch, up
    to float rounding. It is what torch's SyncBatchNorm does, which has no kernels for processors:
    so every device runs what the tests check. Parameters and their names stay as they are; only
    `forward` changes. In a single process nothing does. Raises ValueError for a layer that is more
    than batch norm, or that keeps no running statistics.
    """
    if parallel.processes() == 1:
        return
    for layer in network.modules():
        if isinstance(layer, _BatchNorm) and type(layer) in NORM_LAYERS:
            _running(layer)
            layer.forward = MethodType(_norm, layer)
        elif isinstance(layer, NORM_LAYERS):
            raise ValueError(
                f"{type(layer).__name__} cannot train on several processes: freeze batch norm."
            )


def _norm(layer: _BatchNorm, values: Tensor) -> Tensor:  # (batch, channels, ...) -> same
    if not layer.training:
        return type(layer).forward(layer, values)
    running_mean, running_variance, momentum = _running(layer)
    others = [axis for axis in range(values.dim()) if axis != 1]
    variance, mean = torch.var_mean(
        values.to(running_variance.dtype), others, correction=0
    )  # (channels,)
    means, variances = parallel.gather(torch.stack([mean, variance])).unbind(1)
    mean = means.mean(0)  # the processes' shares are equal
    variance = (variances + (means - mean).square()).mean(0)
    with torch.no_grad():
        count = parallel.processes() * values.numel() / values.shape[1]
        running_mean.lerp_(mean, momentum)
        running_variance.lerp_(variance * (count / (count - 1)), momentum)
        if layer.num_batches_tracked is not None:
            layer.num_batches_tracked += 1
    # As in evaluation with these statistics, but with gradients through them.
    factor = layer.weight * torch.rsqrt(variance + layer.eps)
    shift = layer.bias - mean * factor
    shape = (-1, *[1] * (values.dim() - 2))
    return torch.addcmul(shift.view(shape), values, factor.view(shape)).to(values.dtype)


def _running(layer: _BatchNorm) -> tuple[Tensor, Tensor, float]:
    """Its running mean and variance and their momentum. Raises ValueError where it lacks one."""
    if layer.running_mean is None or layer.running_var is None or layer.momentum is None:
        raise ValueError(
            f"{type(layer).__name__} without running statistics, or with a plain mean of them, "
            "cannot train on several processes: freeze batch norm."
        )
    return layer.running_mean, layer.running_var, layer.momentum
