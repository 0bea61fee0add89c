"""Files and folders that are either whole or not there, also after a kill at any moment.

Any number of threads, processes and machines may write the same one at once: it is then one of
theirs, whole.
"""

import contextlib
import errno
import glob
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

LEFT_BEHIND_SECONDS = 24 * 3600  # nobody fills a folder for a day


def write_atomically(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Let `write` fill a new file beside `path`, then put it in `path`'s place in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _beside(path, "tmp")
    try:
        # Not tempfile's: those are for their owner's eyes alone, and so would be what they become.
        with temporary.open("xb") as handle:
            write(handle)
            handle.flush()
            os.fsync(handle.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_folder_atomically(folder: Path, fill: Callable[[Path], object]) -> None:
    """Let `fill` write into a new folder, then put it in `folder`'s place.

    A kill leaves the old folder, the new one, or none under that name: never a part of one.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    _remove_left_behind(folder)
    new, old = _beside(folder, "new"), _beside(folder, "old")
    try:
        new.mkdir()
        fill(new)
        while True:
            with contextlib.suppress(FileNotFoundError):
                os.replace(folder, old)
            try:
                os.replace(new, folder)
                return
            except OSError as error:  # another writer was faster: it is replaced in its turn
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
            finally:
                shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _beside(path: Path, kind: str) -> Path:
    """A name in the same folder that nobody else has, on this machine or another."""
    return path.with_name(f".{path.name}.{uuid4().hex}.{kind}")


def _remove_left_behind(folder: Path) -> None:
    """What a killed process was filling or replacing."""
    for path in folder.parent.glob(f".{glob.escape(folder.name)}.*"):
        with contextlib.suppress(OSError):
            if path.suffix in (".new", ".old") and age_seconds(path) > LEFT_BEHIND_SECONDS:
                shutil.rmtree(path)


def age_seconds(path: Path) -> float:
    """Since the file or folder was changed."""
    return time.time() - path.stat().st_mtime
