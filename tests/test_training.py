"""The loop: one trunk for both methods, choice by source validation alone, frozen statistics."""

import dataclasses
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from tiny_runs import CONFIG, tiny_data

from qtdog import checkpoints, data, models
from qtdog.checkpoints import storage
from qtdog.evaluation import domain_accuracy, predict_logits
from qtdog.quantization import quantize
from qtdog.training import TrainConfig, finish, finishing, load_run_data, loop, parallel, train
from qtdog.training.averaging import WeightAverage
from qtdog.training.batches import Batches
from qtdog.training.config import RECIPES
from qtdog.training.finishing import checkpoint_folder, command_line, measure
from qtdog.training.loop import Chosen, TrainedRun, log_text, run_folder
from qtdog.training.networks import start_network
from qtdog.training.run_data import RunData

ERM = dataclasses.replace(CONFIG, method="erm")


@pytest.fixture(scope="module")
def run_data() -> RunData:
    return tiny_data()


class Steps(list):
    """Records the steps that a run did."""

    def __call__(self, step: int, text: str) -> None:
        self.append(step)


@dataclasses.dataclass(frozen=True)
class Both:
    """ERM and then QT-DoG, trained in one folder."""

    folder: Path
    erm: TrainedRun
    qtdog: TrainedRun
    erm_steps: list[int]
    qtdog_steps: list[int]


@pytest.fixture(scope="module")
def both(run_data, tmp_path_factory) -> Both:
    folder, first, second = tmp_path_factory.mktemp("runs"), Steps(), Steps()
    erm = train(ERM, run_data, folder, first)
    return Both(folder, erm, train(CONFIG, run_data, folder, second), first, second)


def finishable(chosen: Chosen) -> Chosen:
    """A copy, built anew: finishing a run bakes its network in place, and parametrized layers
    share their class with their deep copies."""
    network = models.build(CONFIG.architecture, 10)
    quantize(network, CONFIG.quantization, ["fc"])
    network.load_state_dict(chosen.network.state_dict())
    return dataclasses.replace(chosen, network=network.eval())


def same_network(one: torch.nn.Module, two: torch.nn.Module) -> bool:
    states = one.state_dict(), two.state_dict()
    return states[0].keys() == states[1].keys() and all(
        torch.equal(value, states[1][name]) for name, value in states[0].items()
    )


# One trunk --------------------------------------------------------------------------------------


def test_both_methods_are_the_same_run_up_to_quantization_and_it_is_done_once(both):
    assert both.erm_steps == list(range(1, 13))
    assert both.qtdog_steps == list(range(7, 13)), "the trunk must not be trained again"
    erm, qtdog = both.erm.points, both.qtdog.points
    assert erm[:3] == qtdog[:3]
    assert [p.step for p in qtdog] == [2, 4, 6, 8, 10, 12]
    assert [p.quantized for p in qtdog] == [False] * 3 + [True] * 3
    assert not any(p.quantized for p in erm)
    assert [p.train_loss for p in erm[3:]] != [p.train_loss for p in qtdog[3:]]
    assert both.qtdog.left_out == ("fc",)


def test_a_run_from_a_shared_trunk_is_the_run_from_the_start(both, run_data, tmp_path):
    alone = train(CONFIG, run_data, tmp_path)
    assert alone.points == both.qtdog.points
    assert same_network(alone.single.network, both.qtdog.single.network)


def test_a_trunk_of_other_data_is_not_used(both, run_data, tmp_path):
    class Stop(Exception):
        pass

    def stop(step: int, text: str) -> None:
        raise Stop(step)

    shutil.copytree(both.folder / "trunks", tmp_path / "trunks")
    with pytest.raises(Stop, match="7"):
        train(CONFIG, run_data, tmp_path, stop)
    with pytest.raises(Stop, match="1"):
        train(CONFIG, dataclasses.replace(run_data, fingerprint="other"), tmp_path, stop)


