"""The live part of the Landscape tab: flatness on a visitor's own pictures, finer and finer."""

from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr

from qtdog.explorer import Explorer
from qtdog.landscape import Subject
from qtdog.ui.events import LANDSCAPE_QUEUE, PRIVATE, alone
from qtdog.ui.landscape.downloads import Files
from qtdog.ui.landscape.live_endpoints import add_live_endpoint
from qtdog.ui.landscape.live_handlers import LiveHandlers
from qtdog.ui.landscape.live_layout import Layout, lay_out
from qtdog.ui.landscape.measuring import first_samples
from qtdog.ui.picture import cleared_is_empty
from qtdog.ui.samples import samples


def live_part(
    explorer: Explorer,
    networks: Mapping[str, Sequence[Subject]],
    target: gr.Dropdown,
    way: gr.Radio,
    files: Files,
) -> None:
    """Lay out the part and wire it; `target` and `way` are the tab's own choices."""
    classes = {one.key: one.classes for one in explorer.targets()}
    first = next(iter(classes))
    pictures = samples()
    at = lay_out(first_samples(pictures, classes[first]), classes[first], networks[first], files)
    _wire(at, LiveHandlers(at, explorer, networks, classes, pictures, files), target, way)
    add_live_endpoint(explorer, networks, classes)


def _wire(at: Layout, does: LiveHandlers, target: gr.Dropdown, way: gr.Radio) -> None:
    results = [at.news, at.shown, at.start, at.cancel, *at.downloads]
    quick: dict[str, Any] = {"queue": False, **PRIVATE}
    begun = at.start.click(does.begin, None, results, **quick)
    running = begun.then(
        does.run,
        [at.kept, target, at.models, way, at.again],
        results,
        **alone(LANDSCAPE_QUEUE),
        **PRIVATE,
    )
    at.cancel.click(does.cancelled, None, results, cancels=[running], **quick)
    pictures = [at.kept, at.gallery]
    at.add.click(
        does.add_picture, [at.picture, at.label, at.kept], [*pictures, at.picture], **quick
    )
    cleared = cleared_is_empty("landscape-picture")
    at.picture.input(does.guess_class, [at.picture, at.label], at.label, js=cleared, **quick)
    at.use_samples.click(does.use_samples, target, pictures, **quick)
    at.clear.click(does.remove_all, None, pictures, **quick)
    of_domain = [at.models, at.label, *pictures, at.news, at.shown, *at.downloads]
    of_domain += [at.start, at.cancel]
    target.change(does.choose_target, [target, at.kept], of_domain, cancels=[running], **quick)
