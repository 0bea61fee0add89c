"""Time and size against what a user would have instead, measured in one run, as ratios."""

import io
import os
import shutil
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
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from rich.table import Table
from torch import nn

from qtdog import checkpoints, cores, models
from qtdog.checkpoints import Checkpoint
from qtdog.inference import mean_of_logits, member_logits, open_stored
from qtdog.memory import keep_freed_memory
from qtdog.places import PROGRAM
from qtdog.provenance import processor
from qtdog.quantization import LSQConfig, learned_parameters, pack, quantize, unpack

ROUNDS = 40
TRAINING_ROUNDS = 8
BATCH = 48
MANY = 64
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


def measure_speed(folder: Path) -> list[Comparison]:
    """Compare the checkpoints of one held-out domain with plain torchvision in eager mode."""
    by_method = {}
    for found in checkpoints.find(folder):
        config = checkpoints.load_config(found)
        if not config.added_methods:
            by_method.setdefault(config.method, found)
    if missing := {"erm", "eoq"} - by_method.keys():
        raise ValueError(f"{folder} lacks a checkpoint of the method {', '.join(sorted(missing))}.")
    erm, eoq = (checkpoints.load(by_method[method]) for method in ("erm", "eoq"))
    with cores.pool(1, "image") as pool:  # one thread an operation, as on the page
        answers = pool.submit(_answers, erm, eoq).result()
    return [
        *answers,
        _training_step(erm),
        *_loading(erm, eoq),
        *_unpacking(eoq.config.bits),
        _page_start(folder.parents[1]),
    ]


def speed_table(comparisons: list[Comparison]) -> Table:
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
def _answers(erm: Checkpoint, eoq: Checkpoint) -> list[Comparison]:
    """One image and many, by the engine, and by what else a user could pick."""
    size, architecture = erm.config.image_size, erm.config.architecture
    images = torch.rand(MANY, 3, size, size)
    eager, members = erm.networks[0], eoq.networks
    single, several = (open_stored(one.folder).networks for one in (erm, eoq))
    one, many = images[:1].numpy(), images.numpy()

    def together(batch: torch.Tensor) -> torch.Tensor:
        return mean_of_logits(torch.stack([member(batch) for member in members]))

    candidates: dict[str, Callable[[], object]] = {
        "eager": lambda: eager(images[:1]),
        "eager members": lambda: together(images[:1]),
        "ERM": lambda: member_logits(single, one),
        "QT-DoG": lambda: member_logits(several[:1], one),
        "EoQ": lambda: mean_of_logits(member_logits(several, one)),
        **_others(eager, images[:1]),
    }
    seconds = dict(zip(candidates, _in_turn(list(candidates.values()), ROUNDS), strict=True))
    usual = f"one eager {architecture}"
    lines = [
        Comparison(f"one image, {name}", seconds[name] * 1e3, usual, seconds["eager"] * 1e3, "ms")
        for name in candidates
        if not name.startswith("eager")
    ]
    five = f"{len(members)} eager {architecture}"
    lines.append(
        Comparison(
            "one image, EoQ", seconds["EoQ"] * 1e3, five, seconds["eager members"] * 1e3, "ms"
        )
    )
    slow, fast = _in_turn(
        [lambda: together(images), lambda: mean_of_logits(member_logits(several, many))],
        TRAINING_ROUNDS,
    )
    return [*lines, Comparison(f"{MANY} images, EoQ", fast * 1e3, five, slow * 1e3, "ms")]


def _others(network: nn.Module, image: torch.Tensor) -> dict[str, Callable[[], object]]:
    """The same full-precision network in other engines, as far as they are installed."""
    found: dict[str, Callable[[], object]] = {}
    if find_spec("openvino"):
        import openvino  # pyright: ignore[reportMissingImports]  # optional

        # By default it takes bfloat16 where the processor has it, which is another answer.
        core = openvino.Core()
        model = openvino.convert_model(network, example_input=image)
        settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
        compiled = core.compile_model(model, "CPU", settings)
        found["ERM in OpenVINO, float32"] = lambda: compiled(image.numpy())
    if shutil.which("c++"):
        compiled_network = torch.compile(network)
        try:
            compiled_network(image)
        except Exception:  # no working compiler: of many kinds
            return found
        found["ERM in torch.compile"] = lambda: compiled_network(image)
    return found


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
        image = np.zeros((1, 3, *[checkpoint.config.image_size] * 2), np.float32)

        def to_answer(folder: Path = folder, image: np.ndarray = image) -> np.ndarray:
            return member_logits(open_stored(folder).networks, image)

        usual, ours = _in_turn([usual_way, to_answer], 5)
        what = f"{name}, file to first answer"
        lines.append(Comparison(what, ours * 1e3, "float state dict loaded", usual * 1e3, "ms"))
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
    with tempfile.TemporaryDirectory() as folder:
        empty = Path(folder) / "empty.py"
        empty.write_text(EMPTY_PAGE)
        usual = min(_seconds_to_page([str(empty)]) for _ in range(2))
    command = ["-m", "qtdog", "app", "--checkpoints", str(root), "--port"]
    ours = min(_seconds_to_page(command) for _ in range(2))
    return Comparison("start to first page", ours, "empty page and torch", usual, "s")


def _seconds_to_page(command: list[str]) -> float:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    path = os.pathsep.join(filter(None, (str(PROGRAM), os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, "GRADIO_ANALYTICS_ENABLED": "False", "PYTHONPATH": path}
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
                    raise ValueError(f"The page stopped: {output.read()[-300:]!r}")
                try:
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as page:
                        page.read()
                    return time.perf_counter() - start
                except (urllib.error.URLError, OSError):
                    time.sleep(0.05)
            raise ValueError(f"There was no page in {START_TIMEOUT_SECONDS} s.")
        finally:
            server.kill()
            server.wait()
