"""Which runs of a sweep a process takes while others are at work on it."""

import fcntl
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from servers import ROOT
from tiny_runs import tiny_data

from qtdog.training import RunRecord, Sweep, TrainConfig, sweep
from qtdog.training.config import RECIPES
from qtdog.training.records import save_record

ERM, QT_DOG, OTHER_SEED = (
    TrainConfig("PACS", "sketch", **RECIPES["cpu"], method=method, seed=seed)
    for method, seed in (("erm", 0), ("qt-dog", 0), ("erm", 1))
)


@pytest.fixture
def study(tmp_path, monkeypatch):
    """A sweep whose runs end at once, with a record of nothing; each leaves its trunk."""

    def train(config, data, runs, progress):
        trained.append(config)
        (runs / "trunks").mkdir(exist_ok=True)
        (runs / "trunks" / f"{config.identity().trunk.name}-data.safetensors").touch()

    def record(self, path, run, data):
        config = trained[-1]
        words = ("cpu", "pacs", (), (), "", (), (), 1.0, "", "", "", "")
        save_record(path, RunRecord(config, *words, config.identity()), {})

    trained = []
    monkeypatch.setattr(sweep, "load_run_data", lambda config: tiny_data())
    monkeypatch.setattr(sweep, "train", train)
    monkeypatch.setattr(Sweep, "_record", record)
    return Sweep("cpu", tmp_path, tmp_path, tmp_path)


@contextmanager
def another_process_has(study: Sweep, name: str):
    lock = study.runs / "claims" / f"{name}.lock"
    lock.parent.mkdir(exist_ok=True)
    with lock.open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def done(study: Sweep, *configs: TrainConfig, most: int | None = None) -> list[TrainConfig]:
    return study.run("pacs", list(configs), lambda config: print, most)


def test_a_run_in_another_process_is_not_done(study):
    record: Path = study.record_path("pacs", ERM)
    with another_process_has(study, record.stem):
        assert done(study, ERM, OTHER_SEED) == [OTHER_SEED]


def test_a_run_whose_trunk_is_being_trained_comes_last(study):
    assert (
        ERM.identity().trunk.name
        == QT_DOG.identity().trunk.name
        != OTHER_SEED.identity().trunk.name
    )
    with another_process_has(study, QT_DOG.identity().trunk.name):
        assert done(study, QT_DOG, OTHER_SEED) == [OTHER_SEED, QT_DOG]


def test_a_trunk_that_is_there_keeps_no_one_waiting(study):
    assert done(study, ERM) == [ERM]
    with another_process_has(study, ERM.identity().trunk.name):
        assert done(study, QT_DOG, OTHER_SEED, most=1) == [QT_DOG]


def test_runs_of_one_trunk_follow_each_other_in_one_process(study):
    assert done(study, ERM, QT_DOG, OTHER_SEED) == [ERM, QT_DOG, OTHER_SEED]
    assert done(study, ERM, QT_DOG, OTHER_SEED) == []


WITHOUT_LOCKS = """
import sys
from pathlib import Path
sys.modules["fcntl"] = None  # as on Windows: to import it fails
from qtdog import scratch
from qtdog.claims import claimed
from qtdog.explorer import Explorer
from qtdog.inference.first_use import graph_on_first_use
folder = scratch.use_own_folder()
scratch.remove_left_behind(folder.parent)
with claimed(Path(sys.argv[1]) / "claims" / "work.lock") as mine:
    print(mine)
"""


def test_where_files_cannot_be_locked_the_page_starts_and_work_is_done_with_a_warning(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_LOCKS, tmp_path],
        env={**os.environ, "PYTHONPATH": str(ROOT), "GRADIO_TEMP_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr
    assert "claims cannot be locked (this system has no such locks)" in done.stderr
