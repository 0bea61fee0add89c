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
from qtdog.ui.landscape.planes import UNITS, heading, plane, plane_limits, surface_html
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
        value: str,
        deep: bool,
        rounded: bool,
        asked: str = "",
        step: int = 0,
    ) -> Shown:
        """`asked`: the models that were picked, or that an address names; without any the usual
        ones are ticked. `step`: of the way there."""
        at, stored = self._at, self._stored
        distance = stored.measured_way(key, part, name, distance)
        both_ways = stored.of(key, part, name, distance)
        found = perturbed_so(both_ways, rounded)
        picked = found
        boxes = gr.CheckboxGroup(visible=False)
        if found and name in OF_SINGLE_MODELS:
            known = {models_of(one)[0].name: title(models_of(one)[0]) for one in found}
            ticked = [model for model in known if model in asked.split(",")] or usual_models(found)
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
    """The planes side by side, on one scale, as surfaces or as contours."""
    limits = {name: plane_limits(surfaces, name) for name in UNITS} if surfaces else {}
    shown: Shown = {}
    for place, at in enumerate(planes):
        here = surfaces[place] if place < len(surfaces) else None
        shown[at.column] = gr.Column(visible=here is not None)
        shown[at.heading] = heading(here) if here else ""
        count = len(surfaces)
        shown[at.surface] = surface_html(here, value, limits, count) if here and deep else ""
        flat = None if deep else here
        shown[at.plot] = plane(flat, value, limits[value], count) if flat else None
    return shown
