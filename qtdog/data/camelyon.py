"""WILDS' Camelyon17 as domain/class/image folders: the hospitals are the domains.

WILDS (Koh et al., ICML 2021) keeps the patches of all hospitals by patient and says in metadata.csv
which hospital ("center") each is from and whether its centre shows a tumor.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from tqdm import tqdm

from qtdog.csv_file import read_lines
from qtdog.data.folders import DataError

FOLDER = "camelyon17_v1.0"
COLUMNS = ("patient", "node", "x_coord", "y_coord", "tumor", "center")
CLASSES = ("normal", "tumor")


def lay_out(wilds: Path, out: Path) -> int:
    """Link every patch of `wilds` to `out`/hospital_<center>/<class>/, and say how many there are.

    `wilds` is WILDS' folder of all datasets or camelyon17_v1.0 in it. No patch is copied; what is
    linked already stays, so a stopped run goes on. Raises DataError for a folder that is not
    WILDS' or lacks patches.
    """
    source = Path(wilds) / FOLDER if (Path(wilds) / FOLDER).is_dir() else Path(wilds)
    patches = list(_patches(source))
    missing = []
    for patch, folder in tqdm(patches, desc="linking", unit="patch"):
        place = out / folder / patch.name
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(patch, place)
        except FileExistsError:
            continue
        except FileNotFoundError:
            missing.append(patch)
        except OSError:  # another disk, or one that has no hard links
            place.symlink_to(patch.resolve())
    if missing:
        raise DataError(
            f"{len(missing):,} patches of {source / 'metadata.csv'} are not there, the first being "
            f"{missing[0].name}: download the dataset again."
        )
    return len(patches)


def download(root: Path) -> None:
    """Have the wilds package fetch its 10 GB into `root`. Raises DataError without the package."""
    try:
        from wilds import get_dataset  # pyright: ignore[reportMissingImports]  # optional
    except ImportError:
        raise DataError(
            'Downloading takes the wilds package: pip install "qtdog[wilds]", or download '
            "camelyon17_v1.0 by hand."
        ) from None
    get_dataset(dataset="camelyon17", root_dir=str(root), download=True)


def _patches(source: Path) -> Iterator[tuple[Path, Path]]:
    """Each patch's file and its "domain/class"."""
    try:
        for line in read_lines(source / "metadata.csv", COLUMNS):
            patient, node, x, y, tumor, center = (line.text(name) for name in COLUMNS)
            slide = f"patient_{patient}_node_{node}"
            patch = source / "patches" / slide / f"patch_{slide}_x_{x}_y_{y}.png"
            yield patch, Path(f"hospital_{int(center)}", CLASSES[int(tumor)])
    except (ValueError, IndexError):
        raise DataError(
            f"{source} is not WILDS' Camelyon17: it needs a metadata.csv with the columns "
            f"{', '.join(COLUMNS)}, and patches/."
        ) from None
