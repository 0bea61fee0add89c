"""Integer codes packed at exactly b bits a weight, and back.

The codes form one little-endian bit stream: code i takes bits i*b to (i+1)*b - 1, in two's
complement. Eight codes fill b bytes, so the work is done on groups of eight in 64-bit words: a
group's codes lie packed in a word's lowest 8*b bits, or spread, one in the low bits of each byte.
From one to the other it takes three steps, for all words at once: the upper half of the word's
codes moves, then the upper half of each half's, then of each quarter's.
"""

from functools import cache

import numpy as np

# Groups of eight codes handled at a time: the temporary words stay in the processor's cache.
GROUPS_AT_A_TIME = 1 << 14
WORD = np.dtype("<u8")


def packed_size(count: int, bits: int) -> int:
    """Bytes that `count` codes of `bits` bits take."""
    return (count * bits + 7) // 8


def pack(codes: np.ndarray, bits: int) -> np.ndarray:
    """Pack integers of -2^(b-1)..2^(b-1)-1 (any shape) into uint8 of `packed_size`.

    Raises ValueError when a code does not fit.
    """
    flat = np.ascontiguousarray(codes).reshape(-1)
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    if flat.size and (flat.min() < low or flat.max() > high):
        raise ValueError(f"A code lies outside {low}..{high}, the range of {bits} bits.")
    groups = -(-flat.size // 8)
    padded = np.zeros(groups * 8, np.uint8)
    padded[: flat.size] = flat.astype(np.int8).view(np.uint8) & ((1 << bits) - 1)
    spread = padded.view(WORD)
    packed = np.empty((groups, bits), np.uint8)
    for start in range(0, groups, GROUPS_AT_A_TIME):
        words = spread[start : start + GROUPS_AT_A_TIME]
        for shift, stays, moves in reversed(_steps(bits)):
            words = (words & stays) | ((words >> shift) & moves)
        packed[start : start + len(words)] = words.view(np.uint8).reshape(-1, 8)[:, :bits]
    return packed.reshape(-1)[: packed_size(flat.size, bits)].copy()


def unpack(packed: np.ndarray, bits: int, count: int) -> np.ndarray:
    """The `count` codes in `packed` (uint8) as int8. Raises ValueError for a wrong length."""
    expected = packed_size(count, bits)
    if packed.size != expected:
        raise ValueError(f"{count} codes of {bits} bits take {expected} bytes, not {packed.size}.")
    groups = -(-count // 8)
    padded = np.zeros(groups * bits + 8, np.uint8)
    padded[: packed.size] = packed
    # A word from each group's first byte; what it has of the next group, no mask lets through.
    starts = np.ndarray((groups,), WORD, padded, strides=(bits,))
    codes = np.empty(groups * 8, np.uint8)
    spread = codes.view(WORD)
    for start in range(0, groups, GROUPS_AT_A_TIME):
        words = starts[start : start + GROUPS_AT_A_TIME].copy()
        for shift, stays, moves in _steps(bits):
            words = (words & stays) | ((words & moves) << shift)
        spread[start : start + len(words)] = words
    # Flipping the sign bit and subtracting it again extends the sign to eight bits.
    sign = np.uint8(1 << (bits - 1))
    codes ^= sign
    codes -= sign
    return codes.view(np.int8)[:count]


@cache
def _steps(bits: int) -> tuple[tuple[np.uint64, np.uint64, np.uint64], ...]:
    """From packed to spread: for 4, 2 and 1 codes, how far they move; which bits of the packed word
    stay in each lane of twice as many bytes, and which move."""
    steps = []
    for codes in (4, 2, 1):
        width, lane = codes * bits, 16 * codes
        stays = sum(((1 << width) - 1) << start for start in range(0, 64, lane))
        steps.append((np.uint64(8 * codes - width), np.uint64(stays), np.uint64(stays << width)))
    return tuple(steps)
