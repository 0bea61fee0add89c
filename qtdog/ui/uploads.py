"""Which files a visitor may name: those that were uploaded to this page, and no other."""

import os
from typing import Any

from gradio.components import Component
from gradio.data_classes import FileData, ImageData, ListFiles
from gradio.utils import get_upload_folder

from qtdog.ui.markup import refusal

# One sentence for all: it must not tell what is there.
NOT_UPLOADED = (
    "This file was not uploaded to this page, or is no longer there: upload it and try again."
)
_SAYS_IT_IS_A_FILE = {"path", "url", "meta"}


def takes_files(component: Component) -> bool:
    """Whether an event's input is a file or a list of files."""
    return getattr(component, "data_model", None) in (FileData, ImageData, ListFiles)


def only_uploads(component: Component, value: Any, may_be_gone: bool = False) -> Any:
    """What came for `component`, each file's record in it reduced to the path of an upload.

    Raises a refusal for anything but a regular file where Gradio puts this page's uploads (and its
    copies of our samples); nothing elsewhere is even looked at. With `may_be_gone`, an upload that
    was deleted meanwhile passes.
    """
    if not takes_files(component):
        return _within(value, may_be_gone)
    if value is None:
        return None
    if component.data_model is not ListFiles:
        return _upload(value, may_be_gone)
    records = value if isinstance(value, list) else [None]
    return [_upload(one, may_be_gone) for one in records]


def _within(value: Any, may_be_gone: bool) -> Any:
    """The same for records that lie somewhere in another value."""
    if isinstance(value, list):
        return [_within(one, may_be_gone) for one in value]
    if not isinstance(value, dict):
        return value
    if value.keys() & _SAYS_IT_IS_A_FILE:
        return _upload(value, may_be_gone)
    return {key: _within(one, may_be_gone) for key, one in value.items()}


def _upload(record: Any, may_be_gone: bool) -> dict[str, Any]:
    path = record.get("path") if isinstance(record, dict) else None
    try:
        allowed = isinstance(path, str) and _is_upload(path, may_be_gone)
    except ValueError:  # a NUL, or what is no text
        allowed = False
    if not isinstance(path, str) or not allowed:
        raise refusal(NOT_UPLOADED, title="No such upload")
    name = record.get("orig_name")
    return {
        "path": os.path.abspath(path),
        "orig_name": name if isinstance(name, str) else None,
        "meta": {"_type": "gradio.FileData"},
    }


def _is_upload(path: str, may_be_gone: bool) -> bool:
    folder = os.path.abspath(get_upload_folder())
    # First by the text alone: the disk is not asked about anything elsewhere.
    if not os.path.isabs(path) or not os.path.abspath(path).startswith(folder + os.sep):
        return False
    path = os.path.abspath(path)
    inside = os.path.relpath(path, folder)
    if os.path.realpath(path) != os.path.join(os.path.realpath(folder), inside):
        return False  # there is a link
    return os.path.isfile(path) or (may_be_gone and not os.path.lexists(path))
