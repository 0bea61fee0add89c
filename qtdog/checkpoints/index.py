"""index.json: every checkpoint of a set, with its files' SHA-256 and sizes, both ways.

A set is a tree <dataset>/<target>/<checkpoint>/. The index lets somebody who has only that one
file know what there is, download what is wanted, and check what came. Only config.json and
model.safetensors belong to it, and graphs of its networks.
"""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from qtdog import checkpoints
from qtdog.checkpoints.config import LARGEST_CONFIG_BYTES, CheckpointError, FileHash
from qtdog.checkpoints.graph_names import GRAPH_FILE, GRAPHS, LARGEST_GRAPH_BYTES
from qtdog.json_file import FileFormat

INDEX = "index.json"
LARGEST_INDEX_BYTES = 4 << 20
INDEX_FORMAT = FileFormat(
    "qtdog-index", 1, "index", "the index of a checkpoint set", "a set", LARGEST_INDEX_BYTES
)
MOST_CHECKPOINTS = 1000
# Letters and digits of any language, and what file names have besides; no control characters.
NAME = re.compile(r"[\w +=@-][\w .+=@-]*")
LONGEST_NAME = 100
LARGEST = {
    checkpoints.CONFIG: LARGEST_CONFIG_BYTES,
    checkpoints.MODEL: checkpoints.LARGEST_MODEL_BYTES,
}


@dataclass(frozen=True)
class IndexedCheckpoint:
    """One checkpoint's folder and files."""

    path: str
    """"dataset/target/checkpoint", below the set's root."""
    files: tuple[FileHash, ...]
    """config.json, and model.safetensors unless it is an ensemble; paths within the folder."""


@dataclass(frozen=True)
class Index:
    """What index.json says."""

    checkpoints: tuple[IndexedCheckpoint, ...]
    graphs: tuple[FileHash, ...] = ()
    """Of its networks, by paths from the set's root; older sets have none."""


def make_index(root: Path) -> Index:
    """The index of the checkpoints below `root`. Raises CheckpointError for what no index may
    hold: a checkpoint at another depth, too large a file."""
    entries = []
    for folder in checkpoints.find(root):
        files = []
        for name in LARGEST:
            if (folder / name).exists():
                files.append(_hash(folder / name, name))
        path = folder.relative_to(root).as_posix()
        entries.append(IndexedCheckpoint(path, tuple(files)))
    graphs = [
        one for one in sorted((root / GRAPHS).glob("*.onnx")) if GRAPH_FILE.fullmatch(one.name)
    ]
    index = Index(tuple(entries), tuple(_hash(one, f"{GRAPHS}/{one.name}") for one in graphs))
    _check(index, str(root))
    return index


def index_json(index: Index) -> bytes:
    """The content of index.json."""
    # Without graphs as older programs read it, which know none.
    return INDEX_FORMAT.content(index, () if index.graphs else ("graphs",))


def parse_index(name: str, content: bytes) -> Index:
    """The inverse of `index_json`. Raises CheckpointError, which calls the file `name`."""
    try:
        index = INDEX_FORMAT.record(Index, name, INDEX_FORMAT.values(name, content))
    except ValueError as error:
        raise CheckpointError(str(error)) from None
    _check(index, name)
    return index


def _check(index: Index, name: str) -> None:
    if not 1 <= len(index.checkpoints) <= MOST_CHECKPOINTS:
        raise CheckpointError(f"{name} must list between 1 and {MOST_CHECKPOINTS:,} checkpoints.")
    seen = set()
    for entry in index.checkpoints:
        path = repr(entry.path)[:80]
        parts = entry.path.split("/")
        if len(parts) != 3 or not all(map(_is_plain, parts)):
            raise CheckpointError(
                f"{name} has the path {path}; it must be dataset/target/checkpoint."
            )
        if entry.path.casefold() in seen:
            raise CheckpointError(f"{name} lists {path} twice.")
        seen.add(entry.path.casefold())
        names = [file.path for file in entry.files]
        if names not in ([checkpoints.CONFIG], [checkpoints.CONFIG, checkpoints.MODEL]):
            raise CheckpointError(
                f"{name} lists other files in {path} than {checkpoints.CONFIG} and "
                f"{checkpoints.MODEL}."
            )
        for file in entry.files:
            if not 0 < file.size_bytes <= LARGEST[file.path]:
                raise CheckpointError(
                    f"{name} says that {file.path} in {path} has {file.size_bytes:,} bytes; at "
                    f"most {LARGEST[file.path]:,} are read."
                )
            if not re.fullmatch("[0-9a-f]{64}", file.sha256):
                raise CheckpointError(f"{name} has no SHA-256 of {file.path} in {path}.")

    for file in index.graphs:
        folder, _, own = file.path.partition("/")
        if folder != GRAPHS or not GRAPH_FILE.fullmatch(own) or len(own) > LONGEST_NAME:
            raise CheckpointError(f"{name} lists a graph elsewhere: {file.path!r:.80}.")
        if not 0 < file.size_bytes <= LARGEST_GRAPH_BYTES:
            raise CheckpointError(f"{name} lists a graph of {file.size_bytes:,} bytes.")
        if not re.fullmatch("[0-9a-f]{64}", file.sha256):
            raise CheckpointError(f"{name} has no SHA-256 of {file.path!r:.80}.")


def _hash(path: Path, name: str) -> FileHash:
    content = path.read_bytes()
    return FileHash(name, hashlib.sha256(content).hexdigest(), len(content))


def _is_plain(name: str) -> bool:
    """Whether a name is one folder's, here and on other systems: no dots first, no separators."""
    return len(name) <= LONGEST_NAME and bool(NAME.fullmatch(name)) and name[-1] not in ". "
