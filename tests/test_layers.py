"""Which weights of an architecture are quantized, and the sizes of its checkpoints."""

import dataclasses
import json

import pytest
import tiny
import torch
from architectures import CLIP, DEIT, TINY_VIT, each, needs_timm, small_transformer

from qtdog import checkpoints, cli, models
from qtdog.checkpoints import layers, storage
from qtdog.quantization import LSQConfig, quantize

# Architecture: quantized weights (tensors), how many values they hold, parameters in all, and the
# weights left out; with seven classes at the architecture's usual image size. The parameters in all
# follow from the published counts for 1,000 classes: ResNet-50, say, has 25,557,032 of them, and
# 993 rows of 2,048 weights and a bias less in its classifier.
SNAPSHOT = {
    "resnet50": (53, 23_454_912, 25_557_032 - 993 * 2049, ["fc.weight"]),
    "resnet18": (20, 11_166_912, 11_689_512 - 993 * 513, ["fc.weight"]),
    "resnext50_32x4d": (53, 22_911_680, 25_028_904 - 993 * 2049, ["fc.weight"]),
    "mobilenet_v2": (52, 2_189_760, 3_504_872 - 993 * 1281, ["classifier.1.weight"]),
    "mobilenet_v3_small": (53, 1_501_832, 2_542_856 - 993 * 1025, ["classifier.3.weight"]),
    "mobilenet_v3_large": (63, 4_171_272, 5_483_032 - 993 * 1281, ["classifier.3.weight"]),
    "convnext_tiny": (58, 27_756_000, 28_589_128 - 993 * 769, ["classifier.2.weight"]),
    "vit_b_16": (49, 85_524_480, 86_567_656 - 993 * 769, ["heads.head.weight"]),
    DEIT: (49, 21_528_576, 22_050_664 - 993 * 385, ["head.weight"]),
    # 86,192,640 with OpenAI's projection to 512 features without a bias.
    CLIP: (49, 85_524_480, 86_192_640 - 512 * 768 + 7 * 769, ["head.weight"]),
}


@pytest.mark.parametrize("architecture", each(*SNAPSHOT))
def test_which_weights_are_quantized(architecture):
    tensors, values, parameters, left_out = SNAPSHOT[architecture]
    with torch.device("meta"):  # shapes alone
        network = models.build(architecture, 7)
    found = layers.weights(network)
    quantized = [weight for weight in found if not weight.left_out]
    assert len(quantized) == tensors
    assert sum(weight.count for weight in quantized) == values
    assert sum(parameter.numel() for parameter in network.parameters()) == parameters
    assert [weight.name for weight in found if weight.left_out] == left_out
    assert {weight.left_out for weight in found} == {"", "the classifier"}
    # Nothing but norms, biases, tables and tokens is missing from the list.
    listed = {weight.name for weight in found}
    rest = [n for n, p in network.named_parameters() if p.dim() > 1 and n not in listed]
    tables = ("class_token", "pos_embedding", "cls_token", "pos_embed", "layer_scale")
    assert all(name.endswith(tables) for name in rest)


@pytest.mark.parametrize("architecture", each("mobilenet_v3_small", TINY_VIT))
@pytest.mark.parametrize(("bits", "granularity"), [(7, "channel"), (3, "tensor")])
def test_the_bytes_are_those_of_the_checkpoints_that_training_writes(
    architecture, bits, granularity, tmp_path
):
    quantizer = LSQConfig(bits, granularity)
    found = layers.survey_layers(architecture, quantizer, len(tiny.CLASSES), 64)
    network = models.build(architecture, len(tiny.CLASSES), image_size=64)
    config = dataclasses.replace(tiny.config("erm", 0, 32), architecture=architecture)
    checkpoints.save(tmp_path / "erm", storage.store(network), config, "")
    quantize(network, quantizer, [models.classifier_name(network)])
    stored = storage.store(network)
    checkpoints.save(tmp_path / "qt-dog", stored, dataclasses.replace(config, bits=bits), "")
    assert (tmp_path / "erm" / checkpoints.MODEL).stat().st_size == found.full_bytes
    assert (tmp_path / "qt-dog" / checkpoints.MODEL).stat().st_size == found.packed_bytes
    assert tuple(weight.name for weight in found.quantized) == stored.quantized_weights


