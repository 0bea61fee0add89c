"""Where the Learn tab's texts and live parts stand."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import gradio as gr

from qtdog.landscape import Trajectories
from qtdog.ui.events import at_once
from qtdog.ui.figures import LOADING
from qtdog.ui.landscape.way_place import WayPlace, way_place
from qtdog.ui.learn import figures, toys
from qtdog.ui.learn.telling import Told
from qtdog.ui.learn.words import Texts
from qtdog.ui.markup import Html, html
from qtdog.ui.samples import Sample
from qtdog.ui.train.tab import SMALL, recorded, training_place

INTRODUCTION = html(
    '<p class="question">From zero to what this page is about, in eight short steps; your answers '
    "stay in your browser.</p>"
)


@dataclass(frozen=True)
class Walk:
    """The tab's components that something happens to."""

    step: gr.Radio
    said: tuple[tuple[Html, Html], ...]
    """Of each step what stands before its live part and after it."""
    chosen: gr.Radio
    """The picture that the first step classifies."""
    classified: Html
    abroad: Html
    """Accuracies at home and abroad."""
    way: WayPlace | None
    """None where no way is stored for any held-out domain."""
    curves: Html
    memory: Html
    asked: gr.Dropdown
    """The picture that EoQ's members are asked about in the sixth step."""
    voted: Html
    measured: Html
    back: gr.Button
    on: gr.Button
    paper: gr.Button
    shown: gr.State
    """The held-out domain's key that all of it is about."""


def lay_out(told: Told, texts: Texts, pictures: Sequence[Sample], way: Trajectories | None) -> Walk:
    """Lay out the walk for what is `told` at first; `way` is any stored one, where there is one."""
    few = one_a_domain(pictures)
    Html(INTRODUCTION, padding=False, elem_classes="learn-introduction")
    step = gr.Radio(
        [(f"{place} {one.short}", str(place)) for place, one in enumerate(told.steps, start=1)],
        value="1",
        label="Steps",
        elem_id="learn-steps",
    )
    said: list[tuple[Html, Html]] = []

    @contextmanager
    def around() -> Iterator[None]:
        """What the next step says, around its live part."""
        place = len(said) + 1
        with gr.Column(elem_id=f"learn-step-{place}", elem_classes="learn-step"):
            before = Html(told.before(place), padding=False)
            yield
            said.append((before, Html(told.after(place, texts), padding=False)))

    with around():
        chosen = gr.Radio(
            [(sample.title, sample.name) for sample in few],
            value=few[0].name,
            label="Choose a picture",
            elem_classes="learn-control",
        )
        classified = Html(LOADING, padding=False, min_height=160)
    with around():
        abroad = Html(figures.home_and_abroad(told.lesson), padding=False)
    with around():
        bits = gr.Slider(1, 8, 3, step=1, label="Bits", elem_classes="learn-control")
        shown = Html(toys.rounding_toy(3), padding=False, elem_id="rounding-toy")
        bits.input(toys.rounding_toy, bits, shown, **at_once())
    with around():
        noise = gr.Slider(
            0, 2, 0, step=0.05, label="Noise: step size", elem_classes="learn-control"
        )
        shown = Html(toys.valley_toy(0), padding=False, elem_id="valley-toy")
        noise.input(toys.valley_toy, noise, shown, **at_once())
        there = None
        if way is not None:
            there = way_place("learn-way", told.way or way, shown=told.way is not None)
    with around():
        if (record := recorded()) is not None:
            training_place(record, SMALL)
        curves = Html(figures.training_curves(told.lesson), padding=False)
    with around():
        memory = Html(figures.memory_bars(told.lesson), padding=False)
        asked = gr.Dropdown(
            [(sample.title, sample.name) for sample in pictures],
            value=few[0].name,
            label="Ask the members about",
            elem_classes="learn-control",
        )
        voted = Html(LOADING, padding=False, min_height=160)
    with around():
        measured = Html(told.measured, padding=False)
    with around():
        pass
    with gr.Row(elem_id="learn-moves"):
        back = gr.Button("← Back", elem_id="learn-back")
        on = gr.Button("Next →", variant="primary", elem_id="learn-on")
        paper = gr.Button("Print all steps", elem_id="learn-print")
    return Walk(
        *(step, tuple(said), chosen, classified, abroad, there, curves, memory, asked, voted),
        *(measured, back, on, paper, gr.State(told.lesson.target.key)),
    )


def one_a_domain(pictures: Sequence[Sample]) -> list[Sample]:
    """The first picture of every style."""
    first = {sample.domain: sample for sample in reversed(pictures)}
    return [one for one in pictures if one in first.values()]
