"""Which of the processes that share a folder of unfinished work does a piece of it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from qtdog.file_lock import lock


@contextmanager
def claimed(path: Path) -> Iterator[bool]:
    """Whether this process alone has the lock at `path`; a killed process has none.

    Where files cannot be locked at all the claim is granted with a warning.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        try:
            mine = lock(file)
        except OSError as error:
            mine = True
            print(
                f"{path.parent} cannot be locked ({error.strerror}): "
                "do not start the same work in two processes.",
                file=sys.stderr,
            )
        yield mine
