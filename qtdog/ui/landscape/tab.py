"""The Landscape tab: what was measured around the networks, stored with the program."""

from collections.abc import Callable, Sequence
from pathlib import Path

import gradio as gr

from qtdog.explorer import Explorer
from qtdog.landscape import ensembles, models_of, subjects
from qtdog.places import LANDSCAPES
from qtdog.ui.address import Address, one_of, several_of, whole_number, yes_or_no
from qtdog.ui.choices import seen_change
from qtdog.ui.events import at_once
from qtdog.ui.landscape.downloads import Files
from qtdog.ui.landscape.endpoints import add_endpoint
from qtdog.ui.landscape.handlers import Handlers
from qtdog.ui.landscape.layout import Layout, lay_out
from qtdog.ui.landscape.live import live_part
from qtdog.ui.landscape.stored import load_stored
from qtdog.ui.landscape.texts import DIRECTIONS, IMAGES, MEASURES


def landscape_tab(
    explorer: Explorer,
    address: Address,
    tab: gr.Tab,
    target: gr.Dropdown,
    folder: Path = LANDSCAPES,
) -> None:
    """Lay out the tab inside `tab`, on the landscapes in `folder`, and wire it to `explorer` and
    the page's held-out domain."""
    targets = {target.key: target for target in explorer.targets()}
    networks = {key: subjects([one.folder for one in explorer.checkpoints(key)]) for key in targets}
    singles = [one for found in networks.values() for one in found]
    folders = [one.folder for key in targets for one in explorer.checkpoints(key)]
    stored = load_stored(folder, [*singles, *ensembles(folders)])
    files = Files()

    with gr.Column(elem_id="landscape"):
        at = lay_out(target, stored, files)
        live_part(explorer, networks, at.target, at.way, files)
    if stored.records:
        _wire(at, Handlers(at, targets, stored, files), tab)
    names = sorted({model.name for one in stored.records for model in models_of(one)})
    address.add("landscape-models", at.picked, _some_of(names))
    address.add("landscape-distance", at.way, one_of(list(DIRECTIONS)))
    address.add("landscape", at.kind, one_of(list(MEASURES)))
    address.add("landscape-images", at.split, one_of(list(IMAGES)))
    address.add("landscape-height", at.height, one_of(["loss", "accuracy"]))
    address.add("landscape-3d", at.scene, yes_or_no)
    if at.there is not None:
        step = at.there.step
        address.add("landscape-step", step, whole_number(int(step.minimum), int(step.maximum)))
    add_endpoint(targets, stored)


def _wire(at: Layout, does: Handlers, tab: gr.Tab) -> None:
    seen = seen_change(at.target, "landscape")
    changes = [seen.change, at.way.change, at.kind.change, at.split.change]
    changes += [at.height.input, at.scene.input, at.again.input]
    asked = [at.target, at.way, at.kind, at.split, at.height, at.scene, at.again]
    asked += [at.picked, *([at.there.step] if at.there else [])]
    shown = [at.chosen, at.height, at.scene, at.again, at.said, at.numbers, at.notes]
    places = [
        part for one in at.planes for part in (one.column, one.heading, one.surface, one.plot)
    ]
    if at.there is not None:
        places += [at.there.plot, at.there.said, at.there.held, at.there.step]
    outputs = [*shown, *at.downloads, *places]
    gr.on([tab.select, *changes], does.show, asked, outputs, **at_once())
    picked = at.chosen.input(",".join, at.chosen, at.picked, **at_once())
    picked.then(does.show, asked, outputs, **at_once())


def _some_of(names: Sequence[str]) -> Callable[[str], str]:
    """A parser for some of these names, separated by commas, that leaves them so."""

    def parse(text: str) -> str:
        return ",".join(several_of(names)(text))

    return parse
