"""How flat a valley is: what random moves of the weights do to the loss and to the accuracy."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from qtdog.toy.domains import Points
from qtdog.toy.draws import MOVES, normal
from qtdog.toy.network import Networks

DIRECTIONS, LENGTH = 20, 0.3
"""How many random moves, and how long: a share of each neuron's norm."""
_COOLEST, _HOTTEST = -4.0, 4.0  # logarithms of what the fit may multiply the logits with


@dataclass(frozen=True)
class Flatness:
    """On the source points, for every seed: means over the moves. (seeds,) each."""

    rise: Tensor
    """Of the loss."""
    fitted_rise: Tensor
    """The same with logits scaled so that the loss before the move is least: smaller logits alone
    make a rise smaller."""
    lost: Tensor
    """Accuracy that the move costs, as a fraction."""


def measure(seeds: NDArray[np.integer], networks: Networks, points: Points) -> Flatness:
    """Move every network and see."""
    inputs, labels = points.inputs.to(networks.weights[0].dtype), points.labels[None]
    before = networks.margins(inputs, labels)
    factor = fitted_factor(before)
    rises, fitted, lost = [], [], []
    for place in range(DIRECTIONS):
        after = moved(seeds, networks, place).margins(inputs, labels)
        rises.append(_loss(after) - _loss(before))
        fitted.append(_loss(factor * after) - _loss(factor * before))
        lost.append(accuracy(before) - accuracy(after))
    return Flatness(*(torch.stack(one).mean(0) for one in (rises, fitted, lost)))


def moved(seeds: NDArray[np.integer], networks: Networks, place: int) -> Networks:
    """The networks after the move number `place`; biases stay."""
    count = sum(weight[0].numel() for weight in networks.weights)
    drawn = torch.from_numpy(normal(seeds, MOVES, place * count + np.arange(count)))
    parts = drawn.split([weight[0].numel() for weight in networks.weights], dim=1)
    weights = []
    for weight, part in zip(networks.weights, parts, strict=True):
        direction = F.normalize(part.view_as(weight), dim=2).to(weight.dtype)
        weights.append(weight + LENGTH * weight.norm(dim=2, keepdim=True) * direction)
    return Networks(tuple(weights), networks.biases)


def fitted_factor(margins: Tensor) -> Tensor:  # (seeds, n) -> (seeds, 1)
    """What to multiply the logits with so that the loss is least: one over a temperature."""
    low = torch.full_like(margins[:, :1], _COOLEST)
    high = torch.full_like(low, _HOTTEST)
    for _ in range(30):
        middle = (low + high) / 2
        slope = (-margins * torch.sigmoid(-middle.exp() * margins)).mean(1, keepdim=True)
        low, high = torch.where(slope < 0, middle, low), torch.where(slope < 0, high, middle)
    return ((low + high) / 2).exp()


def accuracy(margins: Tensor) -> Tensor:  # (seeds, n) -> (seeds,)
    """The share of points on the right side."""
    return (margins > 0).to(margins.dtype).mean(1)


def _loss(margins: Tensor) -> Tensor:  # (seeds, n) -> (seeds,)
    return F.softplus(-margins).mean(1)
