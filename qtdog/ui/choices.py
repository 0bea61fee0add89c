"""What is chosen on more than one tab: a held-out domain, and a class of its models."""

from collections.abc import Sequence

import gradio as gr

from qtdog.checkpoints import Target
from qtdog.ui.sentences import plain


def domain_name(target: Target) -> str:
    """ "art painting (PACS)"."""
    return f"{plain(target.domain)} ({target.dataset.upper()})"


def domain_choice(targets: Sequence[Target], elem_id: str, min_width: int = 160) -> gr.Dropdown:
    """The field for the held-out domain, by the target's key; the first one is chosen. `min_width`
    in px."""
    return gr.Dropdown(
        [(domain_name(one), one.key) for one in targets],
        value=targets[0].key,
        label="Held-out domain (never seen in training)",
        min_width=min_width,
        elem_id=elem_id,
    )


def class_choices(classes: Sequence[str]) -> list[tuple[str, str]]:
    """Choices of a field for a class: as words, and as the models name it."""
    return [(plain(name), name) for name in classes]
