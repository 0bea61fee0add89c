"""A PNG without what does not make its picture: texts, colour profiles, times, further frames.

Pillow unpacks every text and profile and refuses the picture where one is large or its checksum is
wrong; browsers pass over them. Pillow's own switch for that belongs to the whole process, so the
chunks are left out of the bytes that it sees (PNG specification, third edition, sections 5 and 13).
"""

import struct
import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEAD = struct.Struct(">I4s")  # length of the body, kind
_CHECKSUM_BYTES = 4
_MAX_CHUNKS = 100_000  # usual pictures have some thousand; a large file of empty ones has millions
_USED = {  # ancillary chunks that the picture depends on -> what is lost with them
    b"tRNS": "which parts are transparent",
    b"eXIf": "which side is up",
}


def is_too_costly(data: bytes) -> bool:
    """Whether it has so many chunks that to go through them takes long."""
    place = len(SIGNATURE)
    for _ in range(_MAX_CHUNKS):
        if place + _HEAD.size > len(data):
            return False
        length, _ = _HEAD.unpack_from(data, place)
        place += _HEAD.size + length + _CHECKSUM_BYTES
    return True


def damaged_pixels(data: bytes) -> bool:
    """Whether a whole chunk of the pixels has a wrong checksum. Pillow does not look, and gives
    other pixels where the rest can still be unpacked."""
    view, place = memoryview(data), len(SIGNATURE)
    while place + _HEAD.size <= len(data):
        length, kind = _HEAD.unpack_from(data, place)
        end = place + _HEAD.size + length + _CHECKSUM_BYTES
        if not kind.isalpha() or end > len(data):
            return False
        if kind == b"IDAT" and not _is_sound(view[place:end]):
            return True
        place = end
    return False


def essential(data: bytes) -> tuple[bytes, str]:
    """(a PNG of the critical chunks and those in `_USED`, what was damaged and left out, or "").

    A damaged critical chunk stays as it is, for the decoder to judge; see `damaged_pixels`.
    """
    view = memoryview(data)
    kept, lost = [view[: len(SIGNATURE)]], []
    place = len(SIGNATURE)
    while place + _HEAD.size <= len(data):
        length, kind = _HEAD.unpack_from(data, place)
        end = place + _HEAD.size + length + _CHECKSUM_BYTES
        if not kind.isalpha():  # no chunk begins here
            kept.append(view[place:])
            break
        if not _is_ancillary(kind) or (kind in _USED and _is_sound(view[place:end])):
            kept.append(view[place:end])
        elif kind in _USED:
            lost.append(_USED[kind])
        if kind == b"IEND":
            break
        place = end
    return b"".join(kept), " and ".join(lost)


def _is_ancillary(kind: bytes) -> bool:
    return kind[:1].islower()


def _is_sound(chunk: memoryview) -> bool:
    checksum = zlib.crc32(chunk[4:-_CHECKSUM_BYTES]).to_bytes(_CHECKSUM_BYTES, "big")
    return chunk[-_CHECKSUM_BYTES:] == checksum
