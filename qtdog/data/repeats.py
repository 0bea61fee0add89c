"""Images that lie in more than one domain or class: the held-out domain would not be unseen."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable
from pathlib import Path

from qtdog.data.tree import Tree

FIRST_BYTES = 4096


def repeated(tree: Tree) -> list[list[Path]]:
    """Groups of files of equal content that are not all of one domain and class.

    Only files of equal size are read, and whole only those that begin alike.
    """
    groups = [tree.paths()]
    for key in (_size, _start, _content):
        groups = [part for group in groups for part in _parts(group, key)]
    return groups


def _parts(paths: Iterable[Path], key: Callable[[Path], Hashable]) -> list[list[Path]]:
    """The files that share their key with one of another class folder."""
    by_key: dict[Hashable, list[Path]] = defaultdict(list)
    for path in paths:
        try:
            by_key[key(path)].append(path)
        except OSError:  # it is among the unreadable ones
            continue
    return [group for group in by_key.values() if len({path.parent for path in group}) > 1]


def _size(path: Path) -> int:
    return path.stat().st_size


def _start(path: Path) -> bytes:
    with path.open("rb") as handle:
        return hashlib.blake2b(handle.read(FIRST_BYTES)).digest()


def _content(path: Path) -> bytes:
    digest = hashlib.blake2b()
    with path.open("rb") as handle:
        while part := handle.read(1 << 20):
            digest.update(part)
    return digest.digest()
