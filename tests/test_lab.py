"""The quantization laboratory against numpy, real files and the explorer's own checkpoints."""

import math
import shutil

import numpy as np
import pytest
import torch
from bundled import BITS, BUNDLED, MEMBERS, SKETCH
from PIL import Image
from safetensors.numpy import load_file
from tiny import random_network, save_checkpoint, save_set

from qtdog import checkpoints, models
from qtdog.checkpoints import CheckpointError, storage
from qtdog.explorer import Explorer, Grid, Lab, lab, rounding
from qtdog.explorer.lab import Contender
from qtdog.images import read_image
from qtdog.quantization import NearestConfig, quantize, unpack
from qtdog.quantization.nearest import step_sizes
from qtdog.ui.samples import samples

ERM = "pacs/sketch/erm-seed0"
QT_DOG = "pacs/sketch/qt-dog-7bit-seed0"  # of the tiny set
PICTURE = Image.effect_noise((80, 60), 90).convert("RGB")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = save_set(tmp_path_factory.mktemp("checkpoints"), members=2)
    save_checkpoint(root / "pacs" / "sketch" / "qt-dog-4bit-seed0", "qt-dog", 0, 4)
    return root


@pytest.fixture(scope="module")
def tiny_lab(root):
    return Lab(Explorer(root), lambda classes: (PICTURE,))


def round_to_nearest(weight: np.ndarray, bits: int) -> tuple[np.ndarray, np.ndarray]:
    """LSQ's first grid in numpy alone: codes, and step sizes (out,)."""
    flat = weight.reshape(len(weight), -1)
    steps = 2 * np.abs(flat).mean(1) / math.sqrt(2 ** (bits - 1) - 1)
    codes = np.rint(np.clip(flat / steps[:, None], -(2 ** (bits - 1)), 2 ** (bits - 1) - 1))
    return codes.astype(int), steps


@pytest.mark.parametrize("bits", [2, 5, 8])
def test_codes_grid_and_errors_are_those_of_rounding_to_nearest_in_numpy(bits):
    weight = torch.randn(6, 50) * torch.logspace(-3, 0, 6)[:, None]
    codes, steps = round_to_nearest(weight.numpy(), bits)
    scaled = weight.numpy() / steps[:, None]
    seen = rounding.round_weights(weight, Grid(bits, rule="start"))
    levels = range(-(2 ** (bits - 1)), 2 ** (bits - 1))
    assert seen.grid == tuple(levels)
    assert seen.codes == tuple(int((codes == level).sum()) for level in levels)
    inside = (scaled >= levels[0]) & (scaled <= levels[-1])
    assert seen.clipped == (~inside).sum()
    expected, _ = np.histogram((scaled - codes)[inside], 32, (-0.5, 0.5))
    # float32 against float64 may move a weight over a bin's edge.
    assert np.abs(np.array(seen.errors.counts) - expected).sum() <= 4
    assert sum(seen.weights.counts) == seen.total == 300
    assert seen.step_sizes == pytest.approx((steps.min(), np.median(steps), steps.max()), rel=1e-5)


def test_one_channel_keeps_the_step_size_that_it_has_in_its_layer():
    weight = torch.randn(6, 50)
    _, steps = round_to_nearest(weight.numpy(), 3)
    seen = rounding.round_weights(weight, Grid(3, rule="start"), channel=4)
    assert not seen.by_channel
    assert seen.grid == pytest.approx([steps[4] * level for level in range(-4, 4)], rel=1e-5)
    assert seen.total == 50
    assert seen.weights.edges[0] == pytest.approx(float(weight[4].min()))
    assert seen.weights.edges[-1] == pytest.approx(float(weight[4].max()))
    with pytest.raises(ValueError, match="no output channel 7: the layer has 6"):
        rounding.round_weights(weight, Grid(3), channel=6)


def test_one_step_size_a_layer_gives_one_grid_in_the_weights_own_unit():
    weight = torch.randn(6, 50)
    step = 2 * float(weight.abs().mean()) / math.sqrt(7)
    seen = rounding.round_weights(weight, Grid(4, "tensor", "start"))
    assert not seen.by_channel
    assert seen.grid == pytest.approx([step * level for level in range(-8, 8)], rel=1e-5)
    assert rounding.round_weights(
        weight, Grid(4, "tensor", "start"), channel=2
    ).grid == pytest.approx(seen.grid)


