"""What the Landscape tab shows of the stored landscapes when a choice changes."""

from collections.abc import Mapping, Sequence

import gradio as gr

from qtdog.checkpoints import Target
from qtdog.landscape import Surface, Trajectories, models_of, title
from qtdog.ui.events import Shown
from qtdog.ui.figures import notices
from qtdog.ui.landscape.downloads import Files
from qtdog.ui.landscape.figures import beside_planes, headline, numbers
from qtdog.ui.landscape.layout import Layout, PlanePlace
from qtdog.ui.landscape.planes import heading, plane, plane_limits
from qtdog.ui.landscape.stored import (
    OF_SINGLE_MODELS,
    SLICES,
    Stored,
    is_rounded,
    perturbed_so,
    usual_models,
)
from qtdog.ui.landscape.texts import notes, provenance
from qtdog.ui.landscape.way_place import way_shown


class Handlers:
    """They read what is stored."""

    def __init__(
        self, at: Layout, targets: Mapping[str, Target], stored: Stored, files: Files
    ) -> None:
        self._at, self._targets, self._stored, self._files = at, targets, stored, files

    def show(
        self,
        key: str,
        distance: str,
        name: str,
        part: str,
        models: list[str],
        value: str,
        deep: bool,
        rounded: bool,
        asked: str = "",
        step: int = 0,
    ) -> Shown:
        """`models` are ticked; before any was, those are that an address `asked` for. `step`: of
        the way there."""
        at, stored = self._at, self._stored
        distance = stored.measured_way(key, part, name, distance)
        both_ways = stored.of(key, part, name, distance)
        found = perturbed_so(both_ways, rounded)
        picked = found
        boxes = gr.CheckboxGroup(visible=False)
        if found and name in OF_SINGLE_MODELS:
            known = {models_of(one)[0].name: title(models_of(one)[0]) for one in found}
            usual = usual_models(found)
            ticked = [model for model in known if model in models]
            ticked = ticked or [model for model in known if model in asked.split(",")] or usual
            picked = [one for one in found if models_of(one)[0].name in ticked]
            options = [(text, model) for model, text in known.items()]
            boxes = gr.CheckboxGroup(options, value=ticked, visible=True)
        surfaces = [one for one in picked if isinstance(one, Surface) and one.kind in SLICES]
        ways = [one for one in picked if isinstance(one, Trajectories)]
        return {
            at.chosen: boxes,
            at.height: gr.Radio(visible=bool(surfaces or ways)),
            at.scene: gr.Checkbox(visible=bool(surfaces)),
            at.again: gr.Checkbox(visible=any(map(is_rounded, both_ways))),
            at.said: notices(stored.problems)
            # Of all networks, whatever is ticked.
            + headline(
                found,
                self._targets[key].domain,
                stored.there_is(key, name),
                stored.apart(key, part, name, distance),
            )
            + (beside_planes(stored, key, part, distance) if name == "plane" else ""),
            at.numbers: numbers(picked, stored.records),
            at.notes: notes(name) + provenance(picked) if picked else "",
            **_drawn(at.planes, surfaces, value, deep),
            **(way_shown(at.there, next(iter(ways), None), value, step) if at.there else {}),
            **self._files.offer(at.downloads, picked, f"{key.replace('/', '-')}-{part}-{name}"),
        }


def _drawn(
    planes: Sequence[PlanePlace],
    surfaces: Sequence[Surface],
    value: str,
    deep: bool,
) -> Shown:
    """The planes side by side, on one colour scale."""
    limits = plane_limits(surfaces, value) if surfaces else (0.0, 1.0)
    shown: Shown = {}
    for place, at in enumerate(planes):
        here = surfaces[place] if place < len(surfaces) else None
        shown[at.column] = gr.Column(visible=here is not None)
        shown[at.heading] = heading(here) if here else ""
        shown[at.plot] = plane(here, value, limits, deep, len(surfaces)) if here else None
    return shown
