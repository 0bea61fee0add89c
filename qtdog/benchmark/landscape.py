"""Points of a landscape per second, against what one would write or install instead.

All in one run, in turn, as ratios. The allocator's setting (see qtdog.memory) holds for
the whole process, so there are two rounds: before it is set, and after.
"""

import copy
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F

from qtdog import checkpoints
from qtdog.benchmark.comparison import Comparison
from qtdog.landscape import LossMeter, random_direction, weight_point
from qtdog.memory import keep_freed_memory
from qtdog.models import to_network_input

POINTS, IMAGES, DISTANCE = 2, 16, 0.1
ROUNDS = 3
PACKAGE = "loss-landscapes"


def measure_landscape_speed(folder: Path) -> list[Comparison]:
    """Compare on the checkpoint in `folder` (a single network) and random images.

    The line of the public package is there only where it is installed.
    """
    checkpoint = checkpoints.load(folder)
    config, network = checkpoint.config, checkpoint.networks[0]
    size = config.image_size
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(256, (IMAGES, size, size, 3), generator=generator, dtype=torch.uint8)
    labels = torch.randint(len(config.classes), (IMAGES,), generator=generator)
    inputs = to_network_input(pixels, config.mean, config.std).contiguous()
    point = weight_point(network)
    along = random_direction(point, "filter", 0, 0)
    steps = [DISTANCE * place / POINTS for place in range(POINTS)]

    own = copy.deepcopy(network)
    start = {name: value.clone() for name, value in own.named_parameters()}
    noise = {name: torch.randn_like(value) for name, value in own.named_parameters()}

    @torch.no_grad()
    def obvious_loop() -> None:
        for step in steps:
            for name, value in own.named_parameters():
                value.copy_(start[name] + step * noise[name] * start[name].norm())
            F.cross_entropy(own(inputs), labels).item()

    stacked = {
        block.name: torch.stack(
            [(point.vector + step * along)[block.place].view(block.shape) for step in steps]
        )
        for block in point.blocks
    }

    @torch.no_grad()
    def one_pass() -> None:
        def loss(weights: dict) -> torch.Tensor:
            return F.cross_entropy(
                torch.func.functional_call(point.network, weights, (inputs,)), labels
            )

        torch.func.vmap(loss)(stacked)

    meter = LossMeter(point, pixels.numpy(), labels.numpy(), config.mean, config.std)

    def ours() -> None:
        list(meter.read([lambda step=step: point.vector + step * along for step in steps]))

    others = {
        "setting the weights and looping, eager": obvious_loop,
        "all points in one pass, vmap": one_pass,
    }
    if (package := _package(copy.deepcopy(network), inputs, labels)) is not None:
        others[PACKAGE] = package
    before = _in_turn([*others.values(), ours])
    keep_freed_memory()
    after = _in_turn([*others.values(), ours])
    meter.__exit__()
    what = f"a point of {IMAGES} images"
    lines = [
        Comparison(what, after[-1], name, seconds, "ms")
        for name, seconds in zip(others, before, strict=False)
    ]
    lines += [
        Comparison(f"{what}, freed memory kept by all", after[-1], name, seconds, "ms")
        for name, seconds in zip(others, after, strict=False)
    ]
    return lines


def _package(
    network: torch.nn.Module, inputs: torch.Tensor, labels: torch.Tensor
) -> Callable[[], None] | None:
    """The same number of points by the public package, or None where it is missing."""
    try:
        # Optional, and only for this comparison.
        from loss_landscapes import random_line  # pyright: ignore[reportMissingImports]
        from loss_landscapes.metrics.sl_metrics import Loss  # pyright: ignore[reportMissingImports]
    except ImportError:
        return None
    metric = Loss(F.cross_entropy, inputs, labels)

    @torch.no_grad()
    def run() -> None:
        random_line(network, metric, DISTANCE, POINTS, "filter", deepcopy_model=True)

    return run


def _in_turn(candidates: list[Callable[[], None]]) -> list[float]:
    """Median milliseconds a point of each; they take turns, the first round warms up."""
    seconds: list[list[float]] = [[] for _ in candidates]
    for turn in range(ROUNDS + 1):
        for place, candidate in enumerate(candidates):
            started = time.perf_counter()
            candidate()
            if turn:
                seconds[place].append(time.perf_counter() - started)
    return [statistics.median(series) * 1e3 / POINTS for series in seconds]