def test_divergence_of_known_histograms():
    assert rounding.divergence((7,) * 32) == 0
    assert rounding.divergence((0, 0, 9, 0)) == pytest.approx(math.log(4))
    half = 0.75 * math.log(0.75 * 2) + 0.25 * math.log(0.25 * 2)
    assert rounding.divergence((3, 1)) == pytest.approx(half)
    assert rounding.divergence((0, 0)) == 0


def test_evenly_spread_errors_have_no_divergence():
    # Between two levels of the grid, evenly: every bin of the error gets the same count.
    scaled = (np.arange(3200) + 0.5) / 3200 * 10 - 5
    errors = rounding.histogram(scaled - np.rint(scaled), 32, (-0.5, 0.5))
    assert set(errors.counts) == {100}
    assert rounding.divergence(errors.counts) == 0


def test_divergence_by_chance_is_the_mean_over_uniform_samples():
    draws = np.random.default_rng(0).uniform(-0.5, 0.5, (400, 1000))
    seen = [rounding.divergence(rounding.histogram(draw, 32, (-0.5, 0.5)).counts) for draw in draws]
    assert np.mean(seen) == pytest.approx(rounding.divergence_by_chance((1000, *[0] * 31)), rel=0.1)


@pytest.mark.thorough
def test_sizes_are_those_of_the_files(tmp_path, tiny_lab, root):
    """The size at 4 bits is that of the file with random weights at 4 bits: sizes are exact."""
    layer = tiny_lab.layers(ERM)[3]
    for bits, folder in ((4, "qt-dog-4bit-seed0"), (7, "qt-dog-7bit-seed0")):
        file = root / "pacs" / "sketch" / folder / checkpoints.MODEL
        seen = tiny_lab.round_layer(ERM, layer.name, Grid(bits))
        assert seen.network_bytes == file.stat().st_size
        stored = load_file(file)
        parts = [stored[layer.name + end] for end in (storage.CODES, storage.STEP_SIZE)]
        assert seen.layer_bytes == sum(part.nbytes for part in parts)
    erm = root / ERM / checkpoints.MODEL
    assert seen.network_bytes_full == erm.stat().st_size
    assert seen.layer_bytes_full == load_file(erm)[layer.name].nbytes


def test_the_classifier_is_left_out_and_stays_as_large_as_it_was(tiny_lab):
    last = tiny_lab.layers(ERM)[-1]
    assert (last.name, last.kind, last.left_out) == ("fc.weight", "linear layer", True)
    assert not any(layer.left_out for layer in tiny_lab.layers(ERM)[:-1])
    seen = tiny_lab.round_layer(ERM, "fc.weight", Grid(3))
    assert seen.layer_bytes == seen.layer_bytes_full == 4 * last.weights


def test_layers_say_what_they_are(tiny_lab):
    kinds = {layer.name: layer.kind for layer in tiny_lab.layers(ERM)}
    assert kinds["conv1.0.weight"] == "3×3 convolution"
    assert kinds["stage2.0.branch1.0.weight"] == "depthwise 3×3 convolution"
    assert tiny_lab.layers(ERM)[0].shape == (24, 3, 3, 3)
    assert tiny_lab.layers(ERM)[0].weights == 648


def test_a_trained_checkpoint_is_shown_at_its_own_width_only(tiny_lab, root):
    name = tiny_lab.layers(ERM)[5].name
    assert tiny_lab.round_layer(ERM, name, Grid(6)).trained is None
    seen = tiny_lab.round_layer(ERM, name, Grid(4), channel=1)
    assert seen.trained == "pacs/sketch/qt-dog-4bit-seed0"
    shape = seen.layer.shape
    packed = load_file(root / seen.trained / checkpoints.MODEL)[name + storage.CODES]
    codes = unpack(packed, 4, seen.layer.weights).reshape(shape)[1]
    assert seen.trained_codes == tuple(int((codes == level).sum()) for level in range(-8, 8))
    # One step size a layer is another kind of training: no checkpoint here has it.
    assert tiny_lab.round_layer(ERM, name, Grid(4, "tensor")).trained is None


def test_contenders_are_the_reference_every_width_and_what_was_trained(tiny_lab):
    seen = [(one.method, one.bits) for one in tiny_lab.contenders(ERM, Grid(8))]
    rounded = [("post-training", bits) for bits in (8, 7, 6, 5, 4, 3, 2)]
    assert seen == [("erm", 32), *rounded, ("qt-dog", 7), ("qt-dog", 4)]
    assert tiny_lab.contenders(ERM, Grid(8, "tensor"))[-1].method == "post-training"


