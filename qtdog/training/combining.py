"""EoQ's checkpoint: members that are on disk already, evaluated together."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from qtdog import checkpoints
from qtdog.checkpoints import CheckpointConfig
from qtdog.data import DomainDataset
from qtdog.evaluation import domain_accuracy, require_training_data
from qtdog.inference import Ensemble


def combine(
    members: Sequence[Path], dataset: DomainDataset, folder: Path, replace: bool = False
) -> CheckpointConfig:
    """Write an EoQ checkpoint of QT-DoG checkpoint folders and return its config.

    `dataset` holds the target domain at the members' image size. Raises DataError for data that are
    not those which a member was trained on and tested with, and ValueError when members differ in
    anything but their seeds, or not even in those, and where `folder` is there and is not EoQ of
    the same members; with `replace`, of others.
    """
    first = check_members(members)
    _require_free(folder, members, replace)
    loaded = [checkpoints.load(member) for member in members]
    for member in loaded:
        require_training_data(member.folder, member.config, member.config.training, dataset)
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


def check_members(members: Sequence[Path]) -> CheckpointConfig:
    """The first member's config. Raises ValueError for checkpoints that make no ensemble, as
    `combine` does: before weights and images are read."""
    if len(members) < 2:
        raise ValueError("An ensemble takes at least two checkpoints.")
    configs = [checkpoints.load_config(member) for member in members]
    first = configs[0]
    for member, config in zip(members, configs, strict=True):
        if config.method != "qt-dog":
            raise ValueError(f"{member} is not a QT-DoG checkpoint: EoQ takes only those.")
        if unequal := checkpoints.differing_fields(config, first):
            raise ValueError(f"{member} differs from {members[0]} in {unequal[0]}.")
        if differing := _difference(config, first):
            raise ValueError(
                f"{member} is of another run than {members[0]}, with {differing}: an "
                "ensemble's members differ in their seeds alone."
            )
    seeds = [config.training.seed for config in configs if config.training]
    if len(set(seeds)) < len(seeds):
        raise ValueError("Two of the checkpoints are of the same seed: each takes one of its own.")
    return first


def _require_free(folder: Path, members: Sequence[Path], replace: bool) -> None:
    checkpoints.require_place(folder)
    if not any(folder.glob("*")):
        return
    there = checkpoints.load_config(folder)
    if there.method != "eoq":
        raise ValueError(f"{folder} is a checkpoint, but no EoQ: choose another folder.")
    named = [checkpoints.member_path(member, folder) for member in members]
    if not replace and sorted(file.path for file in there.files) != sorted(named):
        raise ValueError(
            f"{folder} is EoQ of other members: give --replace to write over it, or choose another "
            "folder."
        )


def _difference(config: CheckpointConfig, first: CheckpointConfig) -> str:
    """What but the seed differs in the runs of two checkpoints; "" if nothing."""
    if config.left_out != first.left_out:  # older identities do not name them
        return f"the layers {', '.join(config.left_out)} left out instead of " + ", ".join(
            first.left_out
        )
    one, other = config.identity, first.identity
    return one.difference(other, ("seed",)) if one and other else ""
