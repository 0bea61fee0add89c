"""Networks side by side: what every one of them says of the same images."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol, TypeVar

import numpy as np

from qtdog import cores

if TYPE_CHECKING:
    from torch import Tensor

Logits = TypeVar("Logits", np.ndarray, "Tensor")


class Network(Protocol):
    """One stored network, ready to answer; any thread may ask."""

    images_at_once: int
    """So many images a call at most: memory stays bounded."""
    needs_torch: bool
    head: np.ndarray | None
    """The linear layer's weights, (classes, channels), where the logits are the mean of the last
    feature map over places through it; else None."""

    def logits(self, images: np.ndarray) -> np.ndarray:
        """(batch, 3, size, size) float32, normalised -> (batch, classes) float32."""
        ...

    def features(self, images: np.ndarray) -> np.ndarray:
        """The last feature map, (batch, channels, h, w); only where there is a `head`."""
        ...


def member_logits(networks: Sequence[Network], images: np.ndarray) -> np.ndarray:
    """(batch, 3, size, size) float32 -> (networks, batch, classes) float32.

    As many at once as this process has cores, one thread each: a small network gains little from a
    second core within one forward pass. Many images are shared out in the same way.
    """
    workers = cores.count()
    parts = -(-workers // len(networks))  # of the batch, so that every core has work
    step = max(1, min(networks[0].images_at_once, -(-len(images) // parts)))
    tasks = [
        (network, images[start : start + step])
        for network in networks
        for start in range(0, len(images), step)
    ]
    pool = _workers(workers, any(one.needs_torch for one in networks))
    answers = list(pool.map(lambda task: task[0].logits(task[1]), tasks))
    return np.concatenate(answers).reshape(len(networks), len(images), -1)


def mean_of_logits(logits: Logits) -> Logits:
    """The ensemble's logits: the members' mean. (members, batch, classes) -> (batch, classes).

    QT-DoG, section on EoQ: prediction = argmax softmax of this mean.
    """
    return logits.mean(0)  # pyright: ignore[reportReturnType]  # of an array, Any


@lru_cache
def _workers(count: int, torch: bool) -> ThreadPoolExecutor:
    return cores.pool(count, "torch network") if torch else ThreadPoolExecutor(count, "network")
