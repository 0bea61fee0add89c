"""Gradio's fields as base classes, without the file that Gradio would write for each."""

from abc import ABCMeta
from typing import Any

import gradio as gr


class NoStubFile(type(gr.Image)):
    """Gradio's metaclass would write a .pyi file beside the class's own at every import."""

    def __new__(cls, name: str, bases: tuple[type, ...], attributes: dict[str, Any]) -> type:
        return ABCMeta.__new__(cls, name, bases, attributes)
