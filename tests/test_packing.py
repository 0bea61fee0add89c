"""Packed codes against a bit string written out one bit at a time."""

import time

import numpy as np
import pytest

from qtdog.quantization import pack, packed_size, unpack

BITS = range(2, 9)


def slow_pack(codes: list[int], bits: int) -> bytes:
    """Code i takes bits i*b..(i+1)*b-1 of a little-endian stream, in two's complement."""
    text = "".join(format(code % 2**bits, f"0{bits}b")[::-1] for code in codes)
    text += "0" * (-len(text) % 8)
    return bytes(int(text[start : start + 8][::-1], 2) for start in range(0, len(text), 8))


def random_codes(bits: int, count: int) -> np.ndarray:
    generator = np.random.default_rng(bits * 1000 + count)
    return generator.integers(-(2 ** (bits - 1)), 2 ** (bits - 1), count).astype(np.int8)


def test_the_reference_packs_a_hand_written_example():
    # 3 bits: 1 -> 001, -1 -> 111, -4 -> 100; the stream from its low end is 100 111 001.
    assert slow_pack([1, -1, -4], 3) == bytes([0b00111001, 0b1])


@pytest.mark.parametrize("bits", BITS)
def test_packing_is_the_bit_stream_and_unpacking_its_inverse_for_every_short_length(bits):
    for count in range(71):
        codes = random_codes(bits, count)
        packed = pack(codes, bits)
        assert packed.dtype == np.uint8
        assert packed.tobytes() == slow_pack(codes.tolist(), bits)
        assert len(packed) == packed_size(count, bits) == -(-count * bits // 8)
        back = unpack(packed, bits, count)
        assert back.dtype == np.int8
        assert np.array_equal(back, codes)


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("count", [8 * (1 << 14) - 1, 8 * (1 << 14), 8 * (1 << 14) + 13])
def test_a_length_beside_the_size_of_one_part_survives_the_round_trip(bits, count):
    codes = random_codes(bits, count)
    packed = pack(codes, bits)
    assert packed.size == (count * bits + 7) // 8
    assert np.array_equal(unpack(packed, bits, count), codes)
    # The last bytes, too, are the stream's: their codes start on a byte, being a multiple of 8.
    start = count // 8 * 8 - 80
    assert packed[start * bits // 8 :].tobytes() == slow_pack(codes[start:].tolist(), bits)


@pytest.mark.parametrize("bits", BITS)
def test_the_extreme_codes_survive_in_every_place(bits):
    low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    for codes in ([low] * 17, [high] * 17, [low, high] * 9, [-1] * 17, [0, -1] * 9, [high, low, 0]):
        packed = pack(np.array(codes), bits)
        assert packed.tobytes() == slow_pack(codes, bits)
        assert unpack(packed, bits, len(codes)).tolist() == codes


@pytest.mark.parametrize("bits", BITS)
def test_a_code_out_of_range_is_refused(bits):
    low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    for code in (low - 1, high + 1):
        with pytest.raises(ValueError, match=rf"outside {low}\.\.{high}, the range of {bits} bits"):
            pack(np.array([0, code, 0], np.int16), bits)


@pytest.mark.parametrize("change", [-1, 1])
def test_packed_bytes_of_another_length_are_refused(change):
    with pytest.raises(ValueError, match=f"9 codes of 7 bits take 8 bytes, not {8 + change}"):
        unpack(np.zeros(8 + change, np.uint8), 7, 9)


def test_a_weight_of_any_shape_and_memory_layout_is_packed_in_logical_order():
    codes = random_codes(5, 24).reshape(2, 3, 4)
    assert pack(codes, 5).tobytes() == slow_pack(codes.reshape(-1).tolist(), 5)
    turned = codes.transpose(2, 0, 1)
    assert pack(turned, 5).tobytes() == slow_pack(turned.reshape(-1).tolist(), 5)


def test_25_million_codes_of_7_bits_unpack_well_under_a_second():
    count = 25_000_000
    packed = np.random.default_rng(0).integers(0, 256, packed_size(count, 7), np.uint8)
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        codes = unpack(packed, 7, count)
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.7
    assert pack(codes[-800:], 7).tobytes() == packed[-700:].tobytes()
