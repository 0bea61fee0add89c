"""Where the Landscape tab's choices and figures of the stored landscapes stand."""

from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from qtdog.landscape import Trajectories
from qtdog.ui.charts import TOOLS
from qtdog.ui.choices import fold_button
from qtdog.ui.figures import notices
from qtdog.ui.landscape.downloads import Buttons, Files
from qtdog.ui.landscape.stored import Stored, most_planes
from qtdog.ui.landscape.texts import (
    DIRECTIONS,
    IMAGES,
    MEASURES,
    MODELS,
    NOTHING,
    PICK,
    QUESTION,
    ROUND_AGAIN,
    ROUND_AGAIN_INFO,
)
from qtdog.ui.landscape.way_place import WayPlace, way_place
from qtdog.ui.markup import Html

SCRIPT = "".join(
    Path(__file__).with_name(name).read_text(encoding="utf-8")
    for name in ("surface.js", "landscape.js")
)


@dataclass(frozen=True)
class PlanePlace:
    """A plane under the names of its models."""

    column: gr.Column
    heading: Html
    surface: Html
    plot: gr.Plot


@dataclass(frozen=True)
class Layout:
    """The tab's components that something happens to."""

    target: gr.Dropdown
    way: gr.Radio
    kind: gr.Radio
    split: gr.Radio
    chosen: gr.CheckboxGroup
    height: gr.Radio
    scene: gr.Checkbox
    again: gr.Checkbox
    said: Html
    planes: tuple[PlanePlace, ...]
    there: WayPlace | None
    """The way there; None where none is stored."""
    numbers: Html
    downloads: Buttons
    notes: Html
    picked: gr.Textbox
    """Unseen: the models that the visitor ticked, for the address; empty for the usual ones."""


def lay_out(target: gr.Dropdown, stored: Stored, files: Files) -> Layout:
    """Lay out all but the live part; `target` is the page's held-out domain."""
    Html(QUESTION, padding=False)
    # Laid out even when there is nothing to show: the address keeps its choices.
    hidden = [] if stored.records else ["unseen"]
    with gr.Row(equal_height=False, elem_id="landscape-stored", elem_classes=hidden):
        with gr.Column(scale=3, min_width=240, elem_id="landscape-choice", elem_classes="folds"):
            fold_button()
            kind, split, height, chosen, way, scene, again = _choices()
        with gr.Column(scale=11, min_width=320, elem_id="landscape-shown"):
            with gr.Column(elem_classes=["figure", "planes-figure"]):
                with gr.Row(elem_id="landscape-planes", elem_classes="landscape-planes"):
                    planes = tuple(map(_plane, range(most_planes(stored.records))))
                Html(PICK, elem_id="landscape-picked", js_on_load=SCRIPT, padding=False)
                Html(TOOLS, padding=False)
            ways = [one for one in stored.records if isinstance(one, Trajectories)]
            there = way_place("landscape-way", ways[0], shown=False) if ways else None
            said = Html(elem_id="landscape-said", padding=False)
            numbers = Html(elem_id="landscape-numbers", padding=False)
            downloads = files.buttons("landscape")
            notes = Html(elem_id="landscape-notes", padding=False)
    picked = gr.Textbox("", label="picked", elem_classes="unseen")
    if not stored.records:
        Html(notices(stored.problems) + NOTHING, padding=False)
    return Layout(
        *(target, way, kind, split, chosen, height, scene, again),
        *(said, planes, there, numbers, downloads, notes, picked),
    )


Choices = tuple[gr.Radio, gr.Radio, gr.Radio, gr.CheckboxGroup, gr.Radio, gr.Checkbox, gr.Checkbox]


def _choices() -> Choices:
    """What to show, on which images, which quantity, of which models, how distance is measured, and
    how it is drawn."""
    kind = gr.Radio(
        [(text, name) for name, text in MEASURES.items()],
        value="plane",
        label="Show",
        elem_id="landscape-kind",
    )
    split = gr.Radio(
        [(text, name) for name, text in IMAGES.items()],
        value="target",
        label="Images of the",
        elem_id="landscape-images",
    )
    height = gr.Radio(
        ["loss", "accuracy"], value="loss", label="Height", elem_id="landscape-height"
    )
    scene = gr.Checkbox(True, label="In three dimensions", elem_id="landscape-3d")
    chosen = gr.CheckboxGroup([], label=MODELS, elem_id="landscape-models")
    way = gr.Radio(
        [(text, name) for name, text in DIRECTIONS.items()],
        value="filter",
        label="Distance",
        elem_id="landscape-distance",
    )
    again = gr.Checkbox(
        False, label=ROUND_AGAIN, info=ROUND_AGAIN_INFO, visible=False, elem_id="landscape-again"
    )
    return kind, split, height, chosen, way, scene, again


def _plane(place: int) -> PlanePlace:
    """A plane under the names of its models. A column that is not rendered loses its plot."""
    with gr.Column(visible=False, min_width=200, elem_classes="plane") as column:
        heading = Html(padding=False)
        surface = Html(elem_id=f"landscape-surface-{place}", padding=False)
        plot = gr.Plot(show_label=False, elem_id=f"landscape-plane-{place}")
    return PlanePlace(column, heading, surface, plot)
