"""What image files lie where below a folder, whatever its layout."""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from qtdog.data.folders import IMAGE_SUFFIXES
from qtdog.system_files import is_system_file, is_system_folder


@dataclass(frozen=True)
class Tree:
    """The images below a folder; what systems add is left out, and what is no image by its name is
    where it lies in no class folder."""

    root: Path
    images: dict[str, dict[str, list[Path]]]
    """Domain -> class -> files, as training reads them, for every folder at these two depths, empty
    ones too."""
    misplaced: Counter[tuple[str, ...]]
    """Images at another depth: the parts of their folder's path below the root -> how many."""
    loops: tuple[Path, ...] = ()
    """Links to a folder that they lie in: they are not followed."""

    @classmethod
    def of(cls, root: Path) -> "Tree":
        """Walk through `root`, links to folders included."""
        root = Path(root)
        images: dict[str, dict[str, list[Path]]] = {}
        misplaced: Counter[tuple[str, ...]] = Counter()
        loops: list[Path] = []
        for parts, files in _walk(root, loops):
            if len(parts) == 1:
                images[parts[0]] = {}
            if len(parts) == 2:
                images[parts[0]][parts[1]] = [root.joinpath(*parts, name) for name in files]
            elif found := [n for n in files if Path(n).suffix.lower() in IMAGE_SUFFIXES]:
                misplaced[parts] += len(found)
        return cls(root, images, misplaced, tuple(loops))

    def paths(self) -> list[Path]:
        """Every image in a class folder."""
        return [
            path for labels in self.images.values() for files in labels.values() for path in files
        ]

    def classes(self) -> set[str]:
        """The classes of all domains, as they are spelled."""
        return {label for labels in self.images.values() for label in labels}


def _walk(root: Path, loops: list[Path]) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    """Each folder's place below `root` and its files, sorted. Links back to a folder above go to
    `loops`; below the class folders no folder is entered twice, however many links lead there."""
    entered: set[Path] = set()
    for place, folders, files in os.walk(root, followlinks=True):
        here = Path(place)
        parts = here.relative_to(root).parts
        above = {here.resolve(), *here.resolve().parents}
        chosen = []
        for name in sorted(name for name in folders if not is_system_folder(name)):
            real = (here / name).resolve()
            if real in above:
                loops.append(here / name)
            elif len(parts) < 2 or real not in entered:
                chosen.append(name)
                entered |= {real} if len(parts) >= 2 else set()
        folders[:] = chosen
        yield parts, sorted(name for name in files if not is_system_file(name))
