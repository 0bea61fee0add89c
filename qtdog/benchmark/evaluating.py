"""`evaluate` through the engine against the same networks in torch."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from qtdog import checkpoints
from qtdog.benchmark.comparison import Comparison
from qtdog.evaluation import as_network, predict_logits, stored_logits
from qtdog.inference import open_stored

IMAGES = 128
"""For each checkpoint. What they show does not matter to the time."""


def compare_evaluation(folders: Sequence[Path]) -> Comparison:
    """Every checkpoint from its files to all images' logits, the two ways in turn."""
    size = checkpoints.load_config(folders[0]).image_size
    shape = (IMAGES, size, size, 3)
    images = np.random.default_rng(0).integers(0, 256, shape, np.uint8)

    def through_engine(folder: Path) -> None:
        stored_logits(open_stored(folder), images)

    def in_torch(folder: Path) -> None:
        checkpoint = checkpoints.load(folder)
        config = checkpoint.config
        predict_logits(as_network(checkpoint), images, config.mean, config.std)

    for way in (through_engine, in_torch):
        way(folders[0])  # warms up
    ours = usual = 0.0
    for folder in folders:
        usual += _seconds(in_torch, folder)
        ours += _seconds(through_engine, folder)
    what = f"evaluate {len(folders)} checkpoints, {IMAGES} images each"
    return Comparison(what, ours, "in torch", usual, "s")


def _seconds(way: Callable[[Path], None], folder: Path) -> float:
    start = time.perf_counter()
    way(folder)
    return time.perf_counter() - start
