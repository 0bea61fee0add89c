"""Training with INQ: its schedule, its states on disk, the choice, what is stored."""

import csv
import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tiny_runs import CONFIG, tiny_data

from qtdog import checkpoints
from qtdog.method_names import ensemble_name, method_name
from qtdog.quantization import packed_size, quantizers
from qtdog.training import TrainConfig, finish, load_run_data, loop, train
from qtdog.training.averaging.sma import SMA
from qtdog.training.config import RECIPES
from qtdog.training.finishing import checkpoint_folder, command_line
from qtdog.training.loop import TrainedRun, run_folder
from qtdog.training.run_data import RunData

# Shares begin at steps 6, 8, 11 and 13; evaluations are at every second step.
INQ = dataclasses.replace(CONFIG, quantizer="inq", bits=5, steps=16)
PAPER_CSV = Path(__file__).parents[1] / "assets" / "results" / "paper.csv"


@pytest.fixture(scope="module")
def run_data() -> RunData:
    return tiny_data()


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def states() -> dict[int, dict[str, torch.Tensor]]:
    """The state on disk after each evaluation of `run`, by step."""
    return {}


@pytest.fixture(scope="module")
def averaged() -> list[dict[str, torch.Tensor]]:
    """The states that `run` averages."""
    return []


@pytest.fixture(scope="module")
def run(run_data, folder, states, averaged) -> TrainedRun:
    class Watched(SMA):
        def add(self, state: dict[str, torch.Tensor]) -> None:
            averaged.append({name: value.clone() for name, value in state.items()})
            super().add(state)

    def keep(step: int, text: str) -> None:
        if step % INQ.evaluate_every == 0:
            states[step] = load_file(run_folder(folder, INQ, run_data) / "state.safetensors")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "make_averaging", lambda *_: Watched())
        return train(INQ, run_data, folder, keep)


def on_levels(weight: torch.Tensor) -> bool:
    """Whether all are exactly powers of two or zero."""
    mantissa, _ = np.frexp(weight.detach().numpy())
    return bool(np.isin(np.abs(mantissa), (0, 0.5)).all())


def latents(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {
        name: layer.parametrizations[attribute].original.detach()
        for name, layer, attribute, _ in quantizers(network)
    }


# The schedule -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("recipe", "steps"),
    [
        ("paper", (2000, 2750, 3500, 4250)),
        ("cpu", (1200, 1650, 2100, 2550)),
        ("cpu-short", (480, 660, 840, 1020)),
        ("digits", (120, 165, 210, 255)),
    ],
)
def test_the_shares_are_spread_evenly_and_leave_steps_and_evaluations_at_the_end(recipe, steps):
    config = TrainConfig("PACS", "sketch", quantizer="inq", **RECIPES[recipe])
    assert config.schedule == dict(zip(steps, (0.5, 0.75, 0.875, 1.0), strict=True))
    assert config.settled_step == steps[-1]
    assert config.steps - config.evaluate_every > steps[-1], "two evaluations to choose from"


def test_other_methods_quantize_at_once_or_not_at_all():
    config = TrainConfig("PACS", "sketch")
    assert config.schedule == {2000: 1.0}
    assert dataclasses.replace(config, method="freeze", quantizer="inq").schedule == {2000: 1.0}
    erm = dataclasses.replace(config, method="erm", quantizer="inq")
    assert (erm.schedule, erm.settled_step) == ({}, 2000)


def test_a_run_of_a_few_steps_still_quantizes_all_weights_before_its_last():
    config = dataclasses.replace(INQ, steps=7, evaluate_every=1)
    assert config.schedule == {6: 1.0}
    assert dataclasses.replace(INQ, steps=8, evaluate_every=1).schedule == {6: 0.75, 7: 1.0}


# Training ---------------------------------------------------------------------------------------