def test_training_follows_adam_on_cross_entropy(run_data, tmp_path):
    """Two steps against a loop written out by hand."""
    config = dataclasses.replace(ERM, steps=2, quantize_step=1, evaluate_every=1)
    trained = train(config, run_data, tmp_path)
    torch.manual_seed(config.seed)
    network = models.build(config.architecture, 10).to(memory_format=torch.channels_last)
    moments = {p: (torch.zeros_like(p), torch.zeros_like(p)) for p in network.parameters()}
    batches = Batches(config, run_data.source_training, torch.device("cpu"))
    losses = []
    for step in (1, 2):
        network.train()
        batch = batches.at(step - 1)
        loss = F.cross_entropy(network(batch.images), batch.labels)
        network.zero_grad()
        loss.backward()
        losses.append(loss.item())
        with torch.no_grad():
            for parameter, (mean, square) in moments.items():
                mean.lerp_(parameter.grad, 0.1)
                square.lerp_(parameter.grad**2, 0.001)
                root = (square / (1 - 0.999**step)).sqrt() + 1e-8
                parameter -= config.learning_rate * mean / (1 - 0.9**step) / root
    assert [p.train_loss for p in trained.points] == pytest.approx(losses, rel=1e-3)
    expected = network.state_dict()
    # Adam's first steps are signs, so a gradient near zero may turn one weight about.
    moved = []
    for name, value in trained.single.network.state_dict().items():
        if value.is_floating_point() and "running" not in name:
            moved.append((value - expected[name]).abs().flatten() < 1e-4)
    assert float(torch.cat(moved).float().mean()) > 0.98
    assert trained.single.step == 2


