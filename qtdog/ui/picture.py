"""The picture field: upload, paste, webcam. Files are read by `qtdog.images` alone."""

from abc import ABCMeta
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.data_classes import ImageData
from PIL import Image

from qtdog.images import ImageError, read_image

# What no common browser can show: the field gets a copy that it can.
NOT_SHOWN_BY_BROWSERS = {".tif", ".tiff", ".heic", ".heif"}
UNUSABLE = "This picture cannot be used"


class _NoStubFile(type(gr.Image)):
    """Gradio's metaclass would write a picture.pyi beside this file at every import."""

    def __new__(cls, name: str, bases: tuple[type, ...], attributes: dict[str, Any]) -> type:
        return ABCMeta.__new__(cls, name, bases, attributes)


class PictureField(gr.Image, metaclass=_NoStubFile):
    """An image field that hands its file over unopened, as a path.

    Gradio would decode the file before any handler runs, and answer a broken one with a generic
    error and a decompression bomb with all the memory there is. A class rather than a changed
    instance: every `gr.update` or `gr.skip` to a field builds it anew from its class.
    """

    is_template = True  # to the browser it is an ordinary image field

    def preprocess(self, payload: ImageData | None) -> str | None:
        """The path of the uploaded file."""
        return None if payload is None else payload.path


def picture_field(**settings: Any) -> PictureField:
    """A PictureField; what the page itself puts in it, browsers get as PNG."""
    return PictureField(type="filepath", format="png", elem_classes="picture-field", **settings)


def read_or_say_why(path: str | None) -> Image.Image:
    """The picture at `path` as RGB; what is wrong with it becomes the page's or API's message."""
    if path is None:
        raise gr.Error("Choose a picture first.", title="No picture", print_exception=False)
    try:
        return read_image(path)
    except ImageError as error:
        raise gr.Error(str(error), title=UNUSABLE, print_exception=False) from None


def browsers_show(path: str) -> bool:
    """Whether the field can show the file at `path` as it is; decided by its name."""
    return Path(path).suffix.lower() not in NOT_SHOWN_BY_BROWSERS


def cleared_is_empty(element: str) -> str:
    """JavaScript for an input event whose first value is the field with that id. A field that is
    cleared may still send the picture that it had: what it shows counts."""
    return f"""async (picture, ...rest) => {{
        await new Promise((shown) => setTimeout(shown));
        return [document.querySelector("#{element} img") ? picture : null, ...rest];
    }}"""
