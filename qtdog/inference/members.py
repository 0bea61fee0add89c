"""Networks side by side: what every one of them says of the same images."""

from collections import deque
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
    weight_bytes: int
    """Of its float32 weights in memory."""
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
    workers = _cores()
    parts = -(-workers // len(networks))  # of the batch, so that every core has work
    step = max(1, min(networks[0].images_at_once, -(-len(images) // parts)))
    tasks = [
        (network, images[start : start + step])
        for network in networks
        for start in range(0, len(images), step)
    ]
    if any(one.needs_torch for one in networks):  # whose threads have to be told their number
        pool = _torch_workers(workers)
        answers = list(pool.map(lambda task: task[0].logits(task[1]), tasks))
    else:
        answers = _shared_out(tasks, workers)
    return np.concatenate(answers).reshape(len(networks), len(images), -1)


def mean_of_logits(logits: Logits) -> Logits:
    """The ensemble's logits: the members' mean. (members, batch, classes) -> (batch, classes).

    QT-DoG, section on EoQ: prediction = argmax softmax of this mean.
    """
    return logits.mean(0)  # pyright: ignore[reportReturnType]  # of an array, Any


def _shared_out(tasks: Sequence[tuple[Network, np.ndarray]], workers: int) -> list[np.ndarray]:
    """Each task's logits. This thread works too, and whoever is done takes the next task: to wake
    a thread for each would cost a small network a good part of its time."""
    answers = [np.empty(0, np.float32)] * len(tasks)
    left = deque(range(len(tasks)))

    def work() -> None:
        while True:
            try:
                place = left.popleft()
            except IndexError:
                return
            network, images = tasks[place]
            answers[place] = network.logits(images)

    helpers = [_helpers(workers).submit(work) for _ in range(min(workers, len(tasks)) - 1)]
    try:
        work()
    finally:
        left.clear()
        for helper in helpers:
            if not helper.cancel():
                helper.result()
    return answers


@lru_cache
def _cores() -> int:
    """Asked once: to read the control groups' files takes as long as half a forward pass."""
    return cores.count()


@lru_cache
def _helpers(workers: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(workers, "network")


@lru_cache
def _torch_workers(workers: int) -> ThreadPoolExecutor:
    return cores.pool(workers, "torch network")
