"""The Learn tab: a guided walk in eight steps, a live part and a question in each."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from qtdog.checkpoints import CheckpointError
from qtdog.explorer import Explorer, Lesson, lesson, standings
from qtdog.images import read_image
from qtdog.landscape import Trajectories, store
from qtdog.places import LANDSCAPES
from qtdog.results import Result, load_results
from qtdog.ui.address import Address, one_of
from qtdog.ui.events import PRIVATE, at_once, torch_event
from qtdog.ui.figures import LOADING, ballot, notices
from qtdog.ui.landscape.stored import target_of
from qtdog.ui.landscape.way_place import way_place
from qtdog.ui.learn import figures, toys
from qtdog.ui.learn.steps import Step, steps
from qtdog.ui.learn.words import TEXTS, TextError, Texts, read_texts
from qtdog.ui.markup import Html, Markup, html, join
from qtdog.ui.quantize.thumbnails import thumbnail
from qtdog.ui.samples import Sample, samples
from qtdog.ui.train.tab import SMALL, recorded, training_place

PICTURE = 150  # pixels
SCRIPT = Path(__file__).with_name("learn.js").read_text(encoding="utf-8")
# The step is the browser's own affair: nothing of it reaches the server.
SHOW = f"(step) => {{ {SCRIPT} showLearnStep(step, false); keepLearnAnswers(); }}"
MOVE = f"(step) => {{ {SCRIPT} return moveLearnStep(step, %d); }}"
PRINT = "() => window.print()"
INTRODUCTION = html(
    '<p class="question">From zero to what this page is about, in eight short steps; your answers '
    "stay in your browser.</p>"
)


@dataclass(frozen=True)
class Walk:
    """The tab's components that something happens to."""

    step: gr.Radio
    chosen: gr.Radio
    """The picture that the first step classifies."""
    classified: Html
    asked: gr.Dropdown
    """The picture that EoQ's members are asked about in the sixth step."""
    voted: Html
    back: gr.Button
    on: gr.Button
    paper: gr.Button


def learn_tab(explorer: Explorer, address: Address, tab: gr.Tab, folder: Path = TEXTS) -> None:
    """Lay out the walk inside `tab`, in the words of the texts in `folder`."""
    told = lesson(explorer)
    results = load_results()
    measured = standings(told, results.measured)
    try:
        texts = read_texts(folder)
    except TextError as error:
        Html(notices([str(error)]), padding=False)
        return
    way = way_on(told.target.key)
    walk = steps(told, measured, texts, way)
    printed = figures.measured_table(measured, paper_numbers(results.paper, told))
    pictures = samples()
    parts = _layout(walk, texts, told, printed, pictures, way)
    _wire(parts, explorer, told.target.key, tab, pictures)
    address.add("step", parts.step, one_of(_numbers(walk)))


def way_on(target: str) -> Trajectories | None:
    """The stored ways of two runs over the loss on this held-out domain, if there are any."""
    found, _ = store.load_all(LANDSCAPES, "trajectories-*.json")
    ways = [one for one in found if isinstance(one, Trajectories) and one.images.split == "target"]
    return next((one for one in ways if target_of(one) == target), None)


