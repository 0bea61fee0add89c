"""The script for a GPU, on the processor: two steps, a few images, two processes."""

import importlib.util
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import save_file
from servers import ROOT

from qtdog import models

SCRIPT = ROOT / "scripts" / "gpu_study.py"


@pytest.fixture(scope="module")
def script():
    specification = importlib.util.spec_from_file_location("gpu_study", SCRIPT)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture
def images(tmp_path) -> Path:
    random = np.random.default_rng(0)
    for domain in ("drawing", "photo"):
        for label in ("cat", "dog"):
            folder = tmp_path / "Pets" / domain / label
            folder.mkdir(parents=True)
            for place in range(5):
                pixels = random.integers(0, 256, (32, 32, 3), np.uint8)
                Image.fromarray(pixels).save(folder / f"{place}.png")
    return tmp_path / "Pets"


def test_parts_are_small_and_give_the_same_files_back(script, images, tmp_path):
    parts = script.pack(images, tmp_path / "parts", most=30_000)
    assert len(parts) > 1
    for part in parts:
        with tarfile.open(part) as archive:
            assert sum(one.size for one in archive) < 30_000
    back = script.unpack(tmp_path / "parts", tmp_path / "work")
    files = {p.relative_to(images): p.read_bytes() for p in images.rglob("*.png")}
    assert {p.relative_to(back): p.read_bytes() for p in back.rglob("*.png")} == files
    assert script.PART_BYTES < 64 * 2**20


@pytest.mark.slow
def test_it_runs_stops_by_itself_and_goes_on(script, images, tmp_path):
    pytest.importorskip("timm", reason="needs timm")
    script.pack(images, tmp_path / "parts")
    weights = models.build("timm/tf_efficientnet_lite0", 1000).state_dict()
    save_file(weights, tmp_path / "start.safetensors")

    def run(minutes: float) -> int:
        words = ["run", "parts", "start.safetensors", "--minutes", str(minutes)]
        words += ["--side-by-side", "2", "--steps", "2", "--quantize-step", "1"]
        words += ["--evaluate-every", "1", "--image-size", "32", "--seeds", "1"]
        done = subprocess.run(
            [sys.executable, str(SCRIPT), *words],
            cwd=tmp_path,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return len(list((tmp_path / "OUT").glob("*.json")))

    assert run(0.35) < 6  # a second of work
    assert run(8) == 6  # two domains, one seed, ERM, 7 and 5 bits
    record = json.loads(next((tmp_path / "OUT").glob("*.json")).read_text())
    assert record["config"]["architecture"] == "timm/tf_efficientnet_lite0"
    assert max(path.stat().st_size for path in (tmp_path / "OUT").iterdir()) < 2**20


def test_a_folder_without_parts_is_said_in_a_sentence(tmp_path):
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "run", "nothing", "start", "--work", "work"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (
        2,
        "gpu_study: nothing holds no part-*.tar: see `pack`.\n",
    )
