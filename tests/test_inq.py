"""INQ against its paper's equations in Python's own floats, and on whole networks."""

import dataclasses
import itertools
import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from tiny import config, save_checkpoint
from torch import nn
from torch.nn.utils import parametrize

from qtdog import checkpoints, models
from qtdog.checkpoints import storage
from qtdog.hub import export
from qtdog.quantization import (
    INQConfig,
    LSQConfig,
    advance,
    bake,
    learned_parameters,
    quantize,
    quantizers,
)
from qtdog.quantization.inq import smallest_level
from qtdog.quantization.levels import PowerOfTwoLevels, UniformLevels

BITS = range(2, 9)


def paper_levels(largest_weight: float, bits: int) -> list[float]:
    """The non-negative levels of the paper's Sec. 2.1, ascending."""
    n1 = math.floor(math.log2(4 * largest_weight / 3))
    n2 = n1 + 1 - 2 ** (bits - 1) // 2
    return [0.0, *(2.0**power for power in range(n2, n1 + 1))]


def paper_rounding(weight: float, levels: list[float]) -> float:
    """The paper's Eq. 4, pair of neighbouring levels by pair."""
    for below, level in itertools.pairwise(levels):
        if (below + level) / 2 <= abs(weight) < 3 * level / 2:
            return math.copysign(level, weight)
    return 0.0


def is_power_of_two_or_zero(weight: torch.Tensor) -> bool:
    mantissa, _ = np.frexp(weight.detach().numpy())
    return bool(np.isin(np.abs(mantissa), (0, 0.5)).all())


# Levels -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("largest", "bits", "n1", "n2"),
    [
        (1.0, 5, 0, -7),  # log2(4/3) = 0.4
        (1.5, 5, 1, -6),  # log2(2) = 1, exactly
        (1.4999, 5, 0, -7),
        (0.7, 5, -1, -8),  # log2(0.93)
        (0.0375, 5, -5, -12),  # log2(0.05) = -4.3
        (0.5, 3, -1, -2),  # the paper's example
        (1.0, 2, 0, 0),
        (1.0, 7, 0, -31),
        (1.0, 8, 0, -63),
    ],
)
def test_the_levels_are_those_of_the_paper(largest, bits, n1, n2):
    weight = torch.tensor([[0.1 * largest, -largest, 0.0]])
    step = smallest_level(weight, INQConfig(bits, "tensor"))
    levels = PowerOfTwoLevels(bits)
    smallest, most = levels.code_range
    values = levels.values(torch.arange(smallest, most + 1), step).tolist()
    positive = [2.0**power for power in range(n2, n1 + 1)]
    assert values == [*(-value for value in reversed(positive)), 0.0, *positive]
    assert len(values) == 2 ** (bits - 1) + 1
    assert -(2 ** (bits - 1)) <= smallest, "every code must fit into two's complement"
    assert most <= 2 ** (bits - 1) - 1


@pytest.mark.parametrize(
    ("weight", "rounded"),
    [
        (1.0, 1.0),
        (0.75, 1.0),  # (1/2 + 1) / 2 goes up
        (0.7499999, 0.5),
        (-0.375, -0.5),
        (0.3749999, 0.25),
        (0.1, 0.125),
        (0.0, 0.0),
        (2.0**-8, 2.0**-7),  # half the smallest level goes up
        (-(2.0**-8), -(2.0**-7)),
        (0.00390624, 0.0),
        (3 * 2.0**-8, 2.0**-6),
        (1.49, 1.0),
        (5.0, 1.0),  # grown while it was trained on: the largest level there is
    ],
)
def test_five_bits_round_as_the_papers_fourth_equation_says(weight, rounded):
    levels, step = PowerOfTwoLevels(5), torch.tensor([2.0**-7])
    codes = levels.codes(torch.tensor([[weight]]), step)
    assert levels.values(codes, step).item() == rounded
    if abs(weight) < 1.5:
        assert paper_rounding(weight, paper_levels(1.0, 5)) == rounded


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("granularity", ["channel", "tensor"])
def test_a_whole_weight_is_rounded_as_by_the_paper(bits, granularity):
    generator = torch.Generator().manual_seed(bits)
    original = torch.randn(5, 60, generator=generator).pow(3) * torch.logspace(-2, 0, 5)[:, None]
    quantizer = INQConfig(bits, granularity).build(original)
    assert quantizer.step_size.shape == ((5,) if granularity == "channel" else (1,))
    weight = original.clone()
    quantizer.advance(weight, 1)
    for row, ours in zip(original, quantizer(weight), strict=True):
        largest = float((row if granularity == "channel" else original).abs().max())
        levels = paper_levels(largest, bits)
        assert ours.tolist() == [paper_rounding(one, levels) for one in row.tolist()]


