"""Quantizing whole torchvision networks, in mid-training too, and baking them plain again."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import parametrize

from qtdog import models
from qtdog.quantization import (
    LSQConfig,
    bake,
    learned_parameters,
    quantizable_weights,
    quantize,
    quantizers,
)

# Architecture, classifier, and how many convolutions, linear layers and attentions it has.
NETWORKS = [
    ("mobilenet_v2", "classifier.1", 53, 32),
    ("resnet18", "fc", 21, 32),
    ("resnet50", "fc", 54, 32),
    ("vit_b_16", "heads.head", 50, 224),
    ("convnext_tiny", "classifier.2", 59, 32),
]


@pytest.mark.thorough
@pytest.mark.parametrize(("architecture", "classifier", "layers", "size"), NETWORKS)
def test_a_network_is_quantized_but_for_its_classifier_and_baked_bit_for_bit(
    architecture, classifier, layers, size
):
    network = models.build(architecture, 5).eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    images = torch.randn(1, 3, size, size)
    assert models.classifier_name(network) == classifier
    assert len(quantizable_weights(network)) == layers

    names = quantize(network, LSQConfig(4), [classifier])
    assert len(names) == layers - 1
    assert f"{classifier}.weight" not in names
    with torch.inference_mode():
        quantized_logits = network(images)
    baked = bake(network)
    with torch.inference_mode():
        baked_logits = network(images)
    assert torch.equal(quantized_logits, baked_logits)
    assert torch.isfinite(baked_logits).all()

    after = network.state_dict()
    assert after.keys() == before.keys()
    assert set(baked) == set(names)
    for name, value in after.items():
        if name not in baked:
            assert torch.equal(value, before[name]), name
            continue
        codes, step = baked[name].codes, baked[name].step_size
        assert codes.dtype == torch.int8
        assert -8 <= int(codes.min()) < int(codes.max()) <= 7
        assert torch.equal(value, codes * step.view(-1, *[1] * (codes.dim() - 1)))
        assert not torch.equal(value, before[name]), f"{name} was not quantized"
    assert not any(parametrize.is_parametrized(layer) for layer in network.modules())


def test_attention_is_quantized_with_its_input_projection():
    layer = nn.TransformerEncoderLayer(8, 2, 16)
    names = quantize(layer, LSQConfig(3), ["linear2"])
    assert names == ("self_attn.in_proj_weight", "self_attn.out_proj.weight", "linear1.weight")
    step = learned_parameters(layer)[0].exp().view(-1, 1)
    assert step.shape == (24, 1)
    codes = layer.self_attn.in_proj_weight / step
    torch.testing.assert_close(codes, codes.round(), atol=1e-4, rtol=0)
    # The attention's forward reads the quantized weight, and its gradient reaches the step sizes.
    layer(torch.randn(4, 1, 8)).square().sum().backward()
    assert learned_parameters(layer)[0].grad.abs().max() > 0


def test_a_name_to_leave_out_that_matches_nothing_is_an_error_that_lists_what_exists():
    network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU(), nn.Flatten(), nn.Linear(4, 2))
    with pytest.raises(ValueError, match=r"No layer to leave out is called 'conv1'\. .*: 0, 3\.$"):
        quantize(network, LSQConfig(7), ["3", "conv1"])
    assert next(quantizers(network), None) is None, "an error must leave the network as it was"
    # A part of a name is no name, and a layer without a weight is none to leave out.
    for name in ("", "classifier", "1"):
        with pytest.raises(ValueError, match="No layer to leave out"):
            quantize(network, LSQConfig(7), [name])


def test_leaving_out_a_block_leaves_out_all_its_layers():
    network = models.build("resnet18", 3)
    names = quantize(network, LSQConfig(7), ["fc", "layer1"])
    assert not [name for name in names if name.startswith(("fc.", "layer1."))]
    assert len(names) == 21 - 1 - 4


def test_step_sizes_are_one_a_channel_or_one_a_tensor():
    for granularity, shapes in (("channel", [(4,), (2,)]), ("tensor", [(1,), (1,)])):
        network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Linear(4, 2))
        quantize(network, LSQConfig(7, granularity))
        assert [p.shape for p in learned_parameters(network)] == shapes


def test_quantizing_in_mid_training_keeps_adams_state_and_trains_the_step_sizes():
    """Compared with Adam written out by hand, on real moments from real steps."""
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(16, 3))
    images, labels = torch.randn(8, 3, 4, 4), torch.arange(8) % 3
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)

    def step() -> None:
        optimizer.zero_grad()
        F.cross_entropy(network(images), labels).backward()
        optimizer.step()

    for _ in range(5):
        step()
    weight = network[0].weight
    before = {key: value.clone() for key, value in optimizer.state[weight].items()}
    assert before["exp_avg"].abs().max() > 0

    quantize(network, LSQConfig(4), ["3"])
    assert network[0].parametrizations["weight"].original is weight
    (log_step,) = learned_parameters(network)
    optimizer.add_param_group({"params": [log_step], "lr": 1e-3})
    assert all(torch.equal(optimizer.state[weight][key], before[key]) for key in before)

    old_weight, old_log_step = weight.detach().clone(), log_step.detach().clone()
    step()
    average = 0.9 * before["exp_avg"] + 0.1 * weight.grad
    square = 0.999 * before["exp_avg_sq"] + 0.001 * weight.grad**2
    torch.testing.assert_close(optimizer.state[weight]["exp_avg"], average)
    torch.testing.assert_close(optimizer.state[weight]["exp_avg_sq"], square)
    root = (square / (1 - 0.999**6)).sqrt() + 1e-8
    moved = old_weight - 1e-2 * average / (1 - 0.9**6) / root
    torch.testing.assert_close(weight.detach(), moved)
    # Adam's first step on the step sizes: the learning rate, against the gradient's sign.
    torch.testing.assert_close(log_step.detach(), old_log_step - 1e-3 * log_step.grad.sign())


def test_a_quantized_network_still_learns():
    network = nn.Sequential(nn.Linear(10, 16), nn.ReLU(), nn.Linear(16, 2))
    images = torch.randn(64, 10)
    labels = (images[:, 0] > 0).long()
    quantize(network, LSQConfig(3))
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    losses = []
    for _ in range(60):
        loss = F.cross_entropy(network(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]