@pytest.mark.thorough
def test_a_network_is_paired_with_what_was_trained_from_its_own_seed(root, tmp_path):
    """And with nothing where its own run has no quantized network."""
    shutil.copytree(root, tmp_path, dirs_exist_ok=True)
    target = tmp_path / "pacs" / "sketch"
    for seed in (1, 2):
        save_checkpoint(target / f"erm-seed{seed}", "erm", seed)
    lab = Lab(Explorer(tmp_path), lambda classes: (PICTURE,))
    for seed in (0, 1, 2):
        key = f"pacs/sketch/erm-seed{seed}"
        seen = lab.round_layer(key, lab.layers(key)[5].name, Grid(7))
        expected = f"pacs/sketch/qt-dog-7bit-seed{seed}" if seed < 2 else None
        assert seen.trained == expected
        trained = [one.key for one in lab.contenders(key, Grid(7)) if one.method == "qt-dog"]
        at_four = ["pacs/sketch/qt-dog-4bit-seed0"] if seed == 0 else []
        assert trained == ([expected] if expected else []) + at_four


@pytest.mark.parametrize("bits", [8, 3])
def test_post_training_is_rounding_to_nearest_before_batch_norm(tiny_lab, bits):
    """Numpy rounds the weights and batch norm stays as it is: the same network, but for the
    folded biases, which the file holds in float16."""
    network = random_network(0, None)
    left_out = models.classifier_name(network) + ".weight"
    with torch.no_grad():
        for name, weight in network.named_parameters():
            if weight.dim() > 1 and name != left_out:
                codes, steps = round_to_nearest(weight.numpy(), bits)
                weight.copy_(torch.from_numpy((codes * steps[:, None]).reshape(weight.shape)))
    settings = (64, models.IMAGENET_MEAN, models.IMAGENET_STD)
    with torch.inference_mode():
        expected = network(models.preprocess(PICTURE, *settings))[0].softmax(0)
    seen = tiny_lab.answer(Contender(ERM, "post-training", Grid(bits, rule="start")), [PICTURE])
    assert seen.probabilities[0] == pytest.approx(expected.tolist(), abs=2e-3)


def test_full_precision_and_trained_answers_are_those_of_their_checkpoints(tiny_lab, root):
    for contender in (Contender(ERM, "erm"), Contender(QT_DOG, "qt-dog", Grid(7))):
        key = contender.key
        loaded = checkpoints.load(root / key)
        settings = (64, models.IMAGENET_MEAN, models.IMAGENET_STD)
        with torch.inference_mode():
            expected = loaded.networks[0](models.preprocess(PICTURE, *settings))[0].softmax(0)
        seen = tiny_lab.answer(contender, [PICTURE])
        assert seen.probabilities[0] == pytest.approx(expected.tolist(), abs=1e-5)
        assert seen.labels == (loaded.config.classes[int(expected.argmax())],)
        assert seen.confidences == (max(seen.probabilities[0]),)
        assert seen.network_bytes == (root / key / checkpoints.MODEL).stat().st_size


def test_eight_bits_stay_close_to_full_precision_and_two_do_not():
    # Drawings of which full precision is sure: near a border anything moves.
    pencil = [sample for sample in samples() if sample.name.endswith("-pencil")]
    pictures = [read_image(sample.path) for sample in pencil[:4]]
    own = Lab(Explorer(BUNDLED), lambda classes: pictures)
    full = own.answer_samples(Contender(ERM, "erm")).probabilities
    moved = {}
    for bits in (8, 2):
        rounded = Contender(ERM, "post-training", Grid(bits, rule="least error"))
        moved[bits] = np.abs(np.subtract(full, own.answer_samples(rounded).probabilities)).max()
    assert moved[8] < 0.05
    assert moved[2] > 0.5


@pytest.mark.thorough
@pytest.mark.parametrize("bits", [8, 2])
def test_the_engine_answers_for_a_rounded_network_as_torch_does(bits):
    own, pictures = Lab(Explorer(BUNDLED)), [read_image(one.path) for one in samples()[:4]]
    seen = own.answer(Contender(ERM, "post-training", Grid(bits)), pictures)
    loaded = checkpoints.load(BUNDLED / ERM)
    (network,), config = loaded.networks, loaded.config
    quantize(network, Grid(bits).quantizer, [models.classifier_name(network)])
    stored = storage.store(network)
    rounded = storage.restore(stored, config.architecture, len(config.classes), config.image_size)
    settings = (config.image_size, config.mean, config.std)
    inputs = torch.cat([models.preprocess(one, *settings) for one in pictures])
    with torch.inference_mode():
        expected = rounded(inputs).double().softmax(1).numpy()
    assert np.abs(np.array(seen.probabilities) - expected).max() < 1e-4


