"""Take a picture away from its domain: ten shifts, each with a severity from 0 to 5.

Every shift is a function of an RGB image and a severity, gives an image of the same size, changes
nothing at 0, and moves the picture further the higher the severity. The same picture and severity
always give the same pixels. The strengths are choices of this project, made so that 1 is visible
and a person can still name the object at 5.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

MOST_SEVERE = 5
SEVERITIES = tuple(range(MOST_SEVERE + 1))
MAX_SIDE = 512  # px; the networks see less

_SEED = 0
_GRAINS = 192  # along the longer side: noise as coarse in a large picture as in a small one
_TILES = 8  # a side


@dataclass(frozen=True)
class Shift:
    """One way to leave a domain."""

    name: str
    """As in addresses and in the API."""
    title: str
    about: str
    """One sentence: what happens to the picture."""
    change: Callable[[Image.Image, float], Image.Image]
    """RGB image, strength above 0 and up to 1 -> RGB image of the same size."""

    def apply(self, image: Image.Image, severity: float) -> Image.Image:
        """`image` (RGB, any size) at a severity of 0 to 5, of the same size.

        Raises ValueError for a severity outside.
        """
        if not 0 <= severity <= MOST_SEVERE:
            raise ValueError(f"The severity is {severity}: choose one from 0 to {MOST_SEVERE}.")
        return self.change(image, severity / MOST_SEVERE) if severity else image

    def series(self, image: Image.Image) -> list[Image.Image]:
        """`image`, at most `MAX_SIDE` px a side, at each of the six severities."""
        small = shrink(image)
        return [self.apply(small, severity) for severity in SEVERITIES]


def shrink(image: Image.Image) -> Image.Image:
    """An RGB image at most `MAX_SIDE` px a side; smaller ones stay as they are."""
    if max(image.size) <= MAX_SIDE:
        return image
    return ImageOps.contain(image, (MAX_SIDE, MAX_SIDE), Image.Resampling.BICUBIC)


def pencil(image: Image.Image, strength: float) -> Image.Image:
    """Blend into a drawing: grey divided by its blurred self leaves lines on white paper."""
    grey = np.asarray(image.convert("L"), np.float32)
    around = _grey_blurred(image, _side(image) / 100)
    lines = np.clip(grey / np.maximum(around, 1), 0, 1) ** 3  # steeper: darker lines
    drawing = Image.fromarray((lines * 255).astype(np.uint8)).convert("RGB")
    return Image.blend(image, drawing, strength)


def cartoon(image: Image.Image, strength: float) -> Image.Image:
    """Blend into few flat, strong colours with dark outlines."""
    smooth = ImageEnhance.Color(image.filter(ImageFilter.BoxBlur(_side(image) / 170))).enhance(1.6)
    flat = smooth.quantize(10, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    fine, coarse = _grey_blurred(image, _side(image) / 250), _grey_blurred(image, _side(image) / 90)
    # Difference of Gaussians: dark where a pixel is darker than what surrounds it.
    outline = np.clip(1 + (fine - coarse) / 24, 0, 1)
    paper = np.asarray(flat.convert("RGB"), np.float32) * outline[..., None]
    return Image.blend(image, Image.fromarray(paper.astype(np.uint8)), strength)


def posterise(image: Image.Image, strength: float) -> Image.Image:
    """Keep 16 shades a channel, then fewer, and 2 in the end."""
    shades = round(16 * (2 / 16) ** strength)
    step = 255 / (shades - 1)
    return image.point([round(round(value / step) * step) for value in range(256)] * 3)


def greyscale(image: Image.Image, strength: float) -> Image.Image:
    """Take the colours out (ITU-R 601 luma)."""
    return Image.blend(image, image.convert("L").convert("RGB"), strength)


def blur(image: Image.Image, strength: float) -> Image.Image:
    """Gaussian blur, its deviation up to 3 % of the longer side."""
    return image.filter(ImageFilter.GaussianBlur(0.03 * strength * _side(image)))


def noise(image: Image.Image, strength: float) -> Image.Image:
    """Add Gaussian noise, the same at every severity, its deviation up to 100 of 255 shades."""
    width, height = (max(1, round(side * _GRAINS / _side(image))) for side in image.size)
    grain = grains()[: height * width * 3].reshape(height, width, 3)
    rows = np.arange(image.height) * height // image.height
    columns = np.arange(image.width) * width // image.width
    noisy = np.asarray(image, np.float32) + 100 * strength * grain[rows][:, columns]
    return Image.fromarray(noisy.clip(0, 255).round().astype(np.uint8))


def jpeg(image: Image.Image, strength: float) -> Image.Image:
    """Save as JPEG, at quality 60 and down to 4, and read it again."""
    file = io.BytesIO()
    image.save(file, "JPEG", quality=round(60 * (4 / 60) ** strength))
    return Image.open(file).convert("RGB")


def hue(image: Image.Image, strength: float) -> Image.Image:
    """Turn every colour along the colour wheel, up to the opposite one."""
    shade, saturation, value = image.convert("HSV").split()
    turned = shade.point([round(each + 128 * strength) % 256 for each in range(256)])
    return Image.merge("HSV", (turned, saturation, value)).convert("RGB")


def rotation(image: Image.Image, strength: float) -> Image.Image:
    """Turn counter-clockwise by up to a right angle; the corners get the border's usual colour."""
    pixels = np.asarray(image)
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    corner = tuple(int(value) for value in np.median(border, axis=0))
    return image.rotate(90 * strength, Image.Resampling.BICUBIC, fillcolor=corner)


