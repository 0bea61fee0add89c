"""The scale on which a network sees pixels."""

from typing import NamedTuple


class Normalization(NamedTuple):
    """A pixel p in 0..1 enters a network as (p - mean) / std, channel by channel (R, G, B)."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]


IMAGENET = Normalization((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
