"""Integer codes packed at exactly b bits a weight, and back.

The codes form one little-endian bit stream: code i takes bits i*b to (i+1)*b - 1, in two's
complement. Eight codes fill b bytes, so the work is done on groups of eight in 64-bit words.
"""

import numpy as np

# Groups of eight codes handled at a time: the temporary words stay in the processor's cache.
GROUPS_AT_A_TIME = 1 << 14


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
    grouped = padded.reshape(groups, 8)
    packed = np.empty((groups, bits), np.uint8)
    for start in range(0, groups, GROUPS_AT_A_TIME):
        part = grouped[start : start + GROUPS_AT_A_TIME]
        words = np.zeros(len(part), np.dtype("<u8"))
        for place in range(8):
            words |= part[:, place].astype(np.uint64) << np.uint64(place * bits)
        packed[start : start + len(part)] = words.view(np.uint8).reshape(-1, 8)[:, :bits]
    return packed.reshape(-1)[: packed_size(flat.size, bits)].copy()


def unpack(packed: np.ndarray, bits: int, count: int) -> np.ndarray:
    """The `count` codes in `packed` (uint8) as int8. Raises ValueError for a wrong length."""
    expected = packed_size(count, bits)
    if packed.size != expected:
        raise ValueError(f"{count} codes of {bits} bits take {expected} bytes, not {packed.size}.")
    groups = -(-count // 8)
    padded = np.zeros(groups * bits, np.uint8)
    padded[: packed.size] = packed
    grouped = padded.reshape(groups, bits)
    codes = np.empty((groups, 8), np.int8)
    mask, sign = np.uint64((1 << bits) - 1), np.uint8(1 << (bits - 1))
    for start in range(0, groups, GROUPS_AT_A_TIME):
        part = grouped[start : start + GROUPS_AT_A_TIME]
        wide = np.zeros((len(part), 8), np.uint8)
        wide[:, :bits] = part
        words = wide.view(np.dtype("<u8")).reshape(-1)
        for place in range(8):
            low_bits = ((words >> np.uint64(place * bits)) & mask).astype(np.uint8)
            # Flipping the sign bit and subtracting it again extends the sign to eight bits.
            codes[start : start + len(part), place] = ((low_bits ^ sign) - sign).view(np.int8)
    return codes.reshape(-1)[:count]
