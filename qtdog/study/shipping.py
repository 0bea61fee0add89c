"""From all checkpoints of a sweep to the set that comes with the program."""

import shutil
from itertools import product
from pathlib import Path

from qtdog.data import DomainDataset
from qtdog.files import write_folder_atomically
from qtdog.study.members import SECOND_KINDS, WEIGHT_KINDS, MemberKind
from qtdog.study.rows import MEMBERS
from qtdog.training import combine

WIDTHS = range(2, 9)


def ship(built: Path, kind: MemberKind, dataset: DomainDataset, bits: int, out: Path) -> list[Path]:
    """Copy into `out` what the page shows, and return the new folders.

    For every held-out domain: full precision of seed 0, single and averaged; five QT-DoG members
    of `bits`, all of `kind`, and EoQ of them; QT-DoG of seed 0 at other bit widths. A domain whose
    members are not all built yet gets those that are, unless `out` has a whole EoQ for it: that
    stays.
    """
    new: list[Path] = []
    for domain in dataset.domains:
        source, place = built / dataset.name / domain.name, out / dataset.name / domain.name
        names = ["erm-seed0", "erm-averaged-seed0"]
        names += [kind.checkpoint(width, 0) for width in WIDTHS if width != bits]
        members = [kind.checkpoint(bits, seed) for seed in range(MEMBERS)]
        members = [name for name in members if (source / name).exists()]
        ensemble = place / f"eoq-{bits}bit"
        if len(members) == MEMBERS:  # members of another kind make way
            for other, seed in product((*WEIGHT_KINDS, *SECOND_KINDS), range(MEMBERS)):
                shutil.rmtree(place / other.checkpoint(bits, seed), ignore_errors=True)
        if len(members) == MEMBERS or not ensemble.exists():
            names += members
        new += [_copy(source / name, place / name) for name in names if (source / name).exists()]
        if len(members) == MEMBERS:
            combine([place / name for name in members], dataset, ensemble)
            new.append(ensemble)
    return new


def _copy(folder: Path, place: Path) -> Path:
    files = [path for path in folder.iterdir() if path.is_file()]

    def fill(new: Path) -> None:
        for path in files:
            shutil.copyfile(path, new / path.name)

    write_folder_atomically(place, fill)
    return place
