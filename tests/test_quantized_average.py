"""The average of what a quantized run computes with, its endings, and where step sizes start."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_runs import CONFIG, tiny_data
from torch import Tensor, nn

from qtdog import checkpoints
from qtdog.checkpoints import storage
from qtdog.hub.model_card import CardEntry
from qtdog.landscape import title
from qtdog.landscape.measured_networks import reference
from qtdog.quantization import (
    QUANTIZERS,
    LeastErrorLSQConfig,
    LSQConfig,
    levels_of,
    plain_state,
    quantize,
    quantized_state,
    quantizers,
    refit,
)
from qtdog.training import TrainConfig, finish, train
from qtdog.training.config import RECIPES
from qtdog.training.loop import TrainedRun, refitted
from qtdog.training.networks import with_weights
from qtdog.training.run_data import RunData

DEFAULT = dataclasses.replace(CONFIG, quantizer=TrainConfig.quantizer)


@pytest.fixture(scope="module")
def run_data() -> RunData:
    return tiny_data()


def trained(every: int, run_data: RunData, folder) -> TrainedRun:
    """With so many steps before quantization, and as many after it."""
    steps = {"steps": 2 * every, "quantize_step": every, "evaluate_every": every}
    return train(dataclasses.replace(DEFAULT, **steps), run_data, folder)


def files(network: nn.Module) -> dict[str, Tensor]:
    """The tensors that a network is stored as."""
    twin = with_weights(network.state_dict(), DEFAULT, 10)
    return storage.store(twin).tensors


def same(one: dict[str, Tensor], two: dict[str, Tensor]) -> bool:
    return one.keys() == two.keys() and all(torch.equal(v, two[name]) for name, v in one.items())


# In a run ---------------------------------------------------------------------------------------


def test_the_average_over_one_step_is_that_steps_network_bit_for_bit(run_data, tmp_path):
    run = trained(1, run_data, tmp_path)
    assert run.points[-1].averaged_source_validation == run.points[-1].source_validation
    single = files(run.single.network)
    assert sum(name.endswith(storage.CODES) for name in single) > 10
    assert same(files(run.average.network), single)
    assert same(files(refitted(run).network), single)


@pytest.mark.thorough
def test_the_average_of_more_steps_is_another_network_on_a_grid(run_data, tmp_path):
    run = trained(3, run_data, tmp_path)
    assert not same(files(run.average.network), files(run.single.network))
    again = refitted(run)
    assert (again.step, again.averaged, again.refitted) == (run.average.step, True, True)
    assert not same(files(again.network), files(run.average.network))
    for name, layer, attribute, quantizer in quantizers(run.average.network):
        mean = layer.parametrizations[attribute].original.detach().double().numpy()
        other = dict((n, q) for n, *_, q in quantizers(again.network))[name]
        before, after = (error(mean, one.step_size) for one in (quantizer, other))
        assert np.all(after <= 1.001 * before + 1e-12)


def error(weight: np.ndarray, step_size: Tensor) -> np.ndarray:
    """Squared, by channel, of rounding to seven bits."""
    step = step_size.double().numpy()[:, None]
    rows = weight.reshape(len(weight), -1)
    return np.square(np.clip(np.rint(rows / step), -64, 63) * step - rows).sum(1)


def test_both_endings_have_checkpoints_of_their_own(run_data, tmp_path):
    run = trained(3, run_data, tmp_path)
    ends = (run.average, refitted(run))
    folders = [finish(run, one, run_data, tmp_path / "out", "digits").folder for one in ends]
    assert [one.name for one in folders] == [
        "qt-dog-lsq-least-error-7bit-from3-averaged-seed0",
        "qt-dog-lsq-least-error-7bit-from3-averaged-refitted-seed0",
    ]
    configs = [checkpoints.load_config(folder) for folder in folders]
    assert [one.refitted for one in configs] == [False, True]
    assert {one.quantizer for one in configs} == {"lsq-least-error"}
    assert checkpoints.differing_fields(*configs) == ["refitted"]
    plain, fitted = (checkpoint_titles(folder) for folder in folders)
    assert plain == ("QT-DoG, 7 bits, averaged weights, seed 0", "QT-DoG, 7 bits, averaged, seed 0")
    assert fitted == (
        "QT-DoG (refitted), 7 bits, averaged weights, seed 0",
        "QT-DoG (refitted), 7 bits, averaged, seed 0",
    )


def checkpoint_titles(folder: Path) -> tuple[str, str]:
    """What the model card and the Landscape tab call it."""
    config = checkpoints.load_config(folder)
    return CardEntry(folder.name, config, 0, None).title, title(reference(folder.name, config))


# The parts --------------------------------------------------------------------------------------


def quantized_network(config: LSQConfig) -> nn.Module:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten(), nn.Linear(8, 5))
    quantize(network, config, ["2"])
    return network


def test_a_quantized_state_computes_the_same_and_shares_no_memory():
    network = quantized_network(LeastErrorLSQConfig(4))
    state = quantized_state(network)
    assert state.keys() == network.state_dict().keys()
    latent = "0.parametrizations.weight.original"
    assert not torch.equal(state[latent], network.state_dict()[latent])
    twin = quantized_network(LeastErrorLSQConfig(4))
    twin.load_state_dict(state)
    assert same(plain_state(twin), plain_state(network))


def test_refitting_finds_a_grid_that_was_moved_away_and_keeps_an_exact_one():
    network = quantized_network(LeastErrorLSQConfig(7))
    ((_, _, _, quantizer),) = quantizers(network)
    started = quantizer.step_size.clone()
    with torch.no_grad():
        quantizer.log_step.add_(1.0)
    refit(network)
    torch.testing.assert_close(quantizer.step_size, started)
    network.load_state_dict(quantized_state(network))
    before = quantizer.log_step.clone()
    refit(network)
    assert torch.equal(quantizer.log_step, before)


# Names ------------------------------------------------------------------------------------------


def test_the_least_error_is_where_training_and_freezing_start_unless_they_are_told_otherwise():
    config = TrainConfig("pacs", "sketch", **RECIPES["cpu"])
    weight = torch.randn(6, 500)
    for method in ("qt-dog", "freeze"):
        quantization = dataclasses.replace(config, method=method).quantization
        step = quantization.build(weight).step_size.double().numpy()
        tried = np.linspace(0.05, 1.2, 400) * np.abs(weight.numpy()).max(1, keepdims=True) / 63
        least = [
            min(error(row[None].numpy(), torch.tensor([one]))[0] for one in steps)
            for row, steps in zip(weight, tried, strict=True)
        ]
        found = error(weight.numpy(), torch.from_numpy(step))
        assert np.all(found < 1.2 * np.array(least))


def test_older_names_of_quantizers_load_and_stay():
    assert (QUANTIZERS["lsq"], QUANTIZERS["lsq-fitted"].kind) == (LSQConfig, "lsq-fitted")
    assert levels_of("lsq-fitted", 5) == levels_of("lsq-least-error", 5) == levels_of("lsq", 5)
    weight = torch.randn(4, 9)
    old, new = (QUANTIZERS[one](5).build(weight) for one in ("lsq-fitted", "lsq-least-error"))
    assert torch.equal(old.step_size, new.step_size)
    names = {
        one: dataclasses.replace(CONFIG, quantizer=one).method_name()
        for one in ("lsq", "lsq-fitted", "lsq-least-error")
    }
    assert names == {
        "lsq": "qt-dog-7bit",
        "lsq-fitted": "qt-dog-lsq-fitted-7bit",
        "lsq-least-error": "qt-dog-lsq-least-error-7bit",
    }


def test_a_config_from_before_there_was_a_choice_is_of_the_older_rule():
    values = CONFIG.to_json()
    del values["quantizer"], values["averaged_weights"]
    old = TrainConfig.from_json(values)
    assert (old.quantizer, old.averaged_weights) == ("lsq", "latent")
    assert TrainConfig.from_json(DEFAULT.to_json()) == DEFAULT
    assert (
        old.identity().name
        != dataclasses.replace(old, averaged_weights="quantized").identity().name
    )
    assert old.identity().trunk == DEFAULT.identity().trunk
