"""A run on several processes is the run of one process on the same batches."""

import dataclasses
import hashlib
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import parallel_runs
import pytest
import torch
from parallel_runs import PROCESSES, TORCHRUN_CONFIG, free_port
from processes import end_of
from safetensors.torch import load_file
from tiny_runs import CONFIG

from qtdog.training import TrainConfig, parallel
from qtdog.training.state import RunState, load_state

pytestmark = pytest.mark.thorough  # most train or export for seconds


def together(start, work: Callable, root: Path, *arguments: object) -> None:
    """Do `work(root, *arguments)` in a group of processes; all must succeed."""
    port = free_port()
    group: list[multiprocessing.Process] = [
        start(parallel_runs.in_parallel, work, rank, port, root, *arguments)
        for rank in range(PROCESSES)
    ]
    assert [end_of(process) for process in group] == [0] * PROCESSES


# A step -----------------------------------------------------------------------------------------


def test_gradients_and_statistics_are_those_of_the_whole_batch(start, tmp_path):
    """In float64: convolutions, trained batch norm (against torch's), a loss over the whole batch,
    a parameter without a gradient."""
    together(start, parallel_runs.gradients_of_a_step, tmp_path)
    network, images, labels = parallel_runs.a_network_and_a_batch()
    parallel_runs.loss_of(network(images), labels).backward()
    expected = dict(network.state_dict())
    expected |= {
        f"{name}.grad": parameter.grad
        for name, parameter in network.named_parameters()
        if parameter.grad is not None
    }
    shared = [load_file(tmp_path / f"step{rank}.safetensors") for rank in range(PROCESSES)]
    assert shared[0].keys() == expected.keys()
    assert "head.bias.grad" not in expected
    for name, value in expected.items():
        torch.testing.assert_close(shared[0][name], value, rtol=1e-10, atol=1e-12)
        assert torch.equal(shared[0][name], shared[1][name]), name


@pytest.mark.parametrize("objective", ["coral", "mixstyle", "sam"])
def test_objectives_over_the_whole_batch_have_its_gradients(start, tmp_path, objective):
    """Some of their arithmetic is in float32, hence the tolerance, relative to each tensor."""
    parallel_runs.gradients_of_an_objective(tmp_path, objective)
    together(start, parallel_runs.gradients_of_an_objective, tmp_path, objective)
    expected = load_file(tmp_path / f"{objective}0-1.safetensors")
    shared = load_file(tmp_path / f"{objective}0-2.safetensors")
    assert shared.keys() == expected.keys()
    for name, value in expected.items():
        assert (shared[name] - value).norm() <= 1e-5 * value.norm() + 1e-12, name


def test_what_processes_tell_each_other(start, tmp_path):
    together(start, parallel_runs.conversation, tmp_path)
    told = [(tmp_path / f"told{rank}").read_text() for rank in range(PROCESSES)]
    assert told[0] == "3.0 from 0 True; same"
    assert told[1].startswith("3.0 from 0 False; Process 1 has other settings or other data")


def test_a_single_process_is_on_its_own():
    with parallel.joined():
        assert (parallel.processes(), parallel.rank(), parallel.leads()) == (1, 0, True)
        values = torch.randn(6, 2)
        assert parallel.whole_batch(values, 3).equal(values)
        assert parallel.rows(3, 2).tolist() == [0, 1, 2, 3, 4, 5]
        assert parallel.total(4) == 4
        assert parallel.leaders(lambda: b"answer") == b"answer"
        parallel.require_same("anything")


def test_images_that_cannot_be_shared_equally_are_one_clear_sentence(monkeypatch):
    monkeypatch.setattr(parallel, "processes", lambda: 3)
    with pytest.raises(ValueError, match=r"4 images of each domain in a step cannot .* divides 4"):
        parallel.rows(2, 4)
    assert parallel.rows(2, 6).tolist() == [0, 1, 6, 7], "the first two of each domain"


# A run ------------------------------------------------------------------------------------------


def state_of(folder: Path) -> RunState:
    (file,) = (path for path in folder.glob("*/state.safetensors"))
    return load_state(file)


def largest_difference(one: RunState, two: RunState) -> float:
    """Of any weight, statistic or logarithm of a step size, at the end or averaged."""
    differences = [
        float((value - other[name]).abs().max())
        for values, other in ((one.network, two.network), (one.average, two.average))
        for name, value in values.items()
        if value.is_floating_point()
    ]
    assert len(differences) > 150
    return max(differences)


def one_and_two(start, root: Path, config: TrainConfig) -> float:
    """The largest difference between the run of one process and that of two."""
    parallel_runs.train_in_float64(root / "one", config)
    together(start, parallel_runs.train_in_float64, root / "two", config)
    one, two = state_of(root / "one"), state_of(root / "two")
    assert one.step == two.step == config.steps
    assert [point.source_validation for point in one.points] == [
        point.source_validation for point in two.points
    ]
    for point, other in zip(one.points, two.points, strict=True):
        assert other.train_loss == pytest.approx(point.train_loss, abs=1e-5)
    chosen = [load_file(root / "two" / f"chosen{rank}.safetensors") for rank in range(PROCESSES)]
    assert all(torch.equal(chosen[0][name], chosen[1][name]) for name in chosen[0])
    return largest_difference(one, two)


def test_two_processes_end_with_the_weights_of_one(start, tmp_path):
    """QT-DoG, quantized in mid-run."""
    config = dataclasses.replace(
        CONFIG, freeze_batch_norm=True, learning_rate=5e-5, steps=8, quantize_step=4
    )
    assert one_and_two(start, tmp_path, config) < 1e-12


