"""Grad-CAM against other ways to compute it: by hand, by CAM, by autograd through the whole net."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from architectures import TINY_VIT, needs_timm, small_transformer
from tiny import random_network
from torch import nn

from qtdog import models
from qtdog.explorer.explain import ExplainError, grad_cam, last_map


def test_a_map_that_can_be_worked_out_on_paper():
    """Feature maps: red and green. Logit 1 = 2 mean(red) - 3 mean(green) + 5."""
    network = nn.Sequential(
        nn.Conv2d(3, 2, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 2)
    )
    with torch.no_grad():
        network[0].weight[:] = torch.tensor([[1.0, 0, 0], [0, 1, 0]]).view(2, 3, 1, 1)
        network[0].bias.zero_()
        network[3].weight[:] = torch.tensor([[0.0, 0], [2, -3]])
        network[3].bias[:] = 5
    red = torch.tensor([[4.0, 8, 0], [0, 2, 6]])
    green = torch.tensor([[0.0, 4, 0], [8, 1, 4]])
    image = torch.stack([red, green, torch.ones(2, 3)])[None]
    # (2 red - 3 green) / 6 places: 8, 4, 0 / -24, 1, 0.
    expected = np.array([[8, 4, 0], [0, 1, 0]]) / 6
    np.testing.assert_allclose(grad_cam([network], image, 1), expected, atol=1e-6)
    assert not grad_cam([network], image, 0).any()


@pytest.mark.parametrize("name", ["mobilenet_v2", "resnet18", "shufflenet_v2_x0_5"])
def test_with_average_pooling_and_a_linear_head_it_is_cam(name):
    """Zhou et al. 2016: CAM = head weights times maps; Grad-CAM is that through the places."""
    torch.manual_seed(1)
    network = models.build(name, 5).eval()
    head = network.get_submodule(models.classifier_name(network))
    nn.init.normal_(head.weight)
    image = torch.randn(1, 3, 96, 96)
    maps = _features(network, image)[0]  # (channels, h, w)
    with torch.no_grad():
        logits = network(image)[0]
    for label in range(5):
        cam = torch.einsum("k,khw->hw", head.weight[label], maps) / maps[0].numel()
        torch.testing.assert_close(
            cam.sum(), logits[label] - head.bias[label], atol=1e-4, rtol=1e-3
        )
        expected = cam.relu().detach().numpy()
        np.testing.assert_allclose(
            grad_cam([network], image, label), expected, atol=1e-5 * max(1e-3, expected.max())
        )


@pytest.mark.thorough
def test_with_a_deeper_head_it_is_what_autograd_gives():
    """VGG: three linear layers after the maps, with ReLUs that work in place."""
    torch.manual_seed(0)
    network = models.build("vgg11", 4).eval()
    image = torch.randn(1, 3, 64, 64)
    maps = network.features(image).detach().requires_grad_()
    logits = network.classifier(torch.flatten(network.avgpool(maps), 1))
    (gradient,) = torch.autograd.grad(logits[0, 2], maps)
    weights = gradient.mean((2, 3))[0]
    expected = torch.einsum("k,khw->hw", weights, maps[0]).relu().detach().numpy()
    assert expected.shape == (2, 2)
    assert expected.any()
    np.testing.assert_allclose(grad_cam([network], image, 2), expected, rtol=1e-5, atol=1e-9)


def test_a_layer_after_the_map_may_change_it_in_place():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.features = nn.Conv2d(3, 4, 3)
            self.head = nn.Linear(4, 2)

        def forward(self, images):
            maps = F.relu(self.features(images), inplace=True)
            return self.head(maps.mean((2, 3)))

    network, image = Net(), torch.randn(1, 3, 6, 6)
    before = network.features(image).detach().requires_grad_()
    logit = network.head(before.relu().mean((2, 3)))[0, 1]
    (gradient,) = torch.autograd.grad(logit, before)
    expected = (gradient.mean((2, 3), keepdim=True) * before).sum(1)[0].relu().detach()
    np.testing.assert_allclose(grad_cam([network], image, 1), expected.numpy(), atol=1e-7)


def test_an_ensemble_is_one_network_with_its_members_maps_side_by_side():
    members = [random_network(seed, None) for seed in range(3)]
    image = torch.randn(1, 3, 64, 64)
    maps = [_features(member, image).detach().requires_grad_() for member in members]
    logits = [member.fc(each.mean((2, 3))) for member, each in zip(members, maps, strict=True)]
    gradients = torch.autograd.grad(torch.stack(logits).mean(0)[0, 3], maps)
    beside = torch.cat(maps, 1)
    weights = torch.cat(gradients, 1).mean((2, 3), keepdim=True)
    expected = (weights * beside).sum(1)[0].relu().detach().numpy()
    got = grad_cam(members, image, 3)
    np.testing.assert_allclose(got, expected, rtol=1e-3, atol=1e-5 * expected.max())
    # Not the mean of the members' own maps: a member may speak against what another speaks for.
    apart = np.mean([grad_cam([member], image, 3) for member in members], axis=0)
    assert np.abs(got - apart).max() > 0.01 * apart.max()


@pytest.mark.parametrize(
    ("name", "module", "shape"),
    [
        ("mobilenet_v2", "features", (4, 4)),
        ("resnet18", "layer4", (4, 4)),
        ("squeezenet1_1", "classifier.2", (7, 7)),
        ("densenet121", "features", (4, 4)),
        ("efficientnet_b0", "features", (4, 4)),
        ("regnet_y_400mf", "trunk_output", (4, 4)),
    ],
)
def test_the_last_map_is_found_in_any_architecture(name, module, shape):
    network = models.build(name, 3).eval()
    image = torch.randn(1, 3, 128, 128)
    assert last_map(network, image) is network.get_submodule(module)
    assert grad_cam([network], image, 0).shape == shape


def test_a_network_without_a_map_is_refused_in_a_sentence():
    mixing = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Flatten(), nn.TransformerEncoderLayer(4, 1))
    with pytest.raises(ExplainError, match="Sequential mixes all places by attention"):
        grad_cam([mixing], torch.zeros(1, 3, 8, 8), 0)
    flat = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(3, 4, 1), nn.Flatten())
    with pytest.raises(ExplainError, match="no convolutional feature map with more than one place"):
        grad_cam([flat], torch.zeros(1, 3, 8, 8), 0)
    with pytest.raises(ValueError, match="There is no class 7: the network has 7"):
        grad_cam([random_network(0, None)], torch.zeros(1, 3, 64, 64), 7)


def expected_map(tokens, gradient, prefix, side):
    """Grad-CAM from tokens and their gradients, (1, tokens, channels), place by place."""
    weights = gradient[0, prefix:].mean(0)
    places = [float(weights @ token) for token in tokens[0, prefix:].detach()]
    return np.maximum(np.array(places).reshape(side, side), 0)


def test_of_a_vision_transformer_the_last_attentions_patch_tokens_are_the_map():
    network, image = small_transformer(32), torch.randn(1, 3, 32, 32)  # 4 x 4 patches
    before = network.conv_proj(image).flatten(2).transpose(1, 2)
    before = torch.cat([network.class_token, before], 1) + network.encoder.pos_embedding
    before = network.encoder.layers[0](before)
    block = network.encoder.layers[1]
    tokens = block.ln_1(before).detach().requires_grad_()
    attended = before + block.self_attention(tokens, tokens, tokens)[0]
    last = network.encoder.ln(attended + block.mlp(block.ln_2(attended)))
    logits = network.heads(last[:, 0])[0]
    torch.testing.assert_close(logits, network(image)[0])
    maps = [grad_cam([network], image, label) for label in range(3)]
    for label, got in enumerate(maps):
        (gradient,) = torch.autograd.grad(logits[label], tokens, retain_graph=True)
        expected = expected_map(tokens, gradient, 1, 4)
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-6)
    assert np.stack(maps).any()
    assert last_map(network, image) is block.ln_1


@needs_timm
def test_of_timms_transformers_it_is_the_same_or_what_they_pool():
    torch.manual_seed(1)
    network, image = models.build(TINY_VIT, 3, image_size=64).eval(), torch.randn(1, 3, 64, 64)
    nn.init.normal_(network.head.weight)
    before = network._pos_embed(network.patch_embed(image))
    for block in network.blocks[:-1]:
        before = block(before)
    block = network.blocks[-1]
    tokens = block.norm1(before).detach().requires_grad_()
    attended = before + block.ls1(block.attn(tokens))
    last = attended + block.ls2(block.mlp(block.norm2(attended)))
    logits = network.forward_head(network.norm(last))[0]
    torch.testing.assert_close(logits, network(image)[0])
    (gradient,) = torch.autograd.grad(logits[2], tokens)
    expected = expected_map(tokens, gradient, 1, 4)
    got = grad_cam([network], image, 2)
    np.testing.assert_allclose(got, expected, rtol=1e-3, atol=1e-5 * expected.max())

    pooling = models.build("timm/test_vit2", 3, image_size=64).eval()
    nn.init.normal_(pooling.head.weight)
    assert last_map(pooling, image) is pooling.blocks[-1]
    tokens = pooling.forward_features(image).detach().requires_grad_()
    logits = pooling.forward_head(tokens)[0]
    (gradient,) = torch.autograd.grad(logits[1], tokens)
    expected = expected_map(tokens, gradient, pooling.num_prefix_tokens, 4)
    assert expected.any()
    got = grad_cam([pooling], image, 1)
    np.testing.assert_allclose(got, expected, rtol=1e-3, atol=1e-5 * expected.max())


def test_the_network_stays_as_it_was():
    network = random_network(0, None).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    grad_cam([network], torch.randn(1, 3, 64, 64), 1)
    assert network.training
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert all(parameter.grad is None for parameter in network.parameters())
    assert not any(module._forward_hooks for module in network.modules())


def _features(network, image):
    """The last maps, (1, channels, h, w), by torchvision's own names for the layers."""
    if hasattr(network, "features"):
        return network.features(image)
    first = (
        ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4")
        if hasattr(network, "layer4")
        else ("conv1", "maxpool", "stage2", "stage3", "stage4", "conv5")
    )
    for name in first:
        image = network.get_submodule(name)(image)
    return image