def test_each_state_has_its_share_frozen_the_largest_first_and_never_moved_again(run, states):
    shares = {step: 0.5 if step <= 8 else 0.75 if step <= 11 else 0.875 if step <= 13 else 1.0
              for step in states if step > 6}  # fmt: skip
    assert list(shares) == [8, 10, 12, 14, 16]
    assert not any("frozen" in name for name in states[6])
    names = [name.removesuffix("0.frozen") for name in states[8] if name.endswith(".0.frozen")]
    names = [name for name in names if name.startswith("network/")]
    assert len(names) == 15
    for name in names:
        frozen = {step: states[step][f"{name}0.frozen"] for step in shares}
        weight = {step: states[step][f"{name}original"] for step in shares}
        for step, share in shares.items():
            assert frozen[step].sum() == round(share * frozen[step].numel())
            assert on_levels(weight[step][frozen[step]])
        for before, after in zip((8, 10, 12, 14), (10, 12, 14, 16), strict=True):
            kept = frozen[before]
            assert frozen[after][kept].all()
            assert torch.equal(weight[after][kept], weight[before][kept])
        steps = {step: states[step][f"{name}0.step_size"] for step in shares}
        assert all(torch.equal(steps[8], other) for other in steps.values())
        trunk = states[6][name.replace("parametrizations.", "").removesuffix(".")]
        assert trunk[frozen[8]].abs().min() >= trunk[~frozen[8]].abs().max()
    free = [weight for name, weight in states[8].items() if name.endswith("original")]
    assert not all(map(on_levels, free))


def test_at_the_end_every_weight_is_a_power_of_two_or_zero(run):
    for chosen in (run.single, run.average):
        weights = latents(chosen.network)
        assert len(weights) == 15
        for name, weight in weights.items():
            assert on_levels(weight), name
            assert torch.equal(chosen.network.get_submodule(name[:-7]).weight, weight)
        assert not on_levels(chosen.network.fc.weight)


def test_what_is_not_quantized_goes_on_learning_after_the_last_share(run, states):
    for name in ("network/fc.weight", "network/conv1.1.weight"):
        assert not torch.equal(states[14][name], states[16][name])


def test_evaluations_say_when_all_weights_are_quantized_and_only_those_are_chosen(run):
    assert [(point.step, point.quantized) for point in run.points] == [
        (2, False), (4, False), (6, False), (8, False), (10, False), (12, False),
        (14, True), (16, True),
    ]  # fmt: skip
    assert run.single.step in (14, 16)
    assert run.average.step in (14, 16)
    assert [point.averaged_target is None for point in run.points] == [True] * 6 + [False] * 2


def test_a_better_evaluation_before_the_last_share_is_not_chosen(run):
    seen = zip(run.points, [0.9] * 6 + [0.2, 0.3], strict=True)
    points = [dataclasses.replace(point, source_validation=one) for point, one in seen]
    assert loop.chosen_step(points, INQ) == 16
    assert loop.chosen_step(points, dataclasses.replace(INQ, quantizer="lsq")) == 8


def test_averaged_are_the_steps_with_all_weights_on_levels(run, states, averaged):
    """So the mean's weights are on the same levels; what is not quantized is a true mean."""
    assert len(averaged) == 3, "steps 14, 15 and 16"
    learned = 0
    for name, value in averaged[-1].items():
        mean = states[16][f"average/{name}"]
        if name.endswith(("original", "frozen", "step_size")):
            assert torch.equal(mean, value), name
        elif value.is_floating_point():
            expected = np.mean([one[name].double().numpy() for one in averaged], axis=0)
            assert mean.numpy() == pytest.approx(expected, rel=1e-4, abs=1e-5), name
            learned += int((mean != value).sum())
    assert learned > 1000


def test_a_run_interrupted_around_every_share_ends_bit_for_bit_the_same(run_data, run, tmp_path):
    class Interruption(Exception):
        pass

    for last in (7, 9, 11, 13):

        def stop(step: int, text: str, last: int = last) -> None:
            if step == last:
                raise Interruption

        with pytest.raises(Interruption):
            train(INQ, run_data, tmp_path, stop)
    resumed = train(INQ, run_data, tmp_path)
    assert resumed.points == run.points
    for chosen, twin in ((resumed.single, run.single), (resumed.average, run.average)):
        assert chosen.step == twin.step
        other = twin.network.state_dict()
        for name, value in chosen.network.state_dict().items():
            assert torch.equal(value, other[name]), name


