"""From all checkpoints of a sweep to the set that comes with the program."""

import shutil
from pathlib import Path

import numpy as np

from qtdog import checkpoints
from qtdog.atomic import write_folder_atomically
from qtdog.data import DomainDataset
from qtdog.training.combine import combine

MEMBERS = 5
WIDTHS = range(2, 9)


KINDS = ("qt-dog-{}bit", "qt-dog-{}bit-averaged")
KINDS += ("qt-dog-lsq-fitted-{}bit", "qt-dog-lsq-fitted-{}bit-averaged")
"""What EoQ's members can be: names of checkpoints, but for the bit width and the seed."""


def preferred_kind(built: Path, bits: int) -> str:
    """The one of `KINDS` with the best mean source validation over the held-out domains and seeds
    of which `built` has them all; kinds that are in no run are left out. Of equals the first."""
    places: dict[str, set[tuple[Path, str]]] = {}
    for kind in KINDS:
        name = kind.format(bits)
        found = Path(built).glob(f"*/*/{name}-seed*")
        places[kind] = {(folder.parent, folder.name.removeprefix(name)) for folder in found}
    present = [kind for kind in KINDS if places[kind]] or [KINDS[0]]
    common = sorted(set.intersection(*(places[kind] for kind in present)))
    if not common:
        return KINDS[0]

    def mean(kind: str) -> float:
        folders = [where / f"{kind.format(bits)}{seed}" for where, seed in common]
        return float(np.mean([_source_validation(folder) for folder in folders]))

    return max(present, key=mean)


def ship(built: Path, dataset: DomainDataset, bits: int, out: Path) -> list[Path]:
    """Copy into `out` what the page shows, and return the new folders.

    For every held-out domain: full precision of seed 0, single and averaged; five QT-DoG members
    of `bits`, of the kind that source validation prefers, and EoQ of them; QT-DoG of seed 0 at
    other bit widths. A domain whose members are not all built yet gets those that are, unless
    `out` has a whole EoQ for it: that stays.
    """
    kind = preferred_kind(built, bits)
    new: list[Path] = []
    for domain in dataset.domains:
        source, place = built / dataset.name / domain.name, out / dataset.name / domain.name
        names = ["erm-seed0", "erm-averaged-seed0"]
        names += [f"{kind.format(width)}-seed0" for width in WIDTHS if width != bits]
        members = [f"{kind.format(bits)}-seed{seed}" for seed in range(MEMBERS)]
        members = [name for name in members if (source / name).exists()]
        ensemble = place / f"eoq-{bits}bit"
        if len(members) == MEMBERS:  # members of another kind make way
            for other in KINDS:
                for old in place.glob(f"{other.format(bits)}-seed*"):
                    shutil.rmtree(old)
        if len(members) == MEMBERS or not ensemble.exists():
            names += members
        new += [_copy(source / name, place / name) for name in names if (source / name).exists()]
        if len(members) == MEMBERS:
            combine([place / name for name in members], dataset, ensemble)
            new.append(ensemble)
    return new


def _source_validation(folder: Path) -> float:
    accuracies = checkpoints.load_config(folder).source_validation
    return float(np.mean([accuracy.fraction for accuracy in accuracies]))


def _copy(folder: Path, place: Path) -> Path:
    files = [path for path in folder.iterdir() if path.is_file()]

    def fill(new: Path) -> None:
        for path in files:
            shutil.copyfile(path, new / path.name)

    write_folder_atomically(place, fill)
    return place
