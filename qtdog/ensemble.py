"""EoQ, the ensemble of quantization: several quantized networks, one answer."""

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

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


class ParallelMembers:
    """Members' logits for one image at a time, one member a core.

    A small network gains little from a second core within one forward, so the cores take
    whole members instead.
    """

    def __init__(self, members: Sequence[nn.Module]) -> None:
        self.members = tuple(members)
        cores = min(os.cpu_count() or 1, len(self.members))
        # The number of threads is each worker's own setting; the caller's stays as it is.
        self._workers = ThreadPoolExecutor(cores, "member", torch.set_num_threads, (1,))

    def logits(self, images: Tensor, known: Mapping[nn.Module, Tensor] | None = None) -> Tensor:
        """(batch, 3, h, w) -> (members, batch, classes). `known`: the logits, (batch, classes), of
        members that have seen these images already."""

        @torch.inference_mode()
        def one(member: nn.Module) -> Tensor:
            return known[member] if known and member in known else member(images)

        return torch.stack(list(self._workers.map(one, self.members)))