def test_each_rounded_network_is_made_once_and_memory_is_bounded(root, monkeypatch):
    own = Lab(Explorer(root), lambda classes: (PICTURE,))
    made = []
    make = own._round
    monkeypatch.setattr(own, "_round", lambda *asked: made.append(asked) or make(*asked))
    five, four = (Contender(ERM, "post-training", Grid(bits)) for bits in (5, 4))
    for _ in range(2):
        own.answer(five, [PICTURE])
        own.answer_samples(five)
    assert len(made) == 1
    monkeypatch.setattr(lab, "BYTES_OF_NETWORKS", 2_000_000)  # one network of 1.4 MB
    own.answer(four, [PICTURE])
    own.answer_samples(five)  # kept, though its network is gone
    assert len(made) == 2
    own.answer(five, [PICTURE])
    assert len(made) == 3


def test_a_network_runs_only_while_the_explorers_lock_is_held(root, monkeypatch):
    explorer = Explorer(root)
    watched = Watched(explorer.lock)
    monkeypatch.setattr(explorer, "_lock", watched)
    own = Lab(explorer, lambda classes: (PICTURE,))
    held = []
    make, ready = own._round, own._ready
    monkeypatch.setattr(own, "_round", lambda *asked: held.append(watched.depth) or make(*asked))

    def watch(contender):
        found = ready(contender)
        logits = found.network.logits
        monkeypatch.setattr(
            found.network, "logits", lambda images: held.append(watched.depth) or logits(images)
        )
        return found

    monkeypatch.setattr(own, "_ready", watch)
    own.answer_samples(Contender(ERM, "post-training", Grid(3)))
    assert held == [1, 1]
    assert watched.depth == 0


class Watched:
    """A lock that knows whether it is held."""

    def __init__(self, lock):
        self.lock, self.depth = lock, 0

    def __enter__(self):
        self.lock.__enter__()
        self.depth += 1

    def __exit__(self, *error):
        self.depth -= 1
        return self.lock.__exit__(*error)

    def heavy(self):
        return self


@pytest.mark.parametrize("bits", [2, 4, 7])
def test_powers_of_two_are_shown_with_their_grid_codes_and_errors(bits):
    """Numpy rounds to the nearest of the levels that INQ's paper gives a channel."""
    weight = torch.randn(6, 50) * torch.logspace(-3, 0, 6)[:, None]
    values = weight.double().numpy()
    powers = np.floor(np.log2(4 * np.abs(values).max(1) / 3))
    positive = 2.0 ** -np.arange(2 ** (bits - 2))  # of the channel's largest level
    levels = np.array(sorted([0, *positive, *-positive]))
    scaled = values / 2.0 ** powers[:, None]
    nearest = np.abs(scaled[..., None] - levels).argmin(-1)
    seen = rounding.round_weights(weight, Grid(bits, rule="inq"))
    assert (seen.uniform, seen.by_channel, seen.clipped) == (False, True, 0)
    assert seen.grid == tuple(levels)
    assert seen.smallest_code == -(2 ** (bits - 2))
    assert seen.codes == tuple(int((nearest == place).sum()) for place in range(len(levels)))
    assert seen.total == sum(seen.errors.counts) == 300
    off = (scaled - levels[nearest]) * 2.0 ** powers[:, None]
    expected = np.sqrt((off**2).sum() / (values**2).sum())
    assert seen.relative_error == pytest.approx(expected, rel=1e-6)
    smallest = 2.0 ** (powers + 1 - 2 ** (bits - 2))
    assert seen.step_sizes == (smallest.min(), np.median(smallest), smallest.max())


def test_errors_of_powers_of_two_are_shares_of_the_gap_they_lie_in():
    # Levels 0, ±1/2, ±1, and then 2: the gaps are 1/2, 1/2 and 1.
    weight = torch.tensor([[1.2, 0.8, 0.55, -0.3, 0.1, 0.15, -0.45]])
    seen = rounding.round_weights(weight, Grid(3, rule="inq"))
    assert seen.grid == (-1.0, -0.5, 0.0, 0.5, 1.0)
    shares = [0.2, -0.4, 0.1, 0.4, 0.2, 0.3, 0.1]
    expected, _ = np.histogram(shares, 32, (-0.5, 0.5))
    assert seen.errors.counts == tuple(expected)


