"""The Learn tab: a guided walk in eight steps, a live part and a question in each."""

from functools import lru_cache
from pathlib import Path

import gradio as gr

from qtdog.explorer import Explorer
from qtdog.results import load_results
from qtdog.ui.address import Address, one_of
from qtdog.ui.choices import seen_change
from qtdog.ui.events import PRIVATE, at_once, torch_event
from qtdog.ui.figures import notices
from qtdog.ui.learn.handlers import Handlers
from qtdog.ui.learn.layout import Walk, lay_out
from qtdog.ui.learn.telling import Told, stored_ways, tell
from qtdog.ui.learn.words import TEXTS, TextError, read_texts
from qtdog.ui.markup import Html
from qtdog.ui.samples import known_to, samples

SCRIPT = Path(__file__).with_name("learn.js").read_text(encoding="utf-8")
# The step is the browser's own affair: nothing of it reaches the server.
SHOW = f"(step) => {{ {SCRIPT} showLearnStep(step, false); keepLearnAnswers(); }}"
MOVE = f"(step) => {{ {SCRIPT} return moveLearnStep(step, %d); }}"
PRINT = "() => window.print()"


def learn_tab(
    explorer: Explorer, address: Address, tab: gr.Tab, target: gr.Dropdown, folder: Path = TEXTS
) -> None:
    """Lay out the walk inside `tab`, in the words of the texts in `folder`, about the page's
    held-out domain."""
    try:
        texts = read_texts(folder)
    except TextError as error:
        Html(notices([str(error)]), padding=False)
        return
    results, ways = load_results(), stored_ways()

    @lru_cache
    def told_of(key: str) -> Told:
        return tell(explorer, results, texts, ways, key)

    first = explorer.targets()[0]
    told, pictures = told_of(first.key), samples()
    on = lay_out(told, texts, known_to(pictures, first.classes), next(iter(ways), None))
    _wire(on, Handlers(explorer, on, texts, pictures, told_of), tab, target)
    steps = [str(place) for place in range(1, len(told.steps) + 1)]
    address.add("step", on.step, one_of(steps))


def _wire(on: Walk, does: Handlers, tab: gr.Tab, target: gr.Dropdown) -> None:
    texts = [part for pair in on.said for part in pair]
    way = [on.way.plot, on.way.said, on.way.step, on.way.held] if on.way else []
    outputs = [on.shown, on.chosen, on.asked, on.abroad, on.curves, on.memory, on.measured]
    followed = gr.on(
        [tab.select, seen_change(target, "learn-steps").change],
        does.follow,
        [target, on.shown, on.chosen, on.asked],
        [*outputs, *texts, *way],
        **at_once(),
    )
    for answer, asked, shown in (
        (does.classified, on.chosen, on.classified),
        (does.voted, on.asked, on.voted),
    ):
        followed.then(answer, [asked, target], shown, **torch_event(shown))
        asked.input(answer, [asked, target], shown, **torch_event(shown))
    step = on.step
    step.change(None, step, None, js=SHOW, **PRIVATE)
    followed.then(None, step, None, js=SHOW, **PRIVATE)
    on.back.click(None, step, step, js=MOVE % -1, **PRIVATE)
    on.on.click(None, step, step, js=MOVE % 1, **PRIVATE)
    on.paper.click(None, None, None, js=PRINT, **PRIVATE)
