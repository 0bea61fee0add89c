"""A lock for long lines: first come, first served, and heavy work never takes more than a share."""

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

HEAVY_SHARE = 0.25  # of the time, while quick ones wait


class FairLock(AbstractContextManager):
    """Like `threading.RLock` in a `with`, but handed on in the order of asking.

    Long jobs that go piece by piece take `heavy()` for each piece. While quick ones wait, heavy
    ones get at most `HEAVY_SHARE` of the time: after a piece of d seconds quick ones have the next
    d / HEAVY_SHARE - d seconds. So nobody starves: a quick one waits for one heavy piece and the
    quick ones before it, a heavy one for that long and the heavy ones before it.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()  # of everything below
        self._held = False
        self._quick: deque[threading.Lock] = deque()
        self._heavy: deque[threading.Lock] = deque()
        self._quick_until = 0.0  # monotonic seconds
        self._heavy_since: float | None = None  # where a heavy piece holds the lock
        self._owner: int | None = None
        self._depth = 0

    def __enter__(self) -> "FairLock":
        self._acquire(self._quick)
        return self

    def __exit__(self, *_: object) -> None:
        self._release()

    @contextmanager
    def heavy(self) -> Iterator[None]:
        """Hold the lock for a piece of a long job."""
        self._acquire(self._heavy)
        try:
            yield
        finally:
            self._release()

    @property
    def waiting(self) -> int:
        """How many stand in line."""
        return len(self._quick) + len(self._heavy)

    def _acquire(self, line: deque[threading.Lock]) -> None:
        if self._owner != threading.get_ident():
            turn = threading.Lock()
            turn.acquire()
            with self._guard:
                line.append(turn)
                if not self._held:
                    self._hand_on()
            turn.acquire()
            self._owner = threading.get_ident()
            self._heavy_since = time.monotonic() if line is self._heavy else None
        self._depth += 1

    def _release(self) -> None:
        self._depth -= 1
        if self._depth:
            return
        self._owner = None
        with self._guard:
            if self._heavy_since is not None:
                now = time.monotonic()
                self._quick_until = now + (now - self._heavy_since) * (1 / HEAVY_SHARE - 1)
            self._hand_on()

    def _hand_on(self) -> None:
        """Let the next one in, if there is one."""
        heavy_may = time.monotonic() >= self._quick_until
        line = self._heavy if self._heavy and (heavy_may or not self._quick) else self._quick
        self._held = bool(line)
        if line:
            line.popleft().release()
