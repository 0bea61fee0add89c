"""One run's images: what it trains on, what chooses, what is held out."""

from dataclasses import dataclass

import numpy as np

from qtdog import data
from qtdog.data import Domain, split
from qtdog.training import parallel
from qtdog.training.config import TrainConfig


@dataclass(frozen=True)
class RunData:
    """One run's images: source training splits, source validation splits, the target."""

    name: str
    classes: tuple[str, ...]
    source_training: tuple[Domain, ...]  # at config.stored_size, for random crops
    source_validation: tuple[Domain, ...]  # at config.image_size
    target: Domain  # at config.image_size, all images
    fingerprint: str
    target_in: np.ndarray | None = None
    """Rows of the target's 80 % that DomainBed reports, where the split is DomainBed's."""


def load_run_data(config: TrainConfig) -> RunData:
    """Read the images of a run. Raises DataError or ValueError with one clear sentence."""
    parallel.rows(1, config.images_per_domain)  # raises before anything is read
    with parallel.first_on_each_machine():
        large = data.load(config.data, config.stored_size)
        exact = data.load(config.data, config.image_size)
    training, validation = [], []
    for big, small in zip(
        large.sources(config.target_domain), exact.sources(config.target_domain), strict=True
    ):
        train_rows, validation_rows = split(exact, small.name, config.seed, config.split)
        training.append(big.subset(train_rows))
        validation.append(small.subset(validation_rows))
    return RunData(
        exact.name,
        exact.classes,
        tuple(training),
        tuple(validation),
        exact.domain(config.target_domain),
        exact.fingerprint(),
        split(exact, config.target_domain, config.seed, config.split)[0]
        if config.split == "domainbed"
        else None,
    )
