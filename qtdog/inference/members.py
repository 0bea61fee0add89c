"""Networks side by side: what every one of them says of the same images."""

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Protocol, TypeVar

import numpy as np

from qtdog import cores

if TYPE_CHECKING:
    from torch import Tensor

Half = Callable[[np.ndarray], np.ndarray]
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

    halves: tuple[Half, Half] | None
    """`logits` in two calls, the second of what the first gives; None where it takes one."""

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


def one_is_over(networks: int) -> bool:
    """Whether the cores, each with a network of its own at a time, come to a last round that does
    not need all of them: then the last network should be in halves."""
    return networks > _cores() and networks % _cores() != 0


def _shared_out(tasks: Sequence[tuple[Network, np.ndarray]], workers: int) -> list[np.ndarray]:
    """Each task's logits. This thread works too, and whoever is done takes the next job: to wake
    a thread for each would cost a small network a good part of its time."""
    answers = [np.empty(0, np.float32)] * len(tasks)
    jobs = deque(_jobs(tasks, workers, answers))

    def work() -> None:
        while True:
            try:
                job = jobs.popleft()
            except IndexError:
                return
            job()

    helpers = [_helpers(workers).submit(work) for _ in range(min(workers, len(tasks)) - 1)]
    try:
        work()
    finally:
        jobs.clear()
        for helper in helpers:
            if not helper.cancel():
                helper.result()
    return answers


def _jobs(
    tasks: Sequence[tuple[Network, np.ndarray]], workers: int, answers: list[np.ndarray]
) -> list[Callable[[], None]]:
    """One job a task. Where one task is over when the workers have had the same number each, it is
    begun before all others and ended after them: five networks take two cores two and a half
    rounds, not three (R. McNaughton, 1959: how jobs that can be interrupted are scheduled)."""

    def whole(place: int) -> None:
        network, images = tasks[place]
        answers[place] = network.logits(images)

    jobs: list[Callable[[], None]] = [partial(whole, place) for place in range(len(tasks))]
    network, images = tasks[-1]
    if len(tasks) <= workers or len(tasks) % workers == 0 or network.halves is None:
        return jobs
    first, second = network.halves
    begun: Future[np.ndarray] = Future()

    def begin() -> None:
        try:
            begun.set_result(first(images))
        except BaseException as error:
            begun.set_exception(error)

    def end() -> None:
        answers[-1] = second(begun.result())

    return [begin, *jobs[:-1], end]


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
