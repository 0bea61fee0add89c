"""Many small networks with ReLU side by side: one for every seed."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from qtdog.toy.draws import START, uniform


@dataclass(frozen=True)
class Networks:
    """One network a seed."""

    weights: tuple[Tensor, ...]  # of each layer (seeds, out, in)
    biases: tuple[Tensor, ...]  # of each layer (seeds, out)

    def margins(self, inputs: Tensor, labels: Tensor) -> Tensor:
        """How far the right class's logit is above the other's. (seeds, n, in), (seeds or 1, n) ->
        (seeds, n)."""
        logits = self.logits(inputs)
        right = labels.expand(logits.shape[:2])[..., None]
        return (logits.gather(2, right) - logits.gather(2, 1 - right))[..., 0]

    def logits(self, inputs: Tensor) -> Tensor:  # (seeds, n, in) -> (seeds, n, 2)
        """What the networks answer."""
        signal, last = inputs, len(self.weights) - 1
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            signal = torch.baddbmm(bias[:, None], signal, weight.mT)
            if layer < last:
                signal = signal.relu()
        return signal


def start_networks(
    seeds: NDArray[np.integer], sizes: Sequence[int], dtype: torch.dtype = torch.float32
) -> Networks:
    """Before training: uniform numbers up to one over the root of a neuron's inputs, as torch has
    them by default."""
    shapes = [(size_out, size_in) for size_in, size_out in pairwise(sizes)]
    count = sum(out * (into + 1) for out, into in shapes)
    drawn = torch.from_numpy(2 * uniform(seeds, START, np.arange(count)) - 1)
    weights, biases, place = [], [], 0
    for out, into in shapes:
        ends = place + out * into, place + out * (into + 1)
        weights.append((drawn[:, place : ends[0]].reshape(-1, out, into) / into**0.5).to(dtype))
        biases.append((drawn[:, ends[0] : ends[1]] / into**0.5).to(dtype))
        place = ends[1]
    return Networks(tuple(weights), tuple(biases))
