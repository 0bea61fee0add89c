"""The page: its tabs, put together."""

import os
from pathlib import Path

import gradio as gr

from qtdog.explorer import Explorer, Guests
from qtdog.results import MeasuredResult
from qtdog.ui import figures
from qtdog.ui.about.models import opened_columns
from qtdog.ui.about.tab import about_tab
from qtdog.ui.address import Address, one_of
from qtdog.ui.batch.tab import batch_tab
from qtdog.ui.choices import domain_choice
from qtdog.ui.classify.tab import classify_tab
from qtdog.ui.events import PRIVATE
from qtdog.ui.guarded import GuardedBlocks
from qtdog.ui.landscape.tab import landscape_tab
from qtdog.ui.learn.tab import learn_tab
from qtdog.ui.markup import Html
from qtdog.ui.quantize.tab import quantize_tab
from qtdog.ui.results.tab import results_tab
from qtdog.ui.shift.tab import shift_tab
from qtdog.ui.stage.view import add_stage
from qtdog.ui.train.tab import train_tab

# Paper is white: what is dark on the screen is printed as in the light.
PRINT_LIGHT = """() => {
    const dark = [];
    const begin = () => {
        dark.push(...document.querySelectorAll(".dark"));
        dark.forEach((element) => element.classList.remove("dark"));
        document.body.style.backgroundColor = "#fff";  // Gradio's own follows the system's choice
    };
    const end = () => {
        dark.splice(0).forEach((element) => element.classList.add("dark"));
        document.body.style.backgroundColor = "";
    };
    window.addEventListener("beforeprint", begin);
    window.addEventListener("afterprint", end);
    // Not every browser has the events where it prints without a dialogue.
    window.matchMedia("print").addEventListener("change", (now) => now.matches ? begin() : end());
}"""
KEYS_AND_WAY = Path(__file__).with_name("page.js").read_text(encoding="utf-8")
FIGURE_TOOLS = """() => {
    const here = window.gradio_config?.root ?? new URL(".", location.href).href;
    import(`${here.replace(/\\/?$/, "/")}web/figures/tools.js`).then(({ begin }) => begin());
}"""
QUEUE_LENGTH = 64
SECONDS_BETWEEN_LOOKS, SECONDS_BETWEEN_NEWS = 0.01, 0.1
# Gradio keeps a table of the latest events and sums it up after each of them. Nobody reads it here.
NO_STATISTICS = {
    "GRADIO_ANALYTICS_MAX_EVENTS": "1",
    "GRADIO_ANALYTICS_CACHE_FREQUENCY": "1000000000",
}
DELETE_UPLOADS_AFTER_SECONDS = 3600


def build(
    explorer: Explorer, guests: Guests | None = None, theirs: tuple[MeasuredResult, ...] = ()
) -> GuardedBlocks:
    """The page for the models that `explorer` finds, ready to launch. With `guests`, visitors can
    open other sets of checkpoints. `theirs`: numbers of another study to set beside ours."""
    os.environ.update(NO_STATISTICS)  # read when the page's queue is made
    uploads = (DELETE_UPLOADS_AFTER_SECONDS, DELETE_UPLOADS_AFTER_SECONDS)
    address = Address()
    with GuardedBlocks(
        title="QT-DoG Explorer", delete_cache=uploads, analytics_enabled=False
    ) as page:
        with gr.Row(elem_id="top"):
            Html(figures.HEAD, padding=False)
            target = domain_choice(explorer.targets())
            address.copy_button()
        domains = [one.key for one in explorer.targets()]
        address.add("domain", target, one_of(domains), of_tabs=("shift", "batch", "landscape"))
        notice = Html(visible=False, elem_id="address-notice", padding=False)
        opened = gr.State("")
        with gr.Tabs(elem_id="tabs", overflow_behavior="wrap") as tabs:
            with address.add_tab(gr.Tab("Try it", id="try")):
                picture = classify_tab(page, explorer, address, target)
                if guests is not None:
                    opened_columns(guests, opened, picture, target)
            with address.add_tab(gr.Tab("Shift it", id="shift")) as tab:
                shift_tab(explorer, address, tab, target, picture)
            with address.add_tab(gr.Tab("Train it", id="train")):
                train_tab()
            with address.add_tab(gr.Tab("Batch", id="batch")):
                batch_tab(explorer, target)
            with address.add_tab(gr.Tab("Results", id="results")) as tab:
                results_tab(address, tab, target, theirs=theirs)
            with address.add_tab(gr.Tab("Landscape", id="landscape")) as tab:
                landscape_tab(explorer, address, tab, target)
            with address.add_tab(gr.Tab("Quantize", id="quantize")) as tab:
                quantize_tab(explorer, address, tab, picture)
            with address.add_tab(gr.Tab("Learn", id="learn")) as tab:
                learn_tab(explorer, address, tab, target)
            with address.add_tab(gr.Tab("About", id="about")):
                about_tab(explorer, guests, opened)
        Html(figures.FOOT, padding=False)
        address.wire(page, tabs, notice)
        page.load(None, None, None, js=PRINT_LIGHT, **PRIVATE)
        add_stage(page)
        for script in (KEYS_AND_WAY, FIGURE_TOOLS):
            page.load(None, None, None, js=script, **PRIVATE)
    _bound_queue(page)
    return page


def _bound_queue(page: GuardedBlocks) -> None:
    """Let its queue have a bounded length and cost less than the networks."""
    queue = page._queue  # `page.queue` would make a second server for other settings
    queue.max_size = QUEUE_LENGTH
    # Places in the queue once a second, not after every job.
    queue.live_updates, queue.update_intervals = False, 1
    # By default it looks for a new event a thousand times a second.
    queue.sleep_when_free = SECONDS_BETWEEN_LOOKS
    queue.progress_update_sleep_when_free = SECONDS_BETWEEN_NEWS
