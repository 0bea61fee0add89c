"""Every architecture through quantization-aware training, packing and back, on digits.

Batch norm, layer norm and attention: what training computes with quantizers attached is what a
stored checkpoint computes, on every path through the layers, also torch's fast one for attention.
"""

import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from architectures import CLIP, DEIT, TINY_VIT, each, needs_timm, small_transformer
from PIL import Image
from safetensors.torch import load_file
from tiny_runs import tiny_data
from torch import nn
from torchvision.models import SwinTransformer
from torchvision.models.convnext import CNBlockConfig, ConvNeXt

from qtdog import checkpoints, data, models
from qtdog.checkpoints import layers, storage
from qtdog.explorer import Explorer
from qtdog.hub import exporting as export
from qtdog.landscape import weight_point
from qtdog.landscape.space import require_same_space
from qtdog.quantization import (
    LSQConfig,
    bake,
    learned_parameters,
    plain_state,
    quantize,
    quantizers,
)
from qtdog.training import TrainConfig, finish, recipe_settings, train

SIZE = 32
CLASSES = 10
ALL = (
    "resnet18",
    "resnet50",
    "resnext50_32x4d",
    "mobilenet_v2",
    "mobilenet_v3_small",
    "mobilenet_v3_large",
    "convnext_tiny",
    "vit_b_16",
    DEIT,
    CLIP,
)
# In seconds on one core: the others are slow tests.
QUICK = ("resnet18", "mobilenet_v2", "mobilenet_v3_small", TINY_VIT)


def digits(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """(count, 3, 32, 32) in -1..1 and labels, of all angles."""
    domains = data.load("rotated_digits", SIZE).domains
    images = np.concatenate([domain.images for domain in domains])
    labels = np.concatenate([domain.labels for domain in domains])
    rows = np.random.default_rng(0).permutation(len(labels))[:count]
    pixels = models.to_network_input(torch.from_numpy(images[rows]), (0.5,) * 3, (0.5,) * 3)
    return pixels, torch.from_numpy(labels[rows])


@torch.inference_mode()
def logits(network: nn.Module, images: torch.Tensor) -> torch.Tensor:
    return network(images)


def make_lively(network: nn.Module) -> None:
    """Logits that differ between images: no head at zero, no scale of a layer near zero, and batch
    norms with the statistics of real activations."""
    nn.init.normal_(network.get_submodule(models.classifier_name(network)).weight, std=0.3)
    with torch.no_grad():
        for name, value in network.named_parameters():
            if name.endswith("layer_scale"):
                value.uniform_(0.2, 0.4)
        for layer in network.modules():
            if isinstance(layer, models.NORM_LAYERS):
                layer.momentum = 1.0
        network.train()(digits(32)[0])


def check_a_step(network: nn.Module) -> None:
    """One step of QT-DoG's training on 4 bits: gradients and updates reach everything."""
    classifier = models.classifier_name(network)
    images, labels = digits(4)
    names = quantize(network, LSQConfig(4), [classifier])
    make_lively(network)
    models.train_mode(network, freeze_batch_norm=True)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-5, eps=1e-30)  # tiny gradients count
    F.cross_entropy(network(images), labels).backward()
    attached = list(quantizers(network))
    assert len(attached) == len(names) == len(learned_parameters(network)) > 0
    for name, layer, attribute, quantizer in attached:
        latent = layer.parametrizations[attribute].original
        assert latent.grad.abs().max() > 0, f"no gradient reaches {name}"
        assert quantizer.log_step.grad.abs().max() > 0, f"none reaches its step sizes: {name}"
        levels = getattr(layer, attribute) / quantizer.step_size.view(-1, *[1] * (latent.dim() - 1))
        torch.testing.assert_close(levels, levels.round(), rtol=0, atol=1e-3)
    optimizer.step()
    same = [n for n, value in network.state_dict().items() if torch.equal(value, before[n])]
    statistics = ("running_mean", "running_var", "num_batches_tracked", "position_index")
    assert [name for name in same if not name.endswith(statistics)] == []


