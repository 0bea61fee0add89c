"""What the markers of a JPEG say of its scans (ITU-T T.81, annex B), whole file or not."""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

END = b"\xff\xd9"
EXIF = b"Exif\0\0"
_APP1, _SCAN, _SEQUENTIAL = 0xE1, 0xDA, (0xC0, 0xC1)
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # the others are tables
# In a scan's data 0xff is followed by 0 (stuffing), a restart marker or another 0xff (filling).
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]", re.DOTALL)
_MAX_SCANS = 100  # usual pictures have one to ten; each goes through the whole picture again
_MAX_MARKERS = 10_000
_MAX_JUNK = 1 << 16  # bytes before the first scan that belong to nothing; Pillow reads them singly
_COEFFICIENTS, _ALL_BITS = 64, 15


@dataclass(frozen=True)
class Scans:
    """The frame and its scans, as far as the file goes."""

    components: int
    one_scan: bool
    """One scan holds everything: rows are decoded one after the other, without keeping the whole
    picture's coefficients in memory."""
    coarse_whole: bool
    """A coarse picture of every component is there: their first scans are complete."""
    full_detail: bool
    """There are scans, the last perhaps cut, for every bit of every coefficient."""
    exif: bytes
    """Of all segments, as Pillow joins them: a TIFF without a picture."""


class TooManySegments(ValueError):
    """So many scans or other segments, or so much between them, that reading takes minutes."""


def scans(data: bytes) -> Scans:
    """Raises TooManySegments, and ValueError or struct.error for a file without a frame."""
    components, sequential, scans_left = 0, False, _MAX_SCANS
    first_scan: int | None = None
    begun: set[int] = set()
    whole: set[int] = set()
    exif = b""
    missing_bits: dict[int, list[int]] = {}  # component -> of each coefficient
    for marker, place in _segments(data):
        whole |= begun
        if marker in _FRAMES and not components:
            components, sequential = data[place + 7], marker in _SEQUENTIAL
        elif marker == _APP1 and data[place + 2 : place + 8] == EXIF:
            (length,) = struct.unpack_from(">H", data, place)
            exif += data[place + 8 : place + length]
        elif marker == _SCAN:
            scans_left -= 1
            if scans_left < 0:
                raise TooManySegments
            count = data[place + 2]
            first_scan = count if first_scan is None else first_scan
            first, last, bits = data[place + 3 + 2 * count : place + 6 + 2 * count]
            named = data[place + 3 : place + 3 + 2 * count : 2]
            begun = set() if first else set(named)
            for component in named:
                of = missing_bits.setdefault(component, [_ALL_BITS] * _COEFFICIENTS)
                of[first : last + 1] = [bits & 0xF] * len(of[first : last + 1])
    if not components:
        raise ValueError("a JPEG without a frame")
    one_scan = sequential and first_scan in (None, components)
    full_detail = len(missing_bits) >= components and not any(map(any, missing_bits.values()))
    return Scans(components, one_scan, len(whole) >= components, full_detail, exif)


def _segments(data: bytes) -> Iterator[tuple[int, int]]:
    """(marker, where its length stands) for each segment whose length is there. Raises
    TooManySegments."""
    place, in_scans, junk = 0, False, 0
    for _ in range(_MAX_MARKERS):
        found = _MARKER.search(data, place)
        junk += 0 if in_scans else (len(data) if found is None else found.start()) - place
        if junk > _MAX_JUNK:
            raise TooManySegments
        if found is None:
            return
        marker, place = data[found.start() + 1], found.end()
        if marker in (0xD8, 0x01):  # alone, without a length
            continue
        if marker == 0xD9:
            yield marker, place
            return
        if place + 2 > len(data):
            return
        (length,) = struct.unpack_from(">H", data, place)
        if place + length > len(data):
            return
        yield marker, place
        in_scans = in_scans or marker == _SCAN
        place += length
    raise TooManySegments
