"""What the first bytes of a file say: sizes that Pillow checks too late, and what a stranger is."""

import codecs
import struct
from collections.abc import Collection

from qtdog import git_lfs
from qtdog.images import tiff_headers

_TO_JPEG = "convert it to JPEG or PNG"
_RAW_PHOTO, _DEVELOP = "a camera's raw photo", "export it as a JPEG or PNG"
_RAW_STARTS = (b"FUJIFILMCCD-RAW", b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"FOVb")
_STRANGERS = (  # (first bytes, what the file is, what to do)
    (b"%PDF", "a PDF document", "export the page as a JPEG or PNG"),
    (b"PK\x03\x04", "a zip archive or an office document", "choose the JPEG or PNG inside it"),
    (b"8BPS", "a Photoshop file, which is not supported here", _TO_JPEG),
    (b"\0\0\0\x0cjP", "a JPEG 2000 picture, which is not supported here", _TO_JPEG),
    (b"\x1aE\xdf\xa3", "a video", "choose a still picture instead"),
    *((start, _RAW_PHOTO, _DEVELOP) for start in _RAW_STARTS),
)
_BRANDS = {  # of an ISO base media file -> (Pillow's name of the format, what it is)
    **dict.fromkeys((b"avif", b"avis"), ("AVIF", "AVIF")),
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc"), ("HEIF", "HEIC")),
    **dict.fromkeys((b"mif1", b"msf1"), ("HEIF", "HEIF")),
}
_RAW_BRAND = b"crx "  # Canon's .cr3
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


def what_is_wrong(data: bytes, formats: Collection[str]) -> str:
    """One sentence about a file that did not open as a picture; `formats`: what Pillow reads."""
    if git_lfs.is_pointer(data):
        return f"This is {git_lfs.WHAT_TO_DO}, or choose the picture itself."
    for start, name, advice in _STRANGERS:
        if data.startswith(start):
            return f"This file is {name}: {advice}."
    if data[4:8] == b"ftyp":
        return _what_media_is_wrong(data, formats)
    if data[:4] == b"RIFF" and data[8:12] in (b"WAVE", b"AVI "):
        return "This file is a sound or a video: choose a still picture instead."
    head = data[:1024].removeprefix(codecs.BOM_UTF8).lstrip().lower()
    if b"<svg" in head:
        return "This is an SVG drawing, which is not supported here: export it as a JPEG or PNG."
    if head.startswith((b"<!doctype html", b"<html")):
        return "This is a web page, not a picture: save the picture itself as a JPEG or PNG."
    if _is_text(data[:1024]):
        return "This file holds text, not a picture: choose a picture such as a JPEG or PNG."
    if tiff_headers.is_raw_photo(data):
        return f"This file is {_RAW_PHOTO}: {_DEVELOP}."
    for start, name in _PICTURES:
        if data.startswith(start):
            return f"This {name} picture is damaged or cut off: choose it again or another one."
    return "This file is not a picture known here: choose a JPEG, PNG, WebP, GIF, BMP or TIFF."


def _what_media_is_wrong(data: bytes, formats: Collection[str]) -> str:
    """The same of an ISO base media file, by the first brand in its list that is known here."""
    brands = [data[8:12], *(data[at : at + 4] for at in range(16, min(data[3], 64), 4))]
    if _RAW_BRAND in brands:
        return f"This file is {_RAW_PHOTO}: {_DEVELOP}."
    # "mif1" is the brand of every picture, so a brand that names the codec goes first.
    known = sorted((_BRANDS[one] for one in brands if one in _BRANDS), key=_is_general)
    if not known:
        return "This file is a video: choose a still picture instead."
    image_format, name = known[0]
    if image_format in formats:
        return f"This {name} picture is damaged or cut off: choose it again or another one."
    article = "an" if name == "AVIF" else "a"
    return f"This is {article} {name} picture, which is not supported here: {_TO_JPEG}."


def _is_general(kind: tuple[str, str]) -> bool:
    return kind[1] == "HEIF"


def _is_text(start: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(start)  # the cut may split the last letter
    except UnicodeDecodeError:
        return False
    return b"\0" not in start
