"""A folder of this process's own for all its temporary files: private, and gone with the process.

A process that is killed cannot clean up: the next one does. As long as a process lives it holds a
lock on a file in its folder, so a folder without a lock is left behind, whatever process numbers
say (containers that share a disk have them twice).
"""

import atexit
import contextlib
import os
import shutil
import tempfile
import threading
import time
from pathlib import Path
from typing import BinaryIO

from qtdog.file_lock import CAN_LOCK, lock
from qtdog.files import age_seconds

PREFIX, ALIVE = "qtdog-page-", "alive"
UNLOCKED_SECONDS = 24 * 3600  # without a lock file: killed in its first or last moment
CUT_OFF_SECONDS = 3600  # no upload takes longer

_held: list[BinaryIO] = []


def use_own_folder() -> Path:
    """Make the folder, have Gradio and `tempfile` write there, remove what others left behind.

    It lies in GRADIO_TEMP_DIR where that is set and can be used, else in the system's folder. To
    be called before gradio is imported, which asks once. Raises OSError where there is none.
    """
    folder = _make_in(_usable(os.environ.get("GRADIO_TEMP_DIR")) or Path(tempfile.gettempdir()))
    uploads = folder / "gradio"
    uploads.mkdir()
    os.environ["GRADIO_TEMP_DIR"] = str(uploads)
    tempfile.tempdir = str(folder)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    threading.Thread(target=_clean_while_running, args=(uploads,), daemon=True).start()
    return folder


def remove_left_behind(parent: Path) -> None:
    """The folders in `parent` of this user's processes that are no more."""
    for folder in parent.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            if not folder.is_symlink() and _is_ours(folder) and _is_dead(folder):
                shutil.rmtree(folder)


def remove_cut_off(uploads: Path, seconds: float = CUT_OFF_SECONDS) -> None:
    """Uploads whose visitor went away: Gradio forgets them. Whole ones have folders of their own
    and are removed by Gradio."""
    for path in uploads.glob("tmp*"):
        with contextlib.suppress(OSError):
            if path.is_file() and age_seconds(path) > seconds:
                path.unlink()


def _usable(folder: str | None) -> Path | None:
    """That folder, if there is one named and files can be made there."""
    if not folder:
        return None
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return Path(folder)
    except OSError:
        return None


def _make_in(parent: Path) -> Path:
    remove_left_behind(parent)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent)).resolve()
    if not CAN_LOCK:  # Windows, where a file that is open cannot be removed
        _held.append((folder / ALIVE).open("wb"))
        return folder
    _held.append((folder / "starting").open("wb"))
    with contextlib.suppress(OSError):  # a disk without locks: there nobody removes anything
        lock(_held[-1])
    (folder / "starting").rename(folder / ALIVE)  # locked from the moment it is seen
    return folder


def _is_ours(folder: Path) -> bool:
    return not hasattr(os, "getuid") or folder.stat().st_uid == os.getuid()


def _is_dead(folder: Path) -> bool:
    alive = folder / ALIVE
    if not alive.exists():
        return age_seconds(folder) > UNLOCKED_SECONDS
    if not CAN_LOCK:
        alive.unlink()
        return True
    with alive.open("ab") as file:
        return lock(file)


def _clean_while_running(uploads: Path) -> None:
    while True:
        time.sleep(CUT_OFF_SECONDS)
        remove_cut_off(uploads)
