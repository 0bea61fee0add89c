"""Random numbers that a seed, a stream and a place decide, here and in qtdog/web/toy/draws.js.

Because a number follows from its place alone, all seeds are drawn at once, and a seed has the same
points, start, batches and noise in torch and in a browser.
"""

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.uint32]
Floats = NDArray[np.float64]

START, ANGLES, SCATTER, THIRD, BATCHES, NOISE, MOVES, SURFACE = range(8)
"""The streams: what the numbers are for."""

_GOLDEN, _FIRST, _SECOND = np.uint32(0x9E3779B9), np.uint32(0x85EBCA6B), np.uint32(0xC2B2AE35)


def _mix(value: Integers) -> Integers:
    """MurmurHash3's last step: every bit of the result hangs on every bit of the value."""
    value = (value ^ (value >> np.uint32(16))) * _FIRST
    value = (value ^ (value >> np.uint32(13))) * _SECOND
    return value ^ (value >> np.uint32(16))


def uniform(seeds: NDArray[np.integer], stream: int, places: NDArray[np.integer]) -> Floats:
    """(seeds, places): numbers between 0 and 1, both left out."""
    with np.errstate(over="ignore"):
        key = _mix(_mix(seeds.astype(np.uint32) ^ _GOLDEN) + np.uint32(stream) * _FIRST)[:, None]
        value = _mix(_mix(key + places.astype(np.uint32)[None] * _GOLDEN) ^ key)
    return (value + 0.5) / 2**32


def normal(seeds: NDArray[np.integer], stream: int, places: NDArray[np.integer]) -> Floats:
    """(seeds, places): numbers of mean 0 and deviation 1, by Box and Muller's formula."""
    radius = np.sqrt(-2 * np.log(uniform(seeds, stream, 2 * places)))
    return radius * np.cos(2 * np.pi * uniform(seeds, stream, 2 * places + 1))
