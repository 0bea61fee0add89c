"""Batch norm folded into the convolution before it: the same function, fewer operations.

timm's batch norms carry the activation that follows them (`BatchNormAct2d`): it stays.
"""

from typing import cast

import torch
from torch import Tensor, fx, nn


@torch.no_grad()
def fold_batch_norm(network: nn.Module) -> dict[str, Tensor]:
    """Fold, in place, every batch norm that alone follows a convolution; its activation is left.

    The network must hold plain weights (see `quantization.bake`) and is put in evaluation mode,
    for only with fixed statistics is batch norm linear. The convolution's weight is multiplied
    by gamma / sqrt(variance + eps) a channel and it gets a bias.
    Returns that factor, (out,), by the convolution's name, for whoever holds step sizes.
    """
    network.eval()
    layers = dict(network.named_modules())
    factors: dict[str, Tensor] = {}
    for name, norm_name in foldable(network).items():
        convolution = cast(nn.Conv2d, layers[name])  # `foldable` names nothing else
        norm = cast(nn.BatchNorm2d, layers[norm_name])
        factor, bias = factor_and_bias(convolution, norm)
        convolution.weight.mul_(factor.view(-1, 1, 1, 1))
        convolution.bias = nn.Parameter(bias.clone(), requires_grad=False)
        _replace(network, norm_name, activation(norm))
        factors[name] = factor
    return factors


def factor_and_bias(convolution: nn.Conv2d, norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """What a convolution takes in of the batch norm after it: the factor of its weights and its
    bias from then on, each (out,). Raises ValueError for a norm without running statistics."""
    if norm.running_mean is None or norm.running_var is None:
        raise ValueError("This batch norm keeps no statistics, so it is no linear function.")
    factor = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    before = 0 if convolution.bias is None else convolution.bias
    return factor, norm.bias + (before - norm.running_mean) * factor


def foldable(network: nn.Module) -> dict[str, str]:
    """Name of each convolution that a batch norm alone follows -> name of that batch norm."""
    layers = dict(network.named_modules())
    if not any(isinstance(layer, nn.BatchNorm2d) for layer in layers.values()):
        return {}  # a transformer, say, which could not always be traced, either
    pairs: dict[str, str] = {}
    for node in _Tracer().trace(network).nodes:
        norm = layers[node.target] if node.op == "call_module" else None
        if not isinstance(norm, nn.BatchNorm2d) or norm.running_var is None:
            continue
        source = node.args[0]
        convolution = layers.get(source.target) if source.op == "call_module" else None
        if isinstance(convolution, nn.Conv2d) and len(source.users) == 1:
            pairs[source.target] = node.target
    return pairs


def activation(norm: nn.BatchNorm2d) -> nn.Module:
    """What a batch norm does after normalising: its activation if it has one, else nothing."""
    return getattr(norm, "act", nn.Identity())


class _Tracer(fx.Tracer):
    """Leaves convolutions and batch norms whole, also those of other libraries."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        """Whether the layer is one node of the graph."""
        whole = isinstance(m, (nn.Conv2d, nn.BatchNorm2d))
        return whole or super().is_leaf_module(m, module_qualified_name)


def _replace(network: nn.Module, name: str, layer: nn.Module) -> None:
    parent, _, child = name.rpartition(".")
    setattr(network.get_submodule(parent), child, layer)
