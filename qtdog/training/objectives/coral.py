"""Deep CORAL: the source domains' features shall have the same mean and covariance (Sun and
Saenko, arXiv 1607.01719, Eq. 1), between all pairs of domains as DomainBed does."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import combinations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from qtdog import models
from qtdog.training import parallel
from qtdog.training.objectives.batch import Batch, forward


@dataclass(frozen=True)
class CORAL:
    """Cross-entropy plus `weight` times the penalty on the penultimate layer's features."""

    weight: float = 1.0
    """DomainBed's default ("mmd_gamma")."""

    def backward(self, network: nn.Module, batch: Batch) -> Tensor:
        with penultimate_features(network) as seen:
            logits = forward(network, batch.images)
        loss = F.cross_entropy(logits.float(), batch.labels)
        features = parallel.whole_batch(seen[0].float(), batch.domains)
        penalty = coral_penalty(features.chunk(batch.domains))
        (loss + self.weight * penalty).backward()
        return loss.detach()


def coral_penalty(domains: Sequence[Tensor]) -> Tensor:
    """Mean over the pairs of domains of the mean squared difference of the features' means plus
    that of their covariances (unbiased); a scalar.

    `domains`: the features of each domain, (images, features). Raises ValueError for less than two
    domains, or two images of one.
    """
    if len(domains) < 2 or min(map(len, domains)) < 2:
        raise ValueError(
            "CORAL compares source domains by their features' covariance: it takes at least two "
            "source domains, and two images of each in a step."
        )
    moments = [(features.mean(0), torch.cov(features.T)) for features in domains]
    pairs = list(combinations(moments, 2))
    differences = [
        F.mse_loss(mean, other_mean) + F.mse_loss(covariance, other_covariance)
        for (mean, covariance), (other_mean, other_covariance) in pairs
    ]
    return torch.stack(differences).mean()


@contextmanager
def penultimate_features(network: nn.Module) -> Iterator[list[Tensor]]:
    """A list that receives what goes into the classifier in every forward pass, (batch, features):
    of a classifier that is a convolution, the mean over the positions.
    """
    seen: list[Tensor] = []

    def look(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        features = inputs[0]
        seen.append(features.flatten(2).mean(2) if features.dim() == 4 else features)

    classifier = network.get_submodule(models.classifier_name(network))
    hook = classifier.register_forward_pre_hook(look)
    try:
        yield seen
    finally:
        hook.remove()
