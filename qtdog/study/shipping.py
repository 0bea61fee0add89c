"""From all checkpoints of a sweep to the set that comes with the program."""

import shutil
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from qtdog import checkpoints
from qtdog.data import DomainDataset
from qtdog.files import write_folder_atomically
from qtdog.study.members import SECOND_KINDS, WEIGHT_KINDS, MemberKind
from qtdog.study.rows import MEMBERS
from qtdog.training import combine

WIDTHS = range(2, 9)


@dataclass(frozen=True)
class _Shipment:
    """What goes from a sweep's folder of one held-out domain to the set's."""

    source: Path
    place: Path
    names: tuple[str, ...]
    members: tuple[str, ...]
    """All that EoQ is made of, or none: then there is no EoQ to make."""
    making_way: tuple[str, ...]
    """Members of another kind that are in the set."""


def ship(
    built: Path,
    kind: MemberKind,
    dataset: DomainDataset,
    bits: int,
    out: Path,
    replace: bool = False,
) -> list[Path]:
    """Copy into `out` what the page shows, and return the new folders.

    For every held-out domain: full precision of seed 0, single and averaged; five QT-DoG members
    of `bits`, all of `kind`, and EoQ of them; QT-DoG of seed 0 at other bit widths. A domain whose
    members are not all built yet gets those that are, unless `out` has a whole EoQ for it: that
    stays. Raises ValueError, before anything is copied, where checkpoints of other runs or members
    of another kind would go; with `replace` they go.
    """
    places = Path(dataset.name)
    shipments = [
        _shipment(built / places / one.name, out / places / one.name, kind, bits)
        for one in dataset.domains
    ]
    for shipment in shipments:
        _require_free(shipment, replace)
    new: list[Path] = []
    for one in shipments:
        for name in one.making_way:
            shutil.rmtree(one.place / name)
        new += [_copy(one.source / name, one.place / name) for name in one.names]
        if one.members:
            ensemble = one.place / f"eoq-{bits}bit"
            combine([one.place / name for name in one.members], dataset, ensemble, replace)
            new.append(ensemble)
    return new


def _shipment(source: Path, place: Path, kind: MemberKind, bits: int) -> _Shipment:
    names = ["erm-seed0", "erm-averaged-seed0"]
    names += [kind.checkpoint(width, 0) for width in WIDTHS if width != bits]
    members = [kind.checkpoint(bits, seed) for seed in range(MEMBERS)]
    members = [name for name in members if (source / name).exists()]
    whole = len(members) == MEMBERS
    if whole or not (place / f"eoq-{bits}bit").exists():
        names += members
    names = [name for name in names if (source / name).exists()]
    others = {
        kind.checkpoint(bits, seed)
        for kind, seed in product((*WEIGHT_KINDS, *SECOND_KINDS), range(MEMBERS))
    }
    making_way = [name for name in sorted(others - {*members}) if (place / name).exists()]
    if not whole:
        return _Shipment(source, place, tuple(names), (), ())
    return _Shipment(source, place, tuple(names), tuple(members), tuple(making_way))


def _require_free(shipment: _Shipment, replace: bool) -> None:
    for name in shipment.names:
        folder = shipment.place / name
        checkpoints.require_place(folder)
        if not replace:
            checkpoints.require_same_run(
                folder, checkpoints.load_config(shipment.source / name).identity
            )
    if shipment.making_way and not replace:
        raise ValueError(
            f"{shipment.place} has {shipment.making_way[0]}, a member of another kind, which would "
            "be removed: give --replace, or choose another folder."
        )


def _copy(folder: Path, place: Path) -> Path:
    files = [path for path in folder.iterdir() if path.is_file()]

    def fill(new: Path) -> None:
        for path in files:
            shutil.copyfile(path, new / path.name)

    write_folder_atomically(place, fill)
    return place
