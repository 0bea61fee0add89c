"""What the page may rely on: every upload becomes an upright RGB image or one clear sentence."""

import io
import json
import random
import resource
import struct
import time
import warnings
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from qtdog.images import MAX_SIDE, ImageError, read_image, reading, tiff_headers

SAMPLES = Path(__file__).parents[1] / "assets" / "samples"
RED, GREEN, BLUE, WHITE, BLACK = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0)


def encode(image: Image.Image, image_format: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


def photo(width: int = 31, height: int = 24) -> Image.Image:
    """Smooth colours and some noise, never the same left and right or up and down."""
    y, x = np.mgrid[:height, :width]
    noise = np.random.default_rng(0).integers(0, 40, (height, width))
    rgb = np.stack([x * 200 // width + noise, y * 200 // height, (x + y) % 200], axis=2)
    return Image.fromarray(rgb.astype(np.uint8))


def pixels(data) -> np.ndarray:
    """(height, width, 3) of what read_image makes of it."""
    image = read_image(data)
    assert image.mode == "RGB"
    return np.asarray(image)


def sentence(data) -> str:
    with pytest.raises(ImageError) as error:
        read_image(data)
    text = str(error.value)
    assert_one_sentence(text)
    return text


def assert_one_sentence(text: str) -> None:
    assert text[0].isupper()
    assert text.endswith(".")
    assert text.isprintable()
    assert ". " not in text
    assert len(text) < 160


def png_header(width: int, height: int) -> bytes:
    """A valid PNG but for its pixels: the header and an empty stream."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + checksum

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("image_format", ["PNG", "BMP", "TIFF", "WEBP", "GIF"])
def test_lossless_formats_keep_every_pixel(image_format, tmp_path):
    image = photo().quantize(16).convert("RGB")
    options = {"lossless": True} if image_format == "WEBP" else {}
    data = encode(image, image_format, **options)
    path = tmp_path / "picture.of.another.kind.jpg"  # the name does not matter
    path.write_bytes(data)
    for source in (data, path, str(path), io.BytesIO(data)):
        assert (pixels(source) == np.asarray(image)).all()


def test_jpeg_is_within_its_own_tolerance():
    image = Image.linear_gradient("L").convert("RGB")
    error = np.abs(pixels(encode(image, "JPEG", quality=95)).astype(int) - np.asarray(image))
    assert error.max() <= 3


# What a camera stores for each orientation: the upright picture turned the other way.
STORED = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, 1),
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
    8: lambda a: np.rot90(a, -1),
}


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("image_format", ["PNG", "TIFF", "WEBP", "JPEG"])
def test_exif_rotation_turns_the_picture_upright(orientation, image_format):
    upright = np.asarray(photo(40, 24))
    stored = Image.fromarray(np.ascontiguousarray(STORED[orientation](upright)))
    exif = Image.Exif()
    exif[274] = orientation
    options = {"JPEG": {"quality": 98, "subsampling": 0}, "WEBP": {"lossless": True}}
    found = pixels(encode(stored, image_format, exif=exif, **options.get(image_format, {})))
    assert found.shape == (24, 40, 3)
    tolerance = 12 if image_format == "JPEG" else 0
    assert np.abs(found.astype(int) - upright).max() <= tolerance


def test_broken_exif_beside_a_sound_picture_is_ignored():
    data = encode(photo(), "PNG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff")
    assert (pixels(data) == np.asarray(photo())).all()


@pytest.mark.parametrize("image_format", ["PNG", "TIFF", "WEBP"])
def test_transparent_parts_are_white_paper(image_format):
    image = Image.new("RGBA", (3, 1))
    for x, alpha in enumerate((0, 102, 255)):
        image.putpixel((x, 0), (255, 0, 0, alpha))
    options = {"lossless": True, "exact": True} if image_format == "WEBP" else {}
    found = pixels(encode(image, image_format, **options))
    assert found[0].tolist() == [[255, 255, 255], [255, 153, 153], [255, 0, 0]]


def test_grey_with_alpha_is_on_white():
    image = Image.new("LA", (2, 1))
    image.putpixel((0, 0), (0, 0))
    image.putpixel((1, 0), (0, 51))
    assert pixels(encode(image, "PNG"))[0].tolist() == [[255, 255, 255], [204, 204, 204]]


def test_palette_colours_and_their_transparency():
    image = Image.new("P", (4, 1))
    image.putpalette([*RED, *GREEN, *BLUE, *BLACK])
    image.putdata([0, 1, 2, 3])
    plain = [list(RED), list(GREEN), list(BLUE), list(BLACK)]
    assert pixels(encode(image, "PNG"))[0].tolist() == plain
    one = pixels(encode(image, "PNG", transparency=1))[0].tolist()
    assert one == [list(RED), list(WHITE), list(BLUE), list(BLACK)]
    each = pixels(encode(image, "PNG", transparency=bytes([255, 0, 255, 204])))[0].tolist()
    assert each == [list(RED), list(WHITE), list(BLUE), [51, 51, 51]]
    gif = pixels(encode(image, "GIF", transparency=3))[0].tolist()
    assert gif == [list(RED), list(GREEN), list(BLUE), list(WHITE)]


@pytest.mark.parametrize("image_format", ["PNG", "TIFF"])
def test_sixteen_bits_are_scaled_not_clipped(image_format):
    values = np.array([[0, 257, 300, 30000, 32896, 65535]], np.uint16)
    found = pixels(encode(Image.fromarray(values), image_format))
    assert found[0, :, 0].tolist() == [0, 1, 1, 117, 128, 255]
    assert (found == found[..., :1]).all()


def test_sixteen_bit_grey_where_zero_is_white():
    values = np.array([[0, 257, 65535]], np.uint16)
    data = encode(Image.fromarray(values), "TIFF", tiffinfo={262: 0})
    assert pixels(data)[0, :, 0].tolist() == [255, 254, 0]


def test_sixteen_bit_colour_is_scaled():
    rows = b"\0" + struct.pack(">6H", 65535, 32896, 0, 257, 0, 65535)
    data = png_header(2, 1).replace(b"\0\0\0\x01\x08\x02", b"\0\0\0\x01\x10\x02")
    header = data[12:29]
    body = zlib.compress(rows)
    chunk = struct.pack(">I", len(body)) + b"IDAT" + body
    data = data[:29] + struct.pack(">I", zlib.crc32(header)) + chunk
    data += struct.pack(">I", zlib.crc32(b"IDAT" + body)) + b"\0\0\0\0IEND\xae\x42\x60\x82"
    assert pixels(data)[0].tolist() == [[255, 128, 0], [1, 0, 255]]


@pytest.mark.parametrize(
    ("values", "shades"),
    [
        (np.array([[0, 0.5, 1]], np.float32), [0, 128, 255]),
        (np.array([[0, 100, 255]], np.float32), [0, 100, 255]),
        (np.array([[-1, 0, 1]], np.float32), [0, 128, 255]),
        (np.array([[np.nan, np.inf, 0.2]], np.float32), [0, 255, 51]),
        (np.array([[np.nan, np.nan]], np.float32), [0, 0]),
        (np.array([[0, 100, 255]], np.int32), [0, 100, 255]),
        (np.array([[0, 257, 65535]], np.int32), [0, 1, 255]),
        (np.array([[0, 341, 1023]], np.int32), [0, 85, 255]),  # ten bits
        (np.array([[0, 1365, 4000]], np.int32), [0, 85, 249]),  # twelve
        (np.array([[-1000, 0, 1000]], np.int32), [0, 128, 255]),
    ],
)
def test_floats_and_32_bit_integers_use_the_range_that_holds_them(values, shades):
    assert pixels(encode(Image.fromarray(values), "TIFF"))[0, :, 0].tolist() == shades


@pytest.mark.parametrize("options", [{"format": "TIFF"}, {"format": "JPEG", "quality": 100}])
def test_cmyk_shows_the_colours_that_were_printed(options):
    # Adobe stores the inks of a JPEG inverted, a TIFF does not.
    image = Image.new("CMYK", (40, 8))
    inks = [(0, 0, 0, 0), (0, 255, 255, 0), (255, 0, 255, 0), (0, 0, 0, 255), (255, 255, 0, 0)]
    for index, ink in enumerate(inks):
        image.paste(ink, (index * 8, 0, index * 8 + 8, 8))
    found = pixels(encode(image, options.pop("format"), **options))[4, 4::8].astype(int)
    assert np.abs(found - [WHITE, RED, GREEN, BLACK, BLUE]).max() <= 3


def test_one_bit_is_black_and_white():
    image = Image.new("1", (2, 1))
    image.putpixel((1, 0), 1)
    for data in (encode(image, "PNG"), encode(image, "TIFF", compression="group4")):
        assert pixels(data)[0].tolist() == [list(BLACK), list(WHITE)]


@pytest.mark.parametrize("image_format", ["GIF", "WEBP", "PNG", "TIFF"])
def test_an_animation_shows_its_first_frame(image_format):
    frames = [Image.new("RGB", (8, 8), colour) for colour in (RED, GREEN, BLUE)]
    options = {"lossless": True} if image_format == "WEBP" else {}
    data = encode(frames[0], image_format, save_all=True, append_images=frames[1:], **options)
    assert (pixels(data) == RED).all()


def test_large_pictures_come_back_small_and_in_proportion():
    assert read_image(encode(Image.new("RGB", (5000, 2500), RED), "PNG")).size == (2048, 1024)
    jpeg = read_image(encode(Image.new("RGB", (2600, 6000), GREEN), "JPEG"))
    assert jpeg.size == (887, 2048)
    assert np.abs(np.asarray(jpeg).astype(int) - GREEN).max() <= 3
    assert read_image(encode(Image.new("L", (1, 9000), 7), "PNG")).size == (1, 2048)


def test_one_pixel_stays_one_pixel():
    assert read_image(encode(Image.new("RGB", (1, 1), BLUE), "PNG")).getpixel((0, 0)) == BLUE


def webp_header(width: int, height: int) -> bytes:
    frames = {"save_all": True, "append_images": [photo().rotate(90)]}
    data = bytearray(encode(photo(), "WEBP", **frames))
    assert data[12:16] == b"VP8X"
    data[24:30] = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return bytes(data)


def bmp_header(width: int, height: int) -> bytes:
    data = bytearray(encode(photo(), "BMP"))
    struct.pack_into("<ii", data, 18, width, height)
    return bytes(data)


def gif_header(width: int, height: int) -> bytes:
    data = bytearray(encode(photo(), "GIF"))
    struct.pack_into("<HH", data, 6, width, height)
    return bytes(data)


def jpeg_header(width: int, height: int) -> bytes:
    data = bytearray(encode(photo(), "JPEG"))
    struct.pack_into(">HH", data, data.index(b"\xff\xc0") + 5, height, width)
    return bytes(data)


def tiled_tiff(side: int, *extra: tuple[int, int, int, int], big: bool = False) -> bytes:
    """16 x 16 grey px of 0..255 in one tile of `side` px; extra: (tag, type, count, value)."""
    body = zlib.compress(bytes(range(256)))
    tags = [(256, 16), (257, 16), (258, 8), (259, 8), (262, 1), (322, side), (323, side)]
    tags += [(324, 400), (325, len(body))]
    entries = [*((tag, 4, 1, value) for tag, value in tags), *extra]
    entries.sort(key=lambda entry: entry[0])
    if big:
        head = struct.pack("<2sHHHQQ", b"II", 43, 8, 0, 16, len(entries))
    else:
        head = struct.pack("<2sHIH", b"II", 42, 8, len(entries))
    head += b"".join(struct.pack("<HHQQ" if big else "<HHII", *entry) for entry in entries)
    return head.ljust(400, b"\0") + body


@pytest.mark.parametrize(
    "make", [png_header, webp_header, bmp_header, gif_header, jpeg_header], ids=lambda f: f.__name__
)
@pytest.mark.parametrize("size", [(20_000, 20_000), (8_100, 8_000)])
def test_a_huge_header_is_refused_before_a_pixel_is_decoded(make, size, monkeypatch):
    data = make(*size)
    if make is jpeg_header:  # decoded row by row up to 256 megapixels, but not a progressive one
        data = data if size[0] > 16_000 else data.replace(b"\xff\xc0", b"\xff\xc2")

    def never(*_):
        raise AssertionError("a pixel buffer was made")

    monkeypatch.setattr(Image.core, "new", never)
    monkeypatch.setattr(Image.core, "fill", never)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert "too large" in sentence(data)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # KiB


def test_a_huge_tile_in_a_small_tiff_is_refused():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert "too large" in sentence(tiled_tiff(60_000))
    hidden_from_pillow = [(270, 2, 9999, 9999)]  # a description beyond the end of the file
    assert "too large" in sentence(tiled_tiff(60_000, *hidden_from_pillow))
    a_second_opinion = [
        (322, 4, 1, 16),
        (323, 4, 1, 16),
    ]  # libtiff takes the first, Pillow the last
    assert "too large" in sentence(tiled_tiff(60_000, *a_second_opinion))
    assert "damaged" in sentence(tiled_tiff(60_000, (322, 12, 1, 16)))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # KiB


@pytest.mark.parametrize("big", [False, True])
def test_an_ordinary_tiled_tiff_is_read(big):
    found = pixels(tiled_tiff(16, big=big))
    assert found[..., 0].tolist() == np.arange(256).reshape(16, 16).tolist()
    assert "too large" in sentence(tiled_tiff(60_000, big=big))


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("tags", [[273] * 60_000, range(1_000, 5_000)], ids=["one", "many"])
def test_a_tiff_whose_entries_share_the_whole_file_is_refused_at_once(tags, big):
    """Each would be copied, or unpacked, by itself: gigabytes and minutes of a file of 200 kB."""
    entries = [(tag, 3, 99_000, 8) for tag in tags]
    count = len(entries)
    if big:
        head = struct.pack("<2sHHHQQ", b"II", 43, 8, 0, 16, count)
    else:
        head = struct.pack("<2sHIH", b"II", 42, 8, count)
    data = head + b"".join(struct.pack("<HHQQ" if big else "<HHII", *one) for one in entries)
    data = data.ljust(200_000, b"\0")
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    assert "takes too long to read" in sentence(data)
    assert time.process_time() - started < 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # KiB
    assert tiff_headers.unsupported_kind(data) == ""
    assert not tiff_headers.is_raw_photo(data)
    assert time.process_time() - started < 1


@pytest.mark.parametrize("image_format", ["JPEG", "PNG"])
def test_exif_whose_entries_share_its_bytes_is_not_read(image_format):
    entries = [(tag, 7, 50_000, 8) for tag in range(1_000, 5_000)]
    exif = struct.pack("<2sHIH", b"II", 42, 8, len(entries))
    exif += b"".join(struct.pack("<HHII", *one) for one in entries)
    data = encode(photo(), image_format, exif=b"Exif\0\0" + exif.ljust(60_000, b"\0"))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if image_format == "JPEG":
        assert "takes too long to read" in sentence(data)
    else:
        assert read_image(data).size == photo().size
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # KiB


def test_a_very_long_and_thin_picture_is_refused():
    assert "too large" in sentence(png_header(1, 30_000_000))


def test_a_file_over_the_limit_of_bytes_is_refused_from_any_source(monkeypatch, tmp_path):
    monkeypatch.setattr(reading, "MAX_BYTES", 2**20)
    data = encode(photo(), "PNG") + bytes(2**20)
    path = tmp_path / "picture.png"
    path.write_bytes(data)
    for source in (data, path, io.BytesIO(data)):
        assert "over 1 MB" in sentence(source)


TRUNCATED = {
    "png": encode(photo(), "PNG"),
    "jpeg": encode(photo(), "JPEG"),
    "progressive jpeg": encode(photo(), "JPEG", progressive=True),
    "webp": encode(photo(), "WEBP"),
    "lossless webp": encode(photo(), "WEBP", lossless=True),
    "gif": encode(photo(), "GIF"),
    "bmp": encode(photo(), "BMP"),
    "tiff": encode(photo(), "TIFF"),
    "lzw tiff": encode(photo(), "TIFF", compression="tiff_lzw"),
}


@pytest.mark.parametrize("name", TRUNCATED)
def test_a_cut_off_file_is_never_half_a_picture(name):
    data = TRUNCATED[name]
    whole = pixels(data)
    for length in range(1, len(data), 3):
        try:
            found = pixels(data[:length])
        except ImageError as error:
            assert_one_sentence(str(error))
            continue
        assert (found == whole).all(), f"{length} of {len(data)} bytes"
    assert "damaged or cut off" in sentence(data[: len(data) // 2])


def test_a_cut_off_large_jpeg_that_is_decoded_small_is_an_error_too():
    data = encode(photo(600, 600).resize((4400, 4400)), "JPEG")
    assert "JPEG picture is damaged or cut off" in sentence(data[: len(data) * 2 // 3])


def zip_file() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("dog.txt", "woof")
    return buffer.getvalue()


SVG = b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"><circle r="9"/></svg>'
STRANGERS = {
    "text": (b"A dog drawn with a pencil.", "holds text"),
    "text in another script": ("画".encode() * 900, "holds text"),
    "svg": (SVG, "SVG drawing"),
    "zip": (zip_file(), "zip archive"),
    "pdf": (b"%PDF-1.7\n%\xe2\xe3", "PDF document"),
    "html": (b"<!DOCTYPE html><html></html>", "web page"),
    "heic": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC picture, which is not supported here"),
    "avif": (b"\0\0\0\x18ftypavif\0\0\0\0mif1avif", "AVIF picture"),
    "canon raw": (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom" + bytes(60), "a camera's raw photo"),
    "video": (b"\0\0\0\x18ftypisom\0\0\0\0isommp42", "video"),
    "sound": (b"RIFF\xff\xff\0\0WAVEfmt " + bytes(60), "a sound or a video"),
    "eps": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "text"),
    "empty": (b"", "empty"),
    "noise": (random.Random(1).randbytes(999), "not a picture"),
    "zeros": (bytes(999), "not a picture"),
    "icon": (encode(photo(), "ICO"), "not a picture"),
}


@pytest.mark.parametrize("name", STRANGERS)
def test_what_is_no_picture_is_named(name):
    data, expected = STRANGERS[name]
    assert expected in sentence(data)


def test_missing_files_folders_devices_and_odd_objects_are_sentences(tmp_path):
    assert "does not exist" in sentence(tmp_path / "no.png")
    assert "folder" in sentence(str(tmp_path))
    assert "ordinary file" in sentence("/dev/zero")
    for source in ("a\0b", "x" * 9999, None, 7, io.StringIO("text")):
        sentence(source)
    closed = io.BytesIO(b"")
    closed.close()
    sentence(closed)


def test_whatever_the_decoder_raises_is_a_sentence(monkeypatch):
    for error in (struct.error, SyntaxError, KeyError, OverflowError, RecursionError, MemoryError):

        def fail(*_, _error=error, **__):
            raise _error("inside")

        monkeypatch.setattr(Image, "open", fail)
        assert "inside" not in sentence(encode(photo(), "PNG"))


def test_no_warning_reaches_the_caller():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sentence(png_header(12_000, 12_000))  # Pillow itself warns from 89 megapixels on
        sentence(encode(photo(), "TIFF")[:-300])


def mutants(count: int) -> list[bytes]:
    """`count` broken, odd or misnamed files, the same in every run."""
    picture = photo(64, 48)
    palette = picture.quantize(32)
    frames = {"save_all": True, "append_images": [picture.rotate(90), picture.rotate(180)]}
    originals = [
        encode(picture, "JPEG"),
        encode(picture, "JPEG", progressive=True),
        encode(picture.convert("CMYK"), "JPEG"),
        encode(picture, "MPO", **frames),
        encode(picture, "PNG"),
        encode(palette, "PNG", transparency=3),
        encode(picture.convert("LA"), "PNG"),
        encode(picture, "PNG", **frames),
        encode(picture, "WEBP"),
        encode(picture.convert("RGBA"), "WEBP", lossless=True),
        encode(picture, "WEBP", **frames),
        encode(palette, "GIF"),
        encode(picture, "GIF", **frames),
        encode(picture, "BMP"),
        encode(palette, "BMP"),
        encode(picture, "TIFF"),
        encode(picture, "TIFF", compression="tiff_lzw"),
        encode(picture, "TIFF", compression="tiff_deflate"),
        encode(picture.convert("1"), "TIFF", compression="group4"),
        encode(Image.fromarray(np.asarray(picture.convert("F"))), "TIFF", compression="packbits"),
        *(encode(Image.new("RGB", (1, 1)), name) for name in ("PNG", "JPEG", "GIF", "WEBP", "BMP")),
        *(data for data, _ in STRANGERS.values()),
        *(make(20_000, 20_000) for make in (png_header, webp_header, bmp_header, gif_header)),
        jpeg_header(20_000, 20_000),
        tiled_tiff(60_000),
        tiled_tiff(16),
    ]
    rng = random.Random(2024)
    files = list(originals)
    while len(files) < count:
        data = bytearray(rng.choice(originals))
        kind = rng.randrange(6)
        place = rng.randrange(len(data) + 1)
        if kind == 0:
            del data[place:]
        elif kind == 1:
            for _ in range(rng.choice((1, 3, 30))):
                if data:
                    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        elif kind == 2:  # the header is where sizes and offsets stand
            for _ in range(rng.choice((1, 2, 4))):
                if data:
                    data[rng.randrange(min(len(data), 80))] = rng.choice((0, 1, 127, 128, 255))
        elif kind == 3:
            data[place : place + rng.randrange(1, 60)] = rng.randbytes(rng.randrange(60))
        elif kind == 4:
            del data[place : place + rng.randrange(1, 40)]
        else:
            data = data[:place] + rng.choice(originals)[place:]
        files.append(bytes(data))
    return files


def test_a_thousand_mutated_files_give_a_picture_or_a_sentence(tmp_path, capfd):
    names = ("dog.png", "dog.jpg", "dog.gif", "dog.webp", "dog.tiff", "dog.txt", "dog")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    pictures, sentences = 0, set()
    files = mutants(1000)
    for index, data in enumerate(files):
        path = tmp_path / names[index % len(names)]  # most with a wrong extension
        path.write_bytes(data)
        try:
            image = read_image(path)
        except ImageError as error:
            assert_one_sentence(str(error))
            sentences.add(str(error))
        else:
            assert image.mode == "RGB"
            assert 1 <= min(image.size) <= max(image.size) <= MAX_SIDE
            pictures += 1
    growth = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024  # MiB
    capfd.readouterr()  # libtiff writes its own remarks to the standard error
    assert growth < 1000
    assert len(files) == 1000
    assert 100 < pictures < 900
    assert len(sentences) > 10


def test_every_sample_is_listed_readable_and_small():
    entries = json.loads((SAMPLES / "index.json").read_text(encoding="utf-8"))
    assert sorted(entry["file"] for entry in entries) == sorted(
        p.name for p in SAMPLES.glob("*.png")
    )
    classes = [entry["class"] for entry in entries]
    pacs = {"dog", "elephant", "giraffe", "guitar", "horse", "house", "person"}
    office = {"backpack", "bike", "calculator", "headphones", "keyboard", "laptop", "monitor"}
    assert set(classes) == pacs | office | {"mouse", "mug", "projector"}
    assert min(classes.count(name) for name in pacs) >= 2
    for entry in entries:
        path = SAMPLES / entry["file"]
        assert read_image(path).size == (320, 320)
        assert path.stat().st_size < 60_000
        assert entry["title"] == f"{entry['class'].capitalize()}, {entry['style']}"
        assert len(entry["alt"]) > 15
        assert not entry["alt"].endswith(".")
