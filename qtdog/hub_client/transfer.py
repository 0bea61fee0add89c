"""Calls of the Hub's client that end: with what was asked for, or with one sentence.

The client waits for as long as a server pleases. Here its work runs in threads of its own, and is
given up when nothing has come for `patience` seconds. A thread that was given up ends by itself at
its next request; what it was downloading never reaches the cache.
"""

import errno
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from contextvars import ContextVar
from typing import Any

from huggingface_hub import constants, get_session
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from tqdm import tqdm

PATIENCE_SECONDS = 20.0
THREADS = 8
# The client's own chunks of 10 MB would lose all of a smaller file when a connection breaks: with
# these it goes on where it was. They are also the steps of the progress.
CHUNK_BYTES = 1 << 16
# An answer of this size is never too large: the texts of errors, the small configs.
SMALL_BYTES = 1 << 16
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
UNWRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST)


DownloadProgress = Callable[[int, int], None]
"""Called with the bytes so far and in all."""


def no_download_progress(_done: int, _total: int) -> None:
    """No progress is shown."""


class TransferError(Exception):
    """Why the Hub did not give what it was asked for, in one sentence."""


class _GivenUpError(Exception):
    """Ends a thread that nobody waits for any more."""


class Transfer:
    """Some calls of the client at once, watched together.

    `expected` bytes may come, and no more; `progress` hears of them.
    """

    def __init__(self, patience: float, expected: int, progress: DownloadProgress) -> None:
        self.status = 0
        """Of the newest answer that was an error."""
        self._patience, self._expected, self._progress = patience, expected, progress
        self._received = 0
        self._moved = time.monotonic()
        self._over = False
        self._error: Exception | None = None
        self._results: dict[int, Any] = {}
        self._responses: list[Any] = []
        self._lock = threading.Lock()

    def run(self, calls: Sequence[Callable[[type], Any]]) -> list[Any]:
        """The results of calls; each gets the progress-bar class that it must hand to the client.
        Raises what a call raised, or TimeoutError."""
        constants.DOWNLOAD_CHUNK_SIZE = min(constants.DOWNLOAD_CHUNK_SIZE, CHUNK_BYTES)
        _watch_the_client()
        waiting = deque(enumerate(calls))
        for _ in range(min(THREADS, len(calls))):
            threading.Thread(target=self._work, args=(waiting,), daemon=True).start()
        try:
            while len(self._results) < len(calls):
                time.sleep(0.01)
                if self._error is not None:
                    raise self._error
                if time.monotonic() - self._moved > self._patience:
                    raise TimeoutError
        finally:
            self._over = True
            self._hang_up()
        return [result for _, result in sorted(self._results.items())]

    def _work(self, waiting: deque[tuple[int, Callable[[type], Any]]]) -> None:
        _CURRENT.set(self)
        bar = type("_Bar", (_Bar,), {"transfer": self})
        try:
            while waiting and not self._over:
                number, call = waiting.popleft()
                self._results[number] = call(bar)
                self._moved = time.monotonic()
        except IndexError:  # another thread took the last one
            return
        except Exception as error:
            self._error = self._error or error

    def received(self, count: int) -> None:
        """So many bytes have come (negative: they must come again)."""
        with self._lock:
            self._received += count
            self._moved = time.monotonic()
            if self._over:
                raise _GivenUpError
            if self._received > self._expected:
                raise TransferError(f"more came than the {self._expected:,} bytes that should")
            self._progress(self._received, self._expected)

    def before_request(self, request: Any) -> None:
        """The client is about to ask: not for ever, whatever it thinks itself."""
        if self._over:
            raise _GivenUpError
        seconds = self._patience / 2
        request.extensions["timeout"] = dict.fromkeys(("connect", "read", "write", "pool"), seconds)

    def after_response(self, response: Any) -> None:
        """The client got an answer. It would wait for minutes when asked to (429)."""
        self._responses.append(response)
        if response.status_code >= 400:
            self.status = response.status_code
        if response.status_code == 429:
            raise TransferError(_by_status(429))
        announced = response.headers.get("X-Linked-Size") or response.headers.get("Content-Length")
        if announced and announced.isdigit() and int(announced) > max(self._expected, SMALL_BYTES):
            raise TransferError(
                f"the Hub announces {int(announced):,} bytes where at most {self._expected:,} "
                "should come"
            )

    def _hang_up(self) -> None:
        """Wake the threads that wait for more of an answer."""
        for response in self._responses:
            if not response.is_closed:
                connection = response.extensions["network_stream"].get_extra_info("socket")
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


