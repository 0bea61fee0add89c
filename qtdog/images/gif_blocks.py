"""What stands before the first frame of a GIF (GIF89a, sections 15 to 27)."""

_EXTENSION, _FRAME, _END = 0x21, 0x2C, 0x3B
_HEADER_BYTES, _FLAGS = 13, 10
# Usual files have some ten; XMP counts as a thousand. Pillow joins a comment's blocks one by one,
# each time copying what it has.
_MAX_BLOCKS = 4_000


def is_too_costly(data: bytes) -> bool:
    """Whether so many blocks or stray bytes come first that to open it takes long. Raises
    IndexError for a file without a header."""
    flags = data[_FLAGS]
    place = _HEADER_BYTES + (3 << (flags & 7) + 1 if flags & 0x80 else 0)  # colours of all frames
    blocks = 0
    while place < len(data) and blocks <= _MAX_BLOCKS:
        kind = data[place]
        if kind in (_FRAME, _END):
            return False
        blocks += 1
        place += 1
        if kind != _EXTENSION:
            continue
        place += 1  # its label
        while place < len(data) and (size := data[place]) and blocks <= _MAX_BLOCKS:
            blocks += 1
            place += 1 + size
        place += 1
    return blocks > _MAX_BLOCKS
