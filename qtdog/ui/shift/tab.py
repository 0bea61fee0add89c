"""The Shift it tab: the picture leaves its domain step by step, and the models are watched."""

import re
from collections.abc import Sequence
from typing import Any

import gradio as gr

from qtdog.checkpoints import Target
from qtdog.explorer import MOST_SEVERE, SHIFTS, Explorer
from qtdog.ui.address import Address, one_of
from qtdog.ui.choices import seen_change
from qtdog.ui.events import torch_event
from qtdog.ui.picture import PictureField, cleared_is_empty
from qtdog.ui.samples import Sample, known_to, samples
from qtdog.ui.shift.endpoints import add_endpoint
from qtdog.ui.shift.handlers import Handlers
from qtdog.ui.shift.layout import OWN, Layout, lay_out

# Under 6 of the 10 shifts one of the bundled models leaves its class, by severity 3 under four of
# them. No other sample of a domain that they know does as much.
BREAKS_MOST = "horse-painting"


def shift_tab(
    explorer: Explorer, address: Address, tab: gr.Tab, target: gr.Dropdown, tried: PictureField
) -> None:
    """Lay out the tab inside `tab`, for the page's held-out domain; `tried` is the Try it tab's
    picture field, whose picture can be taken over."""
    pictures = samples()
    targets = explorer.targets()
    opening = _opening(pictures, targets[0])
    on = lay_out(targets, target, pictures, opening)
    _wire(on, Handlers(explorer, on, pictures), address, tab, tried)
    address.add("shift-sample", on.sample, one_of([OWN, *(one.name for one in pictures)]))
    address.add("shift", on.shift, one_of(list(SHIFTS)))
    address.add("severity", on.severity, _severity)
    classes = {name for one in targets for name in one.classes}
    address.add("shift-class", on.watched, one_of(["", *sorted(classes)]))
    add_endpoint(explorer)


def _opening(pictures: Sequence[Sample], target: Target) -> Sample:
    """A picture from a domain that the models know, to be taken out of it."""
    pictures = known_to(pictures, target.classes)
    familiar = [one for one in pictures if one.domain in target.source_domains]
    breaking = (one for one in familiar if one.name == BREAKS_MOST)
    return next(breaking, next(iter(familiar), pictures[0]))


def _wire(
    on: Layout, handlers: Handlers, address: Address, tab: gr.Tab, tried: PictureField
) -> None:
    outputs = [
        on.picture,
        on.sample,
        on.label,
        on.watched,
        on.severity,
        on.said,
        on.now,
        on.chart,
        on.strip,
        on.table,
        on.series,
    ]
    private: dict[str, Any] = {"outputs": outputs, **torch_event(on.said)}
    asked = [on.target, on.shift, on.severity]
    kept = [on.picture, on.severity, on.label, on.series]
    cleared = cleared_is_empty("shift-picture")
    opened = [on.picture, on.sample, *asked, on.watched, on.series]
    seen = seen_change(on.target, "shift")
    gr.on([tab.select, seen.change], handlers.open_tab, opened, **private)
    gone = seen_change(address.gone, "shift")
    gone.change(handlers.open_tab, [*opened[:-1], gr.State(None)], **private)
    on.picture.input(handlers.upload, [on.picture, *asked], js=cleared, **private)
    on.take.click(handlers.take_over, [tried, *asked], **private)
    on.sample.input(handlers.choose_sample, [on.sample, *asked], **private)
    on.shift.input(handlers.choose, [on.picture, *asked, on.label], **private)
    on.severity.input(handlers.slide, kept, **private)
    on.label.input(handlers.watch, kept, **private)
    on.strip.select(handlers.step_to, [on.picture, on.label, on.series], **private)


def _severity(text: str) -> float:
    """The slider's place in an address."""
    if re.fullmatch(r"[0-9](\.[0-9]{1,17})?", text) and float(text) <= MOST_SEVERE:
        return round(float(text), 1)
    raise ValueError(f"it is a number from 0 to {MOST_SEVERE}")
