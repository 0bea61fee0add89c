"""One run's images: what it trains on, what chooses, what is held out."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qtdog import data
from qtdog.checkpoints import RunIdentity
from qtdog.data import DataError, Domain, training_and_validation_rows
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
    """`DomainDataset.fingerprint`."""
    target_in: np.ndarray | None = None
    """Rows of the target's 80 % that DomainBed reports, where the split is DomainBed's."""
    sampled_fingerprint: str | None = None
    """`DomainDataset.sampled_fingerprint`, which older runs' are compared with."""
    domain_fingerprints: tuple[str, ...] = ()
    """Of the source domains and, last, the target: by them evaluation knows their images again."""

    def identity(self, config: TrainConfig) -> RunIdentity:
        """Of a run on these data."""
        return config.identity(self.fingerprint, self.sampled_fingerprint)


def class_notice(classes: Sequence[str], sources: Sequence[Domain], target: str) -> str:
    """Which classes are seen in which of the domains that are trained on, where some lack some; ""
    where none does. Raises DataError for a class that is in none of them."""
    seen = {
        name: [one.name for one in sources if (one.labels == label).any()]
        for label, name in enumerate(classes)
    }
    if unseen := [name for name, places in seen.items() if not places]:
        raise DataError(
            f"No source domain has an image of {', '.join(unseen)} to train on: add some, or leave "
            f"the class out of {target} too."
        )
    lines = [
        f"  {name}: {', '.join(places)}"
        for name, places in seen.items()
        if len(places) < len(sources)
    ]
    start = "Not every source domain has every class to train on; these are seen in"
    return "\n".join([f"{start}:", *lines]) if lines else ""


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
        train_rows, validation_rows = training_and_validation_rows(
            exact, small.name, config.seed, config.split
        )
        if not len(validation_rows):
            raise DataError(
                f"The domain {small.name} has {len(small)} images, too few to hold some out: a "
                "source domain takes at least five."
            )
        training.append(big.subset(train_rows))
        validation.append(small.subset(validation_rows))
    notice = class_notice(exact.classes, training, config.target_domain)
    if notice and parallel.leads():
        print(notice, file=sys.stderr)
    return RunData(
        exact.name,
        exact.classes,
        tuple(training),
        tuple(validation),
        exact.domain(config.target_domain),
        exact.fingerprint(),
        training_and_validation_rows(exact, config.target_domain, config.seed, config.split)[0]
        if config.split == "domainbed"
        else None,
        exact.sampled_fingerprint(),
        tuple(
            domain.fingerprint()
            for domain in (
                *exact.sources(config.target_domain),
                exact.domain(config.target_domain),
            )
        ),
    )
