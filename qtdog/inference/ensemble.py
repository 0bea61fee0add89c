"""EoQ, the ensemble of quantization: several quantized networks, one answer."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from qtdog.inference.members import mean_of_logits


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
