"""The quantizer against torch's own fake-quantize operators, closed forms and differences."""

import math

import numpy as np
import pytest
import torch
from torch.nn.utils import parametrize

from qtdog.quantization import FittedLSQConfig, LSQConfig
from qtdog.quantization.levels import UniformLevels
from qtdog.quantization.lsq import LSQQuantizer
from qtdog.quantization.starts import initial_step_size

BITS = range(2, 9)


def code_range(bits: int) -> tuple[int, int]:
    return UniformLevels(bits).code_range


def quantizer_and_weight(
    bits: int, granularity: str, seed: int = 0
) -> tuple[LSQQuantizer, torch.Tensor]:
    """A (6, 5, 3, 3) weight that is clipped in part, and its quantizer.

    No weight lies where rounding could go either way or within half a step beyond the range:
    there the references' conventions differ from LSQ's.
    """
    smallest, largest = code_range(bits)
    generator = torch.Generator().manual_seed(seed)
    quantizer = LSQQuantizer(torch.ones(6, 5, 3, 3), LSQConfig(bits, granularity))
    count = quantizer.log_step.numel()
    with torch.no_grad():
        quantizer.log_step.copy_(torch.empty(count).uniform_(-6, -1, generator=generator))
    step = quantizer.step_size.view(-1, 1, 1, 1)
    codes = torch.randint(smallest - 3, largest + 4, (6, 5, 3, 3), generator=generator)
    offsets = torch.empty(codes.shape).uniform_(-0.45, 0.45, generator=generator)
    scaled = codes + offsets
    scaled = torch.where((scaled > largest) & (scaled < largest + 0.5), largest - 0.2, scaled)
    scaled = torch.where((scaled < smallest) & (scaled > smallest - 0.5), smallest + 0.2, scaled)
    return quantizer, (scaled * step).requires_grad_()


@pytest.mark.parametrize("bits", BITS)
def test_channel_values_and_weight_gradients_are_those_of_torch_fake_quantize(bits):
    quantizer, weight = quantizer_and_weight(bits, "channel")
    upstream = torch.randn(weight.shape)
    ours = quantizer(weight)
    (gradient,) = torch.autograd.grad(ours, weight, upstream)

    reference = torch.fake_quantize_per_channel_affine(
        weight,
        quantizer.step_size,
        torch.zeros(6, dtype=torch.int32),
        0,
        *code_range(bits),
    )
    (reference_gradient,) = torch.autograd.grad(reference, weight, upstream)
    torch.testing.assert_close(ours, reference, rtol=1e-6, atol=0)
    assert torch.equal(gradient, reference_gradient)
    assert (gradient == 0).any(), "some weights must be clipped"
    assert (gradient != 0).any()


@pytest.mark.parametrize("bits", BITS)
def test_tensor_values_and_weight_gradients_are_those_of_torch_fake_quantize(bits):
    quantizer, weight = quantizer_and_weight(bits, "tensor")
    upstream = torch.randn(weight.shape)
    ours = quantizer(weight)
    (gradient,) = torch.autograd.grad(ours, weight, upstream)

    reference = torch.fake_quantize_per_tensor_affine(
        weight, float(quantizer.step_size), 0, *code_range(bits)
    )
    (reference_gradient,) = torch.autograd.grad(reference, weight, upstream)
    torch.testing.assert_close(ours, reference, rtol=1e-6, atol=0)
    assert torch.equal(gradient, reference_gradient)


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("granularity", ["channel", "tensor"])
def test_the_step_size_gradient_is_that_of_torch_learnable_fake_quantize(bits, granularity):
    """The parameter is log s, so its gradient is s * dL/ds."""
    quantizer, weight = quantizer_and_weight(bits, granularity)
    upstream = torch.randn(weight.shape)
    (ours,) = torch.autograd.grad(quantizer(weight), quantizer.log_step, upstream)

    scale = quantizer.step_size.clone().requires_grad_()
    zero_point = torch.zeros(scale.shape, requires_grad=True)
    weights_a_step = 45 if granularity == "channel" else 270
    factor = 1 / math.sqrt(weights_a_step * code_range(bits)[1])  # the paper's gradient scale
    arguments = (*code_range(bits), factor)
    if granularity == "channel":
        reference = torch._fake_quantize_learnable_per_channel_affine(
            weight, scale, zero_point, 0, *arguments
        )
    else:
        reference = torch._fake_quantize_learnable_per_tensor_affine(
            weight, scale, zero_point, *arguments
        )
    (gradient,) = torch.autograd.grad(reference, scale, upstream)
    torch.testing.assert_close(ours / quantizer.step_size, gradient, rtol=1e-4, atol=1e-4)
    assert gradient.abs().max() > 0.1


