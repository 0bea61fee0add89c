"""Loss and accuracy at many points of weight space, on the same images.

A small network gains little from a second core within one forward, so every core takes whole
points, each computed by one thread: the numbers do not depend on how many cores there are.
"""

import copy
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from queue import SimpleQueue

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from qtdog import cores
from qtdog.data import Images
from qtdog.landscape.records import Reading
from qtdog.landscape.space import WeightPoint, bind
from qtdog.models import to_network_input

# On the processor small batches are faster: their activations stay in its cache.
BATCH_CPU, BATCH_GPU = 16, 256
DECIMALS = 6

MakeVector = Callable[[], Tensor]
"""Makes the (parameters,) vector of one point; called in the thread that measures it."""


class LossMeter:
    """Mean cross-entropy and the number of right answers on `images` (n, size, size, 3) uint8; with
    a `temperature` also the cross-entropy of the logits divided by it.

    `network` gives the architecture; the weights come with every point. Close it after use, or
    use it in a `with` block.
    """

    def __init__(
        self,
        network: WeightPoint,
        images: Images,
        labels: np.ndarray,
        mean: Sequence[float],
        std: Sequence[float],
        temperature: float | None = None,
    ) -> None:
        self.temperature = temperature
        gpu = torch.cuda.is_available()
        device = torch.device("cuda" if gpu else "cpu")
        pixels = torch.from_numpy(np.array(images)).to(device)
        size = BATCH_GPU if gpu else BATCH_CPU
        self.count = len(labels)
        self._batches = [
            (
                # With channels last, convolutions on the processor take less time.
                to_network_input(pixels[start : start + size], mean, std).contiguous(
                    memory_format=torch.channels_last
                ),
                torch.from_numpy(np.array(labels[start : start + size])).to(device),
            )
            for start in range(0, self.count, size)
        ]
        self.workers = 1 if gpu else cores.count()
        # Threads take a network each, with the vector that its weights are views of.
        self._networks: SimpleQueue = SimpleQueue()
        for _ in range(self.workers):
            own = copy.deepcopy(network.network).to(device)
            self._networks.put((own, bind(own, network.blocks)))
        self._pool = cores.pool(self.workers, "landscape")

    def __enter__(self) -> "LossMeter":
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def read(self, points: Iterable[MakeVector]) -> Iterator[Reading]:
        """The readings of `points`, in their order, as they come."""
        waiting: deque = deque()
        for make in points:
            waiting.append(self._pool.submit(self._read_one, make))
            if len(waiting) > self.workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

    @torch.inference_mode()
    def _read_one(self, make: MakeVector) -> Reading:
        vector = make()
        network, weights = self._networks.get()
        try:
            weights.copy_(vector)
            loss, correct, tempered = 0.0, 0, 0.0
            for images, labels in self._batches:
                logits = network(images).double()
                loss += float(F.cross_entropy(logits, labels, reduction="sum"))
                correct += int((logits.argmax(1) == labels).sum())
                if self.temperature:
                    calm = logits / self.temperature
                    tempered += float(F.cross_entropy(calm, labels, reduction="sum"))
        finally:
            self._networks.put((network, weights))
        if not np.isfinite(loss):
            raise ValueError("The loss is not finite this far from the network: use less distance.")
        mean, calm_mean = (round(one / self.count, DECIMALS) for one in (loss, tempered))
        return Reading(mean, correct, calm_mean if self.temperature else None)
