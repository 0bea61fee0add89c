"""Datasets of several domains: folders of images, or the built-in rotated digits."""

from pathlib import Path

from qtdog.data.digits import NAME as ROTATED_DIGITS
from qtdog.data.digits import rotated_digits
from qtdog.data.domains import Domain, DomainDataset
from qtdog.data.folders import DataError, load_folder
from qtdog.data.splits import SplitRule, split, split_rows

__all__ = [
    "ROTATED_DIGITS",
    "DataError",
    "Domain",
    "DomainDataset",
    "SplitRule",
    "load",
    "load_folder",
    "split",
    "split_rows",
]


def load(data: str, image_size: int) -> DomainDataset:
    """`data` is "rotated_digits" or a folder laid out as domain/class/image."""
    if data == ROTATED_DIGITS:
        return rotated_digits(image_size)
    return load_folder(Path(data), image_size)
