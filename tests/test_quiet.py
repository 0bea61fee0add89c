"""What waits until nobody asks: torch comes after the first page, then graphs."""

import shutil
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from servers import ROOT, running_app, server_process
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient
from tiny import ARCHITECTURE, SIZE, save_set

from qtdog import inference
from qtdog.checkpoints import GRAPHS, graph_name
from qtdog.explorer import Explorer
from qtdog.images import read_image
from qtdog.inference import first_use, graphs
from qtdog.reach import Names
from qtdog.ui.middleware import Guard
from qtdog.ui.quiet import Asked
from qtdog.ui.samples import samples

TARGET = "pacs/sketch"
# A graph that is read, of which only the name and hash are looked at here.
GRAPH = graphs.BUNDLED / "mobilenet_v2-128px.onnx"


def loaded(process, library: str) -> bool:
    """Whether the process has this shared library, and so its package."""
    return library in (process / "maps").read_text()


@pytest.mark.thorough
def test_torch_is_imported_after_the_first_page_and_not_before():
    with running_app(ROOT / "checkpoints") as address:
        process = server_process(address)  # the page has been sent
        assert not loaded(process, "libtorch")
        assert loaded(process, "onnxruntime")
        deadline = time.monotonic() + 90
        while not loaded(process, "libtorch"):
            assert time.monotonic() < deadline, "torch does not come"
            time.sleep(0.2)


def test_quiet_is_when_the_page_was_sent_and_nothing_was_asked_since():
    asked = Asked()
    came: list[float] = []

    def wait() -> None:
        asked.wait_until_quiet(0.3)
        came.append(time.monotonic())

    waiting = threading.Thread(target=wait)
    waiting.start()
    asked.now()
    time.sleep(0.4)
    assert not came  # the page has not been sent
    asked.page_sent()
    for _ in range(4):
        time.sleep(0.1)
        asked.now()
        last = time.monotonic()
    waiting.join(10)
    assert came[0] - last >= 0.28


@pytest.mark.parametrize(
    ("path", "method", "sent"),
    [("/", "GET", True), ("/", "HEAD", False), ("/theme.css", "GET", False)],
)
def test_the_page_counts_as_sent_when_a_visitor_has_it(path, method, sent):
    async def answer(scope, receive, send) -> None:
        await PlainTextResponse("hello")(scope, receive, send)

    asked = Asked()
    TestClient(Guard(answer, Names(any=True), asked)).request(method, path)
    assert asked._page_was_sent.is_set() == sent


# Graphs on first use ------------------------------------------------------------------------------


def put_in_cache(folder, content: bytes, name: str) -> None:
    path = folder / GRAPHS / f"{name}-{graphs.sha256(content)[:16]}.onnx"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)


def test_a_graph_in_the_cache_is_found_and_a_damaged_one_removed(own_cache):
    name, content = graph_name("own", 64), GRAPH.read_bytes()
    put_in_cache(own_cache, content, name)
    assert inference.find_graph("own", 64) is not None
    (path,) = (own_cache / GRAPHS).iterdir()
    path.write_bytes(content[:-1] + b"?")
    assert inference.find_graph("own", 64) is None
    assert not path.exists()


@pytest.fixture
def runs(monkeypatch):
    """The commands that would make graphs; none is run."""
    commands: list[list[str]] = []

    def run(command, **_):
        commands.append(command)
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(first_use, "EXPORTER", ())
    monkeypatch.setattr(first_use.subprocess, "run", run)
    return commands


def test_what_has_a_graph_failed_before_or_is_not_wanted_is_not_made(
    runs, own_cache, monkeypatch, tmp_path
):
    assert not inference.graph_on_first_use("mobilenet_v2", 128, tmp_path)
    failed = first_use._note("own", 64)
    failed.parent.mkdir(parents=True)
    failed.write_text(first_use.version("torch"))
    assert not inference.graph_on_first_use("own", 64, tmp_path)
    assert not runs
    failed.write_text("1.0")
    inference.graph_on_first_use("own", 64, tmp_path)
    assert runs == [[sys.executable, "-m", "qtdog.inference.first_use", "own", "64"]]
    monkeypatch.setenv(first_use.SWITCH, "0")
    inference.graph_on_first_use("own", 64, tmp_path)
    monkeypatch.delenv(first_use.SWITCH)
    monkeypatch.setattr(first_use, "EXPORTER", ("no_such_package",))
    inference.graph_on_first_use("own", 64, tmp_path)
    assert len(runs) == 1


def test_what_fails_is_noted(own_cache):
    first_use.main(ARCHITECTURE, SIZE)  # conftest: nothing can be made
    assert first_use._failed(ARCHITECTURE, SIZE)


@pytest.mark.slow
@pytest.mark.skipif(not all(map(first_use.find_spec, graphs.EXPORTER)), reason="needs onnxscript")
def test_a_network_without_a_graph_gets_one_and_answers_as_before(tmp_path, own_cache):
    root = save_set(tmp_path / "set", members=2)
    shutil.rmtree(root / GRAPHS)
    explorer = Explorer(root)
    image = read_image(samples()[0].path)
    (before, *_) = explorer.classify_many([image], TARGET)[0]
    assert explorer._models(TARGET)[0].networks[0].needs_torch
    explorer.provide_graphs()
    assert not explorer._models(TARGET)[0].networks[0].needs_torch
    (after, *_) = explorer.classify_many([image], TARGET)[0]
    assert np.abs(np.subtract(before.probabilities, after.probabilities)).max() < 1e-4
