"""The method "noise": noise of one step size in the place of rounding."""

import dataclasses

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from tiny_runs import CONFIG, tiny_data
from torch import nn

from qtdog import checkpoints
from qtdog.method_names import method_name
from qtdog.quantization import INQConfig, LeastErrorLSQConfig, quantizers
from qtdog.training import TrainConfig, finish, train
from qtdog.training.loop import TrainedRun, run_folder
from qtdog.training.run_data import RunData
from qtdog.training.state import load_state
from qtdog.training.step_noise import noise_step_sizes, step_noise

pytestmark = pytest.mark.thorough  # most train or export for seconds

NOISE = dataclasses.replace(CONFIG, method="noise", bits=5, quantizer="lsq-least-error")


@pytest.fixture(scope="module")
def run_data() -> RunData:
    return tiny_data()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def whole(run_data, folder) -> TrainedRun:
    return train(NOISE, run_data, folder)


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten(), nn.Linear(8, 5))


# The noise --------------------------------------------------------------------------------------


def test_noise_is_uniform_one_step_size_wide_in_each_channel_and_gone_afterwards():
    one = network()
    before = one.state_dict()["0.weight"].clone()
    sizes = noise_step_sizes(one, LeastErrorLSQConfig(5), ["2"])
    assert list(sizes) == ["0.weight"], "the classifier has none"
    draws = []
    for seed in range(300):
        with step_noise(one, sizes, torch.Generator().manual_seed(seed)):
            moved = (one[0].weight.detach() - before).flatten(1) / sizes["0.weight"][:, None]
            draws.append(moved.numpy())
        assert torch.equal(one[0].weight, before)
    draws = np.stack(draws)  # (300, out, n)
    assert np.abs(draws).max() <= 0.5 + 1e-4
    assert draws.std(axis=(0, 2)) == pytest.approx(np.full(8, np.sqrt(1 / 12)), rel=0.03)
    assert np.abs(draws.mean(axis=(0, 2))).max() < 0.02


def test_a_quantizer_without_step_sizes_to_start_from_is_refused():
    with pytest.raises(ValueError, match="needs LSQ's, not those of 'inq'"):
        noise_step_sizes(network(), INQConfig(5), ["2"])


def test_gradients_are_those_of_the_noisy_weights():
    one, images, labels = network(), torch.randn(4, 3, 3, 3), torch.tensor([0, 1, 2, 3])
    sizes = noise_step_sizes(one, LeastErrorLSQConfig(3), ["2"])
    with step_noise(one, sizes, torch.Generator().manual_seed(7)):
        F.cross_entropy(one(images), labels).backward()
    twin = network()
    draws = torch.rand(8, 3, 3, 3, generator=torch.Generator().manual_seed(7)) - 0.5
    with torch.no_grad():
        twin[0].weight.add_(draws * sizes["0.weight"].view(8, 1, 1, 1))
    F.cross_entropy(twin(images), labels).backward()
    torch.testing.assert_close(one[0].weight.grad, twin[0].weight.grad)
    torch.testing.assert_close(one[2].weight.grad, twin[2].weight.grad)


# In a run ---------------------------------------------------------------------------------------


def test_noise_begins_from_the_shared_trunk_with_the_step_sizes_of_quantization(
    whole, run_data, folder
):
    quantized = dataclasses.replace(NOISE, method="freeze")  # its step sizes stay as they began
    assert quantized.identity().trunk == NOISE.identity().trunk
    assert quantized.identity() != NOISE.identity()
    steps = []
    frozen = train(quantized, run_data, folder, lambda step, text: steps.append(step))
    assert steps == list(range(7, 13))
    state = load_state(run_folder(folder, NOISE, run_data) / "state.safetensors")
    fitted = {
        name: quantizer.step_size for name, *_, quantizer in quantizers(frozen.single.network)
    }
    assert state.noise.keys() == fitted.keys()
    for name, size in fitted.items():
        torch.testing.assert_close(state.noise[name], size)


def test_a_run_with_noise_differs_from_one_without_only_after_the_quantization_step(
    whole, run_data, folder
):
    plain = train(dataclasses.replace(NOISE, method="erm"), run_data, folder)
    assert whole.points[:3] == plain.points[:3]
    assert whole.points[3].train_loss != plain.points[3].train_loss
    assert not any(point.quantized for point in whole.points)


def test_an_interrupted_run_with_noise_ends_bit_for_bit_the_same(whole, run_data, tmp_path):
    class Interruption(Exception):
        pass

    for last in (3, 6, 7, 9):

        def stop(step: int, text: str, last: int = last) -> None:
            if step == last:
                raise Interruption

        with pytest.raises(Interruption):
            train(NOISE, run_data, tmp_path, stop)
    parts = train(NOISE, run_data, tmp_path)
    assert parts.points == whole.points
    for one, two in ((parts.single, whole.single), (parts.average, whole.average)):
        state, other = one.network.state_dict(), two.network.state_dict()
        assert all(torch.equal(value, other[name]) for name, value in state.items())


def test_its_checkpoint_is_in_full_precision_and_says_what_it_is(whole, run_data, tmp_path):
    done = finish(whole, whole.single, run_data, tmp_path, "digits")
    config = checkpoints.load_config(done.folder)
    assert done.folder.name == "noise-lsq-least-error-5bit-from6-seed0"
    assert (config.method, config.bits, config.quantizer) == ("noise", 32, None)
    assert "--method noise" in config.training.command
    assert "--bits 5" in config.training.command
    assert method_name("noise") == "Noise of one step size"


def test_levels_without_a_step_size_are_refused():
    with pytest.raises(ValueError, match="INQ's levels are not one step size apart"):
        TrainConfig("pacs", "sketch", method="noise", quantizer="inq")
