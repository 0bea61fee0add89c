"""What a checkpoint says of how its images were changed in training."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Augmentation:
    """How far images are changed in training. `crop_area` is the smallest share of the area."""

    crop_area: float = 0.7
    crop_ratio: float = 4 / 3
    flip: bool = True
    jitter: float = 0.3
    grey: float = 0.1
