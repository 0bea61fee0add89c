"""A run that is interrupted or killed at any moment ends as if it had not been."""

import hashlib
import os
import random
import signal
import sys
import time
from pathlib import Path

import pytest
import tiny_runs
import torch
from processes import end_of
from tiny_runs import CONFIG, Kill, tiny_data

from qtdog import checkpoints
from qtdog.files import write_atomically, write_folder_atomically
from qtdog.training import train
from qtdog.training.loop import TrainedRun
from qtdog.training.run_data import RunData
from qtdog.training.state import PARTS, EvaluationPoint, RunState, load_state, save_state


@pytest.fixture(scope="module")
def run_data() -> RunData:
    return tiny_data()


@pytest.fixture(scope="module")
def uninterrupted(run_data, tmp_path_factory) -> TrainedRun:
    return train(CONFIG, run_data, tmp_path_factory.mktemp("uninterrupted"))


class Interruption(Exception):
    pass


def assert_same(one: TrainedRun, two: TrainedRun) -> None:
    assert one.points == two.points
    for chosen, twin in ((one.single, two.single), (one.average, two.average)):
        assert chosen.step == twin.step
        state, other = chosen.network.state_dict(), twin.network.state_dict()
        assert state.keys() == other.keys()
        for name, value in state.items():
            assert torch.equal(value, other[name]), name


# Interrupted ------------------------------------------------------------------------------------


def test_a_run_interrupted_again_and_again_ends_bit_for_bit_the_same(
    run_data, uninterrupted, tmp_path
):
    """Before, at and after evaluations, at the quantization step, and at the last one."""
    starts = []
    for last in (1, 3, 6, 7, 9, 12):

        def stop(step: int, text: str, last: int = last) -> None:
            starts[-1].append(step)
            if step == last:
                raise Interruption

        starts.append([])
        with pytest.raises(Interruption):
            train(CONFIG, run_data, tmp_path, stop)
    # Each sitting goes on from the last evaluation, two steps being between evaluations.
    assert [steps[0] for steps in starts] == [1, 1, 3, 7, 7, 9]
    resumed = train(CONFIG, run_data, tmp_path)
    assert_same(resumed, uninterrupted)

    steps = []
    again = train(CONFIG, run_data, tmp_path, lambda step, text: steps.append(step))
    assert steps == [], "a finished run is not trained again"
    assert_same(again, uninterrupted)


def test_random_numbers_drawn_elsewhere_change_nothing(run_data, uninterrupted, tmp_path):
    torch.manual_seed(12345)
    trained = train(CONFIG, run_data, tmp_path, lambda step, text: torch.rand(step))
    assert_same(trained, uninterrupted)


# The state on disk ------------------------------------------------------------------------------


def some_state() -> RunState:
    return RunState(
        step=4,
        seconds=2.5,
        points=(EvaluationPoint(2, False, 1.5, 0.1, 0.2), EvaluationPoint(4, True, 1.25, 0.3, 0.1)),
        network={"a.weight": torch.randn(3, 2), "count": torch.tensor(7)},
        optimizer={"a.weight:exp_avg": torch.randn(3, 2), "a.weight:step": torch.tensor(4.0)},
        average={"a.weight": torch.randn(3, 2)},
        best={},
        best_average={"a.weight": torch.randn(3, 2)},
    )


def test_a_state_survives_the_round_trip_bit_for_bit(tmp_path):
    state = some_state()
    save_state(tmp_path / "state.safetensors", state)
    loaded = load_state(tmp_path / "state.safetensors")
    for field in ("step", "seconds", "points"):
        assert getattr(loaded, field) == getattr(state, field)
    for field in PARTS:
        one, two = getattr(loaded, field), getattr(state, field)
        assert one.keys() == two.keys()
        assert all(torch.equal(one[name], two[name]) for name in one)
    assert load_state(tmp_path / "nothing.safetensors") is None