def test_codes_count_the_levels_from_the_smallest_power():
    step = torch.tensor([2.0**-7])
    weight = torch.tensor([[1.0, -1.0, 2.0**-7, -(2.0**-7), 0.0, 0.25]])
    assert PowerOfTwoLevels(5).codes(weight, step).tolist() == [[8, -8, 1, -1, 0, 6]]


@pytest.mark.parametrize("levels", [UniformLevels(4), PowerOfTwoLevels(4)])
def test_a_gap_is_the_distance_to_the_next_level_on_the_side_asked_for(levels):
    smallest, largest = levels.code_range
    codes = torch.arange(smallest, largest + 1)
    values = levels.values(codes, torch.ones(1))
    up = levels.gaps(codes, torch.ones(len(codes), dtype=torch.bool))
    down = levels.gaps(codes, torch.zeros(len(codes), dtype=torch.bool))
    assert torch.equal(up[:-1], values.diff())
    assert torch.equal(down[1:], values.diff())
    assert (up[-1], down[0]) == ((1, 1) if isinstance(levels, UniformLevels) else (8, 8))


@pytest.mark.parametrize("dead", [0.0, 1e-30, 1e-12])
@pytest.mark.parametrize("bits", [2, 8])
def test_a_dead_channel_has_finite_levels_and_zero_stays_zero(dead, bits):
    weight = torch.randn(4, 9) * 0.1
    weight[2] = dead
    quantizer = INQConfig(bits).build(weight)
    assert (quantizer.step_size > 0).all()
    assert is_power_of_two_or_zero(quantizer.step_size)
    quantizer.advance(weight, 1)
    assert torch.isfinite(weight).all()
    assert is_power_of_two_or_zero(weight)
    assert weight[2].abs().max() < 1e-4
    zeros = torch.zeros(3, 4)
    all_dead = INQConfig(bits).build(zeros)
    all_dead.advance(zeros, 1)
    assert torch.equal(zeros, torch.zeros(3, 4))


# Partition, freeze, retrain ---------------------------------------------------------------------


def test_the_largest_weights_are_frozen_first_and_the_share_is_exact():
    weight = torch.tensor([[0.9, -0.1, 0.4, -0.8], [0.05, -1.0, 0.2, 0.3]])
    quantizer = INQConfig(5, "tensor").build(weight)
    assert not quantizer.frozen.any()
    assert torch.equal(quantizer(weight), weight)
    ranked = [(1, 1), (0, 0), (0, 3), (0, 2), (1, 3), (1, 2), (0, 1), (1, 0)]
    for share, count in ((0.5, 4), (0.75, 6), (0.875, 7), (1.0, 8)):
        assert quantizer.advance(weight, share)
        assert sorted(map(tuple, quantizer.frozen.nonzero().tolist())) == sorted(ranked[:count])
    assert weight.tolist() == [[1.0, -0.125, 0.5, -1.0], [0.0625, -1.0, 0.25, 0.25]]


@pytest.mark.parametrize("count", [3, 5, 9, 10, 11, 27])
def test_a_share_is_rounded_to_the_nearest_number_of_weights(count):
    weight = torch.linspace(0.1, 1, count)[None]
    quantizer = INQConfig(5).build(weight)
    for share in INQConfig.shares:
        quantizer.advance(weight, share)
        assert abs(int(quantizer.frozen.sum()) - share * count) <= 0.5


def test_equal_weights_are_frozen_in_their_order():
    weight = torch.full((2, 4), 0.3)
    quantizer = INQConfig(4).build(weight)
    quantizer.advance(weight, 0.5)
    assert quantizer.frozen.tolist() == [[True] * 4, [False] * 4]


def test_what_is_frozen_stays_frozen_whatever_the_others_have_become():
    weight = torch.tensor([[0.9, 0.8, 0.1, 0.05]])
    quantizer = INQConfig(5).build(weight)
    quantizer.advance(weight, 0.5)
    weight[0, 2:] = torch.tensor([3.0, 2.0])  # larger by now than those frozen
    quantizer.advance(weight, 0.75)
    assert quantizer.frozen.tolist() == [[True, True, True, False]]
    quantizer.advance(weight, 0.5)
    assert quantizer.frozen.sum() == 3, "no share below the one reached sets a weight free"
    assert weight.tolist() == [[1.0, 1.0, 1.0, 2.0]]


def test_frozen_weights_get_no_gradient_and_the_others_all_of_it():
    weight = torch.randn(4, 6).requires_grad_()
    quantizer = INQConfig(3).build(weight)
    quantizer.advance(weight, 0.5)
    upstream = torch.randn(4, 6)
    (gradient,) = torch.autograd.grad(quantizer(weight), weight, upstream)
    assert (gradient[quantizer.frozen] == 0).all()
    assert torch.equal(gradient[~quantizer.frozen], upstream[~quantizer.frozen])
    assert quantizer.frozen.sum() == 12
    assert list(quantizer.parameters()) == []


