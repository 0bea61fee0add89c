"""The Landscape tab: what was measured around the networks, stored with the program."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from qtdog.explorer import Explorer
from qtdog.landscape import store
from qtdog.landscape.export import as_json
from qtdog.landscape.records import ROUNDED, Curvature, ModelReference, Record, Surface
from qtdog.landscape.subjects import Subject, order, subjects, title
from qtdog.ui import figures, landscape_figures, landscape_planes, landscape_texts
from qtdog.ui.address import Address, one_of
from qtdog.ui.events import Shown, at_once
from qtdog.ui.landscape_files import Files
from qtdog.ui.landscape_live import live_part
from qtdog.ui.sentences import plain

FOLDER = Path(__file__).resolve().parents[2] / "assets" / "landscapes"
MOST_PLANES = 4
SLICES = ("plane", "three-models")
WITH_DISTANCE = ("flatness", "curvature")
OF_SINGLE_MODELS = ("flatness", "plane", "curvature")


@dataclass(frozen=True)
class Stored:
    """The stored landscapes of the checkpoints at hand, and why others are left out."""

    records: tuple[Record, ...]
    problems: tuple[str, ...]

    def of(self, target: str, split: str, kind: str, way: str) -> list[Record]:
        """The records of one kind, a key of `landscape_texts.KINDS`, in the order of models."""
        found = [
            one
            for one in self.records
            if _target(one) == target and one.images.split == split and kind_of(one) == kind
        ]
        if kind in WITH_DISTANCE:
            found = [one for one in found if way_of(one) == way]
        return sorted(found, key=lambda one: order(models_of(one)[0]))

    def there_is(self, target: str, kind: str) -> list[str]:
        """Of which images, and by which distance, there are records of this kind; in words."""
        ways = landscape_texts.DIRECTIONS.items() if kind in WITH_DISTANCE else [("", "")]
        return [
            f"{images.lower()}{text and ', ' + text.lower()}"
            for split, images in landscape_texts.SPLITS.items()
            for way, text in ways
            if self.of(target, split, kind, way)
        ]


def perturbed_so(records: Sequence[Record], again: bool) -> list[Record]:
    """One record a model: with `again` those of quantized networks with their weights rounded
    again after every move, where these were measured, else without."""
    rounded = {model.name for one in records if is_rounded(one) for model in models_of(one)}
    return [
        one for one in records if is_rounded(one) == (again and models_of(one)[0].name in rounded)
    ]


def is_rounded(record: Record) -> bool:
    """Whether the moved weights were rounded again before the loss was measured."""
    return not isinstance(record, Curvature) and record.perturbed == ROUNDED


def load_stored(folder: Path, networks: Sequence[Subject]) -> Stored:
    """What is below `folder`, as far as it was measured on `networks`."""
    records, problems = store.load_all(folder)
    at_hand = {one.model.sha256 for one in networks}
    ours = [one for one in records if all(model.sha256 in at_hand for model in models_of(one))]
    return Stored(tuple(ours), tuple(problem.replace(f"{folder}/", "") for problem in problems))


def kind_of(record: Record) -> str:
    """Which of the kinds on the page a record is."""
    if isinstance(record, Surface):
        return record.kind
    return "curvature" if isinstance(record, Curvature) else "flatness"


def way_of(record: Record) -> str:
    """How distance is measured: "filter" or "whole"."""
    return record.scale if isinstance(record, Curvature) else record.directions.kind


def models_of(record: Record) -> list[ModelReference]:
    """The networks that a record is about."""
    if isinstance(record, Surface):
        return [marker.model for marker in record.markers]
    return [record.model]


def landscape_tab(explorer: Explorer, address: Address, tab: gr.Tab, folder: Path = FOLDER) -> None:
    """Lay out the tab inside `tab`, on the landscapes in `folder`, and wire it to `explorer`."""
    targets = {target.key: target for target in explorer.targets()}
    first = next(iter(targets))
    networks = {key: subjects([one.folder for one in explorer.checkpoints(key)]) for key in targets}
    stored = load_stored(folder, [one for found in networks.values() for one in found])
    files = Files()

    with gr.Column(elem_id="landscape"):
        gr.HTML(landscape_texts.QUESTION, padding=False)
        with gr.Row(elem_id="landscape-choice"):
            target = gr.Dropdown(
                [
                    (f"{plain(one.domain)} ({one.dataset.upper()})", key)
                    for key, one in targets.items()
                ],
                value=first,
                label="Held-out domain (never seen in training)",
                min_width=240,
                elem_id="landscape-domain",
            )
            way = gr.Radio(
                [(text, name) for name, text in landscape_texts.DIRECTIONS.items()],
                value="filter",
                label="Distance",
                min_width=300,
                elem_id="landscape-distance",
            )
        # Laid out even when there is nothing to show: the address keeps its choices.
        hidden = [] if stored.records else ["unseen"]
        with gr.Column(elem_id="landscape-stored", elem_classes=hidden):
            with gr.Row():
                kind = gr.Radio(
                    [(text, name) for name, text in landscape_texts.KINDS.items()],
                    value="flatness",
                    label="Show",
                    min_width=300,
                    elem_id="landscape-kind",
                )
                split = gr.Radio(
                    [(text, name) for name, text in landscape_texts.SPLITS.items()],
                    value="target",
                    label="Images of the",
                    min_width=240,
                    elem_id="landscape-images",
                )
            with gr.Row():
                chosen = gr.CheckboxGroup(
                    [], label="Models", min_width=300, elem_id="landscape-models"
                )
                height = gr.Radio(
                    ["loss", "accuracy"], value="loss", label="Height", elem_id="landscape-height"
                )
                scene = gr.Checkbox(False, label="In three dimensions", elem_id="landscape-3d")
            again = gr.Checkbox(
                False,
                label=landscape_texts.ROUND_AGAIN,
                info=landscape_texts.ROUND_AGAIN_INFO,
                visible=False,
                elem_id="landscape-again",
            )
            said = gr.HTML(elem_id="landscape-said", padding=False)
            with gr.Row(elem_id="landscape-planes"):
                planes = [_plane(place) for place in range(MOST_PLANES)]
            numbers = gr.HTML(elem_id="landscape-numbers", padding=False)
            downloads = files.buttons("landscape")
            notes = gr.HTML(elem_id="landscape-notes", padding=False)
        if not stored.records:
            gr.HTML(figures.notices(stored.problems) + landscape_texts.NOTHING, padding=False)
        live_part(explorer, networks, target, way, files)

    def show(
        key: str,
        distance: str,
        name: str,
        part: str,
        models: list[str],
        value: str,
        deep: bool,
        rounded: bool,
    ) -> Shown:
        both_ways = stored.of(key, part, name, distance)
        found = perturbed_so(both_ways, rounded)
        picked, surfaces = found, []
        boxes = gr.CheckboxGroup(visible=False)
        if found and name in OF_SINGLE_MODELS:
            known = {models_of(one)[0].name: title(models_of(one)[0]) for one in found}
            most = MOST_PLANES if name == "plane" else None
            ticked = [model for model in known if model in models] or list(known)[:most]
            picked = [one for one in found if models_of(one)[0].name in ticked]
            options = [(text, model) for model, text in known.items()]
            boxes = gr.CheckboxGroup(options, value=ticked, visible=True)
        if name in SLICES:
            surfaces = picked[:MOST_PLANES]
        return {
            chosen: boxes,
            height: gr.Radio(visible=bool(surfaces)),
            scene: gr.Checkbox(visible=bool(surfaces)),
            again: gr.Checkbox(visible=any(map(is_rounded, both_ways))),
            said: figures.notices(stored.problems)
            # Of all networks, whatever is ticked.
            + landscape_figures.headline(found, targets[key].domain, stored.there_is(key, name)),
            numbers: landscape_figures.numbers(picked, stored.records),
            notes: landscape_texts.notes(name) + landscape_texts.provenance(picked)
            if picked
            else "",
            **_drawn(planes, surfaces, value, deep),
            **files.offer(downloads, picked, f"{key.replace('/', '-')}-{part}-{name}"),
        }

    asked = [target, way, kind, split, chosen, height, scene, again]
    plots = [component for plane in planes for component in plane]
    private: dict[str, Any] = {
        "outputs": [chosen, height, scene, again, said, numbers, notes, *downloads, *plots],
        **at_once(),
    }
    changes = [target.change, way.change, kind.change, split.change]
    changes += [chosen.input, height.input, scene.input, again.input]
    if stored.records:
        gr.on([tab.select, *changes], show, asked, **private)
    address.add("landscape-domain", target, one_of(list(targets)))
    address.add("landscape-distance", way, one_of(list(landscape_texts.DIRECTIONS)))
    address.add("landscape", kind, one_of(list(landscape_texts.KINDS)))
    address.add("landscape-images", split, one_of(list(landscape_texts.SPLITS)))

    def landscape(target: str = first, images: str = "target", kind: str = "flatness") -> list:
        """Stored landscapes of the networks of a held-out domain.

        target: "dataset/domain". images: "target" or "source". kind: flatness, plane,
        three-models, interpolation or curvature.
        Returns the records: models with their SHA-256, images, directions, radii or axes, and
        `readings`, rows of [loss in nats, number of right answers]; empty if none is stored.
        """
        for value, known in (
            (target, targets),
            (images, landscape_texts.SPLITS),
            (kind, landscape_texts.KINDS),
        ):
            if value not in known:
                text = f"There is no '{value}'. There are: {', '.join(known)}."
                raise gr.Error(text, print_exception=False)
        ways = landscape_texts.DIRECTIONS if kind in WITH_DISTANCE else ("",)
        found = [one for way in ways for one in stored.of(target, images, kind, way)]
        return as_json(found)

    # The endpoint's own fields, which the page does not show.
    with gr.Row(visible=False):
        gr.Button().click(
            landscape,
            [
                gr.Textbox(first, label="target"),
                gr.Textbox("target", label="images"),
                gr.Textbox("flatness", label="kind"),
            ],
            gr.JSON(label="records"),
            api_name="landscape",
        )


def _target(record: Record) -> str:
    return f"{record.images.dataset}/{record.target_domain}"


def _plane(place: int) -> tuple[gr.Column, gr.HTML, gr.Plot]:
    """A plane under the names of its models. A column that is not rendered loses its plot."""
    with gr.Column(visible=False, min_width=320, elem_classes="plane") as column:
        heading = gr.HTML(padding=False)
        plot = gr.Plot(show_label=False, elem_id=f"landscape-plane-{place}")
    return column, heading, plot


def _drawn(
    planes: Sequence[tuple[gr.Column, gr.HTML, gr.Plot]],
    surfaces: Sequence[Surface],
    value: str,
    deep: bool,
) -> Shown:
    """The planes side by side, on one colour scale."""
    limits = landscape_planes.plane_limits(surfaces, value) if surfaces else (0.0, 1.0)
    shown: Shown = {}
    for place, (column, heading, plot) in enumerate(planes):
        here = surfaces[place] if place < len(surfaces) else None
        shown[column] = gr.Column(visible=here is not None)
        shown[heading] = landscape_planes.heading(here) if here else ""
        shown[plot] = landscape_planes.plane(here, value, limits, deep) if here else None
    return shown
