"""Exports: they load without this package and answer as the checkpoint does."""

import json
import re
import shutil
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import tiny
import torch
import torchvision
from safetensors import safe_open
from safetensors.torch import load_file

from qtdog import checkpoints, cli, models
from qtdog.checkpoints import storage
from qtdog.hub import exporting as export
from qtdog.images import read_image
from qtdog.models import fold_batch_norm

pytestmark = pytest.mark.thorough  # most train or export for seconds

ROOT = Path(__file__).resolve().parents[1]
BUNDLED = {  # the first of each method
    checkpoints.load_config(folder).method: folder
    for folder in reversed(checkpoints.find(ROOT / "checkpoints"))
}

missing = [name for name in export.ONNX_PACKAGES if find_spec(name) is None]
needs_onnx = pytest.mark.skipif(bool(missing), reason=f"needs {', '.join(missing)}")


@pytest.fixture(scope="module")
def tiny_set(tmp_path_factory) -> Path:
    """ERM, two QT-DoG members and EoQ with random weights."""
    return tiny.save_set(tmp_path_factory.mktemp("tiny"), members=2) / "pacs" / "sketch"


def images(config: checkpoints.CheckpointConfig) -> torch.Tensor:
    """All sample pictures as the networks see them."""
    settings = (config.image_size, config.mean, config.std)
    paths = sorted((ROOT / "assets" / "samples").glob("*.png"))
    return torch.cat([models.preprocess(read_image(path), *settings) for path in paths])


@torch.inference_mode()
def package_logits(folder: Path, inputs: torch.Tensor) -> torch.Tensor:
    """(images, classes): the mean over the members."""
    networks = checkpoints.load(folder).networks
    return torch.stack([network(inputs) for network in networks]).mean(0)


def assert_agree(one: torch.Tensor, other: torch.Tensor) -> None:
    assert one.argmax(1).tolist() == other.argmax(1).tolist()
    assert float((one - other).abs().max()) <= 1e-4


# torchvision ------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["erm", "qt-dog"])
def test_torchvision_itself_loads_the_state_dict_strictly(method, tmp_path):
    file = tmp_path / "network.safetensors"
    export.export(BUNDLED[method], "torchvision", file)
    network = torchvision.models.mobilenet_v2(num_classes=7).eval()
    network.load_state_dict(load_file(file), strict=True)
    inputs = images(checkpoints.load_config(BUNDLED[method]))
    with torch.inference_mode():
        assert_agree(network(inputs), package_logits(BUNDLED[method], inputs))


def test_the_batch_norms_of_a_quantized_network_only_add_a_bias(tmp_path):
    file = tmp_path / "network.safetensors"
    export.export(BUNDLED["qt-dog"], "torchvision", file)
    network = torchvision.models.mobilenet_v2(num_classes=7).eval()
    network.load_state_dict(load_file(file), strict=True)
    norms = [layer for layer in network.modules() if isinstance(layer, torch.nn.BatchNorm2d)]
    assert len(norms) == 52
    for norm in norms:
        values = torch.randn(1, norm.num_features, 2, 2)
        added = norm(values) - values
        assert torch.allclose(added, norm.bias.view(1, -1, 1, 1).expand_as(added), atol=1e-6)
    assert sum(float(norm.bias.detach().abs().sum()) for norm in norms) > 1


def test_a_batch_norm_that_is_no_identity_is_exported_as_it_is(tiny_set, tmp_path):
    file = tmp_path / "network.safetensors"
    export.export(tiny_set / "erm-seed0", "torchvision", file)
    state = load_file(file)
    assert set(state) == set(torchvision.models.shufflenet_v2_x0_5(num_classes=7).state_dict())
    assert float((state["conv1.1.running_var"] - 1).abs().min()) > 0.1


