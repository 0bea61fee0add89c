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


def prefers_averaged(built: Path, bits: int) -> bool:
    """Whether source validation prefers QT-DoG's averaged weights to those of one step: by its
    mean over the runs of which `built` has both. Without such a run, no."""
    differences = [
        _source_validation(averaged) - _source_validation(single)
        for single, averaged in (
            (folder, folder.with_name(folder.name.replace("bit-", "bit-averaged-")))
            for folder in sorted(Path(built).glob(f"*/*/qt-dog-{bits}bit-seed*"))
        )
        if averaged.exists()
    ]
    return bool(differences) and float(np.mean(differences)) > 0


def ship(built: Path, dataset: DomainDataset, bits: int, out: Path) -> list[Path]:
    """Copy into `out` what the page shows, and return the new folders.

    For every held-out domain: full precision of seed 0, single and averaged; five QT-DoG members
    of `bits`, single or averaged as source validation prefers, and EoQ of them; QT-DoG of seed 0
    at other bit widths. A domain whose members are not all built yet gets those that are, unless
    `out` has a whole EoQ for it: that stays.
    """
    kind = "-averaged" if prefers_averaged(built, bits) else ""
    new: list[Path] = []
    for domain in dataset.domains:
        source, place = built / dataset.name / domain.name, out / dataset.name / domain.name
        names = ["erm-seed0", "erm-averaged-seed0"]
        names += [f"qt-dog-{width}bit{kind}-seed0" for width in WIDTHS if width != bits]
        members = [f"qt-dog-{bits}bit{kind}-seed{seed}" for seed in range(MEMBERS)]
        members = [name for name in members if (source / name).exists()]
        ensemble = place / f"eoq-{bits}bit"
        if len(members) == MEMBERS:  # members of the other kind make way
            for weights in ("", "-averaged"):
                for old in place.glob(f"qt-dog-{bits}bit{weights}-seed*"):
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
