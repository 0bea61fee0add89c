"""The checkpoints whose landscapes can be measured: single networks of one held-out domain, and
ensembles of them, of which a random plane is measured."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from qtdog import checkpoints
from qtdog.checkpoints import (
    CHECKPOINT_NAMES,
    FULL_PRECISION_BITS,
    Checkpoint,
    CheckpointConfig,
    CheckpointError,
    TrainingRecord,
)
from qtdog.landscape.records import ModelReference, Provenance
from qtdog.method_names import method_name
from qtdog.provenance import code_version, processor

if TYPE_CHECKING:
    from qtdog.landscape.space import WeightPoint

EOQ = "eoq"


@dataclass(frozen=True)
class Subject:
    """A checkpoint of a single network, or of EoQ (see `ensembles`)."""

    folder: Path
    config: CheckpointConfig
    model: ModelReference
    training: TrainingRecord
    """Of EoQ, the first member's."""

    def load(self, round_again: bool = False) -> WeightPoint:
        """Its network as a point of weight space (see `point_of`). Raises CheckpointError."""
        return point_of(checkpoints.load(self.folder), round_again)


def point_of(checkpoint: Checkpoint, round_again: bool = False) -> WeightPoint:
    """A single network as a point of weight space; with `round_again` a quantized one whose moved
    weights are rounded to its own levels before the loss is measured. Of an ensemble, all its
    members' weights."""
    from qtdog.landscape.space import ensemble_point, rounded_point, weight_point

    if checkpoint.members:
        return ensemble_point(checkpoint.networks)
    (network,) = checkpoint.networks
    if round_again and checkpoint.grids:
        return rounded_point(network, checkpoint.grids)
    return weight_point(network)


def subjects(folders: Sequence[Path]) -> list[Subject]:
    """The single networks among these checkpoints, full precision first, then by bits and seed.

    Unreadable ones are left out: whoever loads them is told why.
    """
    found = []
    for folder in folders:
        try:
            config = checkpoints.load_config(folder)
        except CheckpointError:
            continue
        if config.training is not None and len(config.files) == 1:
            found.append(Subject(folder, config, reference(folder.name, config), config.training))
    return sorted(found, key=lambda subject: order(subject.model))


def ensembles(folders: Sequence[Path]) -> list[Subject]:
    """The ensembles among these checkpoints whose members can be read, in order."""
    found = []
    for folder in folders:
        try:
            config = checkpoints.load_config(folder)
            ensemble = config.method == EOQ
            read = checkpoints.member_configs(folder, config) if ensemble else ()
            members = [named for _, named in read]
        except CheckpointError:
            continue
        if members:
            sha256 = checkpoints.joint_sha256([one.files[0].sha256 for one in members])
            seed = min(one.own_training.seed for one in members)
            model = ModelReference(folder.name, EOQ, config.bits, False, seed, sha256)
            found.append(Subject(folder, config, model, members[0].own_training))
    return sorted(found, key=lambda subject: order(subject.model))


def reference(name: str, config: CheckpointConfig) -> ModelReference:
    """How a record names the checkpoint of a single network. One with another DG method in it, or
    with INQ, has that method's name, so that it is never taken for ERM or QT-DoG alone."""
    averaging = config.averaging if config.averaged else "sma"
    named = method_name(config.method, config.objective, averaging, config.quantizer)
    method = named if config.added_methods or config.quantizer == "inq" else config.method
    seed, sha256 = config.own_training.seed, config.files[0].sha256
    how = (config.bits, config.averaged, seed, sha256, config.refitted)
    return ModelReference(name, method, *how)


def side_by_side(found: Sequence[Subject]) -> list[Subject]:
    """Up to three to begin with: ERM, QT-DoG and averaged ERM of one seed, or the first ones."""
    chosen = list(same_trunk(found) or same_trunk(found, averaged=False) or ())
    chosen += [one for one in found if one not in chosen]
    return sorted(chosen[:3], key=lambda one: order(one.model))


def order(model: ModelReference) -> tuple:
    """Sorts models as they are shown: full precision first, ensembles last, seeds together."""
    return (
        model.method != "erm",
        model.method == EOQ,
        model.method,
        model.averaged,
        model.refitted,
        -model.bits,
        model.seed,
        model.name,
    )


def same_trunk(found: Sequence[Subject], averaged: bool = True) -> tuple[Subject, ...] | None:
    """ERM and QT-DoG of one seed, which share their steps up to quantization; of the lowest seed
    for which all are there, else None. QT-DoG's bit width is the one that most of its checkpoints
    have. The weights of both are those of one step, or averaged where only those of QT-DoG are at
    hand; with `averaged`, ERM's other weights are the third."""
    widths = Counter(one.model.bits for one in found if one.model.method == "qt-dog")
    bits = {"erm": FULL_PRECISION_BITS, "qt-dog": max(widths, key=widths.__getitem__, default=0)}
    at_hand = {
        (one.model.method, one.model.averaged, one.model.seed): one
        for one in found
        if one.model.bits == bits.get(one.model.method)
    }
    for seed in sorted({one.model.seed for one in found}):
        mean = ("qt-dog", False, seed) not in at_hand
        wanted = [("erm", mean, seed), ("qt-dog", mean, seed)]
        wanted += [("erm", not mean, seed)] if averaged else []
        if all(kind in at_hand for kind in wanted):
            return tuple(at_hand[kind] for kind in wanted)
    return None


def title(model: ModelReference) -> str:
    """ "Full precision, averaged, seed 0", "QT-DoG, 7 bits, seed 1" or "EoQ, 7 bits"."""
    name = CHECKPOINT_NAMES.get(model.method, model.method)
    parts = [name + (" (refitted)" if model.refitted else "")]
    parts += [f"{model.bits} bits"] if model.bits != FULL_PRECISION_BITS else []
    parts += ["averaged"] if model.averaged else []
    return ", ".join(parts if model.method == EOQ else [*parts, f"seed {model.seed}"])


@lru_cache
def provenance() -> Provenance:
    """This code, this machine."""
    import torch
    import torchvision

    versions = (
        f"Python {platform.python_version()}, torch {torch.__version__}, "
        f"torchvision {torchvision.__version__}"
    )
    return Provenance(code_version(), processor(), versions)
