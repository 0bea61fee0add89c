"""A checkpoint set: a tree <dataset>/<target>/<checkpoint>/ on disk, and where it came from.

The one notion that the page and `qtdog.load` work with. A local folder is a set as it is; if it
has an index.json, its files are checked against it. A Hub's set (qtdog/hub/sources.py) brings its
weights when they are first needed.
"""

import hashlib
import posixpath
import threading
from dataclasses import dataclass
from pathlib import Path

from qtdog import checkpoints
from qtdog.checkpoints.config import CheckpointError, FileHash
from qtdog.checkpoints.graph_names import GRAPHS, graph_name
from qtdog.checkpoints.index import (
    INDEX,
    LARGEST_INDEX_BYTES,
    Index,
    IndexedCheckpoint,
    parse_index,
)
from qtdog.hub_client import DownloadProgress, no_download_progress


class HubError(CheckpointError):
    """Why something could not be had from the Hub, in one sentence. It may be had later."""


@dataclass(frozen=True)
class Origin:
    """Which set this is, for people."""

    kind: str
    """"bundled", "folder" or "hub"."""
    name: str
    """"the bundled checkpoints", the folder's name, or "ORG/REPO"."""
    revision: str = ""
    """Of a Hub repository: what was asked for, by default "main"."""
    commit: str = ""
    """Of a Hub repository: the full sha that the revision stood for."""
    notice: str = ""
    """Why it is not the set that was asked for, or not its newest state; else empty."""

    @property
    def phrase(self) -> str:
        """What it is, for a sentence."""
        if self.kind == "bundled":
            return self.name
        if self.kind == "folder":
            return f"the checkpoints in the folder {self.name}"
        return (
            f"the checkpoints of {self.name} on the Hugging Face Hub, revision {self.revision}, "
            f"commit {self.commit[:10]}"
        )


class CheckpointSet:
    """A local set. `root` holds every checkpoint's config.json.

    Raises CheckpointError when the folder has an index that cannot be used.
    """

    def __init__(self, root: Path, origin: Origin | None = None) -> None:
        self.root = Path(root).resolve()
        self.progress: DownloadProgress = no_download_progress
        self.origin = origin or Origin("folder", Path(root).absolute().name)
        self.index = _read_index(self.root / INDEX)
        self._checked: set[str] = set()
        self._lock = threading.Lock()

    @property
    def listed(self) -> tuple[IndexedCheckpoint, ...]:
        """What its index lists; nothing where it has none."""
        return self.index.checkpoints if self.index else ()

    @property
    def failure(self) -> str:
        """Why the newest download failed; empty when it did not, and for a local set."""
        return ""

    def describe(self) -> Origin:
        """Which set this is, and why."""
        return self.origin

    def ensure(self, folder: Path) -> None:
        """Make sure that the files of a checkpoint (of an ensemble: of its members too) are there
        and are what the index says. Raises CheckpointError."""
        if self.index is None:
            return
        with self._lock:
            wanted = self._files(Path(folder).relative_to(self.root).as_posix())
            new = {path: file for path, file in wanted.items() if path not in self._checked}
            self._bring(new)
            self._checked.update(new)

    def _bring(self, files: dict[str, FileHash]) -> None:
        """Check the files, by path from the root; a Hub's set downloads them first."""
        for path, file in files.items():
            inside = (self.root / path).resolve().is_relative_to(self.root)
            problem = file_mismatch(self.root / path, file) if inside else "leads out of the set"
            if problem:
                raise CheckpointError(f"{self.root / path} {problem}.")

    def _files(self, folder: str) -> dict[str, FileHash]:
        """What a checkpoint needs, by path from the root."""
        files = self._own_files(folder)
        config = checkpoints.load_config(self.root / folder)
        if config.method == "eoq":
            for member in config.files:
                path = posixpath.dirname(posixpath.normpath(posixpath.join(folder, member.path)))
                files |= self._own_files(path)
        name = graph_name(config.architecture, config.image_size)
        for file in self.index.graphs if self.index else ():
            if file.path.startswith(f"{GRAPHS}/{name}-"):
                files[file.path] = file
        return files

    def _own_files(self, folder: str) -> dict[str, FileHash]:
        for entry in self.listed:
            if entry.path == folder:
                return {f"{folder}/{file.path}": file for file in entry.files}
        raise CheckpointError(f"{self.origin.name}: {INDEX} does not list {folder!r:.80}.")


def file_mismatch(path: Path, file: FileHash) -> str:
    """What is wrong with a file, as the end of a sentence; empty if it is as it should be."""
    try:
        size = path.stat().st_size
        if size != file.size_bytes:
            return (
                f"has {size:,} bytes instead of {file.size_bytes:,}: it is truncated or "
                "another file"
            )
        if hashlib.sha256(path.read_bytes()).hexdigest() != file.sha256:
            return "was changed: its SHA-256 is not the one in the index"
    except FileNotFoundError:
        return "is missing"
    except OSError as error:
        return f"cannot be read: {error.strerror or error}"
    return ""


def _read_index(path: Path) -> Index | None:
    if path.is_fifo() or not path.exists():
        return None
    try:
        with path.open("rb") as handle:
            content = handle.read(LARGEST_INDEX_BYTES + 1)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror or error}.") from None
    return parse_index(str(path), content)
