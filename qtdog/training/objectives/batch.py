"""One training step's images, and their way through the network."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Batch:
    """As many images of each source domain, one domain after the other; of several processes, this
    one's share."""

    images: Tensor
    """(domains * images_per_domain, 3, size, size), normalised."""
    labels: Tensor
    """(domains * images_per_domain,)"""
    domains: int
    generator: torch.Generator
    """On the CPU, for an objective's own draws: like the images, they follow from the seed and the
    step alone."""


def forward(network: nn.Module, images: Tensor) -> Tensor:
    """Logits (batch, classes); on a GPU in bfloat16 where autocast sees fit."""
    device = images.device.type
    with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
        return network(images)
