"""What is chosen for more than one tab: the held-out domain, and a class of its models."""

from collections.abc import Sequence

import gradio as gr

from qtdog.checkpoints import Target
from qtdog.ui.events import PRIVATE
from qtdog.ui.markup import Html, html
from qtdog.ui.sentences import domain_name, plain


def domain_choice(targets: Sequence[Target]) -> gr.Dropdown:
    """The page's field for the held-out domain, by the target's key, those of one data set
    together; the first one is chosen."""
    datasets = list(dict.fromkeys(one.dataset for one in targets))
    together = sorted(targets, key=lambda one: datasets.index(one.dataset))
    return gr.Dropdown(
        [(domain_name(one.key), one.key) for one in together],
        value=targets[0].key,
        label="Held-out domain",
        min_width=240,
        scale=0,
        elem_id="target",
    )


def seen_change(field: gr.Dropdown | gr.Textbox, element: str) -> gr.Textbox:
    """An unseen field that changes when `field` does, such as the held-out domain, while the
    element with that id can be seen: nothing is computed for a tab that nobody looks at."""
    turn = gr.Textbox("0", label="turn", elem_classes="unseen")
    js = f"""(key, turn) => document.querySelector("#{element}")?.checkVisibility()
        ? String(Number(turn) + 1) : turn"""
    field.change(None, [field, turn], turn, js=js, **PRIVATE)
    return turn


def looked_at(target: gr.Dropdown, tab: gr.Tab, element: str) -> gr.Textbox:
    """An unseen field with the held-out domain that `tab` is to show: it changes when another one
    is chosen while the element with that id can be seen, and when the tab is opened after that."""
    shown = gr.Textbox(str(target.value), label="shown", elem_classes="unseen")
    js = f"""(key, shown) => document.querySelector("#{element}")?.checkVisibility()
        ? key : shown"""
    target.change(None, [target, shown], shown, js=js, **PRIVATE)
    tab.select(None, target, shown, js="(key) => key", **PRIVATE)
    return shown


def fold_button() -> None:
    """Lay out, as the first in a column of the class "folds", the button that opens it on a phone,
    where figures would come too late after so many choices."""
    Html(
        html(
            '<button type="button" class="fold-button" aria-expanded="false">Choose what to see'
            "</button>"
        ),
        padding=False,
        elem_classes="fold",
    )


def class_choices(classes: Sequence[str]) -> list[tuple[str, str]]:
    """Choices of a field for a class: as words, and as the models name it."""
    return [(plain(name), name) for name in classes]