# With batch norm that trains, a random network is chaotic: one process that sums its images in
# another order ends as far away. Hence float64 and the paper's learning rate. Step sizes are in
# float32 also then, and CORAL's covariances.
FIFTY_STEPS = [
    ({"method": "erm"}, 1e-12),
    ({"method": "freeze"}, 1e-12),
    ({}, 1e-12),
    ({"quantizer": "inq"}, 1e-12),
    ({"objective": "mixstyle"}, 1e-12),
    ({"objective": "sam"}, 1e-12),
    ({"objective": "coral"}, 1e-5),
    ({"method": "erm", "freeze_batch_norm": False}, 1e-7),
    ({"method": "freeze", "freeze_batch_norm": False}, 1e-7),
    ({"freeze_batch_norm": False}, 1e-5),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "tolerance"), FIFTY_STEPS, ids=[str(case[0]) for case in FIFTY_STEPS]
)
def test_fifty_steps_of_two_processes_end_with_the_weights_of_one(
    start, tmp_path, settings, tolerance
):
    fifty = {"learning_rate": 5e-5, "steps": 50, "quantize_step": 20, "evaluate_every": 5}
    config = dataclasses.replace(CONFIG, **{"freeze_batch_norm": True} | fifty | settings)
    assert one_and_two(start, tmp_path, config) < tolerance


@pytest.mark.slow
def test_one_process_goes_on_from_what_two_began(start, tmp_path):
    """QT-DoG from ERM's trunk: the same as if one process had done all of it."""
    config = dataclasses.replace(CONFIG, freeze_batch_norm=True, learning_rate=5e-5)
    together(
        start,
        parallel_runs.train_in_float64,
        tmp_path / "two",
        dataclasses.replace(config, method="erm"),
    )
    (trunk,) = (tmp_path / "two" / "trunks").iterdir()
    assert load_state(trunk).step == config.quantize_step
    (tmp_path / "one" / "trunks").mkdir(parents=True)
    trunk.rename(tmp_path / "one" / "trunks" / trunk.name)
    for folder in ("one", "alone"):
        parallel_runs.train_in_float64(tmp_path / folder, config)
    one, alone = state_of(tmp_path / "one"), state_of(tmp_path / "alone")
    assert largest_difference(one, alone) < 1e-12


# A lost process ---------------------------------------------------------------------------------


def torchrun(root: Path, machines: int) -> list[subprocess.Popen]:
    """Start a run of two processes on one machine, or on two, which are one here as well."""
    root.mkdir()
    words = ["--max-restarts", "3", "--nproc-per-node", str(PROCESSES // machines)]
    if machines == 1:
        words += ["--standalone"]
    else:
        place = f"127.0.0.1:{free_port()}"
        words += ["--nnodes", str(machines), "--rdzv-backend", "c10d", "--rdzv-endpoint", place]
    tests = Path(__file__).parent
    words += [str(tests / "parallel_runs.py"), str(root)]
    paths = os.pathsep.join([str(tests), str(tests.parent)])
    return [
        subprocess.Popen(
            [
                sys.executable,
                "-m",
                "torch.distributed.run",
                *words,
                tests / "parallel_runs.py",
                root,
            ],
            env=os.environ | {"PYTHONPATH": paths, "CUDA_VISIBLE_DEVICES": ""},
            stderr=(root / f"errors{machine}").open("w"),
        )
        for machine in range(machines)
    ]


def sittings_of(root: Path) -> list[list[int]]:
    """The steps that were done each time that all processes began."""
    file = root / "steps"
    told = file.read_text() if file.exists() else ""
    return [[int(step) for step in part.split()] for part in told.split("begin")[1:]]


def kill(root: Path, sitting: int, rank: int, step: int) -> None:
    """SIGKILL for one process as soon as `step` is done."""
    end = time.monotonic() + 300
    while len(done := sittings_of(root)) <= sitting or (done[sitting] or [0])[-1] < step:
        assert time.monotonic() < end, (root / "errors0").read_text()
        time.sleep(0.01)
    os.kill(int((root / f"process{rank}").read_text()), signal.SIGKILL)


def assert_ended(run: list[subprocess.Popen], root: Path) -> None:
    for process in run:
        assert process.wait(300) == 0, (root / "errors0").read_text()


def model_hash(root: Path) -> str:
    (model,) = (root / "checkpoints").rglob("model.safetensors")
    return hashlib.sha256(model.read_bytes()).hexdigest()


@pytest.mark.slow
@pytest.mark.parametrize("machines", [1, 2])
def test_a_run_survives_lost_processes_and_ends_with_the_same_file(tmp_path, machines):
    """One process is lost before the quantization step, the leader after it; each time torchrun
    begins again from the last evaluation."""
    whole = tmp_path / "whole"
    assert_ended(torchrun(whole, machines=1), whole)
    assert sittings_of(whole) == [list(range(1, TORCHRUN_CONFIG.steps + 1))]

    root = tmp_path / "killed"
    run = torchrun(root, machines)
    kill(root, sitting=0, rank=1, step=9)
    kill(root, sitting=1, rank=0, step=16)
    assert_ended(run, root)
    assert model_hash(root) == model_hash(whole)

    sittings = sittings_of(root)
    assert len(sittings) == 3
    assert sittings[2][-1] == TORCHRUN_CONFIG.steps
    for before, after in pairwise(sittings):
        saved = after[0] - 1  # a step is told when it is done
        assert saved % TORCHRUN_CONFIG.evaluate_every == 0
        assert 0 <= before[-1] - saved < TORCHRUN_CONFIG.evaluate_every
