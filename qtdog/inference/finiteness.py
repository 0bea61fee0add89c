"""Logits that are no numbers are not an answer."""

from typing import TypeVar

import numpy as np

from qtdog.checkpoints import CheckpointError

Logits = TypeVar("Logits")


def finite(logits: Logits, checkpoint: object) -> Logits:
    """The same `logits`, an array or tensor of any shape. Raises CheckpointError, which names the
    `checkpoint`, if one is infinite or NaN: weights near the end of float's range are finite
    themselves, their sums are not, and the largest of NaNs is the first class."""
    if not bool(np.isfinite(np.asarray(logits)).all()):
        raise CheckpointError(
            f"{checkpoint} answers with logits that are not finite numbers, so it has no answer: "
            "its weights are too large. Train it again, or use another checkpoint."
        )
    return logits
