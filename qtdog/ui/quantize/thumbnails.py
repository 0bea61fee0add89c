"""Small copies of the samples, for tables."""

import base64
import io

from qtdog.images import read_image
from qtdog.ui.samples import Sample

THUMBNAIL = 64  # pixels


def thumbnail(sample: Sample, pixels: int = THUMBNAIL) -> str:
    """A small copy of a sample as a data URI."""
    small = read_image(sample.path)
    small.thumbnail((pixels, pixels))
    content = io.BytesIO()
    small.save(content, "WEBP", quality=85)
    return "data:image/webp;base64," + base64.b64encode(content.getvalue()).decode()