def test_a_foreign_or_truncated_state_is_an_error_that_names_the_file(tmp_path):
    file = tmp_path / "state.safetensors"
    save_state(file, some_state())
    whole = file.read_bytes()
    for content in (b"", b"text", whole[:-1], whole[:40]):
        file.write_bytes(content)
        with pytest.raises(
            ValueError, match=r"state\.safetensors is not a training state .*remove"
        ):
            load_state(file)


# Killed -----------------------------------------------------------------------------------------


def model_hash(root: Path) -> str:
    (folder,) = checkpoints.find(root / "checkpoints")
    return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()


def assert_nothing_half_written(root: Path) -> None:
    """What bears a final name is whole; the rest does not count as there."""
    for state in (root / "runs").rglob("*.safetensors"):
        if not state.name.startswith("."):
            assert load_state(state).step in (2, 4, 6, 8, 10, 12)
    if (root / "checkpoints").exists():
        for config in (root / "checkpoints").rglob("config.json"):
            if not config.parent.name.startswith("."):
                checkpoints.load(config.parent)


@pytest.fixture(scope="module")
def whole_run(processes, tmp_path_factory) -> tuple[str, float]:
    """Hash of the model that an undisturbed process writes, and the seconds it takes."""
    root = tmp_path_factory.mktemp("whole")
    began = time.monotonic()
    process = processes.Process(target=tiny_runs.train_to_the_end, args=(root,))
    process.start()
    assert end_of(process) == 0
    return model_hash(root), time.monotonic() - began


def kill_and_resume(start, root: Path, kills: list[Kill | float], expected: str) -> list[int]:
    """One process after the other dies as `kills` say, a number being seconds from outside; the
    last one ends. Returns how the killed ones ended."""
    ends = []
    for kill in kills:
        if isinstance(kill, Kill):
            process = start(tiny_runs.train_to_the_end, root, kill)
        else:
            process = start(tiny_runs.train_to_the_end, root)
            time.sleep(kill)
            process.kill()
        ends.append(end_of(process))
        assert_nothing_half_written(root)
    assert end_of(start(tiny_runs.train_to_the_end, root)) == 0
    assert_nothing_half_written(root)
    assert model_hash(root) == expected
    return ends


needs_linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="uses Linux's limits")


@pytest.mark.slow
def test_a_run_killed_three_times_at_random_moments_ends_with_the_same_model(
    start, whole_run, tmp_path
):
    expected, seconds = whole_run
    rng = random.Random()  # another moment every time; what it says must hold at all of them
    kills = [rng.uniform(0.1, last) * seconds for last in (0.5, 0.7, 0.9)]
    ends = kill_and_resume(start, tmp_path, kills, expected)
    assert ends[0] == -signal.SIGKILL


@pytest.mark.thorough
@needs_linux
def test_a_run_killed_in_the_middle_of_writing_its_files_ends_with_the_same_model(
    start, whole_run, tmp_path
):
    kills = [
        Kill(at_byte=100_000),  # in the first state
        Kill(at_change=9),  # between two files
        Kill(at_byte=100_000, only_checkpoint=True),  # in model.safetensors
    ]
    ends = kill_and_resume(start, tmp_path, kills, whole_run[0])
    assert ends == [-signal.SIGXFSZ, -signal.SIGKILL, -signal.SIGXFSZ]


@pytest.mark.slow
@needs_linux
def test_twenty_kills_at_random_moments_each_end_with_the_same_model(start, whole_run, tmp_path):
    """Twelve from outside at any time, four before a change to a file, four within a file."""
    expected, seconds = whole_run
    rng = random.Random()
    kills: list[Kill | float] = [rng.uniform(0, seconds) for _ in range(12)]
    kills += [Kill(at_change=rng.randint(1, 50)) for _ in range(4)]
    kills += [Kill(at_byte=rng.randint(1, 4_000_000)) for _ in range(2)]
    kills += [Kill(at_byte=rng.randint(1, 350_000), only_checkpoint=True) for _ in range(2)]
    for place, kill in enumerate(kills):
        kill_and_resume(start, tmp_path / str(place), [kill], expected)


