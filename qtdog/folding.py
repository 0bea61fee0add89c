"""Batch norm folded into the convolution before it: the same function, fewer operations."""

import torch
from torch import Tensor, fx, nn


@torch.no_grad()
def fold_batch_norm(network: nn.Module) -> dict[str, Tensor]:
    """Fold, in place, every batch norm that alone follows a convolution; it becomes an Identity.

    The network must hold plain weights (see `quantization.bake`) and is put in evaluation mode,
    for only with fixed statistics is batch norm linear. The convolution's weight is multiplied
    by gamma / sqrt(variance + eps) a channel and it gets a bias.
    Returns that factor, (out,), by the convolution's name, for whoever holds step sizes.
    """
    network.eval()
    layers = dict(network.named_modules())
    factors: dict[str, Tensor] = {}
    for name, norm_name in foldable(network).items():
        convolution, norm = layers[name], layers[norm_name]
        factor = norm.weight / torch.sqrt(norm.running_var + norm.eps)  # (out,)
        before = 0 if convolution.bias is None else convolution.bias
        bias = norm.bias + (before - norm.running_mean) * factor
        convolution.weight.mul_(factor.view(-1, 1, 1, 1))
        convolution.bias = nn.Parameter(bias.clone(), requires_grad=False)
        _replace(network, norm_name, nn.Identity())
        factors[name] = factor
    return factors


def foldable(network: nn.Module) -> dict[str, str]:
    """Name of each convolution that a batch norm alone follows -> name of that batch norm."""
    layers = dict(network.named_modules())
    if not any(isinstance(layer, nn.BatchNorm2d) for layer in layers.values()):
        return {}  # a transformer, say, which could not always be traced, either
    pairs: dict[str, str] = {}
    for node in fx.symbolic_trace(network).graph.nodes:
        if node.op != "call_module" or not isinstance(layers[node.target], nn.BatchNorm2d):
            continue
        source = node.args[0]
        convolution = layers.get(source.target) if source.op == "call_module" else None
        if isinstance(convolution, nn.Conv2d) and len(source.users) == 1:
            pairs[source.target] = node.target
    return pairs


def _replace(network: nn.Module, name: str, layer: nn.Module) -> None:
    parent, _, child = name.rpartition(".")
    setattr(network.get_submodule(parent), child, layer)
