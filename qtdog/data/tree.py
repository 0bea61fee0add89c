"""What image files lie where below a folder, whatever its layout."""

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from qtdog.data.folders import IMAGE_SUFFIXES


@dataclass(frozen=True)
class Tree:
    """The images below a folder; hidden folders and other files are left out."""

    root: Path
    images: dict[str, dict[str, list[Path]]]
    """Domain -> class -> image files, for every folder at these two depths, empty ones too."""
    misplaced: Counter[tuple[str, ...]]
    """Images at another depth: the parts of their folder's path below the root -> how many."""

    @classmethod
    def of(cls, root: Path) -> "Tree":
        """Walk through `root`, links to folders included."""
        images: dict[str, dict[str, list[Path]]] = {}
        misplaced: Counter[tuple[str, ...]] = Counter()
        for place, folders, files in os.walk(root, followlinks=True):
            folders[:] = sorted(name for name in folders if name[0] != ".")
            parts = Path(place).relative_to(root).parts
            found = sorted(name for name in files if Path(name).suffix.lower() in IMAGE_SUFFIXES)
            if len(parts) == 1:
                images[parts[0]] = {}
            if len(parts) == 2:
                images[parts[0]][parts[1]] = [Path(place, name) for name in found]
            elif found:
                misplaced[parts] += len(found)
        return cls(Path(root), images, misplaced)

    def paths(self) -> list[Path]:
        """Every image in a class folder."""
        return [
            path for labels in self.images.values() for files in labels.values() for path in files
        ]

    def classes(self) -> set[str]:
        """The classes of all domains, as they are spelled."""
        return {label for labels in self.images.values() for label in labels}
