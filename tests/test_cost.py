"""What training takes on paper: operations, memory and disk against numbers worked out by hand."""

import dataclasses
import math

import pytest
import torch
import torchvision
from torch import nn

from qtdog.reproduce import GPUS, Assumption
from qtdog.reproduce import plan_cost as plans
from qtdog.reproduce import step_cost as steps
from qtdog.reproduce.plan_cost import image_memory, plan_cost
from qtdog.reproduce.step_cost import StepCost, step_cost, step_memory
from qtdog.training import TrainConfig

# Forward operations of the first convolution: 64 kernels of 7 x 7 x 3 at 112 x 112 places. Its
# images want no gradient.
STEM = 2 * 64 * 7 * 7 * 3 * 112 * 112


@pytest.mark.parametrize("name", ["resnet50", "resnext50_32x4d"])
def test_operations_are_twice_torchvisions_multiplications_and_backward_twice_forward(name):
    """Also of grouped convolutions, of which torch's own counter takes too many."""
    weights = torchvision.models.get_model_weights(name).DEFAULT
    cost = step_cost(name, 1000, 224)
    assert cost.forward_flops == pytest.approx(2e9 * weights.meta["_ops"], rel=1e-3)
    assert cost.backward_flops == 2 * cost.forward_flops - STEM
    assert cost.parameters == weights.meta["num_params"]
    assert cost.step_flops == 3 * cost.forward_flops - STEM


def test_the_paper_network_is_counted_with_the_classes_of_the_benchmark():
    many, few = step_cost("resnet50", 1000, 224), step_cost("resnet50", 7, 224)
    assert many.forward_flops - few.forward_flops == 2 * 2048 * 993
    assert many.parameters - few.parameters == 2049 * 993


def small(architecture: str, classes: int, image_size: int, quantized: bool) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 5))


def test_memory_is_that_of_a_small_network_by_hand(monkeypatch):
    """3 x 3 convolution on 8 x 8 pixels to four maps of 6 x 6, ReLU, a linear layer to 5."""
    monkeypatch.setattr(steps, "_network", small)
    step_memory.cache_clear()
    memory = step_memory("small", 5, 8, 96, False)
    step_memory.cache_clear()
    parameters = 4 * 27 + 4 + 5 * 144 + 5
    assert memory["weights and their gradients"] == memory["Adam's moments"] == 8 * parameters
    assert memory["the average, and the networks for evaluation"] == 12 * parameters
    image = (
        2 * 3 * 8 * 8  # the pixels in bfloat16, for the convolution's weight
        + 2 * 4 * 6 * 6  # ReLU's output in bfloat16, which the linear layer keeps too
        + 4 * 5  # the logarithms of the probabilities in float32
        + 8  # the label
    )
    assert memory["kept for the backward pass, of 96 images"] == 96 * image
    # bfloat16 copies of both weights, and the loss's weight in float32.
    assert memory["kept for the backward pass, of the weights"] == 2 * (4 * 27 + 5 * 144) + 4


@pytest.mark.thorough
def test_quantizers_keep_more_of_the_weights_and_nothing_more_of_the_images():
    plain = step_memory("shufflenet_v2_x0_5", 7, 32, 10, False)
    quantized = step_memory("shufflenet_v2_x0_5", 7, 32, 10, True)
    images = "kept for the backward pass, of 10 images"
    weights = "kept for the backward pass, of the weights"
    assert quantized[images] == plain[images] > 0
    assert quantized[weights] > 2 * plain[weights]


# Plans ------------------------------------------------------------------------------------------

IMAGES = {"a": 100, "b": 200, "c": 3000}
COST = StepCost(forward_flops=10, backward_flops=20, parameters=1000)
ERM = TrainConfig(
    "x", "c", "erm", steps=50, quantize_step=20, evaluate_every=10, images_per_domain=4
)
QT_DOG = dataclasses.replace(ERM, method="qt-dog", bits=8)


@pytest.fixture(autouse=True)
def known_cost(monkeypatch):
    """A plan's network has round numbers."""
    monkeypatch.setattr(plans, "step_cost", lambda *_: COST)


