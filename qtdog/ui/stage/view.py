"""The projector view's script, which is started with the page."""

from pathlib import Path

import gradio as gr

from qtdog.ui.events import PRIVATE

SCRIPT = Path(__file__).with_name("stage.js").read_text(encoding="utf-8")


def add_stage(page: gr.Blocks) -> None:
    """Let `?view=stage` show one figure at a time. Nothing of it reaches the server."""
    page.load(None, None, None, js=SCRIPT, **PRIVATE)
