"""How an image enters a network, in numpy: the same numbers as `qtdog.models.to_network_input`."""

from collections.abc import Sequence

import numpy as np
from PIL import Image


def resize(image: Image.Image, size: int) -> np.ndarray:
    """An RGB image squashed to (size, size, 3) uint8, as DomainBed does; the same everywhere."""
    return np.asarray(image.resize((size, size), Image.Resampling.BILINEAR))


def network_input(pixels: np.ndarray, mean: Sequence[float], std: Sequence[float]) -> np.ndarray:
    """(batch, h, w, 3) uint8 -> (batch, 3, h, w) float32, normalised."""
    scaled = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2)).astype(np.float32)
    scaled /= np.float32(255)
    scaled -= np.asarray(mean, np.float32).reshape(1, 3, 1, 1)
    scaled /= np.asarray(std, np.float32).reshape(1, 3, 1, 1)
    return scaled
