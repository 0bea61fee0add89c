"""Where the way there stands on a tab: its picture, what is said of a step, the slider and Play."""

from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from qtdog.landscape import Trajectories
from qtdog.ui.charts import TOOLS
from qtdog.ui.events import PRIVATE, Shown
from qtdog.ui.landscape.way import held_sentence, numbers_at, picture, steps_of
from qtdog.ui.markup import Html

STEP, PLAY = "Step of training", "Play"
SCRIPT = Path(__file__).with_name("way.js").read_text(encoding="utf-8")


@dataclass(frozen=True)
class WayPlace:
    """The components that something happens to."""

    plot: gr.Plot
    said: Html
    step: gr.Slider
    held: Html


def way_place(name: str, record: Trajectories, shown: bool = True) -> WayPlace:
    """Lay out the way of `record` under the id `name`, at its end; it moves in the browser alone.

    Not `shown`, it is empty: the style sheet hides it, and the slider keeps its events.
    """
    steps = steps_of(record)
    with gr.Column(elem_id=name, elem_classes=["way-place", "figure"]), gr.Row():
        with gr.Column(scale=3, min_width=300):
            drawn = picture(record, "loss", steps[-1]) if shown else None
            plot = gr.Plot(drawn, show_label=False)
            Html(TOOLS, padding=False)
        with gr.Column(scale=2, min_width=280):
            said = Html(numbers_at(record, steps[-1]) if shown else "", padding=False)
            step = gr.Slider(
                steps[0],
                steps[-1],
                steps[-1],
                step=steps[1] - steps[0],
                label=STEP,
                elem_id=f"{name}-step",
            )
            play = gr.Button(PLAY, size="md", elem_classes="way-play", elem_id=f"{name}-play")
            held = Html(held_sentence(record), padding=False)
    step.change(
        None, step, None, js=f"(step) => {{ {SCRIPT} moveWay('{name}', step); }}", **PRIVATE
    )
    play.click(None, None, None, js=f"() => {{ {SCRIPT} playWay('{name}'); }}", **PRIVATE)
    return WayPlace(plot, said, step, held)


def way_shown(
    there: WayPlace, way: Trajectories | None, quantity: str = "loss", step: int | None = None
) -> Shown:
    """The `way` in its place, at the last evaluation up to `step`, by default at its end; without
    one the place is empty."""
    if way is None:
        return {there.plot: None, there.said: ""}
    steps = steps_of(way)
    asked = steps[-1] if step is None else step
    at = max([steps[0], *(one for one in steps if one <= asked)])
    first, last, every = steps[0], steps[-1], steps[1] - steps[0]
    slider = gr.Slider(first, last, step=every)  # where it stands is the visitor's
    if at != step:
        slider = gr.Slider(first, last, at, step=every)
    return {
        there.plot: picture(way, quantity, at),
        there.said: numbers_at(way, at),
        there.held: held_sentence(way),
        there.step: slider,
    }
