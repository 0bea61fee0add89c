"""The picture field: upload, paste, webcam. Files are read by `qtdog.images` alone."""

from typing import Any

import gradio as gr
from PIL import Image

from qtdog.images import ImageError, read_image


def picture_field(**settings: Any) -> gr.Image:
    """An image field that hands its file over unopened, as a path.

    Gradio would decode the file before any handler runs, and answer a broken one with a generic
    error and a decompression bomb with all the memory there is.
    """
    field = gr.Image(type="filepath", **settings)
    field.preprocess = lambda payload: None if payload is None else payload.path
    return field


def read_for_page(path: str | None) -> Image.Image:
    """The picture at `path` as RGB; what is wrong with it becomes the page's message."""
    if path is None:
        raise gr.Error("Choose a picture first.", title="No picture", print_exception=False)
    try:
        return read_image(path)
    except ImageError as error:
        raise gr.Error(str(error), title="This picture", print_exception=False) from None