@needs_timm
def test_the_bytes_add_up(tmp_path):
    """A file is 8 bytes, a header, and the tensors: b bits a code, four bytes all else."""
    found = layers.survey_layers(TINY_VIT, LSQConfig(5), 7)
    network = models.build(TINY_VIT, 7)
    quantize(network, LSQConfig(5), ["head"])
    checkpoints.save(tmp_path / "one", storage.store(network), tiny.config("erm", 0, 32), "")
    content = (tmp_path / "one" / checkpoints.MODEL).read_bytes()
    header = int.from_bytes(content[:8], "little")
    json.loads(content[8 : 8 + header])
    packed = sum((weight.count * 5 + 7) // 8 for weight in found.quantized)
    step_sizes = 4 * sum(weight.shape[0] for weight in found.quantized)
    others = 4 * (found.parameters - found.quantized_parameters)
    assert found.packed_bytes == 8 + header + packed + step_sizes + others
    assert found.parameters == sum(parameter.numel() for parameter in network.parameters())


def test_kinds_of_layers_are_told_apart():
    found = {weight.name: weight.kind for weight in layers.weights(models.build("resnet18", 3))}
    assert found["conv1.weight"] == "7×7 convolution"
    assert found["fc.weight"] == "linear layer"
    found = {one.name: one for one in layers.weights(models.build("mobilenet_v2", 3))}
    depthwise = found["features.1.conv.0.0.weight"]
    assert (depthwise.kind, depthwise.shape) == ("depthwise 3×3 convolution", (32, 1, 3, 3))
    with torch.device("meta"):
        found = {one.name: one for one in layers.weights(models.build("resnext50_32x4d", 3))}
    grouped = found["layer1.0.conv2.weight"]
    assert (grouped.kind, grouped.shape) == ("grouped 3×3 convolution", (128, 4, 3, 3))
    found = {one.name: one.kind for one in layers.weights(small_transformer())}
    block = "encoder.layers.encoder_layer_0.self_attention."
    assert found[block + "in_proj_weight"] == "attention, inputs"
    assert found[block + "out_proj.weight"] == "linear layer"
    assert found["conv_proj.weight"] == "8×8 convolution"


@pytest.mark.thorough
def test_what_is_never_quantized_is_named_and_counted():
    found = layers.survey_layers("swin_t", LSQConfig(7), 7, 32, ["features.0"])
    rest = {one.kind: one for one in found.rest}
    assert set(rest) == {"bias", "layer norm", "relative position table"}
    # Twelve blocks with windows of 7: 13 x 13 places, and 3, 6, 12, 24 heads.
    heads = 2 * 3 + 2 * 6 + 6 * 12 + 2 * 24
    assert rest["relative position table"].tensors == 12
    assert rest["relative position table"].count == 13 * 13 * heads
    left_out = {weight.name: weight.left_out for weight in found.weights if weight.left_out}
    assert left_out == {"features.0.0.weight": "as asked", "head.weight": "the classifier"}
    found = layers.survey_layers("densenet121", LSQConfig(7), 7, 32)
    folded = {one.folded: one.tensors for one in found.rest if one.kind == "batch norm"}
    assert folded == {True: 2 * 59, False: 2 * 62}  # as in test_folding


def test_the_command_prints_every_weight_and_the_totals(capsys, monkeypatch):
    options = ["--bits", "4", "--classes", "5", "--image-size", "64"]
    monkeypatch.setattr("sys.argv", ["qtdog", "layers", "mobilenet_v2", *options])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert not end.value.code
    lines = capsys.readouterr().out.splitlines()
    weights = [line.split("  ") for line in lines if line.split(" ")[0].endswith(".weight")]
    assert len(weights) == 53
    assert [line[0] for line in weights if line[-1] != "4 bits"] == ["classifier.1.weight"]
    found = layers.survey_layers("mobilenet_v2", LSQConfig(4), 5, 64)
    assert lines[-3].startswith("mobilenet_v2 at 64 px: 52 of 53 weights quantized to 4 bits")
    assert lines[-2].startswith(f"2,189,760 of {found.parameters:,} parameters quantized")
    assert f"{found.packed_bytes:,} bytes instead of {found.full_bytes:,}" in lines[-1]


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("resnet19", "'resnet19' is not a torchvision classification network"),
        ("resnet18 --leave-out conv", "No layer to leave out is called 'conv'"),
        ("resnet18 --bits 9", "A bit width of 9 is not supported"),
        ("vit_b_16 --image-size 40", "vit_b_16 cannot take images of 40 px"),
    ],
)
def test_what_the_command_cannot_do_is_one_sentence(command, sentence, capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["qtdog", "layers", *command.split()])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 2
    assert capsys.readouterr().err.startswith(f"qtdog: {sentence}")
