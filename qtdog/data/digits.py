"""`rotated_digits`: a benchmark that needs no download. Domains are rotation angles."""

import hashlib
from typing import cast

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.utils import Bunch

from qtdog.data.domains import Domain, DomainDataset

NAME = "rotated_digits"
ANGLES = (0, 15, 30, 45, 60, 75)
DOMAINS = tuple(f"{angle}-degrees" for angle in ANGLES)


def rotated_digits(image_size: int) -> DomainDataset:
    """scikit-learn's 1,797 handwritten digits, each in one of six domains.

    Digit i belongs to domain i mod 6 and is turned by that domain's angle, counter-clockwise.
    """
    digits = cast(Bunch, load_digits())  # a tuple, by its types, is what it can also return
    pixels = (digits.images * (255 / 16)).round().astype(np.uint8)  # (1797, 8, 8)
    domains = []
    for place, angle in enumerate(ANGLES):
        rows = np.arange(place, len(pixels), len(ANGLES))
        images = np.stack([_turned(pixels[row], angle, image_size) for row in rows])
        labels = digits.target[rows].astype(np.int64)
        names = tuple(f"{digits.target[row]}/{row:04d}" for row in rows)
        content = hashlib.blake2b(pixels[rows], digest_size=16, key=str(angle).encode())
        domains.append(Domain(f"{angle}-degrees", images, labels, names, content.hexdigest()))
    return DomainDataset(NAME, tuple(str(digit) for digit in range(10)), tuple(domains))


def _turned(pixels: np.ndarray, angle: int, size: int) -> np.ndarray:
    image = Image.fromarray(pixels).resize((size, size), Image.Resampling.BILINEAR)
    turned = image.rotate(angle, Image.Resampling.BILINEAR)
    return np.repeat(np.asarray(turned)[:, :, None], 3, axis=2)
