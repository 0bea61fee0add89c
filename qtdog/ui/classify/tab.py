"""The Try it tab: a picture in, three models side by side out, and where they look."""

from collections.abc import Iterator
from typing import Any

import gradio as gr

from qtdog.checkpoints import MODEL_NAMES
from qtdog.explorer import Explorer
from qtdog.ui.address import Address, one_of, several_of, yes_or_no
from qtdog.ui.classify.endpoints import add_endpoints
from qtdog.ui.classify.handlers import NO_SAMPLE, Asked, Handlers
from qtdog.ui.classify.layout import Layout, lay_out
from qtdog.ui.classify.pad import GIVEN
from qtdog.ui.events import PRIVATE, Shown, torch_event
from qtdog.ui.picture import PictureField, cleared_is_empty
from qtdog.ui.samples import known_to, sample_for, samples

# Gradio calls them "Thumbnail 3 of 17"; screen readers, and a pointer that rests, should be told
# what they show.
NAME_THE_SAMPLES = """() => {
    for (const button of document.querySelectorAll("#samples button.thumbnail-item")) {
        button.title = button.querySelector("img").alt;
        button.setAttribute("aria-label", button.title);
    }
    const samples = document.querySelector("#samples");
    samples.dataset.name = samples.querySelector("button.selected")?.title ?? "";
}"""
# The place of the sample that is chosen. Gradio would hand a click that comes while the one before
# is being answered over as the one before; of a field the latest value counts.
CHOSEN_PLACE = """async () => {
    await new Promise((shown) => setTimeout(shown));
    const samples = [...document.querySelectorAll("#samples button.thumbnail-item")];
    return String(samples.findIndex((button) => button.classList.contains("selected")));
}"""


def classify_tab(
    page: gr.Blocks, explorer: Explorer, address: Address, target: gr.Dropdown
) -> PictureField:
    """Lay out the tab and wire it to `explorer`, `address` and the page's held-out domain; returns
    the field with the picture."""
    pictures = samples()
    targets = explorer.targets()
    start = sample_for(targets[0].domain, known_to(pictures, targets[0].classes))
    methods = _methods(explorer)
    on = lay_out(targets, target, methods, pictures, start)

    address.add("sample", on.sample, one_of([*(one.name for one in pictures), NO_SAMPLE]))
    address.add("models", on.models, several_of(methods))
    address.add("look", on.look, yes_or_no)
    classes = {name for one in targets for name in one.classes}
    address.add("class", on.label, one_of(["", *sorted(classes)]))

    at_first = Asked(targets[0].key, methods, label="", look=False)
    handlers = Handlers(explorer, on, pictures, start, at_first)
    _wire(page, address, on, handlers)
    add_endpoints(explorer)
    return on.picture


def _wire(page: gr.Blocks, address: Address, on: Layout, handlers: Handlers) -> None:
    def open_address(request: gr.Request) -> Iterator[Shown]:
        yield from handlers.first_answer(address.read(request).values)

    outputs = [
        on.picture,
        on.gallery,
        on.offered,
        on.sample,
        on.question,
        on.answers,
        on.label,
        on.looking,
        on.looks,
    ]
    private: dict[str, Any] = {"outputs": outputs, **torch_event(on.answers)}
    fields = [on.target, on.models, on.label, on.look]
    asked = [on.picture, *fields]
    page.load(None, js=NAME_THE_SAMPLES)
    page.load(open_address, None, **private).then(None, js=NAME_THE_SAMPLES)
    on.gallery.select(None, None, on.place, js=CHOSEN_PLACE, **PRIVATE).then(
        handlers.answer_sample, [on.place, *fields], **private
    )
    on.pad.drawn(None, None, on.picture, js=GIVEN, **PRIVATE).then(
        handlers.answer_upload, asked, **private
    )
    on.picture.input(handlers.answer_upload, asked, js=cleared_is_empty("picture"), **private)
    on.target.input(handlers.choose_target, [on.picture, on.offered, *fields], **private).then(
        None, js=NAME_THE_SAMPLES
    )
    on.models.input(handlers.choose_models, asked, **private)
    gr.on([on.look.input, on.label.input], handlers.choose_look, asked, **private)
    address.gone.change(handlers.go_back, [on.picture, on.sample, *fields], **private).then(
        None, js=NAME_THE_SAMPLES
    )


def _methods(explorer: Explorer) -> tuple[str, ...]:
    """What there is to show side by side, of any held-out domain."""
    there = {one.config.method for each in explorer.targets() for one in explorer.shown(each.key)}
    return tuple(method for method in MODEL_NAMES if method in there)
