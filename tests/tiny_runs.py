"""Training runs of a second or so, and processes that do them and are killed on the way."""

import dataclasses
import os
import resource
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from qtdog import data
from qtdog.data import Domain
from qtdog.training import TrainConfig, finish, train
from qtdog.training.config import RECIPES
from qtdog.training.run_data import RunData

CONFIG = TrainConfig(
    data="rotated_digits",
    target_domain="75-degrees",
    quantizer="lsq",  # goes without saying in names
    **{
        **RECIPES["digits"],
        "architecture": "timm/test_resnet",  # fifteen convolutions, not fifty-six
        "images_per_domain": 4,
        "steps": 12,
        "quantize_step": 6,
        "evaluate_every": 2,
    },
)


def tiny_data() -> RunData:
    """Forty training and twenty validation images of each of two domains, and thirty to test."""
    large, exact = data.load("rotated_digits", 40), data.load("rotated_digits", 32)

    def rows(domain: Domain, first: int, last: int) -> Domain:
        return domain.subset(np.arange(first, last))

    return RunData(
        "rotated_digits",
        exact.classes,
        tuple(rows(domain, 0, 40) for domain in large.domains[:2]),
        tuple(rows(domain, 40, 60) for domain in exact.domains[:2]),
        rows(exact.domain("75-degrees"), 0, 30),
        "fingerprint",
    )


@dataclasses.dataclass(frozen=True)
class Kill:
    """How a process dies: before its n-th change to files below its folder, in the middle of
    writing a file's n-th byte (in training, or not before the checkpoint is written), or never.
    """

    at_change: int | None = None
    at_byte: int | None = None
    only_checkpoint: bool = False


def train_to_the_end(root: Path, kill: Kill = Kill()) -> None:
    """Train and write the checkpoint below `root`, going on from what is there."""
    torch.set_num_threads(1)
    if kill.at_change is not None:
        die_at_change(root, kill.at_change)
    if kill.at_byte is not None and not kill.only_checkpoint:
        die_at_byte(kill.at_byte)
    run_data = tiny_data()
    trained = train(CONFIG, run_data, root / "runs")
    if kill.at_byte is not None:
        die_at_byte(kill.at_byte)
    finish(trained, trained.single, run_data, root / "checkpoints", "digits")


def call_and_die_at_change(root: Path, number: int, work: Callable[[Path], object]) -> None:
    """Do `work(root)` and die before its `number`-th change to files below `root`."""
    die_at_change(root, number)
    work(root)


def die_at_change(root: Path, number: int) -> None:
    """Have this process killed before its `number`-th change to files below `root`."""
    left = [number]

    def watch(event: str, arguments: tuple) -> None:
        if event not in ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir"):
            return
        if event == "open" and not (arguments[1] and set("wax+") & set(arguments[1])):
            return
        if str(arguments[0]).startswith(str(root)):
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)


def die_at_byte(number: int) -> None:
    """Have this process killed when a file grows beyond `number` bytes; those stay on disk."""
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_FSIZE, (number, resource.RLIM_INFINITY))
