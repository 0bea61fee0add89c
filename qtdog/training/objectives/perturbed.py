"""Weights that are changed for a pass."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn


@contextmanager
def restored(weights: Sequence[nn.Parameter]) -> Iterator[Sequence[nn.Parameter]]:
    """The weights may be changed inside; afterwards they are what they were, bit for bit."""
    before = [weight.detach().clone() for weight in weights]
    try:
        yield weights
    finally:
        with torch.no_grad():
            for weight, value in zip(weights, before, strict=True):
                weight.copy_(value)


@torch.no_grad()
def add_uniform(weight: nn.Parameter, size: float | Tensor, generator: torch.Generator) -> None:
    """Add to every entry a number drawn evenly from -`size` to `size`; the generator is a CPU's."""
    draws = torch.rand(weight.shape, generator=generator).to(weight.device)
    weight.add_(size * (2 * draws - 1))
