"""The Learn tab: a guided walk in eight steps, a live part and a question in each."""

from pathlib import Path
from typing import Any

import gradio as gr

from qtdog.checkpoints import CheckpointError
from qtdog.explorer import Explorer
from qtdog.images import read_image
from qtdog.lesson import Lesson, lesson
from qtdog.results import Result, load_results
from qtdog.standings import standings
from qtdog.ui import figures, learn_figures, learn_toys
from qtdog.ui.address import Address, one_of
from qtdog.ui.events import PRIVATE, at_once, torch_event
from qtdog.ui.learn_steps import steps
from qtdog.ui.quantize import thumbnail
from qtdog.ui.samples import samples

PICTURE = 150  # pixels
SCRIPT = Path(__file__).with_name("learn.js").read_text(encoding="utf-8")
# The step is the browser's own affair: nothing of it reaches the server.
SHOW = f"(step) => {{ {SCRIPT} showLearnStep(step, false); }}"
MOVE = f"(step) => {{ {SCRIPT} return moveLearnStep(step, %d); }}"
PRINT = "() => window.print()"
INTRODUCTION = (
    '<p class="question">From zero to what this page is about, in eight short steps of a minute or '
    "two. Each has something to try and a question; your answers stay in your browser.</p>"
)


def learn_tab(explorer: Explorer, address: Address, tab: gr.Tab) -> None:
    """Lay out the walk inside `tab`."""
    told = lesson(explorer)
    results = load_results()
    measured = standings(told, results.measured)
    walk = steps(told, measured)
    pictures = samples()
    thumbnails = {sample.name: thumbnail(sample, PICTURE) for sample in pictures}
    by_name = {sample.name: sample for sample in pictures}
    of_domains = {sample.domain: sample for sample in reversed(pictures)}
    few = [one for one in pictures if one in of_domains.values()]
    target = told.target.key

    gr.HTML(INTRODUCTION, padding=False, elem_classes="learn-introduction")
    numbers = [str(place) for place in range(1, len(walk) + 1)]
    step = gr.Radio(
        [(f"{number} {one.short}", number) for number, one in zip(numbers, walk, strict=True)],
        value="1",
        label="Steps",
        elem_id="learn-steps",
    )
    # What belongs between the paragraphs of each step; the rest is the same for all.
    live: dict[int, Any] = {}
    for place, one in enumerate(walk, start=1):
        with gr.Column(elem_id=f"learn-step-{place}", elem_classes="learn-step"):
            heading = f"{place}. {one.title}"
            gr.HTML(learn_figures.paragraphs(one.before, heading), padding=False)
            if place == 1:
                chosen = gr.Radio(
                    [(sample.title, sample.name) for sample in few],
                    value=few[0].name,
                    label="Choose a picture",
                    elem_classes="learn-control",
                )
                live[place] = (chosen, gr.HTML(figures.LOADING, padding=False, min_height=160))
            elif place == 2:
                gr.HTML(learn_figures.home_and_abroad(told), padding=False)
            elif place == 3:
                bits = gr.Slider(1, 8, 3, step=1, label="Bits", elem_classes="learn-control")
                shown = gr.HTML(learn_toys.rounding_toy(3), padding=False, elem_id="rounding-toy")
                bits.input(learn_toys.rounding_toy, bits, shown, **at_once())
            elif place == 4:
                noise = gr.Slider(
                    0, 2, 0, step=0.05, label="Noise: step size", elem_classes="learn-control"
                )
                shown = gr.HTML(learn_toys.valley_toy(0), padding=False, elem_id="valley-toy")
                noise.input(learn_toys.valley_toy, noise, shown, **at_once())
            elif place == 5:
                gr.HTML(learn_figures.training_curves(told), padding=False)
            elif place == 6:
                gr.HTML(learn_figures.memory_bars(told), padding=False)
                chosen = gr.Dropdown(
                    [(sample.title, sample.name) for sample in pictures],
                    value=few[0].name,
                    label="Let the members vote on",
                    elem_classes="learn-control",
                )
                live[place] = (chosen, gr.HTML(figures.LOADING, padding=False, min_height=160))
            elif place == 7:
                gr.HTML(
                    learn_figures.measured_table(measured, _paper(results.paper, told)),
                    padding=False,
                )
            gr.HTML(
                learn_figures.paragraphs(one.after) + learn_figures.quiz(place, one.quiz),
                padding=False,
            )
    with gr.Row(elem_id="learn-moves"):
        back = gr.Button("← Back", elem_id="learn-back")
        on = gr.Button("Next →", variant="primary", elem_id="learn-on")
        paper = gr.Button("Print all steps", elem_id="learn-print")

    def classified(name: str) -> str:
        sample = by_name[name]
        try:
            predictions = explorer.classify(read_image(sample.path), target)
        except CheckpointError as error:
            return figures.notices([str(error)])
        return learn_figures.sample_answers(predictions, sample, thumbnails[name])

    def voted(name: str) -> str:
        sample = by_name[name]
        try:
            predictions = explorer.classify(read_image(sample.path), target)
        except CheckpointError as error:
            return figures.notices([str(error)])
        ballot = "".join(figures.ballot(one) for one in predictions if one.members)
        return learn_figures.member_votes(predictions, sample, thumbnails[name], ballot)

    for place, answer in ((1, classified), (6, voted)):
        asked, shown = live[place]
        tab.select(answer, asked, shown, **torch_event(shown))
        asked.input(answer, asked, shown, **torch_event(shown))

    step.change(None, step, None, js=SHOW, **PRIVATE)
    tab.select(None, step, None, js=SHOW, **PRIVATE)
    back.click(None, step, step, js=MOVE % -1, **PRIVATE)
    on.click(None, step, step, js=MOVE % 1, **PRIVATE)
    paper.click(None, None, None, js=PRINT, **PRIVATE)
    address.add("step", step, one_of(numbers))


def _paper(printed: tuple[Result, ...], told: Lesson) -> list[Result]:
    """The paper's averages on the same data set: ERM, QT-DoG and EoQ from one table."""
    of_dataset = [
        one
        for one in printed
        if one.dataset.lower() == told.target.dataset.lower()
        and one.domain == "average"
        and one.split == "target"
        and one.method in ("ERM", "QT-DoG", "EoQ")
        and one.table.isdigit()
    ]
    tables = dict.fromkeys(one.table for one in of_dataset)
    for table in tables:
        found = {one.method: one for one in of_dataset if one.table == table}
        if len(found) == 3:
            return list(found.values())
    return []