def test_steps_that_runs_share_count_once():
    """Of two sources, 8 images a step; the target's sample has 1,000 images, validation 20 + 40."""
    alone = plan_cost([ERM], IMAGES, 7, measure=False)
    assert (alone.runs, alone.steps, alone.trained_images) == (1, 50, 400)
    # Two evaluations up to the quantization step, three of network and average after it, and the
    # two networks at the end on validation and the whole target.
    evaluated = 2 * 1060 + 3 * 2 * 1060 + 2 * 3060
    assert alone.evaluated_images == evaluated
    assert alone.flops == 400 * 30 + evaluated * 10
    both = plan_cost([ERM, QT_DOG], IMAGES, 7, measure=False)
    assert (both.runs, both.steps, both.trained_images) == (2, 80, 640)
    assert both.evaluated_images == 2 * evaluated - 2 * 1060
    other = dataclasses.replace(QT_DOG, seed=1)
    assert plan_cost([ERM, other], IMAGES, 7, measure=False).steps == 100
    assert both.seconds_here is None


def test_sam_takes_two_passes_a_step():
    sam = dataclasses.replace(ERM, objective="sam")
    plain, twice = (plan_cost([run], IMAGES, 7, measure=False) for run in (ERM, sam))
    assert twice.trained_images == 2 * plain.trained_images
    assert twice.evaluated_images == plain.evaluated_images


def test_disk_is_two_checkpoints_a_run_its_logits_a_trunk_and_the_decoded_images():
    disk = plan_cost([ERM, QT_DOG], IMAGES, 7, measure=False).disk_bytes
    assert disk == {
        "checkpoints": 2 * 4000 + 2 * 1000,
        "records with logits": 2 * 2 * 3060 * 7 * 4,
        "trunks (network and Adam's moments)": 12_000,
        "the state of the run at work": 24_000,
        "decoded images": 3300 * 3 * (224**2 + 280**2),
    }
    assert image_memory(ERM, IMAGES) == ((80 + 160) * 3 * 280**2, 0)
    many = {"a": 100, "b": 100_000, "c": 10}
    assert image_memory(ERM, many) == (80 * 3 * 280**2, 80_000 * 3 * 280**2)
    assert plan_cost([], IMAGES, 7, measure=True).disk_bytes == {}


def test_hours_on_paper_are_operations_over_a_share_of_the_peak():
    assumed = Assumption("A100", GPUS["A100"], 0.25)
    assert assumed.speed == 312e12 / 4
    cost = plan_cost([ERM], IMAGES, 7, measure=False)
    cost.flops = 312e12 * 3600
    assert cost.hours(assumed) == pytest.approx(4)


def test_seconds_here_add_up_the_measured_steps(monkeypatch):
    """Full precision takes 1 ms an image, quantized 2 ms, an evaluation a third of 1 ms."""
    asked = []

    def measured(architecture, image_size, images, objective, quantized):
        asked.append((architecture, image_size, images, objective, quantized))
        return 2e-3 if quantized else 1e-3

    monkeypatch.setattr(plans, "measured_seconds", measured)
    cost = plan_cost([ERM, QT_DOG], IMAGES, 7, measure=True)
    training = 50 * 8 * 1e-3 + 30 * 8 * 2e-3
    assert cost.seconds_here == pytest.approx(training + cost.evaluated_images * 1e-3 / 3)
    assert set(asked) == {("resnet50", 224, 8, "erm", flag) for flag in (False, True)}


def test_a_step_is_measured_with_its_objective_on_as_many_images(monkeypatch):
    from qtdog.training.objectives import ERM as Objective

    batches = []
    backward = Objective.backward
    monkeypatch.setattr(
        Objective, "backward", lambda *a: batches.append(len(a[2].labels)) or backward(*a)
    )
    steps.measured_seconds.cache_clear()
    seconds = steps.measured_seconds("shufflenet_v2_x0_5", 32, 6, "erm", True)
    assert batches == [6] * 4
    assert 0 < seconds < 10
    assert math.isfinite(seconds)
    steps.measured_seconds.cache_clear()
    # A large step is measured on fewer: 40e9 operations are those of some images at 224 px.
    batches.clear()
    monkeypatch.setattr(steps, "MEASURED_FLOPS", 1.0)
    steps.measured_seconds("shufflenet_v2_x0_5", 32, 96, "erm", False)
    assert batches == [4] * 4
    steps.measured_seconds.cache_clear()
