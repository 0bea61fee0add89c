"""Training through frozen batch norm: the same function and the same gradients, fewer passes."""

import copy

import pytest
import torch
from torch import nn

from qtdog import models
from qtdog.quantization import LSQConfig, quantize
from qtdog.training import fuse_frozen_norms


def network_with_statistics(architecture: str) -> nn.Module:
    """Random weights in float64, batch norms far from the identity, some factors negative."""
    torch.manual_seed(0)
    network = models.build(architecture, 5).double()
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.uniform_(layer.weight, -0.5, 1.5)
            nn.init.normal_(layer.bias)
            nn.init.normal_(layer.running_mean)
            nn.init.uniform_(layer.running_var, 0.5, 2)
    models.train_mode(network, freeze_batch_norm=True)
    return network


@pytest.mark.parametrize("quantized", [False, True])
@pytest.mark.parametrize("architecture", ["mobilenet_v2", "resnet18", "shufflenet_v2_x0_5"])
def test_logits_and_all_gradients_are_those_of_the_plain_network(architecture, quantized):
    plain = network_with_statistics(architecture)
    fused = copy.deepcopy(plain)
    fuse_frozen_norms(fused)
    images = torch.rand(2, 3, 64, 64, dtype=torch.float64)
    for network in (plain, fused):
        if quantized:
            quantize(network, LSQConfig(4), [models.classifier_name(network)])
            network.double()
    logits = [network(images) for network in (plain, fused)]
    torch.testing.assert_close(logits[1], logits[0], rtol=1e-6, atol=1e-8)
    for out in logits:
        out.square().sum().backward()
    expected = dict(plain.named_parameters())
    assert expected.keys() == dict(fused.named_parameters()).keys()
    for name, parameter in fused.named_parameters():
        scale = expected[name].grad.abs().max()
        torch.testing.assert_close(
            parameter.grad, expected[name].grad, rtol=1e-5, atol=1e-5 * float(scale), msg=name
        )


def test_no_batch_norm_passes_over_activations_where_a_convolution_precedes_it():
    network = network_with_statistics("resnet18")
    fuse_frozen_norms(network)
    called: list[str] = []
    for name, layer in network.named_modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.register_forward_hook(
                lambda _, inputs, output, name=name: called.append(output is inputs[0])
            )
    network(torch.rand(1, 3, 32, 32, dtype=torch.float64))
    assert called == [True] * 20
