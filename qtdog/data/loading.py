"""A dataset of several domains by its name or folder."""

from pathlib import Path

from qtdog.data.digits import DOMAINS as DIGIT_DOMAINS
from qtdog.data.digits import NAME as ROTATED_DIGITS
from qtdog.data.digits import rotated_digits
from qtdog.data.domains import DomainDataset
from qtdog.data.folders import folder_domains, load_folder


def domain_names(data: str) -> tuple[str, ...]:
    """The domains of what `load` reads, without reading any image. Raises DataError."""
    if data == ROTATED_DIGITS:
        return DIGIT_DOMAINS
    return folder_domains(Path(data))


def load(data: str, image_size: int, fewest: int = 2) -> DomainDataset:
    """`data` is "rotated_digits" or a folder laid out as domain/class/image, with at least `fewest`
    domains and classes."""
    if data == ROTATED_DIGITS:
        return rotated_digits(image_size)
    return load_folder(Path(data), image_size, fewest=fewest)
