"""How the page's events run: in which line they wait, and what their visitor sees meanwhile."""

from typing import Any

from gradio.components import Component

Shown = dict[Any, Any]
"""What a handler changes: component -> its new value or settings."""

# The quick questions about one picture. Two at once: while torch has one, the other's picture is
# read and its answer written.
TORCH_QUEUE, TORCH_AT_ONCE = "torch", 2
# Long jobs, each kind in a line of its own. Inside, they take the explorer's lock piece by piece.
BATCH_QUEUE = "batch"
LANDSCAPE_QUEUE = "landscape"
OPENING_QUEUE = "opening"

PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
"""Of an event that is the page's own."""


def torch_endpoint() -> dict[str, Any]:
    """Settings of an endpoint that asks the networks about one picture."""
    return {"concurrency_id": TORCH_QUEUE, "concurrency_limit": TORCH_AT_ONCE}


def torch_event(place: Component) -> dict[str, Any]:
    """Settings of such an event of the page. Who waits sees the place in the line over `place`."""
    return {
        **torch_endpoint(),
        "api_visibility": "private",
        "show_progress": "minimal",
        "show_progress_on": place,
        # What comes while the question before is being answered must not get lost; of a slider
        # that moves only the last place counts.
        "trigger_mode": "always_last",
    }


def alone(queue: str) -> dict[str, Any]:
    """Settings of an event or endpoint of which one runs at a time."""
    return {"concurrency_id": queue, "concurrency_limit": 1}


def at_once() -> dict[str, Any]:
    """Settings of an event that needs no network: it waits in no line."""
    return {**PRIVATE, "queue": False, "trigger_mode": "always_last"}
