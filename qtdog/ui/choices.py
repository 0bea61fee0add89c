"""What is chosen for more than one tab: the held-out domain, and a class of its models."""

from collections.abc import Sequence

import gradio as gr

from qtdog.checkpoints import Target
from qtdog.ui.events import PRIVATE
from qtdog.ui.sentences import plain


def domain_name(target: Target) -> str:
    """ "art painting (PACS)"."""
    return f"{plain(target.domain)} ({target.dataset.upper()})"


def domain_choice(targets: Sequence[Target]) -> gr.Dropdown:
    """The page's field for the held-out domain, by the target's key; the first one is chosen."""
    return gr.Dropdown(
        [(domain_name(one), one.key) for one in targets],
        value=targets[0].key,
        label="Held-out domain",
        min_width=240,
        scale=0,
        elem_id="target",
    )


def seen_domain(target: gr.Dropdown, element: str) -> gr.Textbox:
    """An unseen field that changes when another held-out domain is chosen while the element with
    that id can be seen: nothing is computed for a tab that nobody looks at."""
    turn = gr.Textbox("0", label="turn", elem_classes="unseen")
    js = f"""(key, turn) => document.querySelector("#{element}")?.checkVisibility()
        ? String(Number(turn) + 1) : turn"""
    target.change(None, [target, turn], turn, js=js, **PRIVATE)
    return turn


def class_choices(classes: Sequence[str]) -> list[tuple[str, str]]:
    """Choices of a field for a class: as words, and as the models name it."""
    return [(plain(name), name) for name in classes]
