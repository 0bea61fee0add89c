"""Whether the images at hand are those that a checkpoint was trained on."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from qtdog.checkpoints import Checkpoint, CheckpointConfig, TrainingRecord
from qtdog.data import DataError, DomainDataset
from qtdog.inference import StoredModel

# The content of the domains of data that older checkpoints state one fingerprint of, taken later
# from the same images: `DomainDataset.sampled_fingerprint` -> domain -> `Domain.fingerprint`.
CONTENT_OF_OLDER_DATA = {
    "9bd018b70555f0e8": {
        "art_painting": "c23d621fa113fa547cecc1af3350c94b",
        "cartoon": "c9ffb289dd5fa6685e904cc399456de8",
        "photo": "b56bf807554552580eef7400bd6c5d26",
        "sketch": "be1768dff74b98bd9f4091e7dcaa06c2",
    },
}


def training_of(checkpoint: Checkpoint | StoredModel) -> TrainingRecord | None:
    """How a checkpoint was trained; of EoQ, how its first member was, on the data of all."""
    singles = checkpoint.members or (checkpoint,)
    return singles[0].config.training


def known_domains(
    config: CheckpointConfig, training: TrainingRecord | None, dataset: DomainDataset
) -> dict[str, str]:
    """Domains of `dataset` whose images a checkpoint was trained on or tested with -> what each
    was called then.

    They are known by content, one by one, and may lack classes of the checkpoint's. Of older
    checkpoints, which state one fingerprint for all, those of `CONTENT_OF_OLDER_DATA` too, others
    only where all domains are there at the checkpoint's image size. A checkpoint that states none
    is taken at its word that its data are those of that name.
    """
    names = (*config.source_domains, config.target_domain)
    if training is None or not set(dataset.classes) <= set(config.classes):
        return {}
    dataset = labelled_by(dataset, config.classes)
    stated = dict(CONTENT_OF_OLDER_DATA.get(training.data_fingerprint, {}))
    if training.domain_fingerprints:
        stated = dict(zip(names, training.domain_fingerprints, strict=True))
    if stated:
        found = {}
        for domain in dataset.domains:
            content = domain.fingerprint()
            same = [name for name in names if stated.get(name) == content]
            if same:
                found[domain.name] = domain.name if domain.name in same else same[0]
        return found
    if training.data_fingerprint:
        same_data = dataset.sampled_fingerprint(config.dataset) == training.data_fingerprint
    else:
        same_data = dataset.name == config.dataset
    return {one.name: one.name for one in dataset.domains if same_data and one.name in names}


def labelled_by(dataset: DomainDataset, classes: tuple[str, ...]) -> DomainDataset:
    """The same images, labelled by `classes`, which hold all of the dataset's."""
    if dataset.classes == classes:
        return dataset
    places = np.array([classes.index(name) for name in dataset.classes], np.int64)
    domains = tuple(replace(one, labels=places[one.labels]) for one in dataset.domains)
    return replace(dataset, classes=classes, domains=domains)


def require_training_data(
    folder: Path, config: CheckpointConfig, training: TrainingRecord | None, dataset: DomainDataset
) -> None:
    """Raises DataError unless `dataset` is what the checkpoint in `folder` was trained on."""
    if (dataset.name, dataset.classes) != (config.dataset, config.classes):
        raise DataError(
            f"{folder} was trained on {config.dataset} with the classes "
            f"{', '.join(config.classes)}; the data given are {dataset.name} with "
            f"{', '.join(dataset.classes)}."
        )
    known = known_domains(config, training, dataset)
    if other := [one.name for one in dataset.domains if known.get(one.name) != one.name]:
        raise DataError(
            f"{folder} was trained on {config.dataset}, but not, or not only, on the images that "
            f"are now in {', '.join(other)} of it."
        )


def misleading_names(
    config: CheckpointConfig, dataset: DomainDataset, known: dict[str, str]
) -> str:
    """What has to be said of data that are not what their names suggest; "" if nothing."""
    if known and dataset.name != config.dataset:
        return (
            f"{dataset.name} holds the images of {config.dataset} that were trained on, which "
            "would be scored as new ones: source domains count with what training held out."
        )
    alike = [
        one.name
        for one in dataset.domains
        if one.name not in known and one.name in config.source_domains
    ]
    if alike:
        return (
            f"{', '.join(alike)} of {dataset.name}: called like domains that were trained on, but "
            "not, or not all, the same images. They count as new ones and are not compared; where "
            "training images are among them, the figures are too high."
        )
    return ""