def _layout(
    walk: Sequence[Step],
    texts: Texts,
    told: Lesson,
    measured: Markup,
    pictures: Sequence[Sample],
    way: Trajectories | None,
) -> Walk:
    of_domains = {sample.domain: sample for sample in reversed(pictures)}
    few = [one for one in pictures if one in of_domains.values()]
    Html(INTRODUCTION, padding=False, elem_classes="learn-introduction")
    numbers = _numbers(walk)
    step = gr.Radio(
        [(f"{number} {one.short}", number) for number, one in zip(numbers, walk, strict=True)],
        value="1",
        label="Steps",
        elem_id="learn-steps",
    )

    def classify() -> tuple[gr.Radio, Html]:
        chosen = gr.Radio(
            [(sample.title, sample.name) for sample in few],
            value=few[0].name,
            label="Choose a picture",
            elem_classes="learn-control",
        )
        return chosen, Html(LOADING, padding=False, min_height=160)

    def vote() -> tuple[gr.Dropdown, Html]:
        Html(figures.memory_bars(told), padding=False)
        asked = gr.Dropdown(
            [(sample.title, sample.name) for sample in pictures],
            value=few[0].name,
            label="Ask the members about",
            elem_classes="learn-control",
        )
        return asked, Html(LOADING, padding=False, min_height=160)

    first, second, third, fourth, fifth, sixth, seventh, eighth = enumerate(walk, start=1)
    with _around(texts, *first):
        chosen, classified = classify()
    with _around(texts, *second):
        Html(figures.home_and_abroad(told), padding=False)
    with _around(texts, *third):
        bits = gr.Slider(1, 8, 3, step=1, label="Bits", elem_classes="learn-control")
        shown = Html(toys.rounding_toy(3), padding=False, elem_id="rounding-toy")
        bits.input(toys.rounding_toy, bits, shown, **at_once())
    with _around(texts, *fourth):
        noise = gr.Slider(
            0, 2, 0, step=0.05, label="Noise: step size", elem_classes="learn-control"
        )
        shown = Html(toys.valley_toy(0), padding=False, elem_id="valley-toy")
        noise.input(toys.valley_toy, noise, shown, **at_once())
        if way is not None:
            way_place("learn-way", way)
    with _around(texts, *fifth):
        if (record := recorded()) is not None:
            training_place(record, SMALL)
        Html(figures.training_curves(told), padding=False)
    with _around(texts, *sixth):
        asked, voted = vote()
    with _around(texts, *seventh):
        Html(measured, padding=False)
    with _around(texts, *eighth):
        pass
    with gr.Row(elem_id="learn-moves"):
        back = gr.Button("← Back", elem_id="learn-back")
        on = gr.Button("Next →", variant="primary", elem_id="learn-on")
        paper = gr.Button("Print all steps", elem_id="learn-print")
    return Walk(step, chosen, classified, asked, voted, back, on, paper)


@contextmanager
def _around(texts: Texts, place: int, step: Step) -> Iterator[None]:
    """What a step says, around its live part."""
    with gr.Column(elem_id=f"learn-step-{place}", elem_classes="learn-step"):
        Html(figures.paragraphs(step.before, f"{place}. {step.title}"), padding=False)
        yield
        quiz = figures.quiz(place, step.quiz, texts.words)
        Html(figures.paragraphs(step.after) + quiz, padding=False)


def _wire(
    parts: Walk, explorer: Explorer, target: str, tab: gr.Tab, pictures: Sequence[Sample]
) -> None:
    thumbnails = {sample.name: thumbnail(sample, PICTURE) for sample in pictures}
    by_name = {sample.name: sample for sample in pictures}

    def classified(name: str) -> str:
        sample = by_name[name]
        try:
            predictions = explorer.classify(read_image(sample.path), target)
        except CheckpointError as error:
            return notices([explorer.without_root(error)])
        return figures.sample_answers(predictions, sample, thumbnails[name])

    def voted(name: str) -> str:
        sample = by_name[name]
        try:
            predictions = explorer.classify(read_image(sample.path), target)
        except CheckpointError as error:
            return notices([explorer.without_root(error)])
        panel = join(ballot(one) for one in predictions if one.members)
        return figures.member_votes(predictions, sample, thumbnails[name], panel)

    for answer, asked, shown in (
        (classified, parts.chosen, parts.classified),
        (voted, parts.asked, parts.voted),
    ):
        tab.select(answer, asked, shown, **torch_event(shown))
        asked.input(answer, asked, shown, **torch_event(shown))
    step = parts.step
    step.change(None, step, None, js=SHOW, **PRIVATE)
    tab.select(None, step, None, js=SHOW, **PRIVATE)
    parts.back.click(None, step, step, js=MOVE % -1, **PRIVATE)
    parts.on.click(None, step, step, js=MOVE % 1, **PRIVATE)
    parts.paper.click(None, None, None, js=PRINT, **PRIVATE)


def _numbers(walk: Sequence[Step]) -> list[str]:
    return [str(place) for place in range(1, len(walk) + 1)]


def paper_numbers(printed: tuple[Result, ...], told: Lesson) -> list[Result]:
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
