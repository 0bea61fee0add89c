"""Cores as the system allows them, and processes that share them."""

import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import gradio_client
import numpy as np
import pytest
import torch
from PIL import Image
from servers import ROOT, running_app

from qtdog import cores


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """`machine(cgroup, files)`: a root with that /proc/self/cgroup and those files below
    /sys/fs/cgroup, on 64 cores."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)), raising=False)

    def make(cgroup: str, files: dict[str, str]) -> Path:
        for name, text in {"proc/self/cgroup": cgroup, **files}.items():
            path = tmp_path / (name if name.startswith("proc") else f"sys/fs/cgroup/{name}")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text + "\n")
        return tmp_path

    return make


V1 = "4:memory:/docker/1a2b\n3:cpu,cpuacct:/docker/1a2b\n1:cpuset:/docker/1a2b"


def v1(folder: str, quota: int) -> dict[str, str]:
    return {f"{folder}/cpu.cfs_quota_us": str(quota), f"{folder}/cpu.cfs_period_us": "100000"}


@pytest.mark.parametrize(
    ("cgroup", "files", "expected"),
    [
        ("0::/", {"cpu.max": "100000 100000"}, 1),
        ("0::/", {"cpu.max": "max 100000"}, 64),
        ("0::/", {"cpu.max": "150000 100000"}, 2),
        ("0::/", {"cpu.max": "5000 100000"}, 1),
        ("0::/a/b", {"a/cpu.max": "300000 100000", "a/b/cpu.max": "max 100000"}, 3),
        ("0::/a/b", {"a/cpu.max": "300000 100000", "a/b/cpu.max": "200000 100000"}, 2),
        ("0::/docker/1a2b", {"cpu.max": "400000 100000"}, 4),  # the host's path
        ("0::/", {"unified/cpu.max": "400000 100000"}, 4),
        (V1, v1("cpu,cpuacct/docker/1a2b", 100000), 1),
        (V1, v1("cpu,cpuacct", 250000), 3),
        (V1, v1("cpu/docker", 250000), 3),
        (V1, v1("cpu", -1), 64),
        (V1, v1("cpuset", 100000), 64),
        (V1 + "\n0::/", v1("cpu", 800000) | {"unified/cpu.max": "500000 100000"}, 5),
        ("0::/", {"cpu.max": "nonsense"}, 64),
        ("0::/", {}, 64),
    ],
)
def test_cores_are_those_that_the_control_groups_allow(machine, cgroup, files, expected):
    assert cores.count(machine(cgroup, files)) == expected


def test_affinity_counts_where_it_allows_less(machine, monkeypatch):
    root = machine("0::/", {"cpu.max": "800000 100000"})
    assert cores.count(root) == 8
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {5, 7, 9})
    assert cores.count(root) == 3
    monkeypatch.delattr(os, "sched_getaffinity")  # as on macOS
    monkeypatch.setattr(os, "cpu_count", lambda: 12)
    assert cores.count(root) == 8
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert cores.count(root) == 1


def test_this_process_is_counted_by_its_affinity():
    if not hasattr(os, "sched_setaffinity"):
        pytest.skip("this system has no affinity")
    code = "from qtdog import cores; print(cores.count())"
    first = min(os.sched_getaffinity(0))
    pinned = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=lambda: os.sched_setaffinity(0, {first}),
    )
    assert pinned.stdout == "1\n"


def test_nothing_counts_the_cores_by_itself():
    """os.cpu_count() knows nothing of limits, and torch.set_num_threads() reaches other threads."""
    for path in (*ROOT.glob("qtdog/**/*.py"), ROOT / "app.py"):
        if path.name != "cores.py":
            text = path.read_text(encoding="utf-8")
            assert "cpu_count(" not in text, path
            assert "set_num_threads" not in text, path


def threads_of_a_new_thread() -> int:
    found = []
    thread = threading.Thread(target=lambda: found.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    return found[0]


def test_a_worker_with_one_thread_leaves_all_others_theirs():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        with cores.pool(2, "test") as pool:
            meeting = threading.Barrier(2)
            counts = list(
                pool.map(lambda _: (meeting.wait(60), torch.get_num_threads())[1], range(2))
            )
            assert counts == [1, 1]
            assert threads_of_a_new_thread() == 3
            assert torch.get_num_threads() == 3
            assert list(pool.map(lambda _: torch.get_num_threads(), range(2))) == [1, 1]
    finally:
        torch.set_num_threads(before)


NOWHERE = ["--checkpoints", "/nowhere"]
PROGRAMS = {
    "the command line": (["-m", "qtdog", "layers", "--help"], cores.count()),
    "the page": (["app.py", *NOWHERE], 1),
    "the page by the command line": (["-m", "qtdog", "app", *NOWHERE], 1),
}


MARKS = {
    "the page": pytest.mark.thorough,
    "the page by the command line": pytest.mark.slow,
}


@pytest.mark.parametrize(
    "name",
    [pytest.param(one, marks=MARKS.get(one, ())) for one in PROGRAMS],
)
def test_programs_decide_before_torch_is_loaded(name, tmp_path):
    """Seen from inside, at the moment when torch is asked for or at the end."""
    (tmp_path / "sitecustomize.py").write_text(
        """
import atexit, os, sys
def tell(when):
    print(when, os.environ.get("OMP_WAIT_POLICY"), os.environ.get("OMP_NUM_THREADS"), flush=True)
class Watch:
    def find_spec(self, name, path=None, target=None):
        if name == "torch":
            sys.meta_path.remove(self)
            tell("torch")
