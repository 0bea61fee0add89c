"""How much of its bit width a network uses, against codes that are unpacked here by other means."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file
from scipy.stats import entropy

from qtdog import checkpoints
from qtdog.quantization import quantizable_weights
from qtdog.study import code_uses_csv, count_codes, read_code_uses
from qtdog.study.second.code_use import CodeUseRow
from qtdog.ui.quantize.layer import codes_used

SKETCH = Path(__file__).resolve().parents[1] / "checkpoints" / "pacs" / "sketch"


@pytest.fixture(scope="module")
def folder() -> Path:
    return next(iter(sorted(SKETCH.glob("qt-dog-*bit*-seed0"))))


def unpacked(folder: Path) -> dict[str, np.ndarray]:
    """(out, weights) codes of every layer, from the file's bits."""
    loaded = checkpoints.load(folder)
    bits, network = loaded.config.bits, loaded.networks[0]
    shapes = {
        name: getattr(layer, attribute).shape
        for name, (layer, attribute) in quantizable_weights(network).items()
    }
    found = {}
    for name, packed in load_file(folder / "model.safetensors").items():
        if not name.endswith(".codes"):
            continue
        shape = shapes[name.removesuffix(".codes")]
        ones = np.unpackbits(packed, bitorder="little")[: shape.numel() * bits].reshape(-1, bits)
        place = 1 << np.arange(bits)
        place[-1] *= -1  # two's complement
        found[name] = (ones.astype(int) @ place).reshape(shape[0], -1)
    return found


def test_the_codes_of_a_shipped_network_are_counted(folder):
    use, codes = checkpoints.code_use(checkpoints.load(folder)), unpacked(folder)
    assert len(codes) > 20
    largest = np.concatenate([np.abs(layer).max(1) for layer in codes.values()])
    assert use.largest_code == np.median(largest)
    assert use.distinct_codes == np.median([len(set(one.ravel())) for one in codes.values()])
    bits = [entropy(np.unique(one, return_counts=True)[1], base=2) for one in codes.values()]
    weights = [one.size for one in codes.values()]
    assert use.entropy == pytest.approx(np.dot(bits, weights) / np.sum(weights))
    assert 1 < use.entropy < use.bits


def test_a_network_in_full_precision_and_an_ensemble_have_no_codes_to_count():
    for name in ("erm-seed0", next(SKETCH.glob("eoq-*")).name):
        with pytest.raises(ValueError, match=f"{name} is not one quantized network"):
            checkpoints.code_use(checkpoints.load(SKETCH / name))


def test_what_was_counted_is_kept_by_the_networks_hash(folder, tmp_path):
    (file,) = checkpoints.load_config(folder).files
    found = count_codes(folder.parent, {file.sha256})
    assert [one.sha256 for one in found] == [file.sha256]
    path = tmp_path / "code_use.csv"
    path.write_text(code_uses_csv([CodeUseRow("f" * 64, 5, 8.0, 20.0, 3.25), *found]))
    assert read_code_uses(path) == sorted(
        [*found, CodeUseRow("f" * 64, 5, 8.0, 20.0, 3.25)], key=lambda one: one.sha256
    )
    assert read_code_uses(tmp_path / "none.csv") == []
    assert count_codes(tmp_path / "none", {file.sha256}) == []


def test_the_quantize_tab_says_how_many_codes_are_used():
    assert codes_used((0, 2, 4, 2)) == "3 of 4, entropy 1.5 bits"
