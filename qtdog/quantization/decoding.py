"""What stored codes stand for, without torch: the weights of `qtdog.quantization.levels`."""

import numpy as np

QUANTIZER_NAMES = ("lsq", "lsq-least-error", "lsq-fitted", "inq", "nearest")
"""The keys of `qtdog.quantization.QUANTIZERS`."""


def float_values(
    codes: np.ndarray, step_size: np.ndarray, quantizer: str | None, bits: int
) -> np.ndarray:
    """The float32 weights, step size * level(code), (out, ...).

    `codes`: (out, ...) int8, `step_size`: (out,) or (1,) float32. level(code) = code, but for "inq"
    level(±j) = ±2^(j-1). Raises ValueError for a code that stands for nothing.
    """
    smallest, largest = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    if quantizer == "inq":
        smallest, largest = -(2 ** (bits - 2)), 2 ** (bits - 2)
    if codes.min(initial=0) < smallest or codes.max(initial=0) > largest:
        raise ValueError(f"Codes lie outside {smallest}..{largest}.")
    along_channels = step_size.reshape(-1, *[1] * (codes.ndim - 1))
    if quantizer != "inq":
        values = codes.astype(np.float32)
        values *= along_channels
        return values
    magnitudes = np.array([0.0] + [2.0**power for power in range(largest)], np.float32)
    return magnitudes[np.abs(codes)] * np.sign(codes) * along_channels
