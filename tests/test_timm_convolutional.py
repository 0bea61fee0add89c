"""timm's convolutional networks: norms with an activation in them, "same" padding, other names."""

import copy
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from test_architectures import check_a_step, check_all_paths, digits, logits, make_lively
from tiny_runs import tiny_data
from torch import nn

from qtdog import checkpoints, models
from qtdog.checkpoints import storage
from qtdog.explorer import explain
from qtdog.models import fold_batch_norm, foldable
from qtdog.quantization import LSQConfig, quantize, quantizers
from qtdog.training import TrainConfig, finish, fuse_frozen_norms, train

pytestmark = pytest.mark.thorough  # most train or export for seconds

if find_spec("timm") is None:
    pytest.skip("needs timm", allow_module_level=True)

LITE = "timm/tf_efficientnet_lite0"
SHARED = Path(__file__).resolve().parents[2] / "shared" / "pretrained"
IMAGENET_LITE = SHARED / "efficientnet_lite0_imagenet.safetensors"
needs_weights = pytest.mark.skipif(
    not IMAGENET_LITE.exists(), reason="needs ../shared/pretrained/efficientnet_lite0_imagenet"
)
FAMILIES = (LITE, "timm/efficientnet_b0", "timm/mobilenetv3_small_050", "timm/resnet18")
SLOW = ("timm/mobilenetv3_large_100", "timm/resnet50", "timm/convnext_tiny")


def network_with_statistics(architecture: str, classes: int = 5) -> nn.Module:
    """Random weights in float64, batch norms far from the identity, in evaluation mode."""
    torch.manual_seed(0)
    network = models.build(architecture, classes).double()
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.uniform_(layer.weight, 0.5, 1.5)
            nn.init.normal_(layer.bias, std=0.2)
            nn.init.normal_(layer.running_mean, std=0.2)
            nn.init.uniform_(layer.running_var, 0.5, 2)
    return network.eval()


@pytest.mark.parametrize(
    "architecture", [*FAMILIES, *(pytest.param(one, marks=pytest.mark.slow) for one in SLOW)]
)
def test_a_step_of_training_reaches_every_weight_and_all_paths_agree(architecture):
    network = models.build(architecture, 10, image_size=32)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):  # the last one of a residual block starts at zero
            nn.init.ones_(layer.weight)
    check_a_step(network)
    # A weight at the border between two levels may round to the other; b0 exaggerates that.
    check_all_paths(network, architecture, 2e-2 if architecture.endswith("b0") else 1e-3)


