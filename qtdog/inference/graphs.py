"""Where graphs lie: with the package for the recipes' networks, else with a checkpoint set, or,
made on first use, in the user's cache folder.

A file outside the package is called by its content, NAME-SHA256.onnx with the first sixteen
digits, so that a damaged one is told whatever else the set says of it.
"""

import contextlib
import re
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from qtdog import checkpoints
from qtdog.checkpoints import GRAPHS, HASH_DIGITS, LARGEST_GRAPH_BYTES, graph_name
from qtdog.files import write_atomically
from qtdog.inference.graph import Graph, GraphError, read_graph, sha256
from qtdog.places import cache_folder

BUNDLED = Path(__file__).parent / "bundled"
EXPORTER = ("onnx", "onnxscript")
"""Packages that graphs are made with."""


def set_root(folder: Path) -> Path | None:
    """The root of the set that a checkpoint's folder, root/dataset/target/checkpoint, lies in."""
    parents = Path(folder).resolve().parents
    return parents[2] if len(parents) > 2 else None


def find_graph(architecture: str, image_size: int, root: Path | None = None) -> Graph | None:
    """The graph of a network for images of that size: the package's own, that of the set at
    `root`, or one in the cache folder; None where there is none. Raises GraphError for a set's file
    that cannot be used."""
    name = graph_name(architecture, image_size)
    bundled = BUNDLED / f"{name}.onnx"
    if path := bundled if bundled.is_file() else _of_set(name, root):
        graph = _read(path, path.stat().st_mtime_ns, path == bundled)
        if (graph.facts.architecture, graph.facts.image_size) != (architecture, image_size):
            raise GraphError(f"{path} is the graph of another network.")
        return graph
    if path := _of_set(name, cache_folder()):
        try:
            return _read(path, path.stat().st_mtime_ns, False)
        except GraphError:  # damaged: it is made again
            with contextlib.suppress(OSError):
                path.unlink()
    return None


def provide_graph(architecture: str, image_size: int, root: Path) -> Path | None:
    """Make sure that there is a graph for the set at `root`; returns the file that was written
    there, or None where none was: there is one, or it cannot be made here."""
    from qtdog.inference.making import can_make, make_graph

    name = graph_name(architecture, image_size)
    if (BUNDLED / f"{name}.onnx").is_file() or _of_set(name, root) or not can_make():
        return None
    try:
        content = make_graph(architecture, image_size)
    except GraphError:  # such networks go on in torch
        return None
    path = root / GRAPHS / f"{name}-{sha256(content)[:HASH_DIGITS]}.onnx"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, lambda handle: handle.write(content))
    return path


def provide_graphs(root: Path) -> list[Path]:
    """`provide_graph` for every network of the set at `root`; the files that were written. What
    cannot be written is left: such networks are computed in torch."""
    written = []
    with contextlib.suppress(OSError):
        configs = [checkpoints.load_config(folder) for folder in checkpoints.find(root)]
        for network in sorted({(one.architecture, one.image_size) for one in configs}):
            if path := provide_graph(*network, root):
                written.append(path)
    return written


def _of_set(name: str, root: Path | None) -> Path | None:
    if root is None:
        return None
    named = re.compile(re.escape(name) + rf"-[0-9a-f]{{{HASH_DIGITS}}}\.onnx")
    found = [one for one in (root / GRAPHS).glob("*.onnx") if named.fullmatch(one.name)]
    return min(found, default=None)


@lru_cache(maxsize=8)
def _read(path: Path, changed: int, bundled: bool) -> Graph:
    try:
        with path.open("rb") as handle:
            content = handle.read(LARGEST_GRAPH_BYTES + 1)
    except OSError as error:
        raise GraphError(f"{path} cannot be read: {error.strerror or error}.") from None
    if not bundled and sha256(content)[:HASH_DIGITS] != path.stem[-HASH_DIGITS:]:
        raise GraphError(f"{path} was changed: its SHA-256 is not the one in its name.")
    return replace(read_graph(content, str(path)), ours=bundled)
