"""The Batch tab: many pictures through all models."""

from typing import Any

import gradio as gr

from qtdog.explorer import Explorer
from qtdog.ui.batch.endpoints import add_endpoint
from qtdog.ui.batch.handlers import Handlers
from qtdog.ui.batch.layout import Layout, lay_out
from qtdog.ui.events import BATCH_QUEUE, PRIVATE, alone


def batch_tab(explorer: Explorer, target: gr.Dropdown) -> None:
    """Lay out the tab and wire it to `explorer` and the page's held-out domain."""
    on = lay_out(explorer.targets(), target)
    _wire(on, Handlers(explorer, on))
    add_endpoint(explorer)


def _wire(on: Layout, handlers: Handlers) -> None:
    outputs = [on.answers, on.which, on.table, on.done, on.start, on.ours, on.cancel]
    in_line: dict[str, Any] = {
        **alone(BATCH_QUEUE),
        "api_visibility": "private",
        "show_progress": "minimal",
        "show_progress_on": on.answers,
    }
    quick: dict[str, Any] = {"queue": False, **PRIVATE}
    running: list[dict[str, Any]] = [
        button.click(handlers.begin, None, outputs, **quick).then(run, asked, outputs, **in_line)
        for button, run, asked in (
            (on.start, handlers.run, [on.files, on.target]),
            (on.ours, handlers.run_samples, on.target),
        )
    ]
    on.cancel.click(handlers.cancelled, None, outputs, cancels=running, **quick)
    on.which.input(handlers.show_rows, [on.which, on.done], on.table, **quick)
    kept = [on.limits, on.answers, on.which, on.table, on.done]
    on.target.change(handlers.choose_target, [on.target, on.done], kept, **quick)
