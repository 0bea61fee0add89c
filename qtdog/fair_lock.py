"""A lock for long lines: nobody gets it twice in a row while somebody else waits."""

import threading
from contextlib import AbstractContextManager


class FairLock(AbstractContextManager):
    """Like `threading.RLock` in a `with`, which whoever gave it up may take again at once, before
    those who wait have woken up."""

    def __init__(self) -> None:
        self._next = threading.Lock()  # held by the one whose turn is next
        self._busy = threading.Lock()
        self._owner: int | None = None
        self._depth = 0

    def __enter__(self) -> "FairLock":
        if self._owner != threading.get_ident():
            with self._next:
                self._busy.acquire()
            self._owner = threading.get_ident()
        self._depth += 1
        return self

    def __exit__(self, *_: object) -> None:
        self._depth -= 1
        if not self._depth:
            self._owner = None
            self._busy.release()