def check_all_paths(network: nn.Module, architecture: str | None, tolerance: float = 1e-3) -> None:
    """With quantizers attached, baked, as a state dict, stored, traced, as a landscape's point:
    the logits are the same up to rounding, and not those of the latent weights."""
    images = digits(3)[0]
    network.eval()
    expected = network(images).detach()  # with gradients: the plain path through attention
    spread = float(expected.std(0).max())
    assert spread > 1e-2, "logits that are all the same would prove nothing"
    names = [name for name, *_ in quantizers(network)]

    def assert_same(other: torch.Tensor, what: str) -> None:
        difference = float((other - expected).abs().max())
        assert difference < tolerance * spread, f"{what}: {difference} of {spread}"

    assert_same(logits(network, images), "in inference mode, attention's fast path")
    point = weight_point(network)
    assert_same(logits(point.network, images), "weight point")
    assert {block.name for block in point.blocks if block.is_weight} >= set(names)
    assert next(quantizers(network), None) is not None
    assert_same(logits(network, images), "the network after all this")

    state = plain_state(network)
    if architecture is None:
        bake(network)
        assert_same(logits(network, images), "baked")
        assert state.keys() == network.state_dict().keys()
        return
    plain = models.build(architecture, CLASSES, image_size=SIZE)
    plain.load_state_dict(state)
    assert_same(logits(plain.eval(), images), "plain state")
    del plain
    stored = storage.store(network)
    assert stored.quantized_weights == tuple(names)
    restored = storage.restore(stored, architecture, CLASSES, SIZE)
    answer = logits(restored, images)
    if any(value.dtype == torch.float16 for value in stored.tensors.values()):
        # Biases that folding makes lose digits, and a random network exaggerates: see test_folding.
        both = torch.stack([answer.flatten(), expected.flatten()])
        assert torch.corrcoef(both)[0, 1] > 0.98
    else:
        assert_same(answer, "restored")
    fast = models.for_inference(restored)
    for batch in (images, images[:1]):
        torch.testing.assert_close(
            logits(fast, batch), answer[: len(batch)], rtol=0, atol=tolerance * spread
        )


@pytest.mark.thorough
@pytest.mark.parametrize("architecture", each(*QUICK))
def test_a_step_of_training_reaches_every_weight_and_all_paths_agree(architecture):
    network = models.build(architecture, CLASSES, image_size=SIZE)
    check_a_step(network)
    check_all_paths(network, architecture)


def small_convnext(classes: int) -> ConvNeXt:
    """torchvision's ConvNeXt with two small blocks."""
    return ConvNeXt([CNBlockConfig(16, 32, 1), CNBlockConfig(32, None, 1)], num_classes=classes)


def test_the_same_of_torchvisions_transformer_and_convnext_with_few_layers():
    for network in (small_transformer(SIZE, CLASSES), small_convnext(CLASSES)):
        check_a_step(network)
        check_all_paths(network, None)


def test_attentions_fast_path_computes_with_the_quantized_weights(monkeypatch):
    """torch's one-kernel attention takes the weights themselves: these must be the quantized."""
    attention = nn.MultiheadAttention(16, 2, batch_first=True).eval()
    quantize(attention, LSQConfig(3))
    fast, seen = torch._native_multi_head_attention, []

    def watched(*arguments):
        seen.append(arguments)
        return fast(*arguments)

    monkeypatch.setattr(torch, "_native_multi_head_attention", watched)
    tokens = torch.randn(2, 5, 16)
    with torch.inference_mode():
        answer, _ = attention(tokens, tokens, tokens)
    in_weight, _, out_weight = seen[0][5:8]
    for used, (_, layer, attribute, quantizer) in zip(
        (in_weight, out_weight), quantizers(attention), strict=True
    ):
        latent = layer.parametrizations[attribute].original
        assert torch.equal(used, quantizer(latent))
        assert not torch.allclose(used, latent, atol=1e-3)
    slow, _ = attention(tokens, tokens, tokens)  # with gradients
    assert len(seen) == 1
    torch.testing.assert_close(answer, slow)


def test_lines_between_networks_need_no_batch_norm_left_and_mind_no_tables():
    swin = SwinTransformer([4, 4], 8, depths=[2], num_heads=[2], window_size=[2, 2], num_classes=3)
    point = weight_point(swin)
    require_same_space(point, point)  # its buffers are the places in a window, no statistics
    tables = [block for block in point.blocks if "relative_position_bias_table" in block.name]
    assert len(tables) == 2
    assert not any(block.is_weight for block in tables)
    norm_first = nn.Sequential(nn.BatchNorm2d(3), nn.Conv2d(3, 4, 1))
    with pytest.raises(ValueError, match="batch norms that cannot be folded"):
        require_same_space(weight_point(norm_first))


