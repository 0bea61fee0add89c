"""The picture field: upload, paste, webcam. Files are read by `qtdog.images` alone."""

from pathlib import Path
from typing import Any

import gradio as gr
from gradio.data_classes import ImageData
from PIL import Image

from qtdog.images import ImageError, missing, read_image
from qtdog.ui.markup import Markup, html, refusal, warn
from qtdog.ui.no_stub import NoStubFile
from qtdog.ui.samples import Sample

# What no common browser can show: the field gets a copy that it can.
NOT_SHOWN_BY_BROWSERS = {".tif", ".tiff", ".heic", ".heif"}
UNUSABLE = "This picture cannot be used"
PARTIAL = "Something is missing"


class PictureField(gr.Image, metaclass=NoStubFile):
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


def asked_picture(sample: Sample, label: str, height: int, elem_id: str) -> PictureField:
    """The field with the picture that a tab asks the models about; at first it has `sample`."""
    return picture_field(
        value=str(sample.path),
        label=label,
        sources=["upload", "clipboard", "webcam"],
        height=height,
        buttons=[],
        elem_id=elem_id,
        alt_text=sample.alt,
    )


def with_sample(sample: Sample) -> dict[str, Any]:
    """The update that puts `sample` into such a field."""
    return gr.update(value=str(sample.path), alt_text=sample.alt)


def with_upload(path: str, image: Image.Image, alt_text: str) -> dict[str, Any]:
    """The update of such a field that has the upload at `path`, read as `image`: it keeps it, or
    gets a copy if browsers cannot show the file."""
    if browsers_show(path):
        return gr.update(alt_text=alt_text)
    return gr.update(alt_text=alt_text, value=image)


def read_or_say_why(path: str | None) -> Image.Image:
    """The picture at `path` as RGB; what is wrong with it becomes the page's or API's message,
    what it lacks a warning."""
    if path is None:
        raise refusal("Choose a picture first.", title="No picture")
    try:
        image = read_image(path, accept_partial=True)
    except ImageError as error:
        raise refusal(error, title=UNUSABLE) from None
    if lacks := missing(image):
        warn(lacks, title=PARTIAL)
    return image


def usable(path: str) -> Image.Image | Markup:
    """The picture at `path` as RGB, or, where an answer of before must not stay, the notice to put
    in its place: an upload may be gone while it is still shown."""
    try:
        return read_image(path, accept_partial=True)
    except ImageError as error:
        gone = "This picture is no longer on the server: choose it again, or another one."
        return html('<p class="notice" role="alert">{}</p>', error if Path(path).exists() else gone)


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
