"""Batch norm folded into the convolution before it: the same function, the same integer codes."""

import numpy as np
import pytest
import torch
from torch import nn

from qtdog import models
from qtdog.checkpoints import storage
from qtdog.models import fold_batch_norm
from qtdog.quantization import LSQConfig, quantize, quantizers, unpack

CLASSES = 6


def lively(network: nn.Module) -> nn.Module:
    """Give every batch norm statistics and affine values of its own, some gammas negative."""
    generator = torch.Generator().manual_seed(5)
    for norm in network.modules():
        if isinstance(norm, nn.BatchNorm2d):
            with torch.no_grad():
                for values, low, high in (
                    (norm.running_mean, -0.2, 0.2),
                    (norm.running_var, 0.3, 2.0),
                    (norm.weight, 0.7, 1.5),
                    (norm.bias, -0.3, 0.3),
                ):
                    values.uniform_(low, high, generator=generator)
                norm.weight[::7] *= -1
    return network.eval()


@torch.inference_mode()
def logits(network: nn.Module, size: int = 64) -> torch.Tensor:
    generator = torch.Generator().manual_seed(6)
    return network(torch.randn(2, 3, size, size, generator=generator))


def norms(network: nn.Module) -> list[str]:
    return [n for n, layer in network.named_modules() if isinstance(layer, nn.BatchNorm2d)]


@pytest.mark.parametrize(("architecture", "folded"), [("mobilenet_v2", 52), ("resnet18", 20)])
def test_folding_keeps_the_logits_and_leaves_no_batch_norm(architecture, folded):
    network = lively(models.build(architecture, CLASSES))
    before = logits(network)
    assert before.std() > 1e-2, "logits that are all the same would prove nothing"
    assert len(norms(network)) == folded
    assert len(fold_batch_norm(network)) == folded
    assert not norms(network)
    torch.testing.assert_close(logits(network), before, rtol=1e-4, atol=1e-4)


def test_a_negative_gamma_turns_the_convolutions_sign():
    network = nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2, eps=0.0)).eval()
    convolution, norm = network[0], network[1]
    with torch.no_grad():
        convolution.weight.copy_(torch.tensor([3.0, 5.0]).view(2, 1, 1, 1))
        convolution.bias.copy_(torch.tensor([1.0, 2.0]))
        norm.weight.copy_(torch.tensor([-2.0, 4.0]))
        norm.bias.copy_(torch.tensor([0.5, 0.0]))
        norm.running_mean.copy_(torch.tensor([3.0, 1.0]))
        norm.running_var.copy_(torch.tensor([4.0, 16.0]))
    factors = fold_batch_norm(network)
    # By hand: gamma / deviation = -1 and 1; bias (b - mean) * factor + beta = 2.5 and 1.
    assert factors["0"].tolist() == [-1.0, 1.0]
    assert convolution.weight.flatten().tolist() == [-3.0, 5.0]
    assert convolution.bias.tolist() == [2.5, 1.0]


def test_a_batch_norm_that_does_not_alone_follow_a_convolution_stays():
    network = lively(models.build("densenet121", CLASSES))
    before = logits(network, 32)
    folded = fold_batch_norm(network)
    # Of 121, those after a concatenation stay: 58 first norms, 3 of transitions, the last one.
    assert len(folded) == 59
    left = norms(network)
    assert len(left) == 62
    assert all(name.endswith((".norm1", ".norm", ".norm5")) for name in left)
    torch.testing.assert_close(logits(network, 32), before, rtol=1e-4, atol=1e-4)


class TwoReaders(nn.Module):
    """A convolution whose output is read by a batch norm and by an addition."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution, self.norm = nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)

    def forward(self, images):
        features = self.convolution(images)
        return features + self.norm(features)


def test_a_convolution_with_a_second_reader_is_left_alone():
    network = lively(TwoReaders())
    before = logits(network, 4)
    assert fold_batch_norm(network) == {}
    assert torch.equal(logits(network, 4), before)


def test_a_batch_norm_without_running_statistics_is_no_linear_function_and_stays():
    network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4, track_running_stats=False))
    before = logits(network, 4)
    assert fold_batch_norm(network) == {}
    assert torch.equal(logits(network, 4), before)


@pytest.mark.parametrize(
    ("architecture", "granularity", "bits"),
    [
        ("mobilenet_v2", "channel", 7),
        ("resnet18", "channel", 3),
        ("resnet18", "tensor", 5),
        ("squeezenet1_1", "channel", 8),
    ],
)
def test_storing_keeps_the_integer_codes_and_folds_into_the_step_sizes(
    architecture, granularity, bits
):
    network = lively(models.build(architecture, CLASSES))
    classifier = models.classifier_name(network)
    names = quantize(network, LSQConfig(bits, granularity), [classifier])
    before = logits(network)
    trained = {
        name: (q.codes(layer.parametrizations[attribute].original), q)
        for name, layer, attribute, q in quantizers(network)
    }
    stored = storage.store(network)
    assert stored.bits == bits
    assert stored.quantized_weights == names
    steps = []
    for name, (codes, quantizer) in trained.items():
        packed = stored.tensors[f"{name}.codes"].numpy()
        assert packed.nbytes == (codes.numel() * bits + 7) // 8
        assert np.array_equal(unpack(packed, bits, codes.numel()), codes.flatten().numpy()), name
        steps.append(stored.tensors[f"{name}.step_size"] / quantizer.step_size)
    factors = torch.cat(steps)
    has_batch_norm = architecture != "squeezenet1_1"
    assert bool((factors < 0).any()) == has_batch_norm
    assert bool((factors != 1).all()) == has_batch_norm

    restored = storage.restore(stored, architecture, CLASSES)
    assert not restored.training
    assert not norms(restored)
    # Folded biases are stored with 11 significant bits, so this is near, not equal.
    torch.testing.assert_close(logits(restored), before, rtol=2e-3, atol=2e-3 * float(before.std()))


def test_a_network_in_full_precision_is_stored_and_restored_bit_for_bit():
    network = lively(models.build("mobilenet_v2", CLASSES))
    stored = storage.store(network)
    assert stored.bits == 32
    assert stored.quantized_weights == ()
    restored = storage.restore(stored, "mobilenet_v2", CLASSES)
    assert torch.equal(logits(restored), logits(network))


def test_a_network_that_cannot_be_built_without_weights_is_restored_too():
    network = lively(models.build("regnet_y_400mf", CLASSES))
    quantize(network, LSQConfig(7), ["fc"])
    before = logits(network, 32)
    restored = storage.restore(storage.store(network), "regnet_y_400mf", CLASSES)
    torch.testing.assert_close(logits(restored, 32), before, rtol=2e-3, atol=2e-3)
    assert before.std() > 1e-2


@pytest.mark.slow
def test_a_vision_transformer_is_stored_and_restored():
    network = models.build("vit_b_16", CLASSES).eval()
    with torch.no_grad():
        network.heads.head.weight.normal_()  # torchvision starts it at zero
    quantize(network, LSQConfig(7), ["heads"])
    before = logits(network, 224)
    stored = storage.store(network)
    assert "encoder.layers.encoder_layer_0.self_attention.in_proj_weight.codes" in stored.tensors
    restored = storage.restore(stored, "vit_b_16", CLASSES)
    assert torch.equal(logits(restored, 224), before)
    assert before.std() > 0.1
