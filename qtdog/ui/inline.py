"""Pictures and tables inside the page itself, as data: no file that somebody else could ask for."""

import base64
import io

from PIL import Image

from qtdog.csv_file import csv_bytes
from qtdog.ui.markup import Markup, html


def data_uri(image: Image.Image, kind: str, **options: int) -> str:
    """`image` encoded as `kind` ("webp" or "png") with Pillow's `options` of that kind."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return encoded(file.getvalue(), kind)


def encoded(content: bytes, kind: str) -> str:
    """An image file of that kind as an address."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def csv_link(text: str, name: str) -> Markup:
    """A link that saves `text` as the file `name`."""
    content = base64.b64encode(csv_bytes(text)).decode()
    return html(
        '<a class="save" download="{}" href="data:text/csv;charset=utf-8;base64,'
        '{}">Save the numbers (CSV)</a>',
        name,
        content,
    )
