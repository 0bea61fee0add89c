"""Which of the processes that share a folder of unfinished work does a piece of it."""

import fcntl
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def claimed(path: Path) -> Iterator[bool]:
    """Whether this process alone has the lock at `path`; a killed process has none.

    On NFS the lock holds between machines, unless it is mounted with `nolock` or `local_lock`.
    Where files cannot be locked at all the claim is granted with a warning.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        except OSError as error:
            print(
                f"{path.parent} cannot be locked ({error.strerror}): "
                "do not start the same work in two processes.",
                file=sys.stderr,
            )
        yield True