def occlusion(image: Image.Image, strength: float) -> Image.Image:
    """Hide up to three quarters of the picture behind grey tiles, each picture the same ones."""
    hidden = np.zeros(_TILES**2, bool)
    hidden[tiles()[: round(0.75 * strength * len(hidden))]] = True
    mask = Image.fromarray(hidden.reshape(_TILES, _TILES)).resize(image.size, 0)
    return Image.composite(Image.new("RGB", image.size, (128, 128, 128)), image, mask)


def grains() -> np.ndarray:
    """The noise's numbers, one after the other, as many as the largest picture needs: float32."""
    return np.random.default_rng(_SEED).standard_normal(_GRAINS * _GRAINS * 3, np.float32)


def tiles() -> np.ndarray:
    """The places of the tiles of occlusion, row by row, in the order in which they are hidden."""
    return np.random.default_rng(_SEED).permutation(_TILES**2)


def _grey_blurred(image: Image.Image, radius: float) -> np.ndarray:
    """(height, width) float32: the image's shades of grey under a Gaussian of that deviation."""
    return np.asarray(image.convert("L").filter(ImageFilter.GaussianBlur(radius)), np.float32)


def _side(image: Image.Image) -> int:
    return max(image.size)


SHIFTS = {
    shift.name: shift
    for shift in (
        Shift("pencil", "Pencil", "The picture becomes a pencil drawing of its edges.", pencil),
        Shift("cartoon", "Cartoon", "The picture becomes flat areas of colour, outlined.", cartoon),
        Shift("posterise", "Posterise", "Fewer and fewer shades: 16, and 2 at 5.", posterise),
        Shift("greyscale", "Greyscale", "The colours fade to grey.", greyscale),
        Shift("blur", "Blur", "The picture goes out of focus.", blur),
        Shift("noise", "Noise", "Coloured grain covers the picture.", noise),
        Shift("jpeg", "JPEG", "The picture is saved as a JPEG of ever lower quality.", jpeg),
        Shift("hue", "Hue", "Every colour turns towards the opposite one.", hue),
        Shift("rotation", "Rotation", "The picture turns, by a right angle at 5.", rotation),
        Shift(
            "occlusion",
            "Occlusion",
            "Grey tiles hide three quarters of the picture at 5.",
            occlusion,
        ),
    )
}
