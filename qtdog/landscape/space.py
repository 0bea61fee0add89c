"""A network as a point of weight space: one vector of a plain network's weights and biases.

Every landscape is measured on plain networks, with batch norm folded into the convolutions, so
that networks in full precision and quantized ones live in the same space.
"""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from qtdog.landscape.records import ROUNDED, WEIGHTS
from qtdog.models import NORM_LAYERS, fold_batch_norm
from qtdog.quantization import WeightGrid, quantizable_weights, quantizers


@dataclass(frozen=True)
class Block:
    """Where one parameter lies in the vector."""

    name: str
    shape: tuple[int, ...]
    start: int
    is_weight: bool = False
    """Whether it holds filters, (out, ...). The others are biases, norms, position embeddings and
    other tables, and scales of layers."""

    @property
    def place(self) -> slice:
        """Its part of the vector."""
        return slice(self.start, self.start + torch.Size(self.shape).numel())


@dataclass(frozen=True)
class WeightPoint:
    """A plain network in evaluation mode, and its parameters as a vector."""

    network: nn.Module
    blocks: tuple[Block, ...]
    vector: Tensor
    """(parameters,) float32."""
    perturbed: str = WEIGHTS
    """What a direction is added to, in words."""
    requantize: Callable[[Tensor], Tensor] | None = None
    """A perturbed vector -> the vector that the network computes with, where these differ."""

    def used(self, moved: Tensor) -> Tensor:
        """The vector that the network computes with when `moved` is what it was moved to."""
        return self.requantize(moved) if self.requantize else moved


def weight_point(network: nn.Module) -> WeightPoint:
    """The network's weights as they are in use; of a quantized network its quantized weights.

    The network stays as it is.
    """
    plain = _plain_copy(network)
    fold_batch_norm(plain)
    return _point(plain)


class MeanOfLogits(nn.Module):
    """An ensemble as one network: its logits are the members' mean (QT-DoG, section on EoQ)."""

    def __init__(self, members: Sequence[nn.Module]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, images: Tensor) -> Tensor:
        """(batch, 3, size, size) -> (batch, classes)."""
        return torch.stack([member(images) for member in self.members]).mean(0)


def ensemble_point(networks: Sequence[nn.Module]) -> WeightPoint:
    """The weights of all members, one after the other, so that every member moves in a direction
    of its own. The networks stay as they are."""
    members = [_plain_copy(network) for network in networks]
    for member in members:
        fold_batch_norm(member)
    return _point(MeanOfLogits(members).eval())


def rounded_point(network: nn.Module, grids: Mapping[str, WeightGrid]) -> WeightPoint:
    """The stored weights of a checkpoint's `network`, which after every move are rounded again to
    the values that they can take: a move far smaller than a step changes nothing, so the landscape
    becomes a staircase. `grids`: the checkpoint's. Raises ValueError in full precision.
    """
    if not grids:
        raise ValueError("A network in full precision has no levels to round to.")
    point = weight_point(network)
    requantize = _rounding(point.blocks, grids)
    return WeightPoint(point.network, point.blocks, point.vector, ROUNDED, requantize)


def _rounding(
    blocks: tuple[Block, ...], grids: Mapping[str, WeightGrid]
) -> Callable[[Tensor], Tensor]:
    quantized = [block for block in blocks if block.name in grids]

    def requantize(moved: Tensor) -> Tensor:
        used = moved.clone()
        for block in quantized:
            weight = moved[block.place].view(block.shape)
            used[block.place] = grids[block.name].nearest(weight).flatten()
        return used

    return requantize


def require_same_space(*points: WeightPoint) -> None:
    """Raise ValueError unless straight lines between these networks make sense."""
    if any(point.blocks != points[0].blocks for point in points):
        raise ValueError("These networks have different architectures or classes.")
    layers = [layer for point in points for layer in point.network.modules()]
    if any(isinstance(layer, NORM_LAYERS) for layer in layers):
        raise ValueError(
            "This architecture has batch norms that cannot be folded into a convolution, so its "
            "networks cannot be interpolated."
        )


def bind(network: nn.Module, blocks: tuple[Block, ...]) -> Tensor:
    """Make the network's parameters views of one vector and return it: writing to the vector sets
    all weights at once."""
    first = next(network.parameters())
    vector = torch.empty(blocks[-1].place.stop, device=first.device)
    for block in blocks:
        view = vector[block.place].view(block.shape)
        view.copy_(network.get_parameter(block.name))
        network.get_parameter(block.name).data = view
    return vector


def _plain_copy(network: nn.Module) -> nn.Module:
    """A copy on the processor that holds the weights in use as ordinary parameters.

    Parametrized layers get a class of their own, which deep copies share: removing the
    parametrization from a copy (`bake`) would break the original. So the copy changes class.
    """
    plain = copy.deepcopy(network).cpu().eval()
    used = {
        name: (layer, attribute, getattr(layer, attribute).detach())
        for name, layer, attribute, _ in quantizers(plain)
    }
    for layer, attribute, weight in used.values():
        if "parametrizations" in layer._modules:
            del layer._modules["parametrizations"]
            layer.__class__ = type(layer).__bases__[0]
        layer.register_parameter(attribute, nn.Parameter(weight))
    return plain.requires_grad_(False)


def _point(plain: nn.Module) -> WeightPoint:
    # By name, for the order of registration depends on what a network has been through.
    parameters = dict(sorted(plain.named_parameters()))
    weights = quantizable_weights(plain)
    blocks, start = [], 0
    for name, parameter in parameters.items():
        blocks.append(Block(name, tuple(parameter.shape), start, name in weights))
        start = blocks[-1].place.stop
    vector = torch.cat([parameter.detach().flatten() for parameter in parameters.values()])
    return WeightPoint(plain.requires_grad_(False), tuple(blocks), vector.float())