sys.meta_path.insert(0, Watch())
atexit.register(tell, "end")
"""
    )
    words, threads = PROGRAMS[name]
    free = {k: v for k, v in os.environ.items() if not k.startswith(("OMP_", "GOMP_"))}

    def said(**variables: str) -> set[str]:
        result = subprocess.run(
            [sys.executable, *words],
            cwd=ROOT,
            env={**free, "PYTHONPATH": str(tmp_path), **variables},
            capture_output=True,
            text=True,
        )
        assert result.returncode == (0 if "--help" in words else 2), result.stderr
        lines = [line.split(" ", 1) for line in result.stdout.splitlines()]
        return {line[1] for line in lines if line[0] in ("torch", "end")}

    assert said() == {f"PASSIVE {threads}"}
    assert said(OMP_WAIT_POLICY="ACTIVE", OMP_NUM_THREADS="7") == {"ACTIVE 7"}


LEAST_SHARE = 0.4  # of its lone speed that a process keeps beside another one
ROUNDS = 3
TRAINING = ["-m", "qtdog", "train", "--data", "rotated_digits", "--method", "erm"]
TRAINING += ["--architecture", "mobilenet_v2", "--image-size", "64"]
TRAINING += ["--steps", "40", "--quantize-step", "20", "--evaluate-every", "20"]
FREE = {name: value for name, value in os.environ.items() if not name.startswith(("OMP", "GOMP"))}


def trainings(count: int, folder: Path) -> list[float]:
    """Start so many runs at once as users do; steps a second of each, as its config says."""
    folders = [folder / str(place) for place in range(count)]
    started = [
        subprocess.Popen(
            [sys.executable, *TRAINING, "--runs", str(one / "runs"), "--out", str(one / "out")],
            cwd=ROOT,
            env=FREE | {"QTDOG_CACHE": str(folder / "cache")},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for one in folders
    ]
    assert [process.wait() for process in started] == [0] * count
    configs = [min(one.glob("out/**/config.json")) for one in folders]
    records = [json.loads(one.read_text())["training"] for one in configs]
    return [record["steps"] / record["seconds"] for record in records]


@pytest.mark.slow
def test_two_trainings_at_once_keep_their_share_of_their_speed(tmp_path):
    """Lone and paired runs take turns, so that what else the machine does hits both alike."""
    alone, beside = [], []
    for turn in range(ROUNDS):
        alone += trainings(1, tmp_path / f"{turn}-alone")
        beside += trainings(2, tmp_path / f"{turn}-beside")
    shares = [one / statistics.median(alone) for one in beside]
    print(f"\nSteps a second alone {alone}, beside another {beside}: shares {shares}")
    assert statistics.median(shares) > LEAST_SHARE


@pytest.mark.slow
def test_the_page_and_a_training_keep_their_share_of_their_speed(tmp_path, monkeypatch):
    for name in os.environ.keys() - FREE.keys():
        monkeypatch.delenv(name)
    pixels = np.random.default_rng(0)

    with running_app(ROOT / "checkpoints") as address:
        client = gradio_client.Client(address, verbose=False)

        def ask() -> None:
            path = tmp_path / "picture.png"
            Image.fromarray(pixels.integers(0, 256, (64, 64, 3), np.uint8)).save(path)
            client.predict(
                gradio_client.handle_file(str(path)), "pacs/sketch", api_name="/classify"
            )

        def answers_a_second(going_on: Callable[[float], bool]) -> float:
            start, count = time.monotonic(), 0
            while going_on(time.monotonic() - start):
                ask()
                count += 1
            return count / (time.monotonic() - start)

        ask()
        pages, runs = ([], []), ([], [])
        for turn in range(ROUNDS):
            pages[0].append(answers_a_second(lambda passed: passed < 10))
            runs[0].extend(trainings(1, tmp_path / f"{turn}-alone"))
            with ThreadPoolExecutor(1) as pool:
                run = pool.submit(trainings, 1, tmp_path / f"{turn}-beside")
                pages[1].append(answers_a_second(lambda _, run=run: not run.done()))
                runs[1].extend(run.result())
    print(f"\nAnswers a second alone, beside: {pages}; steps a second: {runs}")
    for alone, beside in (pages, runs):
        assert statistics.median(beside) > LEAST_SHARE * statistics.median(alone)


POOLS = """
import ctypes, sys, threading
from qtdog import memory
if sys.argv[2] == "shared":
    memory.share_memory_among_threads()
library = ctypes.CDLL(None)
library.fopen.restype = ctypes.c_void_p
library.malloc_info.argtypes = [ctypes.c_int, ctypes.c_void_p]
library.fclose.argtypes = [ctypes.c_void_p]
together = threading.Barrier(12)

def work():
    together.wait()
    [bytes(1000) for _ in range(1000)]
    together.wait()

threads = [threading.Thread(target=work) for _ in range(12)]
[one.start() for one in threads]
[one.join() for one in threads]
file = library.fopen(sys.argv[1].encode(), b"w")
library.malloc_info(0, file)
library.fclose(file)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's")
@pytest.mark.parametrize("how", ["shared", "as usual"])
def test_threads_of_the_page_take_memory_from_a_few_pools(how, tmp_path):
    out = tmp_path / "pools.xml"
    subprocess.run([sys.executable, "-c", POOLS, str(out), how], check=True, cwd=ROOT)
    pools = out.read_text(encoding="utf-8").count("<heap ")
    few = max(2, cores.count())
    assert (pools <= few) == (how == "shared"), pools
