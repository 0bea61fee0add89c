"""Empirical risk minimisation: cross-entropy over the images of all source domains."""

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from qtdog.training.objectives.batch import Batch, forward


@dataclass(frozen=True)
class ERM:
    """The mean cross-entropy and nothing else."""

    def backward(self, network: nn.Module, batch: Batch) -> Tensor:
        loss = F.cross_entropy(forward(network, batch.images).float(), batch.labels)
        loss.backward()
        return loss.detach()
