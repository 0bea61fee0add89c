"""Git LFS keeps large files elsewhere; a clone without it has small text files in their place."""

from pathlib import Path

START = b"version https://git-lfs.github.com/spec/"
WHAT_TO_DO = "a Git LFS pointer in place of the file: run 'git lfs pull'"


def is_pointer_file(path: Path) -> bool:
    """Whether the file at `path` is one; False where it cannot be read."""
    try:
        with path.open("rb") as handle:
            return is_pointer(handle.read(len(START)))
    except OSError:
        return False


def is_pointer(content: bytes) -> bool:
    """Whether a file with this content, or this beginning, is such a text."""
    return content.startswith(START)
