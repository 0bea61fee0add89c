"""Networks by name, their start weights, their modes, and how an image enters them."""

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import nn
from torchvision.ops import StochasticDepth
from torchvision.transforms import v2

from qtdog import models

SMALL = "shufflenet_v2_x0_5"


@pytest.mark.parametrize(
    "architecture",
    [
        "alexnet",
        "convnext_tiny",
        "densenet121",
        "efficientnet_b0",
        "efficientnet_v2_s",
        "maxvit_t",
        "mnasnet0_5",
        "mobilenet_v2",
        "mobilenet_v3_small",
        "resnet18",
        "resnext50_32x4d",
        "shufflenet_v2_x0_5",
        "squeezenet1_0",
        "swin_t",
        "vgg11",
        "vit_b_16",
        "wide_resnet50_2",
    ],
)
def test_every_family_gets_a_head_for_the_classes_and_it_is_the_classifier(architecture):
    with torch.device("meta"):
        network = models.build(architecture, 7)
    head = network.get_submodule(models.classifier_name(network))
    assert head.weight.shape[0] == 7
    others = [m for m in network.modules() if isinstance(m, (nn.Conv2d, nn.Linear)) and m != head]
    assert not any(layer.weight.shape[0] == 7 for layer in others)
    dropping = [m for m in network.modules() if isinstance(m, (nn.Dropout, StochasticDepth))]
    assert all(layer.p == 0 for layer in dropping)


def test_an_unknown_architecture_is_an_error_that_lists_what_exists():
    for name in ("resnet19", "fcos_resnet50_fpn", "get_model", ""):  # a detector is none, either
        with pytest.raises(ValueError, match=f"'{name}' is not .* There are: .*resnet18"):
            models.build(name, 7)


def test_start_weights_from_a_file_fill_everything_but_the_head(tmp_path):
    torch.manual_seed(1)
    start = models.build(SMALL, 1000)
    file = tmp_path / "start.safetensors"
    save_file(start.state_dict(), file)
    torch.manual_seed(2)
    network = models.build(SMALL, 4, str(file))
    for name, value in network.state_dict().items():
        if name.startswith("fc."):
            assert value.shape[0] == 4
        else:
            assert torch.equal(value, start.state_dict()[name]), name


def test_start_weights_without_batch_norms_counters_are_fine(tmp_path):
    state = models.build(SMALL, 1000).state_dict()
    file = tmp_path / "start.safetensors"
    save_file({n: v for n, v in state.items() if "num_batches_tracked" not in n}, file)
    network = models.build(SMALL, 4, str(file))
    assert torch.equal(network.conv1[0].weight, state["conv1.0.weight"])


def test_start_weights_that_do_not_fit_are_named(tmp_path):
    state = models.build(SMALL, 1000).state_dict()
    file = tmp_path / "start.safetensors"
    with pytest.raises(ValueError, match=r"start\.safetensors do not exist"):
        models.build(SMALL, 4, str(file))
    file.write_bytes(b"PK\x03\x04 no safetensors")
    with pytest.raises(ValueError, match=r"start\.safetensors are not a safetensors file"):
        models.build(SMALL, 4, str(file))
    save_file({n: v for n, v in state.items() if n != "conv1.0.weight"}, file)
    with pytest.raises(ValueError, match=r"missing \['conv1.0.weight'\]"):
        models.build(SMALL, 4, str(file))
    save_file({**state, "more": torch.zeros(1)}, file)
    with pytest.raises(ValueError, match=r"unknown \['more'\]"):
        models.build(SMALL, 4, str(file))
    save_file({**state, "conv1.0.weight": torch.zeros(1, 3, 3, 3)}, file)
    with pytest.raises(ValueError, match=r"start\.safetensors does not fit the network"):
        models.build(SMALL, 4, str(file))


@pytest.mark.parametrize("frozen", [True, False])
def test_frozen_batch_norm_keeps_its_statistics_while_its_affine_values_train(frozen):
    network = models.build(SMALL, 4)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    models.train_mode(network, frozen)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    network(torch.randn(4, 3, 32, 32)).square().sum().backward()
    optimizer.step()
    after = network.state_dict()
    assert torch.equal(after["conv1.1.running_mean"], before["conv1.1.running_mean"]) == frozen
    assert torch.equal(after["conv1.1.running_var"], before["conv1.1.running_var"]) == frozen
    assert not torch.equal(after["conv1.1.weight"], before["conv1.1.weight"])
    assert network.training


def test_preprocessing_is_torchvisions_resize_and_normalisation():
    pixels = np.random.default_rng(0).integers(0, 256, (37, 53, 3), np.uint8)
    image = Image.fromarray(pixels)
    mean, std = (0.5, 0.4, 0.3), (0.2, 0.3, 0.25)
    reference = v2.Compose(
        [
            v2.Resize((24, 24), v2.InterpolationMode.BILINEAR),
            v2.ToImage(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(mean, std),
        ]
    )(image)
    ours = models.preprocess(image, 24, mean, std)
    assert ours.shape == (1, 3, 24, 24)
    torch.testing.assert_close(ours[0], reference, rtol=1e-5, atol=1e-6)
    assert torch.equal(
        models.to_network_input(torch.from_numpy(models.resize(image, 24).copy())[None], mean, std),
        ours,
    )


def test_the_network_for_inference_gives_the_same_logits_and_leaves_the_original_alone():
    network = models.build("resnet18", 5)
    network.train()(torch.randn(4, 3, 32, 32))  # statistics of its own
    network.eval()
    images = torch.randn(3, 3, 32, 32)
    with torch.inference_mode():
        before = network(images)
        fast = models.for_inference(network, 32)
        assert torch.equal(network(images), before)
        for image, expected in zip(images, before, strict=True):
            torch.testing.assert_close(fast(image[None])[0], expected, rtol=1e-4, atol=1e-4)
    assert any(isinstance(layer, nn.BatchNorm2d) for layer in network.modules())


@pytest.mark.parametrize("architecture", ["googlenet", "inception_v3"])
def test_networks_with_auxiliary_heads_give_plain_logits_in_training_too(architecture):
    network = models.build(architecture, 7).train()
    assert network(torch.rand(2, 3, 96, 96)).shape == (2, 7)
