"""Read any picture that a visitor hands in: unknown bytes in, an upright RGB image or an error out.

The networks see 128 px, so a picture comes back at most `MAX_SIDE` px long. Sizes are checked on
the file's header, before a pixel is decoded, and one picture is decoded at a time: that bounds the
memory for any number of visitors.
"""

import io
import threading
import warnings
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image

from qtdog.image_headers import tiff_tile_size, webp_size, what_is_wrong

MAX_BYTES = 64 * 2**20  # of the file
MAX_PIXELS = 40_000_000  # in the file's header
# Phones make 50-megapixel JPEGs, which are decoded at reduced size; WebP needs four copies at once.
_MAX_PIXELS_OF = {"JPEG": 64_000_000, "MPO": 64_000_000, "WEBP": 20_000_000}
MAX_HEADER_SIDE = 65_535  # px; a picture 1 px wide and 40 million high costs a pointer for each row
MAX_SIDE = 2_048  # px of the returned image

# Pillow reads some forty formats, some through outside programs (EPS calls Ghostscript): only these
# are tried. HEIF is read where pillow-heif has been registered with Pillow.
FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "GIF", "BMP", "TIFF", "HEIF")

_TRANSPOSE = {  # EXIF orientation -> what turns the picture upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_TIFF_BITS, _TIFF_PHOTOMETRIC = 258, 262
_EXIF_ORIENTATION = 274

_one_at_a_time = threading.Lock()


class ImageError(ValueError):
    """The picture cannot be used; the message is one sentence: what is wrong and what to do."""


def read_image(source: str | Path | bytes | BinaryIO) -> Image.Image:
    """The first frame of a picture as an upright RGB image on white, both sides 1 to `MAX_SIDE` px.

    `source` is a path, the file's bytes, or a file open in binary mode (read from where it stands).
    Raises ImageError, and nothing else, if that is not possible.
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
            return _decode(data)
    except ImageError:
        raise
    except MemoryError:
        raise ImageError(_too_large()) from None
    except Exception:
        raise ImageError(what_is_wrong(data)) from None


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


def _decode(data: bytes) -> Image.Image:
    """RGB image of a file's bytes; whatever Pillow raises passes through."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        # Pillow allocates the canvas of a WebP while it opens the file.
        _check_size(webp_size(data), "WEBP")
    Image.init()
    formats = [name for name in FORMATS if name in Image.OPEN]
    try:
        image = Image.open(io.BytesIO(data), formats=formats)
    except Image.DecompressionBombError:
        raise ImageError(_too_large()) from None
    with image:
        _check_size(image.size, image.format)
        if image.format == "TIFF":
            _check_size(tiff_tile_size(data), "TIFF")
        # JPEG only: decode at 1/2, 1/4 or 1/8, still at least this large.
        image.draft(None, (MAX_SIDE, MAX_SIDE))
        image.load()
        orientation = _orientation(image)
        upright = _shrink(_on_white(_eight_bits(image)))
        method = _TRANSPOSE.get(orientation)
        return upright.transpose(method) if method is not None else upright


def _check_size(size: tuple[int, int], image_format: str | None) -> None:
    width, height = size
    if width < 1 or height < 1:
        raise ValueError("a picture without pixels")
    limit = _MAX_PIXELS_OF.get(image_format or "", MAX_PIXELS)
    if width * height > limit or max(width, height) > MAX_HEADER_SIDE:
        raise ImageError(_too_large(limit))


def _too_large(limit: int = MAX_PIXELS) -> str:
    limit_text = f"the limit is {limit // 10**6} megapixels"
    return (
        f"This picture is too large ({limit_text}): make it smaller, 2,000 pixels a side will do."
    )


def _orientation(image: Image.Image) -> int:
    """EXIF orientation 1..8; Pillow has already turned a TIFF and removed its tag."""
    try:
        return image.getexif().get(_EXIF_ORIENTATION, 1)
    except Exception:  # broken EXIF beside a sound picture is no reason to refuse the picture
        return 1


def _eight_bits(image: Image.Image) -> Image.Image:
    """The same image with 8 bits a channel; Pillow itself clips deeper greys at 255."""
    if image.mode not in ("I", "F") and not image.mode.startswith("I;16"):
        return image
    values = np.asarray(image)  # (height, width), 16-bit, 32-bit or float
    if image.format == "TIFF" and image.tag_v2.get(_TIFF_BITS) == (12,):
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
    if image.format == "TIFF" and image.tag_v2.get(_TIFF_PHOTOMETRIC) == 0:  # 0 means white
        shades = 255 - shades
    grey = Image.fromarray(shades)
    if isinstance(transparent := image.info.get("transparency"), int):
        grey.putalpha(Image.fromarray(np.where(values == transparent, 0, 255).astype(np.uint8)))
    return grey


def _range(values: np.ndarray) -> tuple[float, float]:
    """(black, white) of 32-bit or float values, for which no format says what white is.

    The smallest usual range (0..1 for floats, 0..255, 0..65535) that holds all values, else the
    range that they span.
    """
    is_float = values.dtype.kind == "f"
    finite = np.isfinite(values)
    if not finite.any():
        return 0.0, 1.0
    low = float(np.min(values, where=finite, initial=values.flat[finite.argmax()]))
    high = float(np.max(values, where=finite, initial=low))
    for white in (1.0, 255.0, 65535.0) if is_float else (255.0, 65535.0):
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