@pytest.mark.parametrize("granularity", ["channel", "tensor"])
def test_the_step_size_gradient_is_the_difference_quotient_with_rounding_held_fixed(granularity):
    """Straight-through: round(v) = v + a constant, the constant taken at the point itself."""
    bits = 4
    smallest, largest = code_range(bits)
    quantizer, weight = quantizer_and_weight(bits, granularity, seed=3)
    weight = weight.detach()
    upstream = torch.randn(weight.shape)
    (ours,) = torch.autograd.grad(quantizer(weight), quantizer.log_step, upstream)

    log_step = quantizer.log_step.detach().double()
    start = weight.double() / log_step.exp().view(-1, 1, 1, 1)
    rounding = start.round() - start

    def loss(logs: torch.Tensor) -> torch.Tensor:
        step = logs.exp().view(-1, 1, 1, 1)
        scaled = weight.double() / step
        codes = torch.where(
            scaled < smallest, smallest, torch.where(scaled > largest, largest, scaled + rounding)
        )
        return (upstream.double() * codes * step).sum()

    for place in range(log_step.numel()):
        shift = torch.zeros_like(log_step)
        shift[place] = 1e-6
        difference = (loss(log_step + shift) - loss(log_step - shift)) / 2e-6
        expected = float(difference) * quantizer.gradient_scale
        assert float(ours[place]) == pytest.approx(expected, rel=1e-3, abs=1e-5)


@pytest.mark.parametrize(
    ("scaled", "code", "slope", "passes"),
    [
        (0.3, 0, -0.3, 1),  # inside: round(v) - v
        (-1.8, -2, -0.2, 1),
        (2.9, 3, 0.1, 1),
        (3.2, 3, 3, 0),  # above the range: its end, although it rounds to the end
        (70.0, 3, 3, 0),
        (-4.2, -4, -4, 0),  # below
        (3.0, 3, 0, 1),  # the ends themselves are inside
        (-4.0, -4, 0, 1),
    ],
)
def test_the_gradients_are_the_closed_forms_of_the_paper(scaled, code, slope, passes):
    quantizer = LSQQuantizer(torch.ones(1, 1), LSQConfig(3))
    with torch.no_grad():
        quantizer.log_step.fill_(math.log(0.5))
    weight = torch.tensor([[scaled * 0.5]], requires_grad=True)
    quantized = quantizer(weight)
    quantized.backward()
    assert quantized.item() == pytest.approx(code * 0.5)
    assert float(weight.grad) == passes
    # One weight, largest code 3: the gradient scale is 1 / sqrt(3). d/d(log s) = s * d/ds.
    expected = 0.5 * slope / math.sqrt(3)
    assert float(quantizer.log_step.grad) == pytest.approx(expected, abs=1e-6)


def test_the_first_step_size_is_twice_the_mean_magnitude_over_the_root_of_the_largest_code():
    weight = torch.tensor([[1.0, -3.0], [0.5, -0.5]])  # mean magnitudes 2 and 0.5
    by_channel = initial_step_size(weight, LSQConfig(3))  # largest code 3
    torch.testing.assert_close(by_channel, torch.tensor([4 / math.sqrt(3), 1 / math.sqrt(3)]))
    in_all = initial_step_size(weight, LSQConfig(7, "tensor"))  # largest code 63, mean 1.25
    torch.testing.assert_close(in_all, torch.tensor([2.5 / math.sqrt(63)]))
    torch.testing.assert_close(LSQQuantizer(weight, LSQConfig(3)).step_size, by_channel)