def test_the_control_freezes_all_weights_at_once(run_data, folder, run, states):
    config = dataclasses.replace(INQ, method="freeze", steps=8)
    frozen = train(config, run_data, folder)
    state = frozen.single.network.state_dict()
    for name, weight in latents(frozen.single.network).items():
        assert on_levels(weight)
        # No more than rounding happened: 1/4 below to 1/2 above the level, or below the smallest.
        trunk = states[6][f"network/{name}"]
        ratio = (trunk / weight)[weight != 0]
        assert ratio.min() >= 0.49
        assert ratio.max() < 1.5
    assert not torch.equal(state["fc.weight"], states[6]["network/fc.weight"])


# What is stored, and how it is called -----------------------------------------------------------


def test_the_checkpoint_holds_powers_of_two_at_exactly_five_bits(run, run_data, tmp_path):
    finished = finish(run, run.single, run_data, tmp_path, "digits")
    assert finished.folder == checkpoint_folder(tmp_path, "rotated_digits", INQ, "digits", False)
    assert finished.folder.name == "qt-dog-inq-5bit-from6-seed0"
    loaded = checkpoints.load(finished.folder)
    config = loaded.config
    assert (config.quantizer, config.bits, config.granularity) == ("inq", 5, "channel")
    assert config.training.step_size_learning_rate is None
    assert "--quantizer inq" in config.training.command
    tensors = load_file(finished.folder / "model.safetensors")
    network = loaded.networks[0]
    names = [name.removesuffix(".codes") for name in tensors if name.endswith(".codes")]
    assert len(names) == 15
    for name in names:
        weight = network.get_parameter(name)
        assert tensors[f"{name}.codes"].numel() == packed_size(weight.numel(), 5)
        step = tensors[f"{name}.step_size"]
        assert on_levels(weight / step.view(-1, *[1] * (weight.dim() - 1)))


def test_names_and_commands_tell_the_quantizer_and_leave_lsqs_as_they_were():
    config = TrainConfig("/data/PACS", "sketch", quantizer="inq", bits=5, seed=3)
    lsq = dataclasses.replace(config, quantizer="lsq")
    assert config.method_name() == "qt-dog-inq-5bit"
    assert dataclasses.replace(config, granularity="tensor", objective="coral").method_name() == (
        "qt-dog-inq-5bit-per-tensor-coral"
    )
    assert dataclasses.replace(config, method="freeze").label("paper") == "freeze-inq-5bit"
    assert lsq.method_name() == "qt-dog-5bit"
    assert config.identity().name != lsq.identity().name
    assert config.identity().trunk.name == lsq.identity().trunk.name
    assert command_line(config, "paper") == (
        "python -m qtdog train --data PACS --target sketch --method qt-dog --seed 3 "
        "--recipe paper --bits 5 --quantizer inq"
    )
    assert TrainConfig.from_json(config.to_json()) == config
    with pytest.raises(
        ValueError, match="quantizer 'dorefa' is unknown: choose one of lsq-least-error, lsq, lsq-"
    ):
        dataclasses.replace(config, quantizer="dorefa")


def test_measured_rows_are_called_as_in_the_papers_table():
    with PAPER_CSV.open(encoding="utf-8") as file:
        known = {row["method"] for row in csv.DictReader(file)}
    assert method_name("qt-dog", quantizer="inq") == "QT-DoG (INQ)"
    assert "QT-DoG (INQ)" in known
    assert method_name("qt-dog", "coral", quantizer="inq") == "CORAL + QT-DoG (INQ)"
    assert method_name("erm", quantizer="inq") == "ERM"
    assert method_name("post-training", quantizer="inq") == "Post-training"
    assert ensemble_name("qt-dog", quantizer="inq") == "EoQ (INQ)"


@pytest.mark.slow
def test_the_digits_recipe_learns_to_read_with_inq(tmp_path):
    """A minute of training; chance is 10 %, and so is a network before its first step."""
    settings = {**RECIPES["digits"], "quantizer": "inq", "bits": 5}
    config = TrainConfig("rotated_digits", "75-degrees", **settings)
    trained = train(config, load_run_data(config), tmp_path)
    by_step = {point.step: point for point in trained.points}
    chosen = by_step[trained.single.step]
    assert chosen.quantized
    assert chosen.source_validation > by_step[30].source_validation
    assert chosen.source_validation > 0.7
    assert chosen.target > 0.3
    assert all(map(on_levels, latents(trained.single.network).values()))
