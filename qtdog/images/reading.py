"""Read any picture that a visitor hands in: unknown bytes in, an upright RGB image or an error out.

The networks see 128 px, so a picture comes back at most `MAX_SIDE` px long. Sizes are checked on
the file's header, before a pixel is decoded, and one picture is decoded at a time: that bounds the
memory for any number of visitors.
"""

import io
import math
import struct
import threading
import warnings
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile
from PIL.TiffImagePlugin import TiffImageFile

from qtdog.images import gif_blocks, jpeg_scans, png_chunks, tiff_headers
from qtdog.images.headers import webp_size, what_is_wrong

MAX_BYTES = 64 * 2**20  # of the file
MAX_PIXELS = 40_000_000  # in the file's header
# JPEGs are decoded at reduced size, row by row unless they are progressive: phones make them of 200
# megapixels. WebP and AVIF need four copies at once.
_MAX_PIXELS_OF = {"JPEG": 64_000_000, "WEBP": 20_000_000, "AVIF": 20_000_000}
_MAX_PIXELS_BY_ROWS = 256_000_000
MAX_HEADER_SIDE = 65_535  # px; a picture 1 px wide and 40 million high costs a pointer for each row
MAX_SIDE = 2_048  # px of the returned image

# Pillow reads some forty formats, some through outside programs (EPS calls Ghostscript): only these
# are tried. HEIF is read where pillow-heif has been registered with Pillow.
FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF")

_MIN_SHARE = 0.5  # of a cut-off picture's rows, for an answer about the rest to mean anything
_WHOLE_WHITES = tuple(2.0**bits - 1 for bits in (8, 10, 12, 14, 16))
_FILLING = b"\x55" * 64  # of a JPEG's data: some coefficients, whatever the Huffman tables
_MISSING = "missing"  # where Pillow keeps a picture's facts