@pytest.fixture(scope="module")
def transformer_run(tmp_path_factory) -> dict[str, Path]:
    """A transformer from the training loop: the checkpoints of ERM and QT-DoG."""
    folder, run_data, written = tmp_path_factory.mktemp("run"), tiny_data(), {}
    for method in ("erm", "qt-dog"):
        config = TrainConfig(
            "rotated_digits",
            "75-degrees",
            method,
            architecture=TINY_VIT,
            start_weights="none",
            image_size=SIZE,
            images_per_domain=4,
            steps=8,
            quantize_step=4,
            evaluate_every=2,
            learning_rate=1e-3,
        )
        trained = train(config, run_data, folder / "runs")
        written[method] = finish(trained, trained.single, run_data, folder / "out", "digits").folder
    return written


@pytest.mark.thorough
@needs_timm
def test_a_transformers_checkpoint_says_how_its_pixels_are_scaled(transformer_run):
    for method, bits in (("erm", 32), ("qt-dog", 7)):
        loaded = checkpoints.load(transformer_run[method])
        assert loaded.config.architecture == TINY_VIT
        assert ", timm 1." in loaded.config.training.versions
        # timm's own for these weights; ImageNet's would be wrong, and nobody named either.
        assert loaded.config.mean == loaded.config.std == (0.5, 0.5, 0.5)
        assert loaded.bits_per_weight == pytest.approx(bits, abs=0.1)
    sizes = layers.survey_layers(TINY_VIT, LSQConfig(7), 10, SIZE)
    stored = [(folder / checkpoints.MODEL).stat().st_size for folder in transformer_run.values()]
    assert stored == [sizes.full_bytes, sizes.packed_bytes]


@pytest.mark.thorough
@needs_timm
def test_the_page_answers_with_a_transformer_and_shows_where_it_looks(transformer_run):
    explorer = Explorer(transformer_run["erm"].parents[2])
    picture = Image.fromarray(tiny_data().target.images[0])
    key = "rotated_digits/75-degrees"
    answers = explorer.classify(picture, key)
    assert [one.method for one in answers] == ["erm", "qt-dog"]
    for one in answers:
        network = checkpoints.load(transformer_run[one.method]).networks[0]
        inputs = models.preprocess(picture, SIZE, (0.5,) * 3, (0.5,) * 3)
        expected = logits(network, inputs)[0].softmax(0).numpy()
        np.testing.assert_allclose(one.probabilities, expected, atol=1e-5)
    heats = [np.array(one.heat) for one in explorer.explain(picture, key, "3")]
    assert [heat.shape for heat in heats] == [(2, 2)] * 2  # patches of 16 px
    assert any(heat.any() for heat in heats)


@pytest.mark.thorough
@needs_timm
def test_without_timm_its_checkpoints_say_what_is_missing(transformer_run, monkeypatch):
    storage._without_weights.cache_clear()
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(checkpoints.CheckpointError, match="needs the package timm: run 'pip inst"):
        checkpoints.load(transformer_run["erm"])
    # The record of a run is read without it: its scale is written down.
    record = TrainConfig("d", "t", architecture=CLIP, mean=(0.5,) * 3, std=(0.5,) * 3).to_json()
    assert TrainConfig.from_json(record).architecture == CLIP
    with pytest.raises(ValueError, match="needs the package timm"):
        TrainConfig("d", "t", architecture=CLIP)


@needs_timm
def test_a_run_of_clip_has_clips_scale_and_one_of_deit_imagenets():
    assert TrainConfig("d", "t", architecture=CLIP).mean == (0.48145466, 0.4578275, 0.40821073)
    assert TrainConfig("d", "t", architecture=DEIT).std == models.IMAGENET_STD
    assert TrainConfig("d", "t").mean == models.IMAGENET_MEAN
    assert TrainConfig("d", "t", architecture=CLIP, std=(1.0, 2.0, 3.0)).std == (1.0, 2.0, 3.0)


