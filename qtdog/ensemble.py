"""EoQ, the ensemble of quantization: several quantized networks, one answer."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


def mean_of_logits(logits: Tensor) -> Tensor:
    """The ensemble's logits: the members' mean. (members, batch, classes) -> (batch, classes).

    QT-DoG, section on EoQ: prediction = argmax softmax of this mean.
    """
    return logits.mean(0)


class Ensemble(nn.Module):
    """Members of one architecture and class order, as one network."""

    def __init__(self, members: Sequence[nn.Module]) -> None:
        super().__init__()
        if not members:
            raise ValueError("An ensemble needs at least one member.")
        self.members = nn.ModuleList(members)

    def member_logits(self, images: Tensor) -> Tensor:
        """(batch, 3, h, w) -> (members, batch, classes)."""
        return torch.stack([member(images) for member in self.members])

    def forward(self, images: Tensor) -> Tensor:  # (batch, 3, h, w) -> (batch, classes)
        return mean_of_logits(self.member_logits(images))