class _Bar(tqdm):
    """What the client believes to be its progress bar."""

    transfer: Transfer

    def __init__(self, *arguments: Any, **options: Any) -> None:
        options = {name: value for name, value in options.items() if name in ("total", "initial")}
        super().__init__(disable=True, **options)

    def update(self, n: float | None = 1) -> None:
        """Bytes have come."""
        self.transfer.received(int(n or 0))


_CURRENT: ContextVar[Transfer | None] = ContextVar("current", default=None)


def _before_request(request: Any) -> None:
    if transfer := _CURRENT.get():
        transfer.before_request(request)


def _after_response(response: Any) -> None:
    if transfer := _CURRENT.get():
        transfer.after_response(response)


def _watch_the_client() -> None:
    hooks = get_session().event_hooks
    if _before_request not in hooks["request"]:
        hooks["request"].append(_before_request)
        hooks["response"].append(_after_response)


def why_it_failed(error: Exception, status: int, patience: float) -> str:
    """Why the client failed, as a sentence without its full stop. `status`: see Transfer."""
    if isinstance(error, TransferError):
        return str(error)
    if isinstance(error, LocalEntryNotFoundError) and isinstance(error.__cause__, Exception):
        return why_it_failed(error.__cause__, status, patience)
    if isinstance(error, OfflineModeIsEnabled):
        return "the Hub's client is switched off (HF_HUB_OFFLINE is set)"
    if isinstance(error, HfHubHTTPError):
        status = error.response.status_code
        if isinstance(error, GatedRepoError):
            return "its owner must grant access first (403): ask for it on the repository's page"
        if isinstance(error, RevisionNotFoundError):
            return "there is no such revision (404)"
        if isinstance(error, EntryNotFoundError):
            file = str(error.response.url.path).split("/resolve/")[-1].split("/", 1)[-1]
            return f"it has no file {file!r:.120} (404)"
        if isinstance(error, RepositoryNotFoundError):
            return (
                "there is no such repository (and no such folder), or it is private and needs "
                f"a token ({status})"
            )
        return _by_status(status)
    if isinstance(error, OSError) and error.errno in FULL:
        return "the disk is full; make room in the Hub client's cache (HF_HOME)"
    if isinstance(error, OSError) and error.errno in UNWRITABLE:
        return f"the Hub client's cache cannot be written: {error.strerror}"
    if isinstance(error, OSError) and "Consistency check failed" in str(error):
        return "a file came with another length than announced"
    if status:
        return _by_status(status)
    if "Timeout" in type(error).__name__:
        return f"nothing more came from the Hub for {patience:.3g} seconds"
    if type(error).__name__ == "RemoteProtocolError":
        return "the connection broke off"
    return f"the Hub cannot be reached ({type(error).__name__})"


def _by_status(status: int) -> str:
    if status == 401:
        return "the Hub refuses the token (401): it is wrong, expired or revoked"
    if status == 403:
        return "the token does not allow it (403)"
    if status == 404:
        return "the Hub does not have it (404)"
    if status == 429:
        return "the Hub asks for a pause (429, too many requests)"
    if status >= 500:
        return f"the Hub has a fault of its own ({status})"
    return f"the Hub refuses ({status})"
