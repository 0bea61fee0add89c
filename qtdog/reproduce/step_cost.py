"""What one training step takes: operations and memory on paper, seconds on this machine."""

import math
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

from qtdog import models
from qtdog.quantization import LSQConfig, quantize
from qtdog.training import Batch, ObjectiveName, fuse_frozen_norms, make_objective

MEASURED_STEPS = 3
MEASURED_FLOPS = 40e9  # about so many a measured step, and at least two images of two domains
CLASSES, DOMAINS = 10, 2  # where their number hardly matters
FLOAT_BYTES = 4


@dataclass(frozen=True)
class StepCost:
    """Floating-point operations of one image in a training step, and the network's size.

    Counted are convolutions, matrix products and attention, a multiplication and an addition being
    two (torch.utils.flop_counter). Rounding the weights, a few operations a weight and step, is not
    counted.
    """

    forward_flops: int
    backward_flops: int
    parameters: int

    @property
    def step_flops(self) -> int:
        """Forward and backward."""
        return self.forward_flops + self.backward_flops


@lru_cache
def step_cost(architecture: str, classes: int, image_size: int) -> StepCost:
    """Count an image's operations, on shapes alone."""
    with torch.device("meta"):
        network = _network(architecture, classes, image_size, quantized=False)
        pixels = torch.empty(1, 3, image_size, image_size)
        labels = torch.empty(1, dtype=torch.long)
    formulas = {torch.ops.aten.convolution_backward: _convolution_backward_flops}
    with FlopCounterMode(display=False, custom_mapping=formulas) as forward:
        loss = F.cross_entropy(network(pixels), labels)
    with FlopCounterMode(display=False, custom_mapping=formulas) as backward:
        loss.backward()
    parameters = sum(one.numel() for one in network.parameters())
    return StepCost(forward.get_total_flops(), backward.get_total_flops(), parameters)


@lru_cache
def step_memory(
    architecture: str, classes: int, image_size: int, images: int, quantized: bool
) -> dict[str, int]:
    """What a step holds at its peak on a GPU, in bytes, of a network with frozen batch norm.

    Float32 weights, gradients, Adam's two moments and the running average are five times the
    parameters, the network for evaluation and its average twice. What autograd keeps for the
    backward pass is counted by sending one image and two through the network under bfloat16
    autocast: what grows is an image's, the rest the quantizers' and autocast's copies of the
    weights. Not counted: gradients of activations on their way back, workspaces of the
    convolutions, the allocator's gaps.
    """
    network = _network(architecture, classes, image_size, quantized)
    one, two = (_kept(network, count, image_size) for count in (1, 2))
    weights = FLOAT_BYTES * sum(each.numel() for each in network.parameters())
    return {
        "weights and their gradients": 2 * weights,
        "Adam's moments": 2 * weights,
        "the average, and the networks for evaluation": 3 * weights,
        "kept for the backward pass, of the weights": 2 * one - two,
        f"kept for the backward pass, of {images} images": images * (two - one),
    }


@lru_cache
def measured_seconds(
    architecture: str, image_size: int, images: int, objective: ObjectiveName, quantized: bool
) -> float:
    """Seconds an image of a training step of so many images on this machine.

    The median of three steps after one to warm up, with the objective and Adam, without reading
    and augmenting images; of fewer images where the step is large.
    """
    affordable = int(MEASURED_FLOPS / step_cost(architecture, CLASSES, image_size).step_flops)
    images = max(2 * DOMAINS, min(images, affordable) // DOMAINS * DOMAINS)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network = _network(architecture, CLASSES, image_size, quantized)
    network = network.to(device).to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-5, fused=True)
    step = make_objective(objective, network, image_size)
    pixels = torch.rand(images, 3, image_size, image_size, device=device)
    batch = Batch(
        pixels.contiguous(memory_format=torch.channels_last),
        torch.zeros(images, dtype=torch.long, device=device),
        DOMAINS,
        torch.Generator().manual_seed(0),
    )
    seconds = []
    for _ in range(1 + MEASURED_STEPS):
        start = time.perf_counter()
        optimizer.zero_grad()
        step.backward(network, batch)
        optimizer.step()
        if device.type == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds[1:]) / images


def _network(architecture: str, classes: int, image_size: int, quantized: bool) -> nn.Module:
    """As in training, with random weights."""
    network = models.build(architecture, classes, image_size=image_size)
    fuse_frozen_norms(network)
    models.train_mode(network, freeze_batch_norm=True)
    if quantized:
        quantize(network, LSQConfig(), [models.classifier_name(network)])
    return network


def _kept(network: nn.Module, images: int, image_size: int) -> int:
    """Bytes that autograd keeps between forward and backward, without the parameters themselves.
    Of tensors that have a shape and no content: nothing is computed."""
    kept: dict[int, torch.UntypedStorage] = {}  # and alive, so that no other gets its address

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in own:
            kept[storage._cdata] = storage
        return tensor

    with FakeTensorMode() as shapes:
        tensors = (*network.named_parameters(), *network.named_buffers())
        state: dict[str, Tensor] = {name: shapes.from_tensor(tensor) for name, tensor in tensors}
        own = {state[name].untyped_storage()._cdata for name, _ in network.named_parameters()}
        pixels = torch.rand(images, 3, image_size, image_size)
        labels = torch.zeros(images, dtype=torch.long)
        with (
            torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor),
            torch.autocast("cpu", torch.bfloat16),
        ):
            logits = torch.func.functional_call(network, state, (pixels,))
            F.cross_entropy(logits.float(), labels)
    return sum(storage.nbytes() for storage in kept.values())


def _convolution_backward_flops(
    gradient: Sequence[int], images: Sequence[int], weight: Sequence[int], *others: Any, **_: Any
) -> int:
    """As many operations as forward for each gradient that is wanted: of the images, of the weight.

    torch's own formula takes the gradient of a grouped convolution's weight for an ungrouped one's.
    """
    of_images, of_weight, _ = others[-1]
    return 2 * math.prod(gradient) * math.prod(weight[1:]) * (of_images + of_weight)
