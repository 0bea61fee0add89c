"""Domain generalization by quantization: training, checkpoints and the explorer's service."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

# ONNX Runtime would tell its maker that it is used, from a thread of its own; it reads this when it
# is imported. Nothing here reports to anybody.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

__version__ = "0.2.0.dev0"
"""What pyproject.toml reads too; CHANGELOG.md says what is in it."""


def load(source: str | Path, target: str, method: str = "qt-dog", **options: Any) -> nn.Module:
    """A trained network, ready to use: a plain `torch.nn.Module` in evaluation mode.

    source: a repository on the Hugging Face Hub, "ORG/REPO" or "ORG/REPO@REVISION", or a folder
    of checkpoints. target: the held-out domain, "sketch" or "pacs/sketch". method: "erm" (full
    precision), "qt-dog" or "eoq". Only the files of that one checkpoint are downloaded, once.

        import qtdog
        from PIL import Image

        model = qtdog.load("ORG/REPO", target="sketch", method="eoq")
        logits = model(model.preprocess(Image.open("drawing.png")))  # (1, classes)
        print(model.classes[logits.argmax()])

    `model.preprocess` makes a (1, 3, size, size) float32 tensor of a PIL image, exactly as in
    evaluation; `model.classes` are the class names in the logits' order. EoQ's logits are the
    mean of its members'. `options`: token, endpoint, cache, patience (see
    `qtdog.hub.sources.HubRepository`).

    Raises ValueError with one sentence: nothing of that name, no such target or method, a file
    that is not what the index says, a Hub that cannot be reached.
    """
    from qtdog.hub import load

    return load(source, target, method, **options)
