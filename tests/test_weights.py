"""Two networks compared: against plain numpy on the unpacked codes, and in words and figures."""

import csv
import io

import numpy as np
import pytest
from bundled import BITS, BUNDLED, SHOWN
from safetensors.numpy import load_file
from tiny import config, random_network, save_set

from qtdog import checkpoints
from qtdog.checkpoints import storage
from qtdog.explorer import Explorer, WeightPairs
from qtdog.ui.weights.figures import channels_table, histograms, layers_chart, layers_table, scatter
from qtdog.ui.weights.table import COLUMNS, to_csv
from qtdog.ui.weights.words import comparison, layer_sentence, names, share

FULL, TRAINED = (f"pacs/sketch/{SHOWN[method]}" for method in ("erm", "qt-dog"))
TINY_FULL, TINY_TRAINED = "pacs/sketch/erm-seed0", "pacs/sketch/qt-dog-7bit-seed0"
# A convolution with its batch norm: the stem, a depthwise one and a pointwise one.
LAYERS = {
    "features.0.0": ("features.0.1", (32, 3, 3, 3)),
    "features.5.conv.1.0": ("features.5.conv.1.1", (192, 1, 3, 3)),
    "features.9.conv.0.0": ("features.9.conv.0.1", (384, 64, 1, 1)),
}


@pytest.fixture(scope="module")
def bundled():
    return WeightPairs(Explorer(BUNDLED))


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    root = save_set(tmp_path_factory.mktemp("checkpoints"), members=2)
    other = storage.store(random_network(5, 4))
    target = root / "pacs" / "sketch"
    checkpoints.save(target / "qt-dog-4bit-seed5", other, config("qt-dog", 5, 4), "step\n")
    return WeightPairs(Explorer(root))


def codes_of(packed: np.ndarray, bits: int, shape: tuple[int, ...]) -> np.ndarray:
    """Unpacked bit by bit: code i takes bits i*b to (i+1)*b - 1, in two's complement."""
    ones = np.unpackbits(packed, bitorder="little")[: np.prod(shape) * bits].reshape(-1, bits)
    codes = ones @ (1 << np.arange(bits)).astype(np.int64)
    return np.where(codes >= 1 << (bits - 1), codes - (1 << bits), codes).reshape(shape)


