"""The page: its tabs, put together."""

import os

import gradio as gr

from qtdog.explorer import Explorer
from qtdog.opening import Guests
from qtdog.ui import figures
from qtdog.ui.about import about_tab
from qtdog.ui.address import Address
from qtdog.ui.batch import batch_tab
from qtdog.ui.classify import classify_tab
from qtdog.ui.landscape import landscape_tab
from qtdog.ui.learn import learn_tab
from qtdog.ui.models import opened_columns
from qtdog.ui.quantize import quantize_tab
from qtdog.ui.results import results_tab
from qtdog.ui.shift import shift_tab

QUEUE_LENGTH = 64
SECONDS_BETWEEN_LOOKS, SECONDS_BETWEEN_NEWS = 0.01, 0.1
# Gradio keeps a table of the latest events and sums it up after each of them. Nobody reads it here.
NO_STATISTICS = {
    "GRADIO_ANALYTICS_MAX_EVENTS": "1",
    "GRADIO_ANALYTICS_CACHE_FREQUENCY": "1000000000",
}
DELETE_UPLOADS_AFTER_SECONDS = 3600


def build(explorer: Explorer, guests: Guests | None = None) -> gr.Blocks:
    """The page for the models that `explorer` finds, ready to launch. With `guests`, visitors can
    open other sets of checkpoints."""
    uploads = (DELETE_UPLOADS_AFTER_SECONDS, DELETE_UPLOADS_AFTER_SECONDS)
    address = Address()
    with gr.Blocks(title="QT-DoG Explorer", delete_cache=uploads, analytics_enabled=False) as page:
        with gr.Row(elem_id="top"):
            gr.HTML(figures.HEAD, padding=False)
            address.copy_button()
        notice = gr.HTML(visible=False, elem_id="address-notice", padding=False)
        opened = gr.State("")
        with gr.Tabs(elem_id="tabs", overflow_behavior="wrap") as tabs:
            with address.add_tab(gr.Tab("Try it", id="try")):
                picture, target = classify_tab(page, explorer, address)
                if guests is not None:
                    opened_columns(guests, opened, picture, target)
            with address.add_tab(gr.Tab("Shift it", id="shift")) as tab:
                shift_tab(explorer, address, tab, picture)
            with address.add_tab(gr.Tab("Batch", id="batch")):
                batch_tab(explorer, address)
            with address.add_tab(gr.Tab("Results", id="results")):
                results_tab(address)
            with address.add_tab(gr.Tab("Landscape", id="landscape")) as tab:
                landscape_tab(explorer, address, tab)
            with address.add_tab(gr.Tab("Quantize", id="quantize")) as tab:
                quantize_tab(explorer, address, tab, picture)
            with address.add_tab(gr.Tab("Learn", id="learn")) as tab:
                learn_tab(explorer, address, tab)
            with address.add_tab(gr.Tab("About", id="about")):
                about_tab(explorer, guests, opened)
        gr.HTML(figures.FOOT, padding=False)
        address.wire(page, tabs, notice)
    return _with_queue(page)


def _with_queue(page: gr.Blocks) -> gr.Blocks:
    """A queue of bounded length that costs less than the networks."""
    os.environ.update(NO_STATISTICS)
    # Places in the queue once a second, not after every job.
    page.queue(max_size=QUEUE_LENGTH, status_update_rate=1)
    # By default it looks for a new event a thousand times a second.
    page._queue.sleep_when_free = SECONDS_BETWEEN_LOOKS
    page._queue.progress_update_sleep_when_free = SECONDS_BETWEEN_NEWS
    return page
