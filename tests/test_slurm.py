"""A study as a SLURM job array: the script that is written, and what its tasks do."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from qtdog.data import load
from qtdog.training import Resources, TrainConfig, array_script, first_plan
from qtdog.training.config import RECIPES
from qtdog.training.records import RunRecord, save_record


def script(*runs: str, **resources) -> str:
    command = ["sweep", "--data", "my data"]
    return array_script(command, runs, Resources(**resources), Path("/home/me"), Path("runs/slurm"))


def options(text: str) -> set[str]:
    return {line.removeprefix("#SBATCH ") for line in text.splitlines() if "#SBATCH" in line}


def test_the_script_asks_for_what_was_asked_for_and_can_be_requeued():
    asked = options(script("a", "b", "c", gpus=2, time_limit="1-00:00", partition="gpu"))
    assert asked >= {"--array=0-2", "--gres=gpu:2", "--time=1-00:00", "--partition=gpu"}
    assert asked >= {"--requeue", "--output=/home/me/runs/slurm/%A_%a.log", "--signal=B:USR1@120"}
    left_to_the_cluster = options(script("a", gpus=0))
    assert not {name.split("=")[0] for name in left_to_the_cluster} & {
        "--gres",
        "--time",
        "--partition",
    }


def test_several_gpus_are_as_many_processes_that_survive_a_loss():
    (line,) = [line for line in script("a", gpus=4).splitlines() if "--only" in line]
    start = f"{sys.executable} -m torch.distributed.run --standalone --nproc-per-node 4"
    assert line.startswith(f"{start} --max-restarts 3 -m qtdog sweep --data 'my data' --only")


def test_nothing_to_do_and_settings_of_several_words_are_one_clear_sentence():
    with pytest.raises(ValueError, match="nothing to submit"):
        script()
    with pytest.raises(ValueError, match="SLURM's partition takes one word, not 'a\nb'"):
        script("a", partition="a\nb")


@pytest.fixture
def written(command, tmp_path, monkeypatch) -> Path:
    """The script of four runs of a sweep, of which one is recorded already."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "records").mkdir()
    dataset = load("rotated_digits", RECIPES["cpu-short"]["image_size"])
    base = TrainConfig(data="rotated_digits", target_domain="", **RECIPES["cpu-short"])
    target = dataset.domains[-1].name
    config = next(
        one
        for one in first_plan(base, tuple(domain.name for domain in dataset.domains))
        if (one.method, one.objective, one.target_domain) == ("erm", "coral", target)
    )
    fingerprint = dataset.fingerprint()
    words = ("cpu-short", "rotated_digits", (), (), fingerprint, (), (), 1.0, "", "", "", "")
    identity = config.identity(fingerprint, dataset.sampled_fingerprint())
    path = tmp_path / "records" / f"rotated_digits-{target}-coral-seed0.json"
    save_record(path, RunRecord(config, *words, identity), {})
    words = ["--data", "rotated_digits", "--study", "first", "--recipe", "cpu-short"]
    words += ["--records", "records"]
    code, out, _ = command("sweep", *words, "--only", "coral", "--slurm-script", "jobs.sh")
    assert code == 0
    assert "Written: jobs.sh, 3 runs. Submit them with: sbatch jobs.sh" in out
    return tmp_path / "jobs.sh"


@pytest.mark.thorough
def test_a_sweep_writes_a_task_for_every_run_that_is_left_and_trains_nothing(written):
    text = written.read_text()
    names = text.partition("runs=(")[2].partition(")")[0].split()
    assert names == [
        "rotated_digits-75-degrees-qt-dog-7bit-coral-seed0",
        "rotated_digits-75-degrees-coral-seed1",
        "rotated_digits-75-degrees-qt-dog-7bit-coral-seed1",
    ]
    assert (written.parent / "runs" / "slurm").is_dir(), "SLURM writes no log without it"
    assert len(list((written.parent / "records").glob("*.json"))) == 1


def task(
    script: Path, number: int, python: Path, **environment: str
) -> subprocess.CompletedProcess:
    """What SLURM does for one task, with `python` in the place of the interpreter."""
    text = script.read_text().replace(sys.executable, str(python))
    return subprocess.run(
        ["bash", "-c", text],
        env=os.environ | {"SLURM_ARRAY_TASK_ID": str(number), "SLURM_JOB_ID": "77"} | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def program(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/bash\n{text}\n")
    path.chmod(0o755)
    return path


def test_a_task_does_its_own_run_and_ends_as_the_run_does(written, tmp_path):
    python = program(tmp_path / "python", 'echo "$PWD: $*"; exit 3')
    done = task(written, 1, python)
    assert done.returncode == 3
    words = "--split ours --records records --runs runs"
    assert done.stdout == (
        f"{tmp_path}: -m qtdog sweep --data rotated_digits --study first --recipe cpu-short "
        f"{words} --only rotated_digits-75-degrees-coral-seed1\n"
    )


@pytest.mark.thorough
def test_before_the_time_limit_a_task_asks_to_be_requeued_and_waits_for_it(written, tmp_path):
    """SLURM then ends all processes; here the run goes on for a moment."""
    python = program(tmp_path / "python", "kill -USR1 $PPID; sleep 1; echo ended")
    program(tmp_path / "scontrol", 'echo "scontrol $*"')
    done = task(written, 0, python, PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert done.stdout == "scontrol requeue 77\nended\n"
    assert done.returncode == 0
