"""The explorer as a folder that any static server serves: its networks answer in the browser."""

import dataclasses
import hashlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from plotly.offline import get_plotlyjs

from qtdog.browser import parts
from qtdog.browser.document import document, style
from qtdog.browser.exports import write_export
from qtdog.browser.manifest import (
    FORMAT,
    MANIFEST,
    METHODS,
    SERVICE_WORKER,
    Manifest,
    SiteGraph,
    SiteShifts,
    paths_needed,
    site_samples,
    site_targets,
)
from qtdog.browser.schema import site_formats
from qtdog.browser.site import script
from qtdog.checkpoints import (
    CONFIG,
    INDEX,
    MODEL,
    CheckpointError,
    FileHash,
    Index,
    IndexedCheckpoint,
    graph_name,
    index_json,
    load_config,
    parse_index,
)
from qtdog.explorer import Explorer, grains, tiles
from qtdog.files import write_atomically
from qtdog.inference import Graph, find_graph, placed_graph, provide_graph
from qtdog.places import SAMPLES
from qtdog.web import FOLDER as WEB

SET, GRAPHS, PICTURES = "checkpoints", "graphs", "samples"
GRAINS = "numbers/grains.f32"
SCRIPTS = (".js", ".mjs", ".wasm")
ROOMS = {"explorer": SCRIPTS, "figures": SCRIPTS, "onnxruntime": SCRIPTS, "toy": (*SCRIPTS, ".css")}
"""Folders of browser modules that the page is made of, and which of their files it takes."""
LICENCES = ("LICENSE", "OFL.txt", "GPL-2.txt")
OF_NO_VERSION = b"of no version"
"""In the service worker's source; an export puts the manifest's hash there."""


@dataclass(frozen=True)
class Written:
    """What an export wrote."""

    page: Path
    bytes_of_page: int
    """All but the checkpoints."""
    bytes_of_checkpoints: int


def write_explorer(out: Path, explorer: Explorer) -> Written:
    """Write the explorer's set and the page into `out`. Raises CheckpointError for a set that
    cannot be shown in a browser, ExportError for an `out` that holds something else."""
    written: list[Written] = []
    write_export(out, lambda folder: written.append(_fill(folder, explorer)))
    return dataclasses.replace(written[0], page=out / "index.html")


def _fill(out: Path, explorer: Explorer) -> Written:
    folder = _Folder(out)
    targets = site_targets(explorer)
    index = _write_set(folder, explorer, paths_needed(explorer, targets))
    checkpoint_bytes = sum(folder.written.values())
    graphs = tuple(_write_graphs(folder, explorer, index))
    for path in sorted(one for one in _own_files() if one.is_file()):
        folder.copy(path, path.relative_to(WEB).as_posix())
    samples = site_samples(PICTURES, targets)
    licences = [name for name in LICENCES if (SAMPLES / name).exists()]
    for name in (*licences, *(Path(one.file).name for one in samples)):
        folder.copy(SAMPLES / name, f"{PICTURES}/{name}")
    numbers = folder.write(GRAINS, grains().astype("<f4").tobytes())
    shifts = SiteShifts(numbers, tuple(tiles().tolist()))
    content = Manifest(targets, graphs, samples, index.file, site_formats(), shifts, METHODS)
    folder.write("style.css", style().encode())
    folder.write("index.html", document(content, parts.measured(explorer)).encode())
    _write_parts(folder, explorer)
    files = tuple(one for one in folder.hashes() if not one.path.startswith(f"{SET}/"))
    manifest = FORMAT.content(dataclasses.replace(content, files=files))
    version = hashlib.sha256(manifest).hexdigest().encode()
    worker = (WEB / "explorer" / SERVICE_WORKER).read_bytes().replace(OF_NO_VERSION, version)
    folder.write(SERVICE_WORKER, worker)
    folder.write(MANIFEST, manifest)
    page_bytes = sum(folder.written.values()) - checkpoint_bytes
    return Written(out / "index.html", page_bytes, checkpoint_bytes)