# Writing whole files and folders ----------------------------------------------------------------

OLD, NEW = b"old" * 100, b"new" * 50_000


def write_new_file(root: Path) -> None:
    write_atomically(root / "file", lambda handle: handle.write(NEW))


def write_new_folder(root: Path) -> None:
    def fill(new: Path) -> None:
        (new / "a").write_bytes(NEW)
        (new / "b").write_bytes(NEW)

    write_folder_atomically(root / "folder", fill)


def write_file_and_die_within(root: Path) -> None:
    tiny_runs.die_at_byte(70_000)
    write_new_file(root)


def write_folder_and_die_within(root: Path) -> None:
    tiny_runs.die_at_byte(70_000)
    write_new_folder(root)


@pytest.mark.thorough
@needs_linux
@pytest.mark.parametrize("old", [True, False])
def test_a_kill_at_any_moment_of_writing_a_file_leaves_the_old_one_or_the_new_one(
    start, tmp_path, old
):
    allowed = {OLD, NEW} if old else {None, NEW}
    seen = []
    for number in range(0, 9):  # 0: within the writing
        root = tmp_path / str(number)
        root.mkdir()
        if old:
            (root / "file").write_bytes(OLD)
        if number:
            process = start(tiny_runs.call_and_die_at_change, root, number, write_new_file)
        else:
            process = start(write_file_and_die_within, root)
        seen.append(end_of(process))
        content = (root / "file").read_bytes() if (root / "file").exists() else None
        assert content in allowed
        if seen[-1] == 0:
            assert content == NEW
            break
        write_new_file(root)  # what the killed one left does not disturb the next
        assert (root / "file").read_bytes() == NEW
    assert seen[0] == -signal.SIGXFSZ
    assert seen[-1] == 0, "the sweep must go past the last change"
    assert seen[1:-1] == [-signal.SIGKILL] * (len(seen) - 2)
    assert len(seen) >= 4


@pytest.mark.thorough
@needs_linux
@pytest.mark.parametrize("old", [True, False])
def test_a_kill_at_any_moment_of_writing_a_folder_leaves_no_part_of_one(start, tmp_path, old):
    seen = []
    for number in range(0, 30):
        root = tmp_path / str(number)
        root.mkdir()
        if old:
            (root / "folder").mkdir()
            (root / "folder" / "a").write_bytes(OLD)
        if number:
            process = start(tiny_runs.call_and_die_at_change, root, number, write_new_folder)
        else:
            process = start(write_folder_and_die_within, root)
        seen.append(end_of(process))
        names = {f.name: f.read_bytes() for f in (root / "folder").glob("*")}
        allowed = [{"a": NEW, "b": NEW}, {}, {"a": OLD}] if old else [{"a": NEW, "b": NEW}, {}]
        assert names in allowed
        if not names:
            assert not (root / "folder").exists()
        if seen[-1] == 0:
            break
        for left in root.glob(".folder.*"):
            os.utime(left, (0, 0))  # they go when nobody can be filling them any more
        write_new_folder(root)
        assert sorted(p.name for p in root.iterdir()) == ["folder"], "left-overs must go"
    assert seen[0] == -signal.SIGXFSZ
    assert seen[-1] == 0, "the sweep must go past the last change"
    assert len(seen) >= 6


def test_an_error_while_writing_leaves_the_old_file_and_no_other(tmp_path):
    (tmp_path / "file").write_bytes(OLD)

    def fail(handle) -> None:
        handle.write(NEW)
        raise OSError("No space left on device")

    with pytest.raises(OSError, match="No space"):
        write_atomically(tmp_path / "file", fail)
    assert (tmp_path / "file").read_bytes() == OLD
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
