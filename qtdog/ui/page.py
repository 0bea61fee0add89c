"""The page: its tabs, put together."""

import gradio as gr

from qtdog.explorer import Explorer
from qtdog.ui.classify import classify_tab

QUEUE_LENGTH = 64
DELETE_UPLOADS_AFTER_SECONDS = 3600


def build(explorer: Explorer) -> gr.Blocks:
    """The page for the models that `explorer` finds, ready to launch."""
    uploads = (DELETE_UPLOADS_AFTER_SECONDS, DELETE_UPLOADS_AFTER_SECONDS)
    with gr.Blocks(title="QT-DoG Explorer", delete_cache=uploads, analytics_enabled=False) as page:
        classify_tab(page, explorer)
    return page.queue(max_size=QUEUE_LENGTH)
