"""Sharpness-aware minimisation: the gradient at the worst point nearby (Foret et al., ICLR 2021,
arXiv 2010.01412, Algorithm 1)."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from qtdog.models import NORM_LAYERS
from qtdog.quantization import learned_parameters
from qtdog.training import parallel
from qtdog.training.objectives.batch import Batch, forward
from qtdog.training.objectives.perturbed import restored

SMALLEST_NORM = 1e-12


@dataclass(frozen=True)
class SAM:
    """Cross-entropy's gradient at w + e instead of w, where e = `radius` * g / |g| and g is the
    gradient at w: two passes a step.

    In a quantized network w is the latent weights, which the optimizer moves: a step of this length
    from quantized weights would leave their grid, and from latent ones the network stays quantized
    in both passes; only codes near a rounding boundary change. Step sizes are not perturbed. They
    are no weights but the logarithm of a scale, on which a length of `radius` means something else;
    they too learn from the second pass.
    """

    radius: float = 0.05
    """Rho: the paper's default, and SWAD's for its comparison on DomainBed."""

    def backward(self, network: nn.Module, batch: Batch) -> Tensor:
        loss = F.cross_entropy(forward(network, batch.images).float(), batch.labels)
        loss.backward()
        parallel.average_gradients(network.parameters())  # one direction for the whole batch
        with _perturbed(network, self.radius), _statistics_kept(network):
            network.zero_grad()
            F.cross_entropy(forward(network, batch.images).float(), batch.labels).backward()
        return loss.detach()


@contextmanager
def _perturbed(network: nn.Module, radius: float) -> Iterator[None]:
    """The network at w + e, from the gradients that its parameters hold; then at w again, bit for
    bit."""
    step_sizes = set(learned_parameters(network))
    weights = [p for p in network.parameters() if p.grad is not None and p not in step_sizes]
    norm = torch.stack([_gradient(weight).norm() for weight in weights]).norm()
    with restored(weights):
        with torch.no_grad():
            for weight in weights:
                weight.addcmul_(_gradient(weight), radius / (norm + SMALLEST_NORM))
        yield


@contextmanager
def _statistics_kept(network: nn.Module) -> Iterator[None]:
    """Batch norm's running statistics are those of w: the second pass does not enter them."""
    norms = [layer for layer in network.modules() if isinstance(layer, NORM_LAYERS)]
    momenta = [layer.momentum for layer in norms]
    for layer in norms:
        layer.momentum = 0.0
    try:
        yield
    finally:
        for layer, momentum in zip(norms, momenta, strict=True):
            layer.momentum = momentum


def _gradient(weight: nn.Parameter) -> Tensor:
    if weight.grad is None:
        raise ValueError("A weight without a gradient cannot be moved along it.")
    return weight.grad