def small_network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 36, 4))


def latents(network: nn.Module) -> list[tuple[nn.Parameter, nn.Module]]:
    return [
        (layer.parametrizations[attribute].original, quantizer)
        for _, layer, attribute, quantizer in quantizers(network)
    ]


def test_under_adam_frozen_weights_never_move_again_and_the_rest_learns():
    network = small_network().to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2, fused=True)
    images, labels = torch.randn(16, 3, 8, 8), torch.arange(16) % 4

    def learn(steps: int) -> float:
        for _ in range(steps):
            loss = nn.functional.cross_entropy(network(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return float(loss.detach())

    learn(5)
    quantize(network, INQConfig(5))
    assert learned_parameters(network) == []
    kept: list[tuple[torch.Tensor, torch.Tensor]] = []
    for share in INQConfig.shares:
        changed = advance(network, share)
        assert all(one is two for one, (two, _) in zip(changed, latents(network), strict=True))
        for latent in changed:
            optimizer.state.pop(latent)
        for place, (latent, quantizer) in enumerate(latents(network)):
            if kept:
                before, values = kept[place]
                assert quantizer.frozen[before].all()
                assert torch.equal(latent[before], values[before])
        kept = [(q.frozen.clone(), w.detach().clone()) for w, q in latents(network)]
        learn(8)
        for (frozen, before), (latent, _) in zip(kept, latents(network), strict=True):
            assert torch.equal(latent[frozen], before[frozen])
            assert is_power_of_two_or_zero(latent[frozen])
            assert frozen.sum() == round(share * latent.numel())
            moved = latent[~frozen] != before[~frozen]
            assert share == 1 or moved.float().mean() > 0.9
    for latent, _ in latents(network):
        assert is_power_of_two_or_zero(latent)


def test_lsq_has_nothing_to_do_when_training_advances():
    network = small_network()
    quantize(network, LSQConfig(4))
    before = [latent.detach().clone() for latent, _ in latents(network)]
    assert advance(network, 1) == []
    for (latent, _), old in zip(latents(network), before, strict=True):
        assert torch.equal(latent, old)


# Whole networks, and their files ----------------------------------------------------------------


@pytest.mark.parametrize("bits", [3, 5])
def test_baking_quantizes_what_is_left_and_gives_the_same_values_as_the_codes(bits):
    network = small_network()
    quantize(network, INQConfig(bits), ["3"])
    advance(network, 0.5)
    baked = bake(network)
    assert set(baked) == {"0.weight"}
    assert not parametrize.is_parametrized(network[0])
    assert torch.equal(network[0].weight, baked["0.weight"].values())
    assert is_power_of_two_or_zero(network[0].weight)


@pytest.mark.parametrize(
    ("architecture", "granularity", "bits"),
    [
        ("shufflenet_v2_x0_5", "channel", 5),
        ("shufflenet_v2_x0_5", "tensor", 4),
        ("squeezenet1_1", "channel", 2),
        ("squeezenet1_1", "tensor", 8),
    ],
)
def test_a_stored_network_is_packed_exactly_and_comes_back_the_same(
    architecture, granularity, bits
):
    torch.manual_seed(1)
    network = models.build(architecture, 5).eval()
    for layer in network.modules():
        if isinstance(layer, models.NORM_LAYERS):
            nn.init.normal_(layer.weight)  # some factors are negative
            layer.running_var.uniform_(0.5, 2)
    names = quantize(network, INQConfig(bits, granularity), [models.classifier_name(network)])
    advance(network, 1)
    trained = {
        name: (q.codes(layer.parametrizations[attribute].original), q.step_size.clone())
        for name, layer, attribute, q in quantizers(network)
    }
    images = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        before = network(images)
    stored = storage.store(network)
    assert (stored.bits, stored.quantizer) == (bits, "inq")
    assert stored.quantized_weights == names
    for name, (codes, step) in trained.items():
        packed = stored.tensors[f"{name}.codes"]
        assert packed.numel() == math.ceil(codes.numel() * bits / 8)
        unpacked = unpacked_by_hand(packed.numpy(), bits, codes.numel())
        assert unpacked == codes.flatten().tolist()
        factor = stored.tensors[f"{name}.step_size"] / step
        has_norm = architecture != "squeezenet1_1"
        assert bool((factor != 1).any()) == has_norm
    restored = storage.restore(stored, architecture, 5)
    for name, (codes, _) in trained.items():
        step = stored.tensors[f"{name}.step_size"].view(-1, *[1] * (codes.dim() - 1))
        over_step = restored.get_parameter(name) / step
        assert is_power_of_two_or_zero(over_step)
        j = codes.abs().double()
        expected = torch.where(codes == 0, 0, codes.sign() * 2.0 ** (j - 1))
        assert torch.equal(over_step.double(), expected)
    with torch.inference_mode():
        after = restored(images)
    torch.testing.assert_close(after, before, rtol=2e-3, atol=2e-3 * float(before.std()))
    assert before.std() > 1e-3


def unpacked_by_hand(packed: np.ndarray, bits: int, count: int) -> list[int]:
    """The little-endian bit stream, bit by bit, in two's complement."""
    rows = np.unpackbits(packed, count=count * bits, bitorder="little").reshape(count, bits)
    places = 2 ** np.arange(bits)
    places[-1] *= -1
    return (rows @ places).tolist()


def test_a_code_that_stands_for_nothing_is_refused():
    network = models.build("shufflenet_v2_x0_5", 5).eval()
    quantize(network, INQConfig(5), ["fc"])
    stored = storage.store(network)
    stored.tensors["conv1.0.weight.codes"].fill_(0b1111_0000)  # among others the code -16
    with pytest.raises(ValueError, match=r"'conv1.0.weight' has codes outside -8..8, which stand"):
        storage.restore(stored, "shufflenet_v2_x0_5", 5)


# Checkpoints ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """An INQ and an LSQ checkpoint of 5 bits, and one in full precision."""
    root = tmp_path_factory.mktemp("checkpoints")
    save_checkpoint(root / "inq", "qt-dog", 0, 5, "inq")
    save_checkpoint(root / "lsq", "qt-dog", 0, 5)
    save_checkpoint(root / "erm", "erm", 0)
    return root


def change_config(folder: Path, place: Path, remove: str = "", **changes) -> Path:
    """A copy of the checkpoint in `folder` at `place`, with another config.json."""
    shutil.copytree(folder, place)
    values = json.loads((place / "config.json").read_text()) | changes
    values.pop(remove, None)
    (place / "config.json").write_text(json.dumps(values))
    return place


def test_a_config_says_which_quantizer_made_the_codes(root):
    for name, quantizer in (("inq", "inq"), ("lsq", "lsq"), ("erm", None)):
        values = json.loads((root / name / "config.json").read_text())
        assert values["quantizer"] == quantizer
        assert checkpoints.load(root / name).config.quantizer == quantizer


def test_a_reader_needs_safetensors_json_and_the_formula_alone(root):
    """Numpy computes a weight from the file; the package's network has the same."""
    tensors = load_file(root / "inq" / "model.safetensors")
    network = checkpoints.load(root / "inq").networks[0]
    weight = network.get_parameter("conv1.0.weight").numpy()
    codes = np.array(unpacked_by_hand(tensors["conv1.0.weight.codes"], 5, weight.size))
    magnitude = np.where(codes == 0, 0, 2.0 ** (np.abs(codes) - 1))
    steps = tensors["conv1.0.weight.step_size"][:, None]
    by_hand = steps * (np.sign(codes) * magnitude).reshape(len(weight), -1)
    assert np.array_equal(by_hand.reshape(weight.shape), weight)
    assert len(set(codes.tolist())) > 8


def test_an_old_config_without_a_quantizer_is_lsqs_and_loads_bit_for_bit(root, tmp_path):
    expected = checkpoints.load(root / "lsq").networks[0].state_dict()
    old = change_config(root / "lsq", tmp_path / "old", remove="quantizer")
    loaded = checkpoints.load(old)
    assert loaded.config == checkpoints.load_config(root / "lsq")
    for name, value in loaded.networks[0].state_dict().items():
        assert torch.equal(value, expected[name])
    old = change_config(root / "erm", tmp_path / "old-erm", remove="quantizer")
    assert checkpoints.load(old).config.quantizer is None


def test_an_unknown_quantizer_is_refused(root, tmp_path):
    unknown = change_config(root / "inq", tmp_path / "unknown", quantizer="dorefa")
    with pytest.raises(checkpoints.CheckpointError, match="the unknown quantizer 'dorefa'"):
        checkpoints.load(unknown)


def test_an_ensemble_does_not_mix_quantizers(root, tmp_path):
    for name in ("inq", "lsq"):
        shutil.copytree(root / name, tmp_path / name)
    eoq = dataclasses.replace(
        config("eoq", 0, 5, "inq"), source_validation=(), training=None, files=()
    )
    checkpoints.save_ensemble(tmp_path / "eoq", [tmp_path / "inq", tmp_path / "lsq"], eoq)
    with pytest.raises(checkpoints.CheckpointError, match="differs from its ensemble in 'quant"):
        checkpoints.load(tmp_path / "eoq")


@pytest.mark.parametrize("file_format", ["numpy", "torchvision"])
def test_an_inq_checkpoint_is_exported_as_it_answers(root, tmp_path, file_format):
    exported = export(root / "inq", file_format, tmp_path / "file")
    assert exported.largest_difference < 1e-4
    assert exported.pictures > 10