@pytest.mark.parametrize("name", LAYERS)
def test_three_layers_of_the_bundled_pair_are_as_in_numpy_on_unpacked_codes(bundled, name):
    norm, shape = LAYERS[name]
    plain = load_file(BUNDLED / FULL / "model.safetensors")
    packed = load_file(BUNDLED / TRAINED / "model.safetensors")
    factor = plain[f"{norm}.weight"] / np.sqrt(plain[f"{norm}.running_var"] + np.float32(1e-5))
    first = plain[f"{name}.weight"] * factor[:, None, None, None]
    codes = codes_of(packed[f"{name}.weight.codes"], BITS, shape)
    steps = packed[f"{name}.weight.step_size"]
    second = codes * steps[:, None, None, None]
    half = 2 ** (BITS - 1)
    anew = np.rint(np.clip(first / steps[:, None, None, None], -half, half - 1))

    pair = bundled.layer(FULL, TRAINED, f"{name}.weight")
    found = pair.layer
    size = np.linalg.norm(first)
    assert found.distance == pytest.approx(np.linalg.norm(first - second) / size, rel=1e-5)
    assert found.cosine == pytest.approx(
        (first * second).sum() / size / np.linalg.norm(second), rel=1e-6
    )
    rounded = anew * steps[:, None, None, None]
    assert found.rounding == pytest.approx(np.linalg.norm(first - rounded) / size, rel=1e-5)
    assert found.codes_used == (None, len(np.unique(codes)))
    assert found.codes_possible == (None, 2**BITS)
    assert found.step_sizes == (None, pytest.approx(np.median(np.abs(steps))))
    assert found.shape == shape
    # A float32 factor may move a weight over the middle between two levels.
    assert abs(found.changed - (anew != codes).sum()) <= max(1, first.size // 5000)

    gaps = np.linalg.norm((first - second).reshape(len(first), -1), axis=1)
    sizes = np.linalg.norm(first.reshape(len(first), -1), axis=1)
    gaps = np.divide(gaps, sizes, where=sizes > 0, out=np.zeros_like(gaps))  # a channel may be 0
    assert [one.channel for one in pair.channels] == (np.argsort(-gaps)[:8] + 1).tolist()
    assert pair.channels[0].distance == pytest.approx(gaps.max(), rel=1e-4)
    # Every level has a bin around it, and few levels have empty ones between them.
    edges = np.array(pair.edges)
    levels = np.arange(codes.min(), codes.max() + 1)
    place = np.searchsorted(edges, levels) - 1
    shown = (place >= 0) & (place < len(edges) - 1)
    expected = np.zeros(len(edges) - 1, int)
    expected[place[shown]] = [np.count_nonzero(codes == level) for level in levels[shown]]
    assert pair.counts[1] == tuple(expected.tolist())
    assert sum(one.count for one in pair.cells) + pair.outside == first.size


def test_the_whole_is_all_layers_as_one_vector_and_the_opening_pair_has_one_trunk(bundled):
    assert bundled.opening() == (FULL, TRAINED)
    compared = bundled.compare(FULL, TRAINED)
    assert len(compared.layers) == 53
    assert compared.not_common == ()
    apart = sum((one.distance * one.norms[0]) ** 2 for one in compared.layers)
    of = sum(one.norms[0] ** 2 for one in compared.layers)
    assert compared.whole.distance == pytest.approx((apart / of) ** 0.5)
    assert compared.whole.quantized == sum(one.weights for one in compared.layers[:-1])
    classifier = compared.layers[-1]
    assert classifier.name == "classifier.1.weight"
    assert (classifier.rounding, classifier.changed, classifier.codes_used) == (None,) * 2 + (
        (None, None),
    )
    words = comparison(compared)
    assert f"QT-DoG ({BITS} bits)" in words
    assert f" are {share(compared.whole.distance)} " in words
    assert "of it rounding" in words


def test_a_network_beside_itself_has_not_moved(tiny):
    compared = tiny.compare(TINY_TRAINED, TINY_TRAINED)
    assert {one.distance for one in compared.layers} == {0}
    assert compared.whole.changed == 0
    assert "have the same weights" in comparison(compared)


def test_two_bit_widths_are_compared_on_the_seconds_levels(tiny):
    compared = tiny.compare(TINY_TRAINED, "pacs/sketch/qt-dog-4bit-seed5")
    assert compared.layers[0].codes_possible == (128, 16)
    pair = tiny.layer(TINY_TRAINED, "pacs/sketch/qt-dog-4bit-seed5", compared.layers[0].name)
    assert pair.grid == tuple(range(-8, 8))
    assert pair.by_channel


def test_what_cannot_be_compared_is_said_in_a_sentence(tiny):
    with pytest.raises(ValueError, match="no single network 'pacs/sketch/eoq-7bit'"):
        tiny.compare(TINY_FULL, "pacs/sketch/eoq-7bit")
    with pytest.raises(ValueError, match="'nothing' is no common layer"):
        tiny.layer(TINY_FULL, TINY_TRAINED, "nothing")


def test_layers_that_are_not_common_are_named(tmp_path):
    """Networks of one architecture with other numbers of classes."""
    root = save_set(tmp_path, members=1)
    network, settings = random_network(1, None), config("erm", 1, 32)
    network.fc = type(network.fc)(network.fc.in_features, 3)
    few = settings.__class__(**{**settings.__dict__, "classes": ("a", "b", "c"), "dataset": "few"})
    checkpoints.save(root / "few" / "sketch" / "erm-seed1", storage.store(network), few, "step\n")
    pairs = WeightPairs(Explorer(root))
    compared = pairs.compare(TINY_FULL, "few/sketch/erm-seed1")
    assert [one.name for one in compared.not_common] == ["fc.weight"]
    said = "1 layer is not common and left out: fc.weight (7×1024 against 3×1024)."
    assert said in comparison(compared)
    rows = list(csv.DictReader(io.StringIO(to_csv(compared))))
    assert (rows[-1]["layer"], rows[-1]["common"], rows[-1]["distance"]) == ("fc.weight", "no", "")


def test_csv_and_figures_hold_the_numbers_of_the_records(tiny):
    compared = tiny.compare(TINY_FULL, TINY_TRAINED)
    rows = list(csv.DictReader(io.StringIO(to_csv(compared))))
    assert tuple(rows[0]) == COLUMNS
    assert [row["layer"] for row in rows] == [one.name for one in compared.layers]
    assert [float(row["distance"]) for row in rows] == [one.distance for one in compared.layers]
    chosen = compared.layers[0].name
    chart = layers_chart(compared, chosen)
    assert chart.count("data-layer=") == len(compared.layers)
    assert f'data-layer="{chosen}"' in layers_table(compared)
    pair = tiny.layer(TINY_FULL, TINY_TRAINED, chosen)
    assert f"{share(pair.layer.distance)} apart" in layer_sentence(pair.layer, *names(compared))
    assert scatter(pair, compared).count("<circle") == pair.layer.weights == 648
    assert "weight ÷ step size of its channel" in histograms(pair, compared)
    assert channels_table(pair, compared).count("<tr>") == 1 + len(pair.channels)
