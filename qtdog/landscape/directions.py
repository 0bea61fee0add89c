"""Random directions in weight space: the same for every model, then scaled to the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtdog.landscape.records import DirectionKind

if TYPE_CHECKING:
    from torch import Tensor

    from qtdog.landscape.space import WeightPoint

DIRECTION_KINDS: tuple[DirectionKind, ...] = ("filter", "whole")

RECIPES = {
    "filter": (
        "One standard normal number a weight; every filter (the weights of one output channel) is "
        "scaled to the norm of the model's own filter (Li et al. 2018). The radius is the size of "
        "the change relative to the filter. Biases stay."
    ),
    "whole": (
        "One standard normal number for every weight and bias; the whole vector is scaled to "
        "length 1 (as in SWAD and in QT-DoG's Eq. 5). The radius is the length of the change."
    ),
}


def gaussian(size: int, seed: int, index: int) -> Tensor:
    """(size,) standard normal numbers, a function of seed and index alone."""
    import torch

    generator = torch.Generator().manual_seed(seed * 1_000_003 + index)
    return torch.randn(size, generator=generator)


def random_direction(point: WeightPoint, kind: DirectionKind, seed: int, index: int) -> Tensor:
    """The random direction of that seed and index at `point`, (parameters,), for radius 1."""
    noise = gaussian(len(point.vector), seed, index)
    return filter_normalised(noise, point) if kind == "filter" else whole_vector(noise)


def whole_vector(noise: Tensor) -> Tensor:
    """`noise` scaled to length 1: with Gaussian noise, uniform on the sphere."""
    return noise / noise.double().norm().float()


def filter_normalised(noise: Tensor, point: WeightPoint) -> Tensor:
    """`noise` with every filter scaled to the norm of the filter at `point`; zero for all else.

    Li et al., NeurIPS 2018 (arXiv 1712.09913), section 4. Scaling one layer up and the next down
    changes nothing, and neither does folding batch norm.
    """
    scaled = noise.new_zeros(noise.shape)
    for block in point.blocks:
        if block.is_weight:
            rows = noise[block.place].view(block.shape[0], -1)
            norms = point.vector[block.place].view(block.shape[0], -1).norm(dim=1, keepdim=True)
            scaled[block.place] = (rows * (norms / rows.norm(dim=1, keepdim=True))).flatten()
    return scaled


def filter_scale(point: WeightPoint) -> Tensor:
    """(parameters,): the root mean square of each weight's filter, zero for all else.

    A filter-normalised direction is, to second order, Gaussian noise times this scale.
    """
    scale = point.vector.new_zeros(point.vector.shape)
    for block in point.blocks:
        if block.is_weight:
            rows = point.vector[block.place].view(block.shape[0], -1)
            scale[block.place] = (
                rows.square().mean(1, keepdim=True).sqrt().expand_as(rows).flatten()
            )
    return scale
