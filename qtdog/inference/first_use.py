"""Graphs of networks that come without one, made once and kept in the user's cache folder.

In a process of its own: the exporter takes half a minute and memory that it does not give back.
Where it is not installed, or fails, such networks go on in torch.
"""

import os
import subprocess
import sys
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from qtdog import cores
from qtdog.checkpoints import GRAPHS, graph_name
from qtdog.claims import claimed
from qtdog.inference.graph import GraphError
from qtdog.inference.graphs import EXPORTER, find_graph, provide_graph
from qtdog.places import PROGRAM, cache_folder

SWITCH = "QTDOG_MAKE_GRAPHS"
"""Environment variable; 0 where nothing is to be made in the background."""


def graph_on_first_use(architecture: str, image_size: int, root: Path) -> bool:
    """Make the graph that a network of the set at `root` lacks, and wait for it; whether there is
    a new one. One that cannot be made is tried again with another torch only."""
    if os.environ.get(SWITCH, "1") == "0" or not all(map(find_spec, EXPORTER)):
        return False
    try:
        if find_graph(architecture, image_size, root) or _failed(architecture, image_size):
            return False
    except GraphError:  # the set has one that cannot be used, which is said
        return False
    path = os.pathsep.join(filter(None, (str(PROGRAM), os.environ.get("PYTHONPATH"))))
    command = [sys.executable, "-m", __name__, architecture, str(image_size)]
    quiet = subprocess.DEVNULL
    environment = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run(command, env=environment, stdin=quiet, stdout=quiet, stderr=quiet)
    return done.returncode == 0 and find_graph(architecture, image_size, root) is not None


def main(architecture: str, image_size: int) -> None:
    """What that process does, one for a network."""
    if hasattr(os, "nice"):  # not on Windows
        os.nice(10)
    cores.share(threads=1)
    note = _note(architecture, image_size)
    with claimed(note.with_suffix(".lock")) as mine:
        if not mine or find_graph(architecture, image_size):
            return
        note.write_text(version("torch"))  # stays where the exporter fails, or crashes
        if provide_graph(architecture, image_size, cache_folder()):
            note.unlink()


def _failed(architecture: str, image_size: int) -> bool:
    note = _note(architecture, image_size)
    return note.is_file() and note.read_text() == version("torch")


def _note(architecture: str, image_size: int) -> Path:
    """Holds the version of torch whose exporter failed."""
    return cache_folder() / GRAPHS / f"{graph_name(architecture, image_size)}.failed"


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