def test_every_batch_holds_as_many_images_of_each_source_and_follows_from_seed_and_step(run_data):
    def batch(step: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
        config = dataclasses.replace(CONFIG, seed=seed)
        drawn = Batches(config, run_data.source_training, torch.device("cpu")).at(step)
        return drawn.images, drawn.labels

    images, labels = batch(5)
    assert images.shape == (8, 3, 32, 32)
    assert torch.equal(images, batch(5)[0])
    assert not torch.equal(images, batch(6)[0])
    assert not torch.equal(images, batch(5, seed=1)[0])
    # The first four are of the first domain, whose labels are made 100 higher here.
    first, second = run_data.source_training
    marked = (dataclasses.replace(first, labels=first.labels + 100), second)
    labels = Batches(CONFIG, marked, torch.device("cpu")).at(5).labels
    assert (labels[:4] >= 100).all()
    assert (labels[4:] < 100).all()


# Choosing the checkpoint ------------------------------------------------------------------------


def with_validation(monkeypatch, values: list[float], averaged: list[float] = ()) -> None:
    """Evaluations see these source validation accuracies, in order, whatever the network does."""
    singles, averages = iter(values), iter(averaged)
    monkeypatch.setattr(loop.Evaluator, "of", lambda *_: loop.Scores(next(singles), 0, 1))
    monkeypatch.setattr(
        loop.Evaluator, "of_average", lambda *_: loop.Scores(next(averages, 0.0), 0, 1)
    )


@pytest.mark.parametrize("config", [ERM, CONFIG], ids=["erm", "qt-dog"])
def test_the_first_best_evaluation_after_the_quantization_step_is_chosen(
    run_data, tmp_path, monkeypatch, config
):
    with_validation(monkeypatch, [0.9, 0.9, 0.95, 0.3, 0.5, 0.5], averaged=[0.7, 0.7, 0.6])
    run = train(config, run_data, tmp_path)
    assert (run.single.step, run.average.step) == (10, 8)
    monkeypatch.undo()
    with_validation(monkeypatch, [0, 0, 0, 0, 1], averaged=[0, 1])
    stopped = train(dataclasses.replace(config, steps=10), run_data, tmp_path / "stopped")
    assert (stopped.single.step, stopped.average.step) == (10, 10)
    assert same_network(run.single.network, stopped.single.network)


def test_the_chosen_network_has_the_highest_source_validation_and_the_one_stated(both, run_data):
    trained = both.qtdog
    later = [p for p in trained.points if p.step > CONFIG.quantize_step]
    best = max(later, key=lambda point: point.source_validation)
    assert trained.single.step == best.step
    measured = [
        domain_accuracy(trained.single.network, domain, CONFIG.mean, CONFIG.std).fraction
        for domain in run_data.source_validation
    ]
    assert np.mean(measured) == pytest.approx(best.source_validation)


def test_the_targets_labels_and_images_change_nothing_in_the_checkpoint(both, run_data, tmp_path):
    target = run_data.target
    scrambled = dataclasses.replace(
        run_data,
        target=dataclasses.replace(
            target, labels=(target.labels + 1) % 10, images=255 - target.images
        ),
    )
    other = train(CONFIG, scrambled, tmp_path / "runs")
    for kind in ("single", "average"):
        seen, unseen = [
            finish(one, finishable(getattr(one, kind)), data, tmp_path / name, "digits").folder
            for one, data, name in ((both.qtdog, run_data, "one"), (other, scrambled, "two"))
        ]
        assert seen.name == unseen.name
        model = "model.safetensors"
        assert (seen / model).read_bytes() == (unseen / model).read_bytes()
    curves = [[point.target for point in one.points] for one in (both.qtdog, other)]
    assert curves[0] != curves[1], "the target must have been evaluated"


# Averaging and freezing -------------------------------------------------------------------------


def test_a_weight_average_is_the_mean_of_what_was_added():
    states = [
        {"weight": torch.randn(5, 3), "count": torch.tensor(step), "log_step": torch.randn(5)}
        for step in range(7)
    ]
    average = WeightAverage()
    for state in states:
        average.add(state)
    for name in ("weight", "log_step"):
        mean = np.mean([state[name].double().numpy() for state in states], axis=0)
        assert average.mean[name].numpy() == pytest.approx(mean, abs=1e-6)
    assert average.mean["count"] == 6
    states[0]["weight"].zero_()
    assert average.mean["weight"].abs().sum() > 0, "the average shares no memory with a state"


LATENT = dataclasses.replace(CONFIG, averaged_weights="latent")


def quantized(state: dict[str, torch.Tensor], name: str) -> np.ndarray:
    """A latent weight of a state on its grid of seven bits, in numpy."""
    latent = state[name].numpy()
    step = np.exp(state[name.replace("original", "0.log_step")].numpy())
    step = step.reshape(-1, *[1] * (latent.ndim - 1))
    return np.clip(np.rint(latent / step), -64, 63) * step


@pytest.mark.thorough
@pytest.mark.parametrize(
    "config",
    [
        pytest.param(ERM, marks=pytest.mark.slow),
        CONFIG,
        pytest.param(LATENT, marks=pytest.mark.slow),
    ],
    ids=["erm", "qt-dog", "latent"],
)
def test_the_average_is_of_every_step_since_the_quantization_step(run_data, tmp_path, config):
    """Of the weights that the network computes with (under the older rule, of the latent ones) and
    of the logarithms of the step sizes: states of shorter runs tell."""
    on_grid = config is CONFIG
    states = []
    for last in range(2, 5):
        short = dataclasses.replace(config, steps=last, quantize_step=1, evaluate_every=1)
        train(short, run_data, tmp_path / str(last))
        folder = run_folder(tmp_path / str(last), short, run_data)
        states.append(load_file(folder / "state.safetensors"))
    weights = [
        name for name in states[0] if name.startswith("network/") and "num_batches" not in name
    ]
    assert any("log_step" in name for name in weights) == config.quantized
    assert any("original" in name for name in weights) == config.quantized
    for name in weights:
        values = [
            quantized(state, name)
            if on_grid and name.endswith(".original")
            else state[name].double().numpy()
            for state in states
        ]
        mean = np.mean(values, axis=0)
        average = states[-1][name.replace("network/", "average/")]
        assert average.numpy() == pytest.approx(mean, rel=1e-4, abs=1e-5), name


def test_the_average_that_is_kept_has_the_source_validation_that_is_stated(both, run_data):
    for run in (both.erm, both.qtdog):
        stated = {point.step: point.averaged_source_validation for point in run.points}
        assert [stated[step] is None for step in (2, 4, 6, 8, 10, 12)] == [True] * 3 + [False] * 3
        measured = [
            domain_accuracy(run.average.network, domain, CONFIG.mean, CONFIG.std).fraction
            for domain in run_data.source_validation
        ]
        assert np.mean(measured) == pytest.approx(stated[run.average.step])


def test_freeze_trains_only_what_is_not_quantized(both, run_data, tmp_path):
    config = dataclasses.replace(CONFIG, method="freeze")
    assert config.identity().trunk.name == CONFIG.identity().trunk.name
    shutil.copytree(both.folder / "trunks", tmp_path / "trunks")
    steps = Steps()
    run = train(config, run_data, tmp_path, steps)
    assert steps == list(range(7, 13)), "the trunk is shared with the other methods"
    trunk = load_file(next(both.folder.glob("trunks/*.safetensors")))
    state = run.single.network.state_dict()
    latent = [name for name in state if name.endswith(".original")]
    assert len(latent) == sum("log_step" in name for name in state) > 10
    for name in latent:
        plain = name.replace("parametrizations.", "").replace(".original", "")
        assert torch.equal(state[name], trunk[f"network/{plain}"]), name
    trained = quantize_anew(trunk)
    for name in state:
        if "log_step" in name:
            assert torch.equal(state[name], trained[name]), name
    assert not torch.equal(state["fc.weight"], trunk["network/fc.weight"])
    assert not torch.equal(state["conv1.1.weight"], trunk["network/conv1.1.weight"])


def quantize_anew(trunk: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The trunk's network with quantizers attached and not trained."""
    network = models.build(CONFIG.architecture, 10)
    tensors = {n.removeprefix("network/"): v for n, v in trunk.items() if n.startswith("network/")}
    network.load_state_dict(tensors)
    quantize(network, CONFIG.quantization, ["fc"])
    return network.state_dict()


# What the network goes through ------------------------------------------------------------------


@pytest.mark.parametrize("frozen", [True, False])
def test_batch_norm_statistics_stay_as_they_were_when_frozen(run_data, tmp_path, frozen):
    config = dataclasses.replace(CONFIG, freeze_batch_norm=frozen, steps=8)
    network = train(config, run_data, tmp_path).single.network
    state = network.state_dict()
    means = torch.cat([v for name, v in state.items() if name.endswith("running_mean")])
    variances = torch.cat([v for name, v in state.items() if name.endswith("running_var")])
    assert bool((means == 0).all()) == frozen
    assert bool((variances == 1).all()) == frozen
    assert not (state["conv1.1.weight"] == 1).all(), "the affine values train"


def test_weights_and_step_sizes_go_on_learning_after_quantization(both):
    state = load_file(run_folder(both.folder, CONFIG, tiny_data()) / "state.safetensors")
    trunk = load_file(next(both.folder.glob("trunks/*.safetensors")))
    assert float(state["optimizer/conv1.0.parametrizations.weight.original:step"]) == 12
    assert float(state["optimizer/conv1.0.parametrizations.weight.0.log_step:step"]) == 6
    weight = state["network/conv1.0.parametrizations.weight.original"]
    assert not torch.equal(weight, trunk["network/conv1.0.weight"])
    assert "network/fc.weight" in state


def test_the_log_has_a_line_for_each_evaluation(both):
    text = (run_folder(both.folder, CONFIG, tiny_data()) / "log.csv").read_bytes().decode()
    assert text == log_text(both.qtdog.points)
    lines = text.splitlines()
    assert lines[0] == (
        "step,quantized,train_loss,source_validation,target,averaged_source_validation,"
        "averaged_target,source_validation_loss"
    )
    assert len(lines) == 7
    assert lines[-1].startswith("12,True,")


@pytest.mark.parametrize("fast_from", [1, 10_000])
def test_the_checkpoint_states_what_its_own_network_does(
    both, run_data, tmp_path, monkeypatch, fast_from
):
    monkeypatch.setattr(finishing, "FAST_FROM", fast_from)
    trained = both.qtdog
    chosen = finishable(trained.single)
    folder = finish(trained, chosen, run_data, tmp_path / "checkpoints", "digits").folder
    assert folder == checkpoint_folder(
        tmp_path / "checkpoints", "rotated_digits", CONFIG, "digits", False
    )
    assert folder.parts[-3:] == ("rotated_digits", "75-degrees", "qt-dog-7bit-from6-seed0")
    checkpoint = checkpoints.load(folder)
    config = checkpoint.config
    (network,) = checkpoint.networks
    assert config.target == domain_accuracy(network, run_data.target, config.mean, config.std)
    assert config.target.total == 30
    assert config.source_domains == ("0-degrees", "15-degrees")
    assert [accuracy.total for accuracy in config.source_validation] == [20, 20]
    assert (config.bits, config.granularity, config.left_out) == (7, "channel", ("fc",))
    assert config.training.chosen_step == trained.single.step
    assert config.training.data_fingerprint == "fingerprint"
    assert (folder / "log.csv").read_bytes().decode() == log_text(trained.points)


def test_run_data_are_the_splits_of_the_sources_and_the_whole_target():
    run_data = load_run_data(CONFIG)
    assert [d.name for d in run_data.source_training] == [
        "0-degrees",
        "15-degrees",
        "30-degrees",
        "45-degrees",
        "60-degrees",
    ]
    for training, validation in zip(
        run_data.source_training, run_data.source_validation, strict=True
    ):
        assert training.images.shape[1:] == (40, 40, 3)
        assert validation.images.shape[1:] == (32, 32, 3), "what the network takes"
        assert len(validation) == int(0.2 * (len(training) + len(validation)))
        assert not set(training.names) & set(validation.names)
    assert len(run_data.target) == 299
    target = data.load("rotated_digits", 32).domain("75-degrees")
    assert run_data.target.images.shape[1:] == (32, 32, 3), "no crop is taken from them"
    assert np.array_equal(run_data.target.images, target.images)
    assert run_data.target.names == target.names


def test_the_held_out_domain_is_measured_at_the_networks_size(tmp_path):
    """A network tells 32 from 40 px by nothing but its figures."""
    run_data = load_run_data(dataclasses.replace(CONFIG, steps=8))
    stored = storage.store(start_network(CONFIG, 10).eval())
    run = SimpleNamespace(config=CONFIG, classes=run_data.classes)
    network = storage.restore(stored, CONFIG.architecture, 10, CONFIG.image_size)
    target = data.load("rotated_digits", CONFIG.image_size).domain("75-degrees")
    expected = predict_logits(network, target.images, CONFIG.mean, CONFIG.std)
    larger = data.load("rotated_digits", CONFIG.image_size * 5 // 4).domain("75-degrees")
    other = predict_logits(network, larger.images, CONFIG.mean, CONFIG.std)
    measured = measure(stored, run, run_data).target  # by the fast copy: up to float rounding
    assert np.abs(measured - expected).max() < 1e-5
    assert np.abs(measured - other).max() > 1e-3


def test_a_process_that_does_not_lead_shows_no_progress_and_writes_nothing(
    run_data, tmp_path, monkeypatch
):
    steps = Steps()
    monkeypatch.setattr(parallel, "leads", lambda: False)
    monkeypatch.setattr(parallel, "require_same", lambda text: None)  # it has no leader to ask
    train(dataclasses.replace(CONFIG, steps=8), run_data, tmp_path, steps)
    assert steps == []
    assert not list(tmp_path.rglob("*"))


@pytest.mark.slow
def test_the_digits_recipe_learns_to_read(tmp_path):
    """One minute of training on upright and turned digits; chance is 10 %."""
    config = TrainConfig(data="rotated_digits", target_domain="75-degrees", **RECIPES["digits"])
    run_data = load_run_data(config)
    for method in ("erm", "qt-dog"):
        trained = train(dataclasses.replace(config, method=method), run_data, tmp_path)
        chosen = next(p for p in trained.points if p.step == trained.single.step)
        assert chosen.source_validation > 0.8
        assert chosen.target > 0.3


# The configuration ------------------------------------------------------------------------------


def test_the_defaults_are_the_papers_values():
    config = TrainConfig(data="PACS", target_domain="sketch")
    assert (config.architecture, config.image_size, config.bits) == ("resnet50", 224, 7)
    assert (config.steps, config.quantize_step, config.images_per_domain) == (5000, 2000, 32)
    assert (config.learning_rate, config.freeze_batch_norm) == (5e-5, True)
    assert config.granularity == "channel"


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe_is_a_valid_configuration_that_survives_json(recipe):
    config = TrainConfig(data="PACS", target_domain="sketch", **RECIPES[recipe])
    assert TrainConfig.from_json(config.to_json()) == config


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"method": "swad"}, "The method 'swad' is unknown"),
        ({"quantize_step": 0}, "must lie between 0 and the last step, 5000"),
        ({"quantize_step": 5000}, "must lie between 0 and the last step, 5000"),
        ({"quantize_step": 2001}, "must be multiples of the 200 steps"),
        ({"steps": 5100}, "must be multiples of the 200 steps"),
        ({"bits": 9}, "A bit width of 9 is not supported"),
        ({"granularity": "layer"}, "Granularity 'layer' is unknown"),
    ],
)
def test_an_impossible_configuration_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        TrainConfig(data="PACS", target_domain="sketch", **changes)


