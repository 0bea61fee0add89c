"""Loading and size of stored networks against a float state dict; unpacking against copying."""

import io
from pathlib import Path

import numpy as np
import torch
from torch import nn

from qtdog import checkpoints, models
from qtdog.benchmark.comparison import Comparison, in_turn
from qtdog.checkpoints import Checkpoint
from qtdog.inference import member_logits, open_stored
from qtdog.quantization import pack, unpack

ROUNDS = 7
UNPACKED_WEIGHTS = 25_000_000


def compare_loading(erm: Checkpoint, eoq: Checkpoint) -> list[Comparison]:
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
        usual, ours = in_turn([usual_way, lambda folder=folder: checkpoints.load(folder)], ROUNDS)
        name, size = folder.name, checkpoint.size_bytes / 1e6
        lines += [
            Comparison(f"load {name}", ours * 1e3, "float state dict", usual * 1e3, "ms"),
            Comparison(f"size of {name}", size, "float state dict", state_dict_size, "MB"),
            Comparison(f"size of {name}", size, "the ERM checkpoint", erm_size, "MB"),
        ]
        image = np.zeros((1, 3, *[checkpoint.config.image_size] * 2), np.float32)

        def to_answer(folder: Path = folder, image: np.ndarray = image) -> np.ndarray:
            return member_logits(open_stored(folder).networks, image)

        usual, ours = in_turn([usual_way, to_answer], ROUNDS)
        what = f"{name}, file to first answer"
        lines.append(Comparison(what, ours * 1e3, "float state dict loaded", usual * 1e3, "ms"))
    return lines


def compare_unpacking(bits: int) -> list[Comparison]:
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    codes = np.random.default_rng(0).integers(low, high, UNPACKED_WEIGHTS, np.int8, endpoint=True)
    packed = pack(codes, bits)
    copied, ours = in_turn([codes.copy, lambda: unpack(packed, bits, codes.size)], ROUNDS)
    speed = codes.nbytes / 1e9
    what = f"unpack 25 M {bits}-bit codes"
    return [
        Comparison(what, ours * 1e3, "a copy of as many", copied * 1e3, "ms"),
        Comparison("speed of that", speed / ours, "copying", speed / copied, "GB/s"),
    ]
