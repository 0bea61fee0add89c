"""What every test gets: its own cache folder, no telemetry, one thread; command line, browser.

The whole suite runs in two processes, file by file.
"""

import dataclasses
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

# Before gradio or the Hub's client is imported: both ask once.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
if "PYTEST_XDIST_WORKER" in os.environ:  # a test's server must leave the other process a core
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
import static_site
import torch
from hub_server import HubServer, without_xet
from huggingface_hub import constants
from processes import fork_server
from servers import CHROMIUM_FLAGS, chromium, running_app
from tiny import config, random_network, save_checkpoint, save_set

from qtdog import checkpoints, cli
from qtdog.checkpoints import storage
from qtdog.inference import making
from qtdog.training.config import RECIPES

# Tensors are tiny here: more threads than one only wait for each other.
torch.set_num_threads(1)

# They take the longest and come first: then both processes end at about the same time.
LONGEST = (
    *("every_tab", "page", "cli", "training", "evil", "habits", "static_page", "learn", "resume"),
    *("objectives", "requests", "documents", "start", "export", "middleware", "visitors"),
    *("hub", "reproduce", "sweep", "publish", "static_live", "root_path", "static_explorer"),
)


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Two processes for the whole suite; this one for chosen files, and for slow tests, some of
    which measure time."""
    whole = config.args_source is config.ArgsSource.TESTPATHS
    return 2 if whole and "not slow" in config.option.markexpr else 0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first."""
    places = {f"test_{name}.py": place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.name, len(places)))


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """Decoded images go into the test's own folder, never into the user's cache."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("QTDOG_CACHE", str(folder))
    return folder


@pytest.fixture(autouse=True)
def no_graphs_are_made(monkeypatch):
    """Making a graph takes seconds: tiny networks go on in torch, unless a test is of graphs."""
    monkeypatch.setattr(making, "can_make", lambda: False)


@pytest.fixture(autouse=True)
def same_random_numbers():
    torch.manual_seed(0)


# What `--recipe digits` means to `command`: a run of a second.
SMALL_RECIPE = {
    **RECIPES["digits"],
    "architecture": "timm/test_resnet",  # fifteen convolutions, not fifty-six
    "images_per_domain": 2,
    "steps": 4,
    "quantize_step": 2,
    "evaluate_every": 2,
}


@pytest.fixture
def command(monkeypatch, capsys):
    """Runs `python -m qtdog ...` in this process: (exit code, standard output, error output)."""
    monkeypatch.setitem(RECIPES, "digits", SMALL_RECIPE)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["qtdog", *map(str, words)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            cli.main()
        captured = capsys.readouterr()
        return end.value.code or 0, captured.out, captured.err

    return run


@pytest.fixture
def default_hub(tmp_path, monkeypatch):
    """A stand-in for the Hub that the client takes for the Hub itself, and a cache of its own."""
    without_xet()
    with HubServer(tmp_path / "hub") as server:
        monkeypatch.setattr(constants, "ENDPOINT", server.endpoint)
        monkeypatch.setattr(
            constants,
            "HUGGINGFACE_CO_URL_TEMPLATE",
            server.endpoint + "/{repo_id}/resolve/{revision}/{filename}",
        )
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub-cache"))
        yield server


@pytest.fixture(scope="session")
def shared_set(tmp_path_factory) -> Path:
    """What `shared_app` shows: sketch with all kinds of models, photo with full precision alone.
    Not to be changed."""
    root = save_set(tmp_path_factory.mktemp("shared"), members=2)
    save_checkpoint(root / "pacs" / "sketch" / "qt-dog-4bit-seed0", "qt-dog", 0, 4)
    photo = dataclasses.replace(
        config("erm", 0, 32),
        target_domain="photo",
        source_domains=("art_painting", "cartoon", "sketch"),
    )
    folder = root / "pacs" / "photo" / "erm-seed0"
    checkpoints.save(folder, storage.store(random_network(0, None)), photo, "step\n")
    return root


@pytest.fixture(scope="session")
def shared_uploads(tmp_path_factory) -> Path:
    """Where `shared_app` puts what visitors send."""
    return tmp_path_factory.mktemp("uploads")


@pytest.fixture(scope="session")
def shared_app(shared_set, shared_uploads) -> Iterator[str]:
    """The address of an app that no test changes: starting one takes as long as twenty tests."""
    with running_app(shared_set, GRADIO_TEMP_DIR=str(shared_uploads)) as address:
        yield address


@pytest.fixture(scope="session")
def static_set(tmp_path_factory) -> Path:
    """The checkpoints that `static_folder` shows. Not to be changed."""
    return static_site.tiny_set(tmp_path_factory.mktemp("static-set"))


@pytest.fixture(scope="session")
def static_folder(static_set, tmp_path_factory) -> Path:
    """An explorer without a server, exported once for all files of tests. Not to be changed."""
    place = tmp_path_factory.mktemp("static")
    results = static_site.few_results(place / "results")
    landscapes = static_site.few_landscapes(place / "landscapes", static_set)
    return static_site.exported(
        static_set, place / "site" / "under" / "a path", results, landscapes
    )


@pytest.fixture(scope="session")
def static_address(static_folder) -> Iterator[str]:
    """Where Python's own server serves it, below a path."""
    with static_site.serving(static_folder.parents[1]) as address:
        yield f"{address}under/a%20path/"


@pytest.fixture(scope="session")
def processes():
    return fork_server()


@pytest.fixture
def start(processes) -> Callable:
    """`start(function, *arguments)` gives a process that does it; none outlives the test."""
    started = []

    def start(target: Callable, *arguments: object):
        process = processes.Process(target=target, args=arguments)
        process.start()
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.join()


@pytest.fixture(scope="module")
def browser():
    """Headless Chromium; in `usual`, pages share a cache. A test without it skips."""
    program = chromium()
    if program is None:
        pytest.skip("needs Debian's chromium")
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=program, args=CHROMIUM_FLAGS)
        browser.usual = browser.new_context()
        yield browser
        browser.close()
