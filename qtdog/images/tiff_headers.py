"""What the directories of a TIFF say: sizes that Pillow checks too late, and what kind it is.

Pillow's list of tags does not serve here: it ends at the first broken entry and keeps the last of
two equal tags, where libtiff reads on and keeps the first.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

WIDTH, HEIGHT, BITS, PHOTOMETRIC, BANDS, SAMPLE_FORMAT = 256, 257, 258, 262, 277, 339
COMPRESSION, NEW_SUBFILE, OLD_SUBFILE, SUB_DIRECTORIES, DNG_VERSION = 259, 254, 255, 330, 50706
_TILE_WIDTH, _TILE_HEIGHT = 322, 323
_DATA = ((273, 279), (324, 325))  # where strips and tiles stand, and their lengths
_NUMBERS = {3: "H", 4: "I", 16: "Q"}  # types: SHORT, LONG and LONG8
_FORMATS = {1: "whole numbers", 2: "signed whole numbers", 3: "floating-point numbers"}
_NEEDED = frozenset(
    (WIDTH, HEIGHT, BITS, PHOTOMETRIC, BANDS, SAMPLE_FORMAT, NEW_SUBFILE, SUB_DIRECTORIES)
) | {tag for pair in _DATA for tag in pair}
_MAX_VALUES = 100_000
_MAX_ENTRIES = 4_096
_CLASSIC, _BIG = 42, 43  # versions
_BYTES = (0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8)  # of one value, by type


@dataclass(frozen=True)
class _Entry:
    tag: int
    kind: int
    length: int
    place: int
    """Where its value, or the value's offset, stands."""


def tile_size(data: bytes, page: int = 0) -> tuple[int, int]:
    """Largest width and height of a tile that a page's directory states; (1, 1) without tiles.

    libtiff decodes a tile into one buffer, however small the picture.
    Raises ValueError, KeyError or struct.error if the header is broken.
    """
    order = _order(data)
    largest = {_TILE_WIDTH: 1, _TILE_HEIGHT: 1}
    for entry in _entries(data, page):
        if entry.tag in largest:
            if entry.kind not in (3, 4) or entry.length != 1:
                raise ValueError("a tile's size is one number")
            (value,) = struct.unpack_from(order + _NUMBERS[entry.kind], data, entry.place)
            largest[entry.tag] = max(largest[entry.tag], value)
    return largest[_TILE_WIDTH], largest[_TILE_HEIGHT]


def is_too_costly(data: bytes, page: int = 0) -> bool:
    """Whether a page's directory has more entries than any picture, or they share their values'
    bytes: Pillow copies each entry's value on opening, the whole file for each if they say so. What
    is a BigTIFF is here what Pillow takes for one.

    Raises ValueError, KeyError, IndexError or struct.error if the header is broken.
    """
    big = data[2] == _BIG
    room, layout = (8, "Q") if big else (4, "I")
    entries, copied = 0, 0
    for entry in _entries(data, page, big):
        entries += 1
        size = entry.length * (_BYTES[entry.kind] if entry.kind < len(_BYTES) else 0)
        if size > room:
            (start,) = struct.unpack_from(_order(data) + layout, data, entry.place)
            copied += max(0, min(size, len(data) - start))
    return entries > _MAX_ENTRIES or copied > len(data)


def is_raw_photo(data: bytes) -> bool:
    """Whether this is a camera's raw file, whose first page is a preview at most."""
    try:
        tags = _numbers(data)
        preview = tags.get(NEW_SUBFILE, (0,))[0] & 1
        found = any(entry.tag == DNG_VERSION for entry in _entries(data))
        return data[8:10] == b"CR" or found or bool(preview and SUB_DIRECTORIES in tags)
    except (ValueError, KeyError, IndexError, struct.error):
        return False


def unsupported_kind(data: bytes) -> str:
    """What the first page's pixels are, where the file is whole; empty if something is broken."""
    try:
        tags = _numbers(data)
        if min(tags[WIDTH][0], tags[HEIGHT][0]) < 1:
            return ""
        stands, lengths = next((tags[a], tags[b]) for a, b in _DATA if a in tags and b in tags)
        ends = [place + length for place, length in zip(stands, lengths, strict=True)]
        if not ends or min(lengths) < 1 or max(ends) > len(data):
            return ""
        bands, bits = tags.get(BANDS, (1,))[0], tags.get(BITS, (1,))[0]
        numbers = _FORMATS.get(tags.get(SAMPLE_FORMAT, (1,))[0], "numbers of another kind")
    except (ValueError, KeyError, IndexError, StopIteration, struct.error):
        return ""
    return f"{bands} {'band' if bands == 1 else 'bands'} of {bits}-bit {numbers}"


def _numbers(data: bytes) -> dict[int, tuple[int, ...]]:
    """The whole numbers of those of the first page's tags that are needed here; of equal tags the
    first that can be read."""
    order = _order(data)
    found: dict[int, tuple[int, ...]] = {}
    for entry in _entries(data, 0):
        if entry.tag not in _NEEDED or entry.tag in found:
            continue
        if entry.kind not in _NUMBERS or not 0 < entry.length <= _MAX_VALUES:
            continue
        layout = f"{order}{entry.length}{_NUMBERS[entry.kind]}"
        place = entry.place
        room = 8 if _is_big(data) else 4
        if struct.calcsize(layout) > room:
            (place,) = struct.unpack_from(order + ("Q" if room == 8 else "I"), data, place)
        found[entry.tag] = struct.unpack_from(layout, data, place)
    return found


def _entries(data: bytes, page: int = 0, big: bool | None = None) -> Iterator[_Entry]:
    """The entries of a page's directory, as far as the file goes, and one more than a picture has
    at most."""
    order = _order(data)
    if _is_big(data) if big is None else big:
        (start,) = struct.unpack_from(order + "Q", data, 8)
        count_layout, next_layout, head, step = "Q", "Q", "HHQ", 20
    else:
        (start,) = struct.unpack_from(order + "I", data, 4)
        count_layout, next_layout, head, step = "H", "I", "HHI", 12
    while True:
        if not start:
            raise ValueError("no such page")
        (count,) = struct.unpack_from(order + count_layout, data, start)
        first = start + struct.calcsize("<" + count_layout)
        if page == 0:
            break
        (start,) = struct.unpack_from(order + next_layout, data, first + count * step)
        page -= 1
    count = min(count, _MAX_ENTRIES + 1)
    for place in range(first, min(first + count * step, len(data) - step + 1), step):
        tag, kind, length = struct.unpack_from(order + head, data, place)
        yield _Entry(tag, kind, length, place + struct.calcsize("<" + head))


def _order(data: bytes) -> str:
    return {b"II": "<", b"MM": ">"}[data[:2]]


def _is_big(data: bytes) -> bool:
    """Whether the file is a BigTIFF."""
    (version,) = struct.unpack_from(_order(data) + "H", data, 2)
    if version not in (_CLASSIC, _BIG):
        raise ValueError("not a TIFF header")
    return version == _BIG