def test_runs_share_a_trunk_exactly_when_they_are_the_same_up_to_quantization():
    for later in ({"method": "erm"}, {"bits": 4}, {"steps": 14}, {"granularity": "tensor"}):
        other = dataclasses.replace(CONFIG, **later)
        assert other.identity().trunk.name == CONFIG.identity().trunk.name
        assert other.identity().name != CONFIG.identity().name
    for earlier in ({"seed": 1}, {"learning_rate": 1e-3}, {"quantize_step": 8}, {"image_size": 64}):
        other = dataclasses.replace(CONFIG, **earlier)
        assert other.identity().trunk.name != CONFIG.identity().trunk.name
        assert other.identity().name != CONFIG.identity().name


def test_other_data_are_another_run(tmp_path):
    changed = dataclasses.replace(tiny_data(), fingerprint="other")
    assert run_folder(tmp_path, CONFIG, changed) != run_folder(tmp_path, CONFIG, tiny_data())


def test_the_command_line_repeats_what_differs_from_the_recipe():
    config = TrainConfig(
        data="/somewhere/PACS",
        target_domain="sketch",
        seed=3,
        leave_out=("features.0",),
        **{**RECIPES["cpu"], "bits": 4, "start_weights": "/elsewhere/start.safetensors"},
    )
    assert command_line(config, "cpu") == (
        "python -m qtdog train --data PACS --target sketch --method qt-dog --seed 3 --recipe cpu "
        "--start-weights start.safetensors --bits 4 --leave-out features.0"
    )
    # Steps alone would bring a schedule of their own.
    fewer = dataclasses.replace(config, steps=2400, leave_out=())
    assert command_line(fewer, "cpu").endswith(
        "--bits 4 --steps 2400 --quantize-step 1200 --evaluate-every 200"
    )