@pytest.mark.parametrize("bits", [3, 7])
def test_fitted_step_sizes_start_where_rounding_hurts_least(bits):
    random = np.random.default_rng(0)
    weight = random.standard_normal((3, 400)).astype(np.float32)
    start = FittedLSQConfig(bits).build(torch.from_numpy(weight)).step_size.numpy()

    def error(row, step):
        codes = np.clip(np.round(row / step), -(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
        return float(((codes * step - row) ** 2).sum())

    for row, step in zip(weight, start, strict=True):
        fine = np.linspace(0.02, 1.2, 2000) * np.abs(row).max() / (2 ** (bits - 1) - 1)
        least = min(error(row, one) for one in fine)
        assert error(row, step) < 1.1 * least
        lsq = 2 * np.abs(row).mean() / np.sqrt(2 ** (bits - 1) - 1)
        assert error(row, step) < (0.2 if bits == 7 else 1) * error(row, lsq)


@pytest.mark.parametrize("dead", [0.0, 1e-30, 1e-12])
@pytest.mark.parametrize("granularity", ["channel", "tensor"])
@pytest.mark.parametrize("config", [LSQConfig, FittedLSQConfig])
def test_a_dead_channel_gives_finite_values_and_gradients(dead, granularity, config):
    weight = torch.randn(4, 9) * 0.1
    weight[2] = dead
    weight.requires_grad_()
    quantizer = config(7, granularity).build(weight)
    quantized = quantizer(weight)
    (quantized - 1).square().sum().backward()
    assert (quantizer.step_size > 0).all()
    for values in (quantized, weight.grad, quantizer.log_step.grad):
        assert torch.isfinite(values).all()
    assert torch.count_nonzero(quantized[2]) == 0
    assert (weight.grad[2] == -2).all(), "a dead channel must be able to grow again"


@pytest.mark.parametrize("granularity", ["channel", "tensor"])
def test_a_layer_of_zeros_can_be_quantized_and_trained(granularity):
    weight = torch.zeros(3, 4, requires_grad=True)
    quantizer = LSQQuantizer(weight, LSQConfig(4, granularity))
    quantized = quantizer(weight)
    (quantized - 1).square().sum().backward()
    assert torch.equal(quantized, torch.zeros(3, 4))
    assert (weight.grad == -2).all()
    assert torch.isfinite(quantizer.log_step).all()


SCALES = torch.tensor([1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0])


def test_step_sizes_from_a_millionth_to_one_stay_positive_under_adam():
    """3,000 Adam steps; a step size learned as itself crosses zero in the same problem."""
    generator = torch.Generator().manual_seed(1)
    start = torch.randn(7, 32, generator=generator) * SCALES[:, None]
    goal = torch.randn(7, 32, generator=generator) * SCALES[:, None]
    steps = torch.cat([initial_step_size(row[None], LSQConfig(4)) for row in start])
    inputs = torch.randn(3000, 32, generator=generator)

    weight = start.clone().requires_grad_()
    quantizer = LSQQuantizer(weight, LSQConfig(4))
    with torch.no_grad():
        quantizer.log_step.copy_(steps.log())
    optimizer = torch.optim.Adam([weight, quantizer.log_step], lr=1e-3)
    for batch in inputs:
        error = ((quantizer(weight) - goal) @ batch) / SCALES
        optimizer.zero_grad()
        error.square().mean().backward()
        optimizer.step()
    assert torch.isfinite(quantizer.log_step).all()
    assert torch.isfinite(weight).all()
    assert (quantizer.step_size > 0).all()
    assert not torch.equal(quantizer.log_step, steps.log()), "the step sizes must have been learned"

    plain = steps.clone().requires_grad_()
    optimizer = torch.optim.Adam([plain], lr=1e-3)
    for batch in inputs[:300]:
        quantized = torch._fake_quantize_learnable_per_channel_affine(
            start, plain, torch.zeros(7), 0, *code_range(4), quantizer.gradient_scale
        )
        optimizer.zero_grad()
        (((quantized - goal) @ batch) / SCALES).square().mean().backward()
        optimizer.step()
        if bool((plain <= 0).any()):
            break
    assert (plain <= 0).any(), "the problem is too easy to show anything"


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("granularity", ["channel", "tensor"])
def test_quantized_values_are_the_step_size_times_a_code_in_range(bits, granularity):
    weight = torch.randn(5, 40)
    quantizer = LSQQuantizer(weight, LSQConfig(bits, granularity))
    step = quantizer.step_size
    codes = UniformLevels(bits).codes(weight, step)
    assert codes.dtype == torch.int8
    assert int(codes.min()) >= -(2 ** (bits - 1))
    assert int(codes.max()) <= 2 ** (bits - 1) - 1
    assert codes.unique().numel() > 2
    quantized = quantizer(weight).detach()
    assert torch.equal(quantized, codes.float() * step[:, None])
    assert torch.equal(quantized, UniformLevels(bits).values(codes, step))


def test_rounding_goes_to_the_nearest_code_and_from_halves_to_the_even_one():
    step = torch.tensor([0.25])
    weight = torch.tensor([[0.5, 1.5, 2.5, -0.5, -1.5, 0.6, -0.6, 99, -99]]) * 0.25
    assert UniformLevels(4).codes(weight, step).tolist() == [[0, 2, 2, 0, -2, 1, -1, 7, -8]]


def test_the_quantizer_works_on_a_layer_as_a_parametrization():
    layer = torch.nn.Linear(8, 3)
    quantizer = LSQQuantizer(layer.weight, LSQConfig(4))
    parametrize.register_parametrization(layer, "weight", quantizer, unsafe=True)
    step = quantizer.step_size[:, None]
    codes = layer.weight / step
    torch.testing.assert_close(codes, codes.round(), atol=1e-5, rtol=0)
    assert "bits=4" in repr(layer)


@pytest.mark.parametrize("bits", [0, 1, 9, 32])
def test_a_bit_width_outside_two_to_eight_is_refused(bits):
    with pytest.raises(ValueError, match=f"A bit width of {bits} is not supported"):
        LSQConfig(bits)


def test_an_unknown_granularity_is_refused():
    with pytest.raises(ValueError, match="'layer' is unknown"):
        LSQConfig(4, "layer")