@pytest.mark.parametrize("architecture", FAMILIES)
def test_every_batch_norm_folds_and_its_activation_stays(architecture):
    """67 px: "same" padding is not alike on both sides there."""
    network = network_with_statistics(architecture)
    norms = [n for n, layer in network.named_modules() if isinstance(layer, nn.BatchNorm2d)]
    assert sorted(foldable(network).values()) == sorted(norms)
    images = torch.randn(2, 3, 67, 67, dtype=torch.float64)
    expected = logits(network, images)
    fold_batch_norm(network)
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in network.modules())
    torch.testing.assert_close(logits(network, images), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("quantized", [False, True])
def test_training_through_frozen_norms_is_the_plain_networks(quantized):
    plain = network_with_statistics(LITE)
    models.train_mode(plain, freeze_batch_norm=True)
    fused = copy.deepcopy(plain)
    fuse_frozen_norms(fused)
    images = torch.rand(2, 3, 65, 65, dtype=torch.float64)
    for network in (plain, fused):
        if quantized:
            quantize(network, LSQConfig(4), [models.classifier_name(network)])
            network.double()
    answers = [network(images) for network in (plain, fused)]
    torch.testing.assert_close(answers[1], answers[0], rtol=1e-6, atol=1e-8)
    for answer in answers:
        answer.square().sum().backward()
    expected = dict(plain.named_parameters())
    for name, parameter in fused.named_parameters():
        wanted = expected[name].grad
        atol = 1e-5 * float(wanted.abs().max())
        torch.testing.assert_close(parameter.grad, wanted, rtol=1e-5, atol=atol, msg=name)


def test_codes_are_kept_exactly_and_come_back_as_they_were(tmp_path):
    network = models.build(LITE, 7, image_size=64)
    make_lively(network)
    network.eval()
    quantize(network, LSQConfig(5), [models.classifier_name(network)])
    with torch.no_grad():
        codes = {
            name: quantizer.codes(layer.parametrizations[attribute].original)
            for name, layer, attribute, quantizer in quantizers(network)
        }
    stored = storage.store(network)
    restored = storage.restore(stored, LITE, 7, 64)
    assert len(codes) == 49
    for name, code in codes.items():
        step = stored.tensors[f"{name}.step_size"].view(-1, 1, 1, 1)
        # folding multiplies weights by a factor a channel, which may be negative
        back = (restored.get_parameter(name) / step).round()
        assert torch.equal(back.abs(), code.abs().to(back.dtype)), name


@needs_weights
def test_imagenets_weights_start_it_with_their_pixels_and_epsilon():
    network = models.build(LITE, 7, str(IMAGENET_LITE), 64)
    weights = load_file(IMAGENET_LITE)
    for name, value in network.state_dict().items():
        if not name.startswith("classifier.") and not name.endswith("num_batches_tracked"):
            assert torch.equal(value, weights[name]), name
    assert {m.eps for m in network.modules() if isinstance(m, nn.BatchNorm2d)} == {1e-3}
    assert models.normalization(LITE) == ((0.5,) * 3, (0.5,) * 3)
    images = torch.rand(2, 3, 64, 64) * 2 - 1
    network.eval()
    nn.init.normal_(network.classifier.weight, std=0.1)
    expected = logits(network, images)
    spread = float(expected.abs().max())
    folded = copy.deepcopy(network)
    fold_batch_norm(folded)
    torch.testing.assert_close(logits(folded, images), expected, rtol=0, atol=1e-4 * spread)
    fast = models.for_inference(network)
    torch.testing.assert_close(logits(fast, images), expected, rtol=0, atol=1e-4 * spread)
    quantize(network, LSQConfig(7), ["classifier"])
    expected = logits(network, images)
    restored = storage.restore(storage.store(network), LITE, 7, 64)
    answer = logits(restored, images)  # biases are float16
    torch.testing.assert_close(answer, expected, rtol=0, atol=2e-2 * float(expected.abs().max()))


def test_grad_cam_sees_the_last_map_before_and_after_folding():
    """Its places sum up to the logit without the bias."""
    network = models.build(LITE, 4, image_size=64)
    make_lively(network)
    network = network.double().eval()
    image = digits(1)[0].double()
    image = torch.nn.functional.interpolate(image, size=(64, 64))
    for each in (network, copy.deepcopy(network)):
        if each is not network:
            fold_batch_norm(each)
        layer = explain.last_map(each, image)
        maps = []
        handle = layer.register_forward_hook(lambda *call, maps=maps: maps.append(call[2]))
        with torch.no_grad():
            answer = each(image)
        handle.remove()
        assert maps[0].shape == (1, 1280, 2, 2)
        expected = each.classifier(maps[0].mean((2, 3)))
        torch.testing.assert_close(answer, expected)
        heat = explain.grad_cam([each], image, 2)
        weights = each.classifier.weight[2] / 4
        places = (weights.view(1, -1, 1, 1) * maps[0]).sum(1)[0].relu()
        torch.testing.assert_close(torch.from_numpy(heat).double(), places, rtol=1e-5, atol=1e-7)


def test_it_trains_and_its_checkpoint_answers(tmp_path):
    run_data = tiny_data()
    config = TrainConfig(
        "rotated_digits",
        "75-degrees",
        "qt-dog",
        architecture=LITE,
        start_weights="none",
        image_size=32,
        images_per_domain=2,
        steps=4,
        quantize_step=2,
        evaluate_every=2,
    )
    trained = train(config, run_data, tmp_path / "runs")
    folder = finish(trained, trained.single, run_data, tmp_path / "out", "digits").folder
    loaded = checkpoints.load(folder)
    assert loaded.config.mean == (0.5,) * 3
    assert loaded.networks[0](torch.zeros(1, 3, 32, 32)).shape == (1, 10)


def test_the_layers_of_lite0_are_listed(command):
    code, out, _ = command("layers", LITE, "--bits", "7")
    assert code == 0
    assert "conv_stem.weight" in out
    assert "depthwise 5×5 convolution" in out
    assert "batch norm, tensors: 98" in out
    assert "folded into the convolution before it" in out
    assert f"{LITE} at its usual image size: 49 of 50 weights quantized to 7 bits" in out


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("timm/efficientnet_cc_b0_4e", "layers of a kind that cannot .*: CondConv2d"),
        ("timm/ecaresnet26t", "layers of a kind that cannot .*: Conv1d"),
        ("timm/dm_nfnet_f0", "none of the networks of timm"),
    ],
)
def test_weights_that_are_not_used_as_they_are_are_refused(name, sentence):
    with pytest.raises(ValueError, match=sentence):
        models.build(name, 7)
