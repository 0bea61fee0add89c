"""The Batch tab: many pictures through all models."""

from typing import Any

from qtdog.explorer import Explorer
from qtdog.ui.address import Address, one_of
from qtdog.ui.batch.endpoints import add_endpoint
from qtdog.ui.batch.handlers import Handlers
from qtdog.ui.batch.layout import Layout, lay_out
from qtdog.ui.events import BATCH_QUEUE, PRIVATE, alone


def batch_tab(explorer: Explorer, address: Address) -> None:
    """Lay out the tab and wire it to `explorer`."""
    targets = explorer.targets()
    on = lay_out(targets)
    _wire(on, Handlers(explorer, on))
    address.add("batch-domain", on.target, one_of([one.key for one in targets]))
    add_endpoint(explorer)


def _wire(on: Layout, handlers: Handlers) -> None:
    outputs = [on.answers, on.which, on.table, on.rows, on.start, on.ours, on.cancel]
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
    on.which.input(handlers.show_rows, [on.which, on.rows], on.table, **quick)
    on.target.input(handlers.show_limits, on.target, on.limits, **quick)
