"""Time and size against what a user would have instead, measured in one run, as ratios."""

import io
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from rich.table import Table
from torch import nn

from qtdog import checkpoints, models
from qtdog.checkpoints import Checkpoint
from qtdog.ensemble import ParallelMembers, mean_of_logits
from qtdog.memory import keep_freed_memory
from qtdog.quantization import LSQConfig, learned_parameters, pack, quantize, unpack
from qtdog.training.provenance import processor

ROUNDS = 40
TRAINING_ROUNDS = 8
BATCH = 48
UNPACKED_WEIGHTS = 25_000_000
START_TIMEOUT_SECONDS = 120

# What the start of the page is compared with: the least that any such page needs.
EMPTY_PAGE = """
import sys, torch, gradio
with gradio.Blocks() as page:
    gradio.Markdown("empty")
page.launch(server_port=int(sys.argv[1]), quiet=True, ssr_mode=False)
"""


@dataclass(frozen=True)
class Comparison:
    """One line of the table: ours against the usual way, both in `unit`."""

    what: str
    ours: float
    usual_way: str
    usual: float
    unit: str

    @property
    def ratio(self) -> float:
        """Ours through the usual; below 1 is less."""
        return self.ours / self.usual


def measure(folder: Path) -> list[Comparison]:
    """Compare the checkpoints of one held-out domain with plain torchvision in eager mode."""
    by_method = {}
    for found in checkpoints.find(folder):
        config = checkpoints.load_config(found)
        if not config.added_methods:
            by_method.setdefault(config.method, found)
    if missing := {"erm", "eoq"} - by_method.keys():
        raise ValueError(f"{folder} lacks a checkpoint of the method {', '.join(sorted(missing))}.")
    erm, eoq = (checkpoints.load(by_method[method]) for method in ("erm", "eoq"))
    return [
        *_one_image(erm, eoq),
        _training_step(erm),
        *_loading(erm, eoq),
        *_unpacking(eoq.config.bits),
        _page_start(folder.parents[1]),
    ]


def table(comparisons: list[Comparison]) -> Table:
    """The comparisons for a terminal."""
    shown = Table(title=f"Benchmark on {processor()}, torch {torch.__version__}")
    shown.add_column("what")
    shown.add_column("ours", justify="right")
    shown.add_column("instead of")
    shown.add_column("usual", justify="right")
    shown.add_column("ratio", justify="right")
    for one in comparisons:
        ours, usual = (f"{value:,.2f} {one.unit}" for value in (one.ours, one.usual))
        shown.add_row(one.what, ours, one.usual_way, usual, f"{one.ratio:.2f}x")
    return shown


def _in_turn(candidates: list[Callable[[], object]], rounds: int) -> list[float]:
    """Median seconds of each; they take turns, so that a drift of the machine hits all alike."""
    seconds: list[list[float]] = [[] for _ in candidates]
    for turn in range(rounds + 2):
        for place, candidate in enumerate(candidates):
            start = time.perf_counter()
            candidate()
            if turn >= 2:  # the first two rounds warm up
                seconds[place].append(time.perf_counter() - start)
    return [statistics.median(series) for series in seconds]


@torch.inference_mode()
def _one_image(erm: Checkpoint, eoq: Checkpoint) -> list[Comparison]:
    size = erm.config.image_size
    image = torch.rand(1, 3, size, size)
    ours_image = image.contiguous(memory_format=torch.channels_last)  # as preprocessing lays it out
    eager = erm.networks[0]
    fast_erm = models.for_inference(erm.networks[0], size)
    fast_members = [models.for_inference(network, size) for network in eoq.networks]
    members = ParallelMembers(fast_members)
    plain_members = [eager] * len(eoq.networks)
    usual, naive, *ours = _in_turn(
        [
            lambda: eager(image),
            lambda: mean_of_logits(torch.stack([member(image) for member in plain_members])),
            lambda: fast_erm(ours_image),
            lambda: fast_members[0](ours_image),
            lambda: mean_of_logits(members.logits(ours_image)),
        ],
        ROUNDS,
    )
    eager_name = f"one eager {erm.config.architecture}"
    names = ("ERM", "QT-DoG", f"EoQ of {len(fast_members)}")
    lines = [
        Comparison(f"one image, {name}", mine * 1e3, eager_name, usual * 1e3, "ms")
        for name, mine in zip(names, ours, strict=True)
    ]
    eager_names = f"{len(fast_members)} eager {erm.config.architecture}"
    lines.append(
        Comparison(f"one image, {names[2]}", ours[2] * 1e3, eager_names, naive * 1e3, "ms")
    )
    return lines