_TRANSPOSE = {  # EXIF orientation -> what turns the picture upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_MAX_TIFF_PAGES = 16  # looked through for the picture of which the first page is the thumbnail
_EXIF_ORIENTATION = 274

_TOO_COSTLY = (
    "This picture is written in a way that takes too long to read: save it again, as an ordinary "
    "JPEG or PNG."
)

_one_at_a_time = threading.Lock()


class ImageError(ValueError):
    """The picture cannot be used; the message is one sentence: what is wrong and what to do."""


def read_image(source: str | Path | bytes | BinaryIO, accept_partial: bool = False) -> Image.Image:
    """The first frame of a picture as an upright RGB image on white, both sides 1 to `MAX_SIDE` px.

    `source` is a path, the file's bytes, or a file open in binary mode (read from where it stands).
    With `accept_partial`, a JPEG that is cut off gives the part that is there, if that is enough;
    `missing` says what is not. Raises ImageError, and nothing else, if that is not possible.
    """
    data = _bytes_of(source)
    if not data:
        raise ImageError("This file is empty: choose a picture such as a JPEG or PNG.")
    # Uploads are hostile input, and Pillow lets out whatever its parsers meet: struct.error,
    # SyntaxError, KeyError, OverflowError, RecursionError, MemoryError and more. All end here.
    try:
        # The filter of warnings belongs to the whole process, hence inside the lock.
        with _one_at_a_time, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _decode(data, accept_partial)
    except ImageError:
        raise
    except MemoryError:
        raise ImageError(_too_large()) from None
    except Exception:
        raise ImageError(what_is_wrong(data, _formats())) from None


def missing(image: Image.Image) -> str:
    """One sentence: what the file of a picture from `read_image` lacked; empty if nothing."""
    return image.info.get(_MISSING, "")


def _bytes_of(source: str | Path | bytes | BinaryIO) -> bytes:
    """The whole file, at most `MAX_BYTES`."""
    try:
        if isinstance(source, bytes | bytearray | memoryview):
            data = bytes(source)
        elif isinstance(source, str | Path):
            path = Path(source)
            if path.is_dir():
                raise ImageError("This is a folder, not a picture: choose a picture inside it.")
            if not path.exists():
                raise ImageError("This file does not exist: check its name or choose another one.")
            if not path.is_file():  # a device or a pipe would never end
                raise ImageError("This is not an ordinary file: choose a picture, a JPEG or PNG.")
            with path.open("rb") as file:
                data = file.read(MAX_BYTES + 1)
        else:
            data = bytes(source.read(MAX_BYTES + 1))
    except ImageError:
        raise
    except Exception:  # a closed file, no permission, a NUL in the name, no file at all, ...
        raise ImageError("This file could not be opened: choose it again or another one.") from None
    if len(data) > MAX_BYTES:
        limit = f"{MAX_BYTES // 2**20} MB"
        raise ImageError(f"This file is over {limit}: shrink the picture and choose it again.")
    return data


def _formats() -> list[str]:
    """Those of `FORMATS` that this Pillow reads."""
    Image.init()
    return [name for name in FORMATS if name in Image.OPEN]


def _decode(data: bytes, accept_partial: bool) -> Image.Image:
    """RGB image of a file's bytes; whatever Pillow raises passes through."""
    lacks = ""
    if data.startswith(b"\xff\xd8\xff"):
        image, lacks = _load_jpeg(data, accept_partial)
    else:
        if data.startswith(png_chunks.SIGNATURE):
            if png_chunks.is_too_costly(data):
                raise ImageError(_TOO_COSTLY)
            if png_chunks.damaged_pixels(data):
                if not accept_partial:
                    raise ValueError("a damaged PNG")
                lacks = "The pixels of this PNG file are damaged: some of them may be wrong."
            data, lost = png_chunks.essential(data)
            lacks = f"Damaged in this PNG file, and left out: {lost}." if lost else lacks
        image = _load(data)
    with image:
        method = _TRANSPOSE.get(_orientation(image))
        upright = _shrink(_on_white(_eight_bits(image)))
        upright = upright.transpose(method) if method is not None else upright
    upright.info = {_MISSING: lacks} if lacks else {}
    return upright


def _load(data: bytes) -> Image.Image:
    """Any picture but a JPEG, decoded."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        # Pillow allocates the canvas of a WebP while it opens the file.
        _check_size(webp_size(data), "WEBP")
    if data[:2] in (b"II", b"MM"):
        _check_directory(data, 0)
    if data[:4] == b"GIF8" and gif_blocks.is_too_costly(data):
        raise ImageError(_TOO_COSTLY)
    try:
        image = Image.open(io.BytesIO(data), formats=_formats())
    except Image.DecompressionBombError:
        raise ImageError(_too_large()) from None
    except Image.UnidentifiedImageError:
        _check_tiff_kind(tiff_headers.unsupported_kind(data))
        raise
    if isinstance(image, TiffImageFile):
        _choose_page(image, data)
    _check_size(image.size, image.format)
    image.load()
    return image


def _choose_page(image: TiffImageFile, data: bytes) -> None:
    """Turn a TIFF to its picture: where the first page is a thumbnail, to the largest page.

    Raises ImageError for a kind of TIFF that Pillow opens and reads wrongly.
    """
    if tiff_headers.is_raw_photo(data):
        raise ValueError("a raw photo")
    page = 0
    if image.tag_v2.get(tiff_headers.NEW_SUBFILE, 0) & 1 or (
        image.tag_v2.get(tiff_headers.OLD_SUBFILE) == 2
    ):
        areas = [image.width * image.height]
        try:
            for number in range(1, _MAX_TIFF_PAGES):
                _check_directory(data, number)
                image.seek(number)
                areas.append(image.width * image.height)
        except ImageError:
            raise
        except Exception:  # the end, or a broken page: those before it count
            pass
        page = areas.index(max(areas))
        image.seek(page)
    _check_size(tiff_headers.tile_size(data, page), "TIFF")
    tags = image.tag_v2
    signed = set(tags.get(tiff_headers.SAMPLE_FORMAT, (1,))) == {2}
    subsampled = tags.get(tiff_headers.PHOTOMETRIC) == 6 and tags.get(tiff_headers.COMPRESSION) == 1
    if (signed and set(tags.get(tiff_headers.BITS, (1,))) == {8}) or subsampled:
        _check_tiff_kind(tiff_headers.unsupported_kind(data))
    # Pillow would turn the picture by its XMP as well, which no browser does.
    image.info.pop("xmp", None)


def _check_directory(data: bytes, page: int) -> None:
    """Pillow copies what all the entries of a TIFF's page say, on opening it."""
    if tiff_headers.is_too_costly(data, page):
        raise ImageError(_TOO_COSTLY)


def _check_tiff_kind(kind: str) -> None:
    if kind:
        raise ImageError(
            f"This TIFF picture ({kind}) is of a kind that is not supported here: save it with "
            "8 bits a band, as grey or RGB."
        )


def _load_jpeg(data: bytes, accept_partial: bool) -> tuple[Image.Image, str]:
    """A JPEG, or the part of it that is there, and one sentence about what is not."""
    image = _open_jpeg(data)
    try:
        image.load()
        return image, ""
    except OSError:
        pass
    # Ended in two ways, the picture differs from where its own data ends.
    data = data.removesuffix(jpeg_scans.END[:1])
    image, other = (_open_jpeg(data + filling + jpeg_scans.END) for filling in (b"", _FILLING))
    same = np.asarray(image) == np.asarray(other)
    same = same.all(axis=tuple(range(1, same.ndim)))  # (height,)
    scans = jpeg_scans.scans(data)
    if same.all() and scans.full_detail:
        return image, "This JPEG file lacks its last marker; the picture itself is whole."
    if not accept_partial:
        raise OSError("a picture that is cut off")
    if scans.coarse_whole:
        return image, "This JPEG file is cut off: the picture is coarser than it was."
    rows = int(same.argmin())
    share = 1 - rows / image.height
    if share > 1 - _MIN_SHARE:
        raise ImageError(
            "More than half of this JPEG picture is missing, for the file is cut off: choose it "
            "again or another one."
        )
    sentence = (
        f"{max(1, round(100 * share))} % of this JPEG picture is missing, for the file is cut off: "
        "the answer is about the part that is there."
    )
    return image.crop((0, 0, image.width, rows)), sentence


def _open_jpeg(data: bytes) -> Image.Image:
    """A JPEG, to be decoded at 1/2, 1/4 or 1/8, still at least `MAX_SIDE` long."""
    try:
        scans = jpeg_scans.scans(data)
    except jpeg_scans.TooManySegments:
        raise ImageError(_TOO_COSTLY) from None
    if _is_costly_exif(scans.exif):  # which Pillow reads on opening
        raise ImageError(_TOO_COSTLY)
    # Its class, because Image.open has a limit of its own, for the whole process.
    image = JpegImageFile(io.BytesIO(data))
    _check_size(image.size, "JPEG", _MAX_PIXELS_BY_ROWS if scans.one_scan else 0)
    scale = max(1, max(image.size) / MAX_SIDE)
    image.draft(None, (math.ceil(image.width / scale), math.ceil(image.height / scale)))
    return image


def _check_size(size: tuple[int, int], image_format: str | None, least_limit: int = 0) -> None:
    width, height = size
    if width < 1 or height < 1:
        raise ValueError("a picture without pixels")
    limit = max(least_limit, _MAX_PIXELS_OF.get(image_format or "", MAX_PIXELS))
    if width * height > limit or max(width, height) > MAX_HEADER_SIDE:
        raise ImageError(_too_large(limit))


def _too_large(limit: int = MAX_PIXELS) -> str:
    limit_text = f"the limit is {limit // 10**6} megapixels"
    return (
        f"This picture is too large ({limit_text}): make it smaller, 2,000 pixels a side will do."
    )


def _orientation(image: Image.Image) -> int:
    """EXIF orientation 1..8; Pillow has already turned a TIFF and removed its tag.

    As in a browser, orientation in XMP alone does not count (Image.getexif takes that too).
    """
    exif, stored = Image.Exif(), image.info.get("exif", b"")
    if _is_costly_exif(stored):
        return 1
    try:
        exif.load(stored)
        return exif.get(_EXIF_ORIENTATION, 1)
    except Exception:  # broken EXIF beside a sound picture is no reason to refuse the picture
        return 1


def _is_costly_exif(exif: bytes) -> bool:
    """Whether to read it takes far more memory than it has; False if it cannot be read."""
    while exif.startswith(jpeg_scans.EXIF):
        exif = exif[len(jpeg_scans.EXIF) :]
    try:
        return tiff_headers.is_too_costly(exif)
    except (ValueError, KeyError, IndexError, struct.error):
        return False


def _eight_bits(image: Image.Image) -> Image.Image:
    """The same image with 8 bits a channel; Pillow itself clips deeper greys at 255."""
    if image.mode not in ("I", "F") and not image.mode.startswith("I;16"):
        return image
    values = np.asarray(image)  # (height, width), 16-bit, 32-bit or float
    tags = image.tag_v2 if isinstance(image, TiffImageFile) else {}
    if image.mode == "I" and tags and tags.get(tiff_headers.SAMPLE_FORMAT, (1,)) == (1,):
        values = values.view(np.uint32)  # Pillow knows signed ones only
    if tags.get(tiff_headers.BITS) == (12,):
        black, white = 0.0, 4095.0
    elif image.mode.startswith("I;16"):
        black, white = 0.0, 65535.0
    else:
        black, white = _range(values)
    shades = np.empty(values.shape, np.uint8)
    for row in range(0, len(values), 256):  # in strips: a float64 copy of all would be large
        strip = values[row : row + 256].astype(np.float64)
        strip = (np.nan_to_num(strip, nan=black, posinf=white, neginf=black) - black).clip(min=0)
        shades[row : row + 256] = np.rint(strip * (255 / (white - black))).clip(max=255)
    if tags.get(tiff_headers.PHOTOMETRIC) == 0:  # 0 means white
        shades = 255 - shades
    grey = Image.fromarray(shades)
    if isinstance(transparent := image.info.get("transparency"), int):
        grey.putalpha(Image.fromarray(np.where(values == transparent, 0, 255).astype(np.uint8)))
    return grey


def _range(values: np.ndarray) -> tuple[float, float]:
    """(black, white) of 32-bit or float values, for which no format says what white is.

    The smallest usual range that holds all values (0..1, 0..255 or 0..65535 for floats; as many
    bits as cameras and scanners have for whole numbers), else the range that they span.
    """
    is_float = values.dtype.kind == "f"
    finite = np.isfinite(values)
    if not finite.any():
        return 0.0, 1.0
    low = float(np.min(values, where=finite, initial=values.flat[finite.argmax()]))
    high = float(np.max(values, where=finite, initial=low))
    for white in (1.0, 255.0, 65535.0) if is_float else _WHOLE_WHITES:
        if low >= 0 and high <= white:
            return 0.0, white
    return low, high if high > low else low + 1.0


def _on_white(image: Image.Image) -> Image.Image:
    """RGB; transparent parts show white, as on paper. Shrinks before it copies, to save memory."""
    if image.has_transparency_data:
        image = _shrink(image if image.mode == "RGBA" else image.convert("RGBA"))
        paper = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(paper, image).convert("RGB")
    if image.mode in ("L", "CMYK"):
        image = _shrink(image)
    return image if image.mode == "RGB" else image.convert("RGB")


def _shrink(image: Image.Image) -> Image.Image:
    """At most `MAX_SIDE` px a side; modes L, RGB, RGBA or CMYK."""
    if max(image.size) <= MAX_SIDE:
        return image
    scale = MAX_SIDE / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0)
