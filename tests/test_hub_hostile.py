"""Hostile checkpoint sets: refused with a reason, nothing executed, memory bounded."""

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import hostile
import pytest
from tiny import config, random_network, save_set

from qtdog import checkpoints
from qtdog.checkpoints import INDEX, CheckpointError, index_json, make_index, storage
from qtdog.explorer import Guests

ROOT = Path(__file__).resolve().parents[1]
MOST_MEGABYTES = 200
LONGEST_SENTENCE = 1500  # the longest lists what there is


@pytest.fixture(scope="module")
def healthy(tmp_path_factory) -> Path:
    root = save_set(tmp_path_factory.mktemp("hostile"), members=2)
    (root / INDEX).write_bytes(index_json(make_index(root)))
    return root


def check(name: str, said: str) -> None:
    """Whether a refusal is one printable sentence."""
    assert said, f"{name} was not refused"
    assert said.endswith("."), (name, said)
    assert said.isprintable(), (name, said)
    assert len(said) < LONGEST_SENTENCE, (name, said)


def test_a_healthy_set_opens(healthy):
    assert hostile.open_all(healthy) == ""


@pytest.mark.parametrize(("name", "change"), hostile.changes()[3::11])
def test_a_hostile_set_is_refused_with_a_reason(healthy, tmp_path, monkeypatch, name, change):
    monkeypatch.chdir(tmp_path)
    root = Path(shutil.copytree(healthy, tmp_path / "set"))
    change(root)
    check(name, hostile.open_all(root))
    assert not (tmp_path / hostile.EXECUTED).exists()


@pytest.mark.slow
def test_over_200_hostile_sets_are_refused_in_bounded_memory_and_none_is_run(tmp_path):
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests" / "hostile.py"), str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=1200,
    )
    assert done.returncode == 0, done.stderr
    first, *lines, last = map(json.loads, done.stdout.splitlines())
    assert first == {"name": "healthy", "said": ""}
    assert len(lines) >= 200
    for line in lines:
        check(line["name"], line["said"])
    assert not last["executed"]
    assert last["megabytes"] < MOST_MEGABYTES


def save(root: Path, **changes) -> Path:
    """One checkpoint whose config says something else than is usual."""
    stored = storage.store(random_network(0, None))
    changed = dataclasses.replace(config("erm", 0, 32), **changes)
    checkpoints.save(root / "pacs/sketch/erm-seed0", stored, changed, "step\n")
    return root


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"architecture": "vit_h_14"}, "architecture 'vit_h_14'"),
        ({"image_size": 4000}, "wants pictures of 4000 px"),
        ({"classes": tuple(map(str, range(1001)))}, "more than 1,000 classes"),
    ],
)
def test_a_stranger_may_not_ask_for_much_of_this_machine(tmp_path, changes, reason):
    with pytest.raises(CheckpointError, match=reason):
        Guests(folders=True).open(str(save(tmp_path / "set", **changes)))


def test_a_visitors_folder_may_not_lead_elsewhere_nor_be_the_whole_disk(tmp_path, monkeypatch):
    root = save(tmp_path / "set")
    (root / "pacs" / "photo").symlink_to("/etc")
    with pytest.raises(CheckpointError, match="leads out of the set's folder"):
        Guests(folders=True).open(str(root))
    (root / "pacs" / "photo").unlink()
    monkeypatch.setattr("qtdog.explorer.opening.GUEST_FILES", 4)
    with pytest.raises(CheckpointError, match="more than 4 files"):
        Guests(folders=True).open(str(root))
    with pytest.raises(CheckpointError, match="does not exist"):
        Guests(folders=True).open(str(tmp_path / "nowhere"))
