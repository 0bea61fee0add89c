"""A network without a graph: it goes on in torch."""

import numpy as np
import torch
from torch import nn

from qtdog import models
from qtdog.inference.members import Half

MOST_PIXELS = 24 * 128 * 128


class TorchNetwork:
    """A network as it is, or a frozen copy, see `qtdog.models.for_inference`, which takes as long
    to make as some hundred answers: for a `few` it does not pay. Any thread may ask."""

    needs_torch = True
    halves: tuple[Half, Half] | None = None
    head: np.ndarray | None = None

    def __init__(self, network: nn.Module, image_size: int, few: bool = False) -> None:
        self.images_at_once = max(1, MOST_PIXELS // image_size**2)
        self.weight_bytes = sum(one.nbytes for one in network.parameters())
        self._network = network if few else models.for_inference(network, image_size)
        for _ in () if few else range(2):  # a frozen graph settles in its first runs
            self.logits(np.zeros((1, 3, image_size, image_size), np.float32))

    @torch.inference_mode()
    def logits(self, images: np.ndarray) -> np.ndarray:
        """(batch, 3, size, size) float32, normalised -> (batch, classes) float32."""
        inputs = torch.from_numpy(images).contiguous(memory_format=torch.channels_last)
        return self._network(inputs).numpy()

    def features(self, images: np.ndarray) -> np.ndarray:
        """There is no `head`."""
        raise NotImplementedError
