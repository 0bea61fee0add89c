"""A network without a graph: it goes on in torch."""

import numpy as np
import torch
from torch import nn

from qtdog import models
from qtdog.inference.members import Half

MOST_PIXELS = 24 * 128 * 128


class TorchNetwork:
    """A fast copy of a network, see `qtdog.models.for_inference`. Any thread may ask."""

    needs_torch = True
    halves: tuple[Half, Half] | None = None
    head: np.ndarray | None = None

    def __init__(self, network: nn.Module, image_size: int) -> None:
        self.images_at_once = max(1, MOST_PIXELS // image_size**2)
        self.weight_bytes = sum(one.nbytes for one in network.parameters())
        self._network = models.for_inference(network)

    @torch.inference_mode()
    def logits(self, images: np.ndarray) -> np.ndarray:
        """(batch, 3, size, size) float32, normalised -> (batch, classes) float32."""
        inputs = torch.from_numpy(images).contiguous(memory_format=torch.channels_last)
        return self._network(inputs).numpy()

    def features(self, images: np.ndarray) -> np.ndarray:
        """There is no `head`."""
        raise NotImplementedError
