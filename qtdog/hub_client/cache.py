"""Room in a folder of downloads that strangers fill."""

import os
import shutil
from contextlib import suppress
from pathlib import Path

from huggingface_hub.file_download import repo_folder_name


def make_room(cache: Path, repo_id: str, most_bytes: int) -> None:
    """Before something of the repository `repo_id`, of models, is downloaded into `cache`: note
    that it is used, and as long as there are more than `most_bytes`, remove the repository that was
    used longest ago. Removed files of a set that is still open are downloaded again."""
    used = cache / repo_folder_name(repo_id=repo_id, repo_type="model")
    with suppress(OSError):
        os.utime(used)
    there = {folder: _bytes(folder) for folder in cache.glob("models--*")}
    for folder in sorted(there, key=_last_used):
        if sum(there.values()) <= most_bytes:
            return
        shutil.rmtree(folder, ignore_errors=True)
        del there[folder]


def _bytes(folder: Path) -> int:
    total = 0
    for place, _, files in os.walk(folder):
        for name in files:
            with suppress(OSError):  # another visitor's download goes on
                total += (Path(place) / name).lstat().st_size
    return total


def _last_used(folder: Path) -> float:
    with suppress(OSError):
        return folder.stat().st_mtime
    return 0.0