def test_trained_start_weights_bring_their_own_scale_whatever_the_recipe_has_for_random_ones():
    assert recipe_settings("digits", {"bits": 4, "seed": None})["mean"] == (0.5, 0.5, 0.5)
    assert recipe_settings("digits", {"start_weights": "none"})["mean"] == (0.5, 0.5, 0.5)
    settings = recipe_settings(
        "digits", {"start_weights": "pretrained", "architecture": "resnet18"}
    )
    config = TrainConfig("rotated_digits", "75-degrees", **settings)
    assert (config.mean, config.std) == (models.IMAGENET_MEAN, models.IMAGENET_STD)
    assert config.architecture == "resnet18"
    assert config.steps == 300


@pytest.mark.thorough
@needs_timm
@pytest.mark.parametrize("method", ["erm", "qt-dog"])
def test_transformers_are_exported_to_tensors(transformer_run, method, tmp_path):
    """`export` itself checks the file's logits against the checkpoint's on the samples."""
    import timm

    assert export.export(transformer_run[method], "numpy", tmp_path / "codes.npz").pictures >= 7
    file = tmp_path / "network.safetensors"
    assert export.export(transformer_run[method], "torchvision", file).pictures >= 7
    network = timm.create_model("test_vit", num_classes=10, img_size=SIZE)
    network.load_state_dict(load_file(file), strict=True)


@needs_timm
@pytest.mark.slow
def test_transformers_are_exported_to_onnx(transformer_run, tmp_path):
    if missing := [name for name in export.ONNX_PACKAGES if find_spec(name) is None]:
        pytest.skip(f"needs {', '.join(missing)}")
    for method, folder in transformer_run.items():
        assert export.export(folder, "onnx", tmp_path / f"{method}.onnx").pictures >= 7


@pytest.mark.slow
@pytest.mark.parametrize("architecture", each(*(name for name in ALL if name not in QUICK)))
def test_the_same_of_the_large_ones(architecture):
    network = models.build(architecture, CLASSES, image_size=SIZE)
    check_a_step(network)
    check_all_paths(network, architecture)


def start_and_end(architecture: str, steps: int, rate: float) -> tuple[float, float]:
    """Accuracy on held-out digits of the untrained network, and of the checkpoint after training,
    quantized to 7 bits halfway: stored, read back."""
    network = models.build(architecture, CLASSES, image_size=SIZE)
    network = network.to(memory_format=torch.channels_last)
    for layer in network.modules():
        if isinstance(layer, models.NORM_LAYERS):  # MobileNetV3's have 0.01, for long training
            layer.momentum = 0.1
    images, labels = digits(1797)
    held_out = slice(0, 300)

    def accuracy(of: nn.Module) -> float:
        answers = torch.cat([logits(of, batch) for batch in images[held_out].split(50)])
        return float((answers.argmax(1) == labels[held_out]).float().mean())

    start = accuracy(network.eval())
    optimizer = torch.optim.Adam(network.parameters(), lr=rate, fused=True)
    generator = torch.Generator().manual_seed(0)
    for step in range(steps):
        if step == steps // 2:
            quantize(network, LSQConfig(7), [models.classifier_name(network)])
            optimizer.add_param_group({"params": learned_parameters(network), "lr": 1e-3})
        models.train_mode(network, freeze_batch_norm=False)
        rows = torch.randint(300, len(labels), (32,), generator=generator)
        optimizer.zero_grad()
        F.cross_entropy(network(images[rows]), labels[rows]).backward()
        optimizer.step()
    del optimizer
    stored = storage.store(network)
    del network
    return start, accuracy(storage.restore(stored, architecture, CLASSES, SIZE))


# Convolutions learn digits from random weights in few steps; transformers take more.
STEPS = {"vit_b_16": 200, CLIP: 200, DEIT: 300, "convnext_tiny": 300}


@pytest.mark.slow
@pytest.mark.parametrize("architecture", each(*ALL))
def test_training_through_quantization_improves_over_the_start(architecture):
    """At 32 px, so a transformer has four patches: the full size is only built, in test_layers."""
    convolutional = architecture not in STEPS
    start, end = start_and_end(
        architecture, STEPS.get(architecture, 150), 1e-3 if convolutional else 1e-4
    )
    print(f"{architecture}: {start:.1%} before, {end:.1%} after")
    assert start < 0.25
    assert end > max(0.5, 2 * start)