@pytest.mark.thorough
def test_a_network_trained_with_inq_is_shown_beside_powers_of_two_alone(tmp_path):
    root = save_set(tmp_path, members=1)
    folder = root / "pacs" / "sketch" / "qt-dog-inq-4bit-seed0"
    save_checkpoint(folder, "qt-dog", 0, 4, "inq")
    own = Lab(Explorer(root), lambda classes: (PICTURE,))
    name = own.layers(ERM)[3].name
    seen = own.round_layer(ERM, name, Grid(4, rule="inq"))
    assert seen.trained == "pacs/sketch/qt-dog-inq-4bit-seed0"
    assert len(seen.trained_codes) == len(seen.rounding.codes) == 9
    # The same random weights, rounded by the lab and by the one who stored them.
    assert seen.trained_codes == seen.rounding.codes
    assert seen.network_bytes == (folder / checkpoints.MODEL).stat().st_size
    assert own.round_layer(ERM, name, Grid(4)).trained is None
    assert own.round_layer(ERM, name, Grid(7, rule="inq")).trained is None
    contenders = own.contenders(ERM, Grid(8, rule="inq"))
    assert [(one.method, one.bits) for one in contenders if one.method == "qt-dog"] == [
        ("qt-dog", 4)
    ]
    rounded, trained = (own.answer(one, [PICTURE]) for one in contenders if one.bits == 4)
    assert rounded.probabilities == trained.probabilities
    assert rounded.network_bytes == trained.network_bytes


@pytest.mark.parametrize("granularity", ["channel", "tensor"])
def test_the_least_error_rule_finds_what_numpy_finds(granularity):
    weight = torch.randn(4, 60).pow(3)
    weight[3] = 0  # dead: any step size has no error, LSQ's start stays
    seen = step_sizes(weight, NearestConfig(3, granularity, "least error")).numpy()
    start = step_sizes(weight, NearestConfig(3, granularity, "start")).numpy()
    rows = weight.numpy() if granularity == "channel" else weight.numpy().reshape(1, -1)

    def error(row, step):
        return ((np.rint(np.clip(row / step, -4, 3)) * step - row) ** 2).sum()

    for row, found, first in zip(rows, seen, start, strict=True):
        if not row.any():
            assert found == pytest.approx(first, rel=1e-6)
            continue
        tried = np.abs(row).max() / 3 * np.linspace(0.1, 1, 37)
        assert error(row, found) == pytest.approx(min(error(row, step) for step in tried), rel=1e-4)
        assert error(row, found) <= error(row, first)


def test_an_unknown_rule_is_named():
    with pytest.raises(ValueError, match="Rule 'best' is unknown"):
        Grid(4, "channel", "best")
    for rule in ("start", "inq"):
        with pytest.raises(ValueError, match="choose 2 to 8 bits"):
            Grid(9, rule=rule)


def test_what_is_not_there_is_named(tiny_lab, root, tmp_path):
    with pytest.raises(ValueError, match=r"no full-precision checkpoint 'x'. There are: pacs/sk"):
        tiny_lab.contenders("x", Grid(8))
    with pytest.raises(ValueError, match=r"'x' is no layer of .*There are: conv1.0.weight"):
        tiny_lab.round_layer(ERM, "x", Grid(4))
    with pytest.raises(ValueError, match="no full-precision checkpoint"):
        tiny_lab.layers(QT_DOG)
    save_checkpoint(tmp_path / ERM, "erm", 0)
    (tmp_path / ERM / checkpoints.MODEL).write_bytes(b"short")
    with pytest.raises(CheckpointError, match="truncated"):
        Lab(Explorer(tmp_path)).layers(ERM)


def test_the_bundled_network_at_the_shipped_width_is_as_large_as_the_trained_one():
    own = Lab(Explorer(BUNDLED))
    seen = own.round_layer(ERM, "features.0.0.weight", Grid(BITS))
    folder = SKETCH / MEMBERS[0]
    config = checkpoints.load_config(folder)
    assert seen.trained == f"pacs/sketch/{folder.name}"
    assert seen.network_bytes == config.files[0].size_bytes
    assert sum(seen.trained_codes) == seen.layer.weights == 864
