"""Training of every arm over one trunk, all seeds at once."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from qtdog.toy.arms import FullPrecision
from qtdog.toy.domains import Points
from qtdog.toy.draws import BATCHES, uniform
from qtdog.toy.network import Networks
from qtdog.toy.settings import Settings


@dataclass
class Run:
    """Networks in training, with what Adam remembers of them."""

    seeds: NDArray[np.integer]
    settings: Settings
    points: Points
    weights: list[Tensor]
    biases: list[Tensor]
    arm: FullPrecision = field(default_factory=FullPrecision)
    step: int = 0

    def __post_init__(self) -> None:
        self.weights = [one.detach().clone().requires_grad_() for one in self.weights]
        self.biases = [one.detach().clone().requires_grad_() for one in self.biases]
        rate = self.settings.learning_rate
        self.optimizer = torch.optim.Adam([*self.weights, *self.biases], rate, foreach=True)

    def branch(self, arm: FullPrecision) -> "Run":
        """A run that goes on from here with another arm; this one stays as it is."""
        new = Run(self.seeds, self.settings, self.points, self.weights, self.biases, arm, self.step)
        memory = self.optimizer.state_dict()["state"]
        copied = {place: {k: v.clone() for k, v in one.items()} for place, one in memory.items()}
        new.optimizer.load_state_dict({**new.optimizer.state_dict(), "state": copied})
        for weight in new.weights:
            weight.requires_grad_(arm.trains_weights)
        if learned := arm.learned():
            new.optimizer.add_param_group({"params": learned})
        return new

    def losses(self) -> Tensor:
        """Of the next step's batch, (seeds,)."""
        rows = torch.from_numpy(self._rows())  # (seeds, batch)
        inputs = self.points.inputs.gather(
            1, rows[..., None].expand(-1, -1, self.points.inputs.shape[2])
        )
        networks = Networks(self.arm.computed(self.weights, self.step), tuple(self.biases))
        margins = networks.margins(inputs.to(self.weights[0].dtype), self.points.labels[rows])
        return F.softplus(-margins).mean(1)

    def advance(self) -> None:
        """One step of Adam. The seeds' losses are summed: each has parameters of its own."""
        self.optimizer.zero_grad()
        self.losses().sum().backward()
        self.optimizer.step()
        self.step += 1

    def networks(self) -> Networks:
        """What is kept of the run as it stands."""
        with torch.no_grad():
            stored = self.arm.stored(self.weights)
        return Networks(
            tuple(one.detach().clone() for one in stored),
            tuple(one.detach().clone() for one in self.biases),
        )

    def _rows(self) -> NDArray[np.int64]:
        batch = self.settings.batch
        drawn = uniform(self.seeds, BATCHES, self.step * batch + np.arange(batch))
        return (drawn * len(self.points.labels)).astype(np.int64)


def finish(run: Run) -> tuple[Networks, Networks]:
    """Train to the last step: the networks there, and the mean of those after every step."""
    sums: list[Tensor] = []
    count = run.settings.steps - run.step
    for _ in range(count):
        run.advance()
        sums = _added(sums, run.networks())
    return run.networks(), _mean(sums, count)


def _added(sums: list[Tensor], networks: Networks) -> list[Tensor]:
    parts = [*networks.weights, *networks.biases]
    return [a + b for a, b in zip(sums, parts, strict=True)] if sums else parts


def _mean(sums: Iterable[Tensor], count: int) -> Networks:
    parts = [one / count for one in sums]
    half = len(parts) // 2
    return Networks(tuple(parts[:half]), tuple(parts[half:]))
