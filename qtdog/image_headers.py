"""What the first bytes of a file say: sizes that Pillow checks too late, and what a stranger is."""

import codecs
import struct

_TIFF_TILE_WIDTH, _TIFF_TILE_HEIGHT = 322, 323
_TIFF_NUMBERS = {3: "H", 4: "I"}  # types of one number: SHORT and LONG

_TO_JPEG = "convert it to JPEG or PNG"
_STRANGERS = (  # (first bytes, what the file is, what to do)
    (b"%PDF", "a PDF document", "export the page as a JPEG or PNG"),
    (b"PK\x03\x04", "a zip archive or an office document", "choose the JPEG or PNG inside it"),
    (b"8BPS", "a Photoshop file, which is not supported here", _TO_JPEG),
    (b"\0\0\0\x0cjP", "a JPEG 2000 picture, which is not supported here", _TO_JPEG),
    (b"\x1aE\xdf\xa3", "a video", "choose a still picture instead"),
)
_BRANDS = dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1"), "a HEIC")
_BRANDS |= dict.fromkeys((b"avif", b"avis"), "an AVIF")
_PICTURES = (  # (first bytes, name) of what is read here: not opening means damaged
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG", "PNG"),
    (b"RIFF", "WebP"),
    (b"GIF8", "GIF"),
    (b"BM", "BMP"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
)


def webp_size(data: bytes) -> tuple[int, int]:
    """Width and height of the canvas in a WebP header (RFC 9649)."""
    kind = data[12:16]
    if kind == b"VP8X":
        width, height = int.from_bytes(data[24:27], "little"), int.from_bytes(data[27:30], "little")
        return width + 1, height + 1
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    width, height = struct.unpack_from("<HH", data, 26)
    return width & 0x3FFF, height & 0x3FFF


def tiff_tile_size(data: bytes) -> tuple[int, int]:
    """Largest width and height of a tile that the first directory states; (1, 1) without tiles.

    libtiff decodes a tile into one buffer, however small the picture. Pillow's list of tags does
    not serve here: it ends at the first broken entry and keeps the last of two equal tags, where
    libtiff reads on and keeps the first.
    Raises ValueError, KeyError or struct.error if the header is broken.
    """
    order = {b"II": "<", b"MM": ">"}[data[:2]]
    (version,) = struct.unpack_from(order + "H", data, 2)
    if version == 42:
        (start,) = struct.unpack_from(order + "I", data, 4)
        (count,) = struct.unpack_from(order + "H", data, start)
        first, step, head = start + 2, 12, "HHI"
    elif version == 43:  # BigTIFF
        (start,) = struct.unpack_from(order + "Q", data, 8)
        (count,) = struct.unpack_from(order + "Q", data, start)
        first, step, head = start + 8, 20, "HHQ"
    else:
        raise ValueError("not a TIFF header")
    largest = {_TIFF_TILE_WIDTH: 1, _TIFF_TILE_HEIGHT: 1}
    for place in range(first, min(first + count * step, len(data) - step + 1), step):
        tag, kind, length = struct.unpack_from(order + head, data, place)
        if tag in largest:
            if kind not in _TIFF_NUMBERS or length != 1:
                raise ValueError("a tile's size is one number")
            where = place + struct.calcsize(order + head)
            (value,) = struct.unpack_from(order + _TIFF_NUMBERS[kind], data, where)
            largest[tag] = max(largest[tag], value)
    return largest[_TIFF_TILE_WIDTH], largest[_TIFF_TILE_HEIGHT]


def what_is_wrong(data: bytes) -> str:
    """One sentence about a file that did not open as a picture."""
    for start, name, advice in _STRANGERS:
        if data.startswith(start):
            return f"This file is {name}: {advice}."
    if data[4:8] == b"ftyp":
        if brand := _BRANDS.get(data[8:12]):
            return f"This is {brand} picture, which is not supported here: {_TO_JPEG}."
        return "This file is a video: choose a still picture instead."
    if data[:4] == b"RIFF" and data[8:12] in (b"WAVE", b"AVI "):
        return "This file is a sound or a video: choose a still picture instead."
    head = data[:1024].removeprefix(codecs.BOM_UTF8).lstrip().lower()
    if b"<svg" in head:
        return "This is an SVG drawing, which is not supported here: export it as a JPEG or PNG."
    if head.startswith((b"<!doctype html", b"<html")):
        return "This is a web page, not a picture: save the picture itself as a JPEG or PNG."
    if _is_text(data[:1024]):
        return "This file holds text, not a picture: choose a picture such as a JPEG or PNG."
    for start, name in _PICTURES:
        if data.startswith(start):
            return f"This {name} picture is damaged or cut off: choose it again or another one."
    return "This file is not a picture known here: choose a JPEG, PNG, WebP, GIF, BMP or TIFF."


def _is_text(start: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(start)  # the cut may split the last letter
    except UnicodeDecodeError:
        return False
    return b"\0" not in start
