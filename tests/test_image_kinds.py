"""Pictures that browsers show and decoders refuse, and kinds that are read rightly or named."""

import base64
import io
import resource
import struct
import threading
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin, features

from qtdog import images
from qtdog.images import ImageError, missing, read_image

CASES = Path(__file__).parents[2] / "shared" / "cases"
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF><rdf:Description '
    b'xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>'
)
needs_avif = pytest.mark.skipif(not features.check("avif"), reason="this Pillow reads no AVIF")


def photo(width: int = 160, height: int = 120) -> Image.Image:
    """Smooth colours and noise, never the same left and right or up and down."""
    y, x = np.mgrid[:height, :width]
    noise = np.random.default_rng(0).integers(0, 40, (height, width))
    rgb = np.stack([x * 200 // width + noise, y * 200 // height, (x + y) % 200], axis=2)
    return Image.fromarray(rgb.astype(np.uint8))


def encode(image: Image.Image, image_format: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


def sentence(data: bytes, **options) -> str:
    with pytest.raises(ImageError) as error:
        read_image(data, **options)
    text = str(error.value)
    assert text.endswith(".")
    assert ". " not in text
    return text


def chunk(kind: bytes, body: bytes, checksum: int | None = None) -> bytes:
    checksum = zlib.crc32(kind + body) if checksum is None else checksum
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", checksum)


def with_chunk(png: bytes, new: bytes) -> bytes:
    """The PNG with a further chunk after its header."""
    return png[:33] + new + png[33:]


# PNG ---------------------------------------------------------------------------------------------

LARGE = zlib.compress(bytes(3 * 2**20))  # over Pillow's limit of 1 MiB a chunk
ODD_CHUNKS = {
    "a large compressed iTXt": chunk(b"iTXt", b"workflow\0\1\0\0\0" + LARGE),
    "a large zTXt": chunk(b"zTXt", b"workflow\0\0" + LARGE),
    "a large profile": chunk(b"iCCP", b"profile\0\0" + LARGE),
    "more text than memory is meant for": b"".join(
        chunk(b"zTXt", b"part%d\0\0" % part + zlib.compress(bytes(2**20 - 9))) for part in range(66)
    ),
    "a wrong checksum of a text": chunk(b"tEXt", b"Title\0dog", checksum=7),
    "a wrong checksum of a time": chunk(b"tIME", bytes(7), checksum=7),
    "a short chunk": chunk(b"pHYs", b"\0"),
    "an unknown compression of a text": chunk(b"zTXt", b"Title\0\7dog"),
}


@pytest.mark.parametrize("name", ODD_CHUNKS)
def test_what_stands_beside_a_png_picture_does_not_matter(name):
    data = with_chunk(encode(photo(), "PNG"), ODD_CHUNKS[name])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    image = read_image(data)
    assert (np.asarray(image) == np.asarray(photo())).all()
    assert missing(image) == ""
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 30_000  # KiB


def test_a_damaged_chunk_that_the_picture_depends_on_is_left_out_and_told():
    palette = photo().quantize(8)
    data = encode(palette, "PNG", transparency=0)
    place = data.index(b"tRNS")
    broken = bytearray(data)
    broken[place + 4 + struct.unpack_from(">I", data, place - 4)[0]] ^= 255
    image = read_image(bytes(broken))
    assert (np.asarray(image) == np.asarray(palette.convert("RGB"))).all()
    assert missing(image) == (
        "Damaged in this PNG file, and left out: which parts are transparent."
    )
    assert missing(read_image(data)) == ""


def test_a_damaged_critical_chunk_of_a_png_is_damage():
    data = bytearray(encode(photo().quantize(8), "PNG"))
    data[data.index(b"PLTE") + 5] ^= 255
    assert "damaged or cut off" in sentence(bytes(data))


def test_a_bomb_of_pixels_behind_a_large_text_is_too_large_not_damaged():
    header = struct.pack(">IIBBBBB", 40_000, 40_000, 8, 2, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b""))
    assert "too large" in sentence(with_chunk(png, ODD_CHUNKS["a large zTXt"]))


# JPEG --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(160, 120), (161, 123), (8, 8)])
@pytest.mark.parametrize("lost", [1, 2])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_jpeg_without_its_last_marker_is_whole(mode, lost, size):
    data = encode(photo(*size).convert(mode), "JPEG")
    image = read_image(data[:-lost])
    assert (np.asarray(image) == np.asarray(read_image(data))).all()
    assert missing(image) == "This JPEG file lacks its last marker; the picture itself is whole."


@pytest.mark.parametrize("bottom", ["noise", "black", "grey"])
def test_the_part_of_a_cut_off_jpeg_that_is_there_is_given_and_told(bottom):
    whole = photo(160, 160)
    if bottom != "noise":
        whole.paste({"black": (0, 0, 0), "grey": (128, 128, 128)}[bottom], (0, 150, 160, 160))
    data = encode(whole, "JPEG", quality=95)
    cut = data[: len(data) * 3 // 4]
    image = read_image(cut, accept_partial=True)
    assert image.width == 160
    assert 100 <= image.height <= 128
    expected = np.asarray(read_image(data))[: image.height]
    same = (np.asarray(image) == expected).all(axis=(1, 2))
    assert same[:-2].all()  # the last rows share colours with those that are missing
    share = round(100 * (1 - image.height / 160))
    assert missing(image).startswith(f"{share} % of this JPEG picture is missing")
    assert "damaged or cut off" in sentence(cut)  # for training, only whole pictures
    assert "More than half" in sentence(data[: len(data) // 3], accept_partial=True)


def test_a_cut_off_jpeg_that_lies_on_its_side_keeps_its_upper_rows():
    exif = Image.Exif()
    exif[274] = 6
    data = encode(photo(160, 160), "JPEG", exif=exif)
    image = read_image(data[: len(data) * 3 // 4], accept_partial=True)
    whole = read_image(data)
    assert image.height == 160
    left = whole.width - image.width
    assert (np.asarray(image)[:, 3:] == np.asarray(whole)[:, left + 3 :]).all()


def test_a_cut_off_progressive_jpeg_is_coarser():
    data = encode(photo(), "JPEG", progressive=True, quality=95)
    whole = np.asarray(read_image(data)).astype(int)
    image = read_image(data[: len(data) * 3 // 4], accept_partial=True)
    assert image.size == (160, 120)
    assert np.abs(np.asarray(image) - whole).mean() < 12
    assert missing(image) == "This JPEG file is cut off: the picture is coarser than it was."
    assert "damaged or cut off" in sentence(data[: len(data) * 3 // 4])
    last_scan = data.rindex(b"\xff\xda")
    assert "damaged or cut off" in sentence(data[:last_scan])  # between two scans
    assert missing(read_image(data[:-2])).endswith("the picture itself is whole.")
    first_scan = data.index(b"\xff\xda")
    assert sentence(data[: first_scan + 60], accept_partial=True)  # a few blocks of the first scan


def jpeg_of_scans(count: int, size: tuple[int, int] = (64, 64)) -> bytes:
    """A progressive JPEG whose last scan comes `count` times; it begins at its own marker."""
    data = encode(photo().resize(size), "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    return data[:last] + (data[last:-2]) * count + data[-2:]


def test_a_jpeg_of_many_scans_is_refused_before_it_is_decoded():
    """A hundred bytes a scan, and each goes through the whole picture, while others wait."""
    refused = "takes too long to read: save it again, as an ordinary JPEG or PNG"
    assert read_image(jpeg_of_scans(50)).size == (64, 64)
    assert refused in sentence(jpeg_of_scans(200))
    whole = encode(photo(), "JPEG")
    segments = b"\xff\xfe\x00\x02" * 20_000
    assert refused in sentence(whole[:2] + segments + whole[2:])
    assert refused in sentence(whole[:20] + bytes(1 << 17) + whole[20:])
    assert refused in sentence(b"\xff\xd8\xff" + bytes(1 << 22))
    comment = b"\xff\xfe\xff\xff" + bytes(65_533)
    assert read_image(whole[:2] + comment * 9 + whole[2:]).size == (160, 120)


def with_empty_chunks(count: int) -> bytes:
    """A PNG whose pixels end with so many chunks that hold none of them."""
    data = encode(photo(16, 12), "PNG")
    end = data.rindex(b"IEND") - 4
    empty = struct.pack(">I", 0) + b"IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))
    return data[:end] + empty * count + data[end:]


def with_comment_of(blocks: int) -> bytes:
    """A GIF that begins with a comment of so many blocks of one letter."""
    data = encode(photo(16, 12), "GIF")
    begin = 13 + (3 << (data[10] & 7) + 1)
    return data[:begin] + b"\x21\xfe" + b"\x01a" * blocks + b"\0" + data[begin:]


def test_a_file_of_very_many_blocks_is_refused_before_it_is_decoded():
    assert np.array_equal(read_image(with_empty_chunks(1000)), photo(16, 12))
    assert read_image(with_comment_of(1000)).size == (16, 12)
    refused = "written in a way that takes too long"
    assert refused in sentence(with_empty_chunks(150_000))
    assert refused in sentence(with_comment_of(10_000))
    plain = encode(photo(16, 12), "GIF")
    begin = 13 + (3 << (plain[10] & 7) + 1)
    assert read_image(plain[:begin] + b"\0" * 1000 + plain[begin:]).size == (16, 12)
    assert refused in sentence(plain[:begin] + b"\0" * 10_000 + plain[begin:])


@pytest.mark.parametrize("size", [(15_000, 9_000), (40_000, 2_500)])
def test_a_jpeg_of_more_than_a_hundred_megapixels_is_shrunk_while_it_is_decoded(size):
    upper, lower = (200, 30, 40), (20, 60, 220)
    image = Image.new("RGB", size, upper)
    image.paste(lower, (0, size[1] // 2, *size))
    data = encode(image, "JPEG")
    del image
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = read_image(data)
    assert max(found.size) == images.MAX_SIDE
    assert found.width / found.height == pytest.approx(size[0] / size[1], rel=0.01)
    for place, colour in ((0.2, upper), (0.8, lower)):
        pixel = found.getpixel((found.width // 3, int(found.height * place)))
        assert np.abs(np.subtract(pixel, colour)).max() <= 4
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 150_000  # KiB


def test_pillows_settings_for_the_whole_process_stay_as_they_are():
    from PIL import ImageFile

    def settings():
        return (
            ImageFile.LOAD_TRUNCATED_IMAGES,
            Image.MAX_IMAGE_PIXELS,
            PngImagePlugin.MAX_TEXT_CHUNK,
            PngImagePlugin.MAX_TEXT_MEMORY,
        )

    before, seen, done = settings(), set(), threading.Event()

    def watch():
        while not done.is_set():
            seen.add(settings())

    watcher = threading.Thread(target=watch)
    watcher.start()
    png = with_chunk(encode(photo(), "PNG"), ODD_CHUNKS["a large zTXt"])
    jpeg = encode(photo(), "JPEG")
    for _ in range(20):
        read_image(png)
        read_image(jpeg[: len(jpeg) * 3 // 4], accept_partial=True)
    done.set()
    watcher.join()
    assert seen == {before}


# Which side is up, and AVIF ----------------------------------------------------------------------


def oriented(image_format: str, xmp: bool) -> bytes:
    """Stored lying on its side; with the orientation in XMP alone or in EXIF."""
    exif = Image.Exif()
    exif[274] = 6
    options = {"xmp": XMP} if xmp else {"exif": exif.tobytes()}
    if xmp and image_format == "PNG":
        info = PngImagePlugin.PngInfo()
        info.add_itxt("XML:com.adobe.xmp", XMP.decode())
        options = {"pnginfo": info}
    return encode(photo(), image_format, **options)


FORMATS = ["JPEG", "PNG", pytest.param("AVIF", marks=needs_avif)]


@pytest.mark.parametrize("image_format", [*FORMATS, "WEBP"])
def test_orientation_in_xmp_alone_does_not_count_as_in_a_browser(image_format):
    assert read_image(oriented(image_format, xmp=True)).size == (160, 120)
    assert read_image(oriented(image_format, xmp=False)).size == (120, 160)


def test_orientation_in_xmp_beside_exif_without_one_does_not_count_either():
    exif = Image.Exif()
    exif[271] = "a camera"
    assert read_image(encode(photo(), "JPEG", xmp=XMP, exif=exif)).size == (160, 120)
    tiff = encode(photo(), "TIFF", tiffinfo={700: XMP})
    assert read_image(tiff).size == (160, 120)


@needs_avif
def test_avif_is_read_and_called_so():
    data = encode(photo(), "AVIF", quality=95)
    error = np.abs(np.asarray(read_image(data)).astype(int) - np.asarray(photo()))
    assert error.mean() < 8
    assert "This AVIF picture is damaged or cut off" in sentence(data[: len(data) // 2])
    general = data.replace(b"ftypavif", b"ftypmif1", 1)
    assert "This AVIF picture is damaged" in sentence(general[: len(data) // 2])
    huge = data.replace(struct.pack(">II", 160, 120), struct.pack(">II", 16_000, 16_000))
    assert "too large" in sentence(huge)


def test_avif_where_pillow_reads_none_is_named(monkeypatch):
    data = b"\0\0\0\x18ftypavif\0\0\0\0mif1avif" + bytes(40)
    monkeypatch.delitem(Image.OPEN, "AVIF", raising=False)
    assert sentence(data).startswith("This is an AVIF picture, which is not supported here")


# Raw photos and TIFF -----------------------------------------------------------------------------


def tiff(values: np.ndarray, photometric: int = 1, number: int = 1, **options) -> bytes:
    """(height, width[, bands]) as a TIFF of one strip, built by hand.

    number: 1 unsigned, 2 signed, 3 floating point. options: extra (kinds of further bands), order,
    deflate, more (further tags of one number).
    """
    order, extra = options.get("order", "<"), options.get("extra", ())
    height, width = values.shape[:2]
    bands = 1 if values.ndim == 2 else values.shape[2]
    body = values.astype(values.dtype.newbyteorder(order)).tobytes()
    body = zlib.compress(body) if options.get("deflate") else body
    tags = {256: [width], 257: [height], 258: [values.itemsize * 8] * bands, 262: [photometric]}
    tags |= {259: [8 if options.get("deflate") else 1], 273: [0], 277: [bands], 278: [height]}
    tags |= {279: [len(body)], 284: [1], 339: [number] * bands, **options.get("more", {})}
    if extra:
        tags[338] = list(extra)
    start, far, entries = 8 + 2 + 12 * len(tags) + 4, b"", b""
    where = start + sum(2 * len(v) for t, v in tags.items() if t != 279 and len(v) > 2)
    tags[273] = [where]
    for tag, numbers in sorted(tags.items()):
        kind, letter = (4, "I") if tag in (273, 279) else (3, "H")
        content = struct.pack(f"{order}{len(numbers)}{letter}", *numbers)
        if len(content) > 4:
            content, far = struct.pack(order + "I", start + len(far)), far + content
        entries += struct.pack(order + "HHI", tag, kind, len(numbers)) + content.ljust(4, b"\0")
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "HIH", 42, 8, len(tags))
    assert start + len(far) == where
    return head + entries + bytes(4) + far + body


RAMP = np.linspace(0, 1, 12).reshape(3, 4)
COLOURS = np.stack([RAMP, RAMP[::-1], 1 - RAMP], axis=2)
FIVE = np.dstack([COLOURS, RAMP, RAMP])


@pytest.mark.parametrize("deflate", [False, True])
def test_kinds_of_tiff_that_are_read_have_the_right_pixels(deflate):
    def shades(data: bytes) -> np.ndarray:
        return np.asarray(read_image(data)).astype(int)

    grey = np.rint(RAMP * 255)[..., None]
    for kind, number in (("u4", 1), ("u2", 1), ("f4", 3)):
        top = 1 if number == 3 else np.iinfo(kind).max
        for photometric in (0, 1):
            if kind == "u4" and not photometric:
                continue
            values = (RAMP * top).astype(kind)
            found = shades(tiff(values, photometric, number, deflate=deflate))
            expected = grey if photometric else 255 - grey
            assert np.abs(found - expected).max() <= 1, (kind, photometric)
    five = (FIVE * 255).astype("u1")
    found = shades(tiff(five, 2, extra=(0, 0), deflate=deflate))
    assert (found == five[..., :3]).all()
    wide = tiff((COLOURS * 65535).astype("u2"), 2, order=">", deflate=deflate)
    assert np.abs(shades(wide) - COLOURS * 255).max() <= 1


UNSUPPORTED = {
    "1 band of 64-bit floating-point numbers": tiff(RAMP.astype("f8"), number=3),
    "1 band of 16-bit floating-point numbers": tiff(RAMP.astype("f2"), number=3),
    "3 bands of 32-bit floating-point numbers": tiff(COLOURS.astype("f4"), 2, 3),
    "5 bands of 8-bit whole numbers": tiff((FIVE * 255).astype("u1"), 1, extra=(0,) * 4),
    "5 bands of 16-bit whole numbers": tiff((FIVE * 65535).astype("u2"), 2, extra=(0, 0)),
    "1 band of 32-bit whole numbers": tiff((RAMP * 4e9).astype("u4"), order=">"),
    "1 band of 8-bit signed whole numbers": tiff((RAMP * 99 - 50).astype("i1"), number=2),
    "3 bands of 8-bit whole numbers": tiff((COLOURS * 255).astype("u1"), 6),
}


@pytest.mark.parametrize("kind", UNSUPPORTED)
def test_kinds_of_tiff_that_are_not_read_are_named(kind):
    said = sentence(UNSUPPORTED[kind])
    assert f"({kind}) is of a kind that is not supported here" in said
    assert "damaged" not in said
    assert "damaged or cut off" in sentence(UNSUPPORTED[kind][:-20])


def test_a_tiff_whose_first_page_is_its_thumbnail_shows_the_picture():
    thumbnail, picture = photo().resize((16, 12)), photo()
    pages = {"save_all": True, "append_images": [picture], "tiffinfo": {254: 1}}
    found = read_image(encode(thumbnail, "TIFF", **pages))
    assert (np.asarray(found) == np.asarray(picture)).all()
    pages["tiffinfo"] = {254: 0}  # two pages that are both pictures: the first
    found = read_image(encode(thumbnail, "TIFF", **pages))
    assert (np.asarray(found) == np.asarray(thumbnail)).all()


def test_the_pages_that_are_looked_through_are_few_and_checked():
    pages = [Image.new("1", (9, 9))] * 40
    long = encode(pages[0], "TIFF", save_all=True, append_images=pages[1:], tiffinfo={254: 1})
    assert read_image(long).size == (9, 9)
    huge = Image.new("1", (9_000, 9_000))
    data = encode(
        pages[0], "TIFF", save_all=True, append_images=[huge], tiffinfo={254: 1},
        compression="group4",
    )  # fmt: skip
    assert "too large" in sentence(data)


RAW = {
    "cr3": b"\0\0\0\x18ftypcrx \0\0\0\1crx isom" + bytes(60),
    "cr2": b"II*\0\x10\0\0\0CR\2\0" + bytes(400),
    "dng": tiff((RAMP * 255).astype("u1"), more={50706: [1], 254: [1]}),
    "nef": tiff((RAMP * 255).astype("u1"), more={330: [8], 254: [1]}),
    "raf": b"FUJIFILMCCD-RAW 0201" + bytes(400),
    "orf": b"IIRO\x08\0\0\0" + bytes(400),
    "rw2": b"IIU\0\x08\0\0\0" + bytes(400),
}


@pytest.mark.parametrize("name", RAW)
def test_a_raw_photo_is_called_that(name):
    assert "a camera's raw photo" in sentence(RAW[name])


# The shared cases, and another decoder -----------------------------------------------------------

needs_cases = pytest.mark.skipif(not CASES.is_dir(), reason="needs ../shared/cases")


@needs_cases
@pytest.mark.parametrize(
    ("name", "lacks"),
    [
        ("png_big_itxt.png", ""),
        ("png_badcrc_text.png", ""),
        ("jpg_noeoi.jpg", "last marker"),
        pytest.param("x.avif", "", marks=needs_avif),
        ("tif_thumb_first.tif", ""),
    ],
)
def test_the_shared_cases_are_read(name, lacks):
    image = read_image(CASES / name)
    assert image.size == (300, 300)
    assert lacks in missing(image)
    assert bool(lacks) == bool(missing(image))


IN_BROWSER = """async (address) => {
    const image = new Image();
    image.src = address;
    await image.decode();
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
    const context = canvas.getContext("2d", {willReadFrequently: true});
    context.drawImage(image, 0, 0);
    const data = context.getImageData(0, 0, canvas.width, canvas.height).data;
    return [canvas.width, canvas.height, Array.from(data)];
}"""


@pytest.mark.slow
def test_a_browser_shows_the_same_pixels(browser):
    files = {
        f"{image_format} {xmp}": oriented(image_format, xmp)
        for image_format in ["JPEG", "PNG", *(["AVIF"] if features.check("avif") else [])]
        for xmp in (True, False)
    }
    files |= {
        name: with_chunk(encode(photo(), "PNG"), odd)
        for name, odd in ODD_CHUNKS.items()
        if "more text" not in name
    }
    jpeg = encode(photo(), "JPEG", subsampling=0)
    files |= {"no last marker": jpeg[:-2]}
    if CASES.is_dir():
        files |= {path.name: path.read_bytes() for path in CASES.glob("*.png")}
    page = browser.new_page()
    for name, data in files.items():
        kind = "jpeg" if data[:2] == b"\xff\xd8" else "avif" if data[4:8] == b"ftyp" else "png"
        address = f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
        width, height, values = page.evaluate(IN_BROWSER, address)
        ours = read_image(data)
        assert ours.size == (width, height), name
        shown = np.array(values).reshape(height, width, 4)
        rows = slice(0, -16 if name == "no last marker" else None)  # Chromium shows it greyed there
        error = np.abs(np.asarray(ours).astype(int) - shown[..., :3])[rows]
        assert error.mean() < 2, name
    page.close()


def test_pixels_that_were_changed_on_their_way_are_told_or_refused():
    """Pillow does not look at this checksum."""
    head = struct.pack(">IIBBBBB", 8, 4, 8, 0, 0, 0, 0)
    rows = zlib.compress(b"".join(b"\0" + bytes([9, 99, 199, 9] * 2) for _ in range(4)))

    def png(checksum: int | None) -> bytes:
        parts = (chunk(b"IHDR", head), chunk(b"IDAT", rows, checksum), chunk(b"IEND", b""))
        return b"\x89PNG\r\n\x1a\n" + b"".join(parts)

    sound = read_image(png(None), accept_partial=True)
    assert (sound.getpixel((1, 0)), missing(sound)) == ((99, 99, 99), "")
    read_image(png(None))
    changed = read_image(png(7), accept_partial=True)
    assert missing(changed) == "The pixels of this PNG file are damaged: some of them may be wrong."
    with pytest.raises(ImageError, match="PNG picture is damaged"):
        read_image(png(7))