def _training_step(erm: Checkpoint) -> Comparison:
    keep_freed_memory()
    size, classes = erm.config.image_size, len(erm.config.classes)
    images = torch.rand(BATCH, 3, size, size).contiguous(memory_format=torch.channels_last)
    labels = torch.randint(classes, (BATCH,))

    def stepper(quantized: bool) -> Callable[[], None]:
        network = models.build(erm.config.architecture, classes, image_size=size)
        network = network.to(memory_format=torch.channels_last)
        models.train_mode(network, freeze_batch_norm=True)
        optimizer = torch.optim.Adam(network.parameters(), lr=5e-5, fused=True)
        if quantized:
            quantize(network, LSQConfig(7), [models.classifier_name(network)])
            optimizer.add_param_group({"params": learned_parameters(network), "lr": 1e-3})

        def step() -> None:
            optimizer.zero_grad()
            F.cross_entropy(network(images), labels).backward()
            optimizer.step()

        return step

    usual, ours = _in_turn([stepper(False), stepper(True)], TRAINING_ROUNDS)
    what = f"7-bit training step, {BATCH} images"
    return Comparison(what, ours * 1e3, "in full precision", usual * 1e3, "ms")


def _loading(erm: Checkpoint, eoq: Checkpoint) -> list[Comparison]:
    architecture, classes = erm.config.architecture, len(erm.config.classes)
    file = io.BytesIO()
    torch.save(erm.networks[0].state_dict(), file)

    def usual_way() -> nn.Module:
        network = models.build(architecture, classes)
        file.seek(0)
        network.load_state_dict(torch.load(file, weights_only=True))
        return network.eval()

    lines = []
    state_dict_size, erm_size = len(file.getvalue()) / 1e6, erm.size_bytes / 1e6
    for checkpoint in (erm, eoq.members[0], eoq):
        folder = checkpoint.folder
        usual, ours = _in_turn([usual_way, lambda folder=folder: checkpoints.load(folder)], 5)
        name, size = folder.name, checkpoint.size_bytes / 1e6
        lines += [
            Comparison(f"load {name}", ours * 1e3, "float state dict", usual * 1e3, "ms"),
            Comparison(f"size of {name}", size, "float state dict", state_dict_size, "MB"),
            Comparison(f"size of {name}", size, "the ERM checkpoint", erm_size, "MB"),
        ]
    return lines


def _unpacking(bits: int) -> list[Comparison]:
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    codes = np.random.default_rng(0).integers(low, high, UNPACKED_WEIGHTS, np.int8, endpoint=True)
    packed = pack(codes, bits)
    copied, ours = _in_turn([codes.copy, lambda: unpack(packed, bits, codes.size)], 5)
    speed = codes.nbytes / 1e9
    what = f"unpack 25 M {bits}-bit codes"
    return [
        Comparison(what, ours * 1e3, "a copy of as many", copied * 1e3, "ms"),
        Comparison("speed of that", speed / ours, "copying", speed / copied, "GB/s"),
    ]


def _page_start(root: Path) -> Comparison:
    app = Path(__file__).resolve().parents[1] / "app.py"
    with tempfile.TemporaryDirectory() as folder:
        empty = Path(folder) / "empty.py"
        empty.write_text(EMPTY_PAGE)
        usual = min(_seconds_to_page([str(empty)]) for _ in range(2))
    command = [str(app), "--checkpoints", str(root), "--port"]
    ours = min(_seconds_to_page(command) for _ in range(2))
    return Comparison("start to first page", ours, "empty page and torch", usual, "s")


def _seconds_to_page(command: list[str]) -> float:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "GRADIO_ANALYTICS_ENABLED": "False"}
    start = time.perf_counter()
    with tempfile.TemporaryFile() as output:
        server = subprocess.Popen(
            [sys.executable, *command, str(port)],
            stdout=output,
            stderr=output,
            env=environment,
        )
        try:
            while time.perf_counter() - start < START_TIMEOUT_SECONDS:
                if server.poll() is not None:
                    output.seek(0)
                    raise ValueError(f"{command[0]} stopped: {output.read()[-300:]!r}")
                try:
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as page:
                        page.read()
                    return time.perf_counter() - start
                except (urllib.error.URLError, OSError):
                    time.sleep(0.05)
            raise ValueError(f"{command[0]} served no page in {START_TIMEOUT_SECONDS} s.")
        finally:
            server.kill()
            server.wait()
