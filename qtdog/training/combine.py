"""EoQ's checkpoint: members that are on disk already, evaluated together."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from qtdog import checkpoints
from qtdog.checkpoints import CheckpointConfig
from qtdog.data import DomainDataset
from qtdog.ensemble import Ensemble
from qtdog.evaluation import domain_accuracy


def combine(members: Sequence[Path], dataset: DomainDataset, folder: Path) -> CheckpointConfig:
    """Write an EoQ checkpoint of QT-DoG checkpoint folders and return its config.

    `dataset` holds the target domain at the members' image size. Raises ValueError when members
    differ in what an ensemble must share.
    """
    if len(members) < 2:
        raise ValueError("An ensemble takes at least two checkpoints.")
    loaded = [checkpoints.load(member) for member in members]
    first = loaded[0].config
    for member in loaded:
        if member.config.method != "qt-dog":
            raise ValueError(f"{member.folder} is not a QT-DoG checkpoint: EoQ takes only those.")
        if unequal := checkpoints.differing_fields(member.config, first):
            raise ValueError(f"{member.folder} differs from {members[0]} in {unequal[0]}.")
    network = Ensemble([network for member in loaded for network in member.networks])
    target = dataset.domain(first.target_domain)
    config = dataclasses.replace(
        first,
        method="eoq",
        source_validation=(),
        target=domain_accuracy(network, target, first.mean, first.std),
        training=None,
        target_in=None,  # the members' seeds split the target differently
    )
    checkpoints.save_ensemble(folder, members, config)
    return checkpoints.load_config(folder)
