"""Which runs of a sweep a process takes while others are at work on it."""

import fcntl
from contextlib import contextmanager
from pathlib import Path

import pytest

from qtdog.training import sweep
from qtdog.training.config import RECIPES, TrainConfig
from qtdog.training.sweep import Sweep

ERM, QT_DOG, OTHER_SEED = (
    TrainConfig("PACS", "sketch", **RECIPES["cpu"], method=method, seed=seed)
    for method, seed in (("erm", 0), ("qt-dog", 0), ("erm", 1))
)


@pytest.fixture
def study(tmp_path, monkeypatch):
    """A sweep whose runs end at once, with an empty record; each leaves its trunk."""

    def train(config, data, runs, progress):
        (runs / "trunks").mkdir(exist_ok=True)
        (runs / "trunks" / f"{config.trunk_name()}-data.safetensors").touch()

    monkeypatch.setattr(sweep, "load_run_data", lambda config: None)
    monkeypatch.setattr(sweep, "train", train)
    monkeypatch.setattr(Sweep, "_record", lambda self, path, run, data: path.touch())
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
    assert ERM.trunk_name() == QT_DOG.trunk_name() != OTHER_SEED.trunk_name()
    with another_process_has(study, QT_DOG.trunk_name()):
        assert done(study, QT_DOG, OTHER_SEED) == [OTHER_SEED, QT_DOG]


def test_a_trunk_that_is_there_keeps_no_one_waiting(study):
    assert done(study, ERM) == [ERM]
    with another_process_has(study, ERM.trunk_name()):
        assert done(study, QT_DOG, OTHER_SEED, most=1) == [QT_DOG]


def test_runs_of_one_trunk_follow_each_other_in_one_process(study):
    assert done(study, ERM, QT_DOG, OTHER_SEED) == [ERM, QT_DOG, OTHER_SEED]
    assert done(study, ERM, QT_DOG, OTHER_SEED) == []