class LayersInEveryOrder(torch.nn.Module):
    """A convolution with a bias and one without before batch norms, and a batch norm alone."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm1 = torch.nn.Conv2d(3, 8, 3), torch.nn.BatchNorm2d(8)
        self.second = torch.nn.Conv2d(8, 8, 3, bias=False)
        self.norm2, self.norm3 = torch.nn.BatchNorm2d(8), torch.nn.BatchNorm2d(8)
        for norm in (self.norm1, self.norm2, self.norm3):
            norm.running_mean.normal_()
            norm.running_var.uniform_(0.5, 2)
            torch.nn.init.normal_(norm.bias)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        images = self.norm1(self.first(images)).relu()
        return self.norm3(self.norm2(self.second(images)).relu())


def test_folding_is_undone_with_and_without_biases():
    network, inputs = LayersInEveryOrder().eval(), torch.randn(2, 3, 8, 8)
    expected = network(inputs)
    assert set(fold_batch_norm(network)) == {"first", "second"}
    plain = LayersInEveryOrder().eval()
    plain.load_state_dict(export.torchvision_state(network.state_dict(), plain), strict=True)
    assert torch.allclose(plain(inputs), expected, atol=1e-5)


def test_an_ensemble_is_one_file_with_a_state_dict_a_member(tiny_set, tmp_path):
    file = tmp_path / "ensemble.safetensors"
    export.export(tiny_set / "eoq-7bit", "torchvision", file)
    tensors = load_file(file)
    inputs = images(checkpoints.load_config(tiny_set / "eoq-7bit"))
    logits = []
    for member in range(2):
        prefix = f"members.{member}."
        state = {n.removeprefix(prefix): v for n, v in tensors.items() if n.startswith(prefix)}
        network = torchvision.models.shufflenet_v2_x0_5(num_classes=7).eval()
        network.load_state_dict(state, strict=True)
        with torch.inference_mode():
            logits.append(network(inputs))
    assert not torch.allclose(*logits, atol=1e-2)
    assert_agree((logits[0] + logits[1]) / 2, package_logits(tiny_set / "eoq-7bit", inputs))


def test_the_file_says_how_to_use_it(tmp_path):
    file = tmp_path / "network.safetensors"
    export.export(BUNDLED["erm"], "torchvision", file)
    with safe_open(file, "pt") as opened:
        said = opened.metadata()
    assert said["architecture"] == "mobilenet_v2"
    assert json.loads(said["classes"])[0] == "dog"
    assert said["image_size"] == "128"
    assert json.loads(said["config"])["target_domain"] == BUNDLED["erm"].parent.name


# numpy ------------------------------------------------------------------------------------------


def test_numpy_holds_the_integer_codes_and_their_step_sizes(tmp_path):
    folder, file = BUNDLED["qt-dog"], tmp_path / "codes.npz"
    export.export(folder, "numpy", file)
    arrays = np.load(file, allow_pickle=False)
    network, bits = checkpoints.load(folder).networks[0], checkpoints.load_config(folder).bits
    codes = {name for name in arrays.files if name.endswith(".codes")}
    assert len(codes) == 52
    for name in codes:
        weight = network.get_parameter(name.removesuffix(".codes")).numpy()
        step_size = arrays[name.replace(".codes", ".step_size")]
        assert arrays[name].dtype == np.int8
        assert arrays[name].min() >= -(2 ** (bits - 1))
        assert arrays[name].max() <= 2 ** (bits - 1) - 1
        assert arrays[name].shape == weight.shape
        assert np.array_equal(arrays[name] * step_size.reshape(-1, 1, 1, 1), weight)
    assert np.array_equal(arrays["classifier.1.weight"], network.classifier[1].weight.numpy())
    assert json.loads(str(arrays["config"]))["classes"][6] == "person"


def test_numpy_of_full_precision_is_its_float_tensors(tiny_set, tmp_path):
    file = tmp_path / "weights.npz"
    export.export(tiny_set / "erm-seed0", "numpy", file)
    arrays = np.load(file, allow_pickle=False)
    state = checkpoints.load(tiny_set / "erm-seed0").networks[0].state_dict()
    assert set(arrays.files) == set(state) | {"config"}
    assert all(np.array_equal(arrays[name], value.numpy()) for name, value in state.items())


# ONNX -------------------------------------------------------------------------------------------


def assert_onnx_agrees(folder: Path, file: Path) -> None:
    import onnx
    import onnxruntime

    export.export(folder, "onnx", file)
    model = onnx.load(file)
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param  # the batch is free
    assert [entry.version for entry in model.opset_import if not entry.domain] == [18]
    inputs = images(checkpoints.load_config(folder)).contiguous()
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    for batch in (inputs[:1], inputs):
        (logits,) = session.run(None, {"images": batch.numpy()})
        assert_agree(torch.from_numpy(logits), package_logits(folder, batch))


@needs_onnx
def test_onnx_agrees_for_any_batch(tiny_set, tmp_path):
    assert_onnx_agrees(tiny_set / "qt-dog-7bit-seed0", tmp_path / "network.onnx")


@needs_onnx
@pytest.mark.slow
@pytest.mark.parametrize("method", ["erm", "qt-dog", "eoq"])
def test_the_bundled_checkpoints_agree_in_onnx(method, tmp_path):
    assert_onnx_agrees(BUNDLED[method], tmp_path / "network.onnx")


def test_without_onnx_the_error_names_the_packages(tiny_set, tmp_path, monkeypatch):
    monkeypatch.setattr(export, "find_spec", lambda name: None)
    with pytest.raises(export.ExportError, match="pip install onnx onnxscript onnxruntime"):
        export.export(tiny_set / "erm-seed0", "onnx", tmp_path / "network.onnx")
    assert list(tmp_path.iterdir()) == []


# The check, and the command ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scale", "shift", "said"),
    [(1, 2e-4, r"differ by 2\.0e-04"), (1, float("nan"), "differ by nan"), (0, 0, "differ by")],
)
def test_an_export_that_disagrees_is_not_written(
    tiny_set, tmp_path, monkeypatch, scale, shift, said
):
    right = export.torchvision_state

    def wrong(*arguments):
        state = right(*arguments)
        return {**state, "fc.bias": scale * state["fc.bias"] + shift}

    monkeypatch.setattr(export, "torchvision_state", wrong)
    file = tmp_path / "network.safetensors"
    file.write_bytes(b"the export before")
    with pytest.raises(export.ExportError, match=said):
        export.export(tiny_set / "erm-seed0", "torchvision", file)
    assert [path.name for path in tmp_path.iterdir()] == [file.name]
    assert file.read_bytes() == b"the export before"


def test_another_class_is_refused_however_small_the_difference(tmp_path, monkeypatch):
    """Two classes with the same logits but for 2e-5, which the export turns around."""
    network = tiny.random_network(0, None)
    with torch.no_grad():
        network.fc.weight.zero_()
        network.fc.bias.copy_(torch.tensor([1e-5, 0, -1, -1, -1, -1, -1]))
    config = tiny.config("erm", 0, 32)
    checkpoints.save(tmp_path / "erm-seed0", storage.store(network), config, "step\n")
    right = export.torchvision_state

    def turned(*arguments):
        state = right(*arguments)
        return {**state, "fc.bias": state["fc.bias"][[1, 0, 2, 3, 4, 5, 6]]}

    monkeypatch.setattr(export, "torchvision_state", turned)
    with pytest.raises(export.ExportError, match=r"another class in backpack-catalogue\.png"):
        export.export(tmp_path / "erm-seed0", "torchvision", tmp_path / "a.safetensors")
    assert not (tmp_path / "a.safetensors").exists()


def test_nothing_is_exported_unchecked(tiny_set, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(export.ExportError, match="no picture"):
        export.export(
            tiny_set / "erm-seed0", "numpy", tmp_path / "a.npz", samples=tmp_path / "empty"
        )
    assert not (tmp_path / "a.npz").exists()


def test_a_changed_checkpoint_is_not_exported(tiny_set, tmp_path):
    folder = Path(shutil.copytree(tiny_set / "erm-seed0", tmp_path / "erm-seed0"))
    model = folder / "model.safetensors"
    model.write_bytes(model.read_bytes()[:-1] + b"x")
    with pytest.raises(checkpoints.CheckpointError, match="SHA-256"):
        export.export(folder, "numpy", tmp_path / "a.npz")


def test_the_command_says_what_it_checked(tiny_set, tmp_path, monkeypatch, capsys):
    file = tmp_path / "a.npz"
    words = ["export", str(tiny_set / "qt-dog-7bit-seed0"), "--format", "numpy", "--out", str(file)]
    monkeypatch.setattr("sys.argv", ["qtdog", *words])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert not end.value.code
    said = capsys.readouterr().out
    pictures = len(list((ROOT / "assets" / "samples").glob("*.png")))
    agreed = (
        rf"0\.\d\d MB; the same class on all {pictures} sample pictures, logits within \de-\d\d"
    )
    assert re.search(agreed, said)
    assert file.stat().st_size > 1e5
