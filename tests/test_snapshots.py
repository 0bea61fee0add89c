"""The weights of every evaluation, kept on request."""

import dataclasses

import pytest
import torch
from tiny_runs import CONFIG, tiny_data

from qtdog.checkpoints import Snapshot, load_snapshot, snapshot_path
from qtdog.training import train
from qtdog.training.evaluator import Evaluator
from qtdog.training.networks import plain_network
from qtdog.training.run_data import RunData

pytestmark = pytest.mark.thorough  # most train or export for seconds

ERM = dataclasses.replace(CONFIG, method="erm")


@pytest.fixture(scope="module")
def run_data() -> RunData:
    return tiny_data()


@pytest.fixture(scope="module")
def both(run_data, tmp_path_factory):
    """A folder of runs with both methods' snapshots, and both runs."""
    runs = tmp_path_factory.mktemp("runs")
    return runs, {one.method: train(one, run_data, runs, snapshots=True) for one in (ERM, CONFIG)}


def snapshot(runs, config, run_data, step) -> Snapshot:
    identity = run_data.identity(config)
    return load_snapshot(snapshot_path(runs, identity, run_data.fingerprint, step))


def test_a_snapshot_is_the_network_that_was_evaluated(both, run_data):
    runs, trained = both
    for config in (ERM, CONFIG):
        evaluator = Evaluator(config, run_data, torch.device("cpu"))
        for point in trained[config.method].points:
            kept = snapshot(runs, config, run_data, point.step)
            network = plain_network(config, len(run_data.classes))
            network.load_state_dict(kept.tensors)
            again = evaluator.of(network)
            assert kept.note.step == point.step
            assert kept.note.source_validation == point.source_validation
            assert kept.note.target == point.target
            assert again.source_validation == point.source_validation
            assert again.target == point.target
            assert again.source_loss == point.source_validation_loss


def test_the_way_is_shared_up_to_the_quantization_step_and_quantized_after_it(both, run_data):
    runs, _ = both
    files = sorted(path.relative_to(runs / "snapshots") for path in runs.rglob("step-*"))
    assert [path.name for path in files] == [
        f"step-{step:07d}.safetensors" for step in (8, 10, 12, 8, 10, 12, 2, 4, 6)
    ]
    assert len({path.parent for path in files}) == 3
    name = "layer2.0.conv1.weight"
    before = snapshot(runs, CONFIG, run_data, 6).tensors[name]
    after = snapshot(runs, CONFIG, run_data, 8).tensors[name]
    assert len(torch.unique(before[0])) == before[0].numel()
    assert all(
        torch.equal(snapshot(runs, ERM, run_data, 6).tensors[key], value)
        for key, value in snapshot(runs, CONFIG, run_data, 6).tensors.items()
    )
    whole = torch.cat([one.flatten() for one in after])
    steps = (whole / whole[whole != 0].abs().min()).round()
    assert len(torch.unique(steps)) < 128 * len(after)


def test_an_interrupted_run_leaves_the_same_snapshots(both, run_data, tmp_path):
    class Interruption(Exception):
        pass

    def stop(step: int, text: str) -> None:
        if step in stops:
            stops.remove(step)
            raise Interruption

    stops = [3, 7, 9]
    for _ in range(3):
        with pytest.raises(Interruption):
            train(CONFIG, run_data, tmp_path, stop, snapshots=True)
    train(CONFIG, run_data, tmp_path, snapshots=True)
    runs, _ = both
    for path in tmp_path.rglob("step-*"):
        assert path.read_bytes() == (runs / path.relative_to(tmp_path)).read_bytes()
    assert len(list(tmp_path.rglob("step-*"))) == 6


def test_without_being_asked_nothing_is_kept_and_later_it_is_too_late(run_data, tmp_path):
    train(CONFIG, run_data, tmp_path)
    assert not (tmp_path / "snapshots").exists()
    with pytest.raises(ValueError, match="up to step 12, trained without --snapshots: give anoth"):
        train(CONFIG, run_data, tmp_path, snapshots=True)


def test_what_is_no_snapshot_is_said_in_a_sentence(both, run_data, tmp_path):
    with pytest.raises(ValueError, match=r"There is no snapshot .*train the run with --snapshots"):
        load_snapshot(tmp_path / "step-0000002.safetensors")
    runs, _ = both
    whole = next(runs.rglob("step-*")).read_bytes()
    file = tmp_path / "broken.safetensors"
    for content in (b"", b"text", whole[:-1], whole[:40]):
        file.write_bytes(content)
        with pytest.raises(ValueError, match=r"broken\.safetensors is not a snapshot .*remove"):
            load_snapshot(file)