class _Folder:
    """Where it goes, and what has gone there."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self.written: dict[str, int] = {}
        self._hashes: dict[str, str] = {}

    def write(self, name: str, content: bytes) -> FileHash:
        """A file by its path from the folder."""
        path = self._out / name
        write_atomically(path, lambda handle: handle.write(content))
        self.written[name] = len(content)
        self._hashes[name] = hashlib.sha256(content).hexdigest()
        return FileHash(name, self._hashes[name], len(content))

    def copy(self, path: Path, name: str) -> FileHash:
        """The same of a file that lies elsewhere."""
        return self.write(name, path.read_bytes())

    def hashes(self) -> list[FileHash]:
        """Of all that was written, by path."""
        return [FileHash(n, self._hashes[n], self.written[n]) for n in sorted(self.written)]


@dataclass(frozen=True)
class _WrittenSet:
    file: FileHash
    networks: tuple[tuple[str, int, int], ...]
    """Architecture, image size, classes."""


def _write_set(folder: _Folder, explorer: Explorer, paths: list[str]) -> _WrittenSet:
    """The checkpoints at these paths of the explorer's set, in our own format, with an index."""
    entries, networks = [], set()
    for path in paths:
        source = explorer.root / path
        explorer.checkpoint_set.ensure(source)
        config = load_config(source)
        networks.add((config.architecture, config.image_size, len(config.classes)))
        names = (CONFIG,) if config.method == "eoq" else (CONFIG, MODEL)
        hashes = [folder.copy(source / name, f"{SET}/{path}/{name}") for name in names]
        files = [
            dataclasses.replace(one, path=name) for one, name in zip(hashes, names, strict=True)
        ]
        entries.append(IndexedCheckpoint(path, tuple(files)))
    content = index_json(Index(tuple(entries)))
    parse_index(INDEX, content)  # names that no address can hold are refused here
    index = folder.write(f"{SET}/{INDEX}", content)
    return _WrittenSet(index, tuple(sorted(networks)))


def _write_graphs(folder: _Folder, explorer: Explorer, written: _WrittenSet) -> Iterator[SiteGraph]:
    for architecture, image_size, classes in written.networks:
        graph = _graph(architecture, image_size, explorer.root)
        placed = placed_graph(graph, classes)
        name = f"{GRAPHS}/{graph_name(architecture, image_size)}-{classes}.onnx"
        file = folder.write(name, placed.content)
        yield SiteGraph(
            file, classes, graph.has_features, graph.facts, placed.weights, placed.numbers
        )


def _graph(architecture: str, image_size: int, root: Path) -> Graph:
    if graph := find_graph(architecture, image_size, root):
        return graph
    with tempfile.TemporaryDirectory() as made:
        provide_graph(architecture, image_size, Path(made))
        if graph := find_graph(architecture, image_size, Path(made)):
            return graph
    raise CheckpointError(
        f"There is no graph of {architecture} for {image_size} px, which a browser needs, and none "
        'can be made here: pip install ".[onnx]" where the network is one that can be exported.'
    )


def _write_parts(folder: _Folder, explorer: Explorer) -> None:
    """What tabs show that need no network to answer, fetched when they are opened."""
    shown = {
        "train": parts.train(),
        "results": parts.results(),
        "landscape": parts.landscape(explorer),
        "learn": parts.learn(explorer),
        "about": parts.about(explorer),
    }
    for name, content in shown.items():
        folder.write(f"parts/{name}.html", content.encode())
    folder.write("parts/figures.js", script().encode())
    folder.write("parts/plotly.js", get_plotlyjs().encode())


def _own_files() -> Iterator[Path]:
    for room, kinds in ROOMS.items():
        for path in (WEB / room).rglob("*"):
            if path.suffix in kinds or path.name in LICENCES:
                yield path
