"""The Batch tab's fields and places, laid out."""

from collections.abc import Sequence
from dataclasses import dataclass

import gradio as gr

from qtdog.checkpoints import Target
from qtdog.ui.batch import figures
from qtdog.ui.markup import Html


@dataclass(frozen=True)
class Layout:
    """The components, from the top left to the bottom right."""

    files: gr.File
    target: gr.Dropdown
    start: gr.Button
    cancel: gr.Button
    ours: gr.Button
    """To classify our samples."""
    limits: Html
    answers: Html
    which: gr.Radio
    """The pictures that the table lists."""
    table: Html
    done: gr.State
    """The `Done` that the visitor looks at."""


def lay_out(targets: Sequence[Target], target: gr.Dropdown) -> Layout:
    """For the first of `targets`, with nothing classified; `target` is the page's."""
    Html(figures.QUESTION, padding=False)
    with gr.Row(equal_height=False, elem_id="batch"):
        with gr.Column(scale=4, min_width=300, elem_id="batch-question"):
            files = gr.File(
                file_count="multiple",
                label="Pictures, or zips of pictures",
                height=200,
                buttons=[],
                elem_id="batch-files",
            )
            with gr.Row():
                start = gr.Button("Classify", variant="primary", elem_id="batch-start")
                cancel = gr.Button("Cancel", interactive=False, elem_id="batch-cancel")
            ours = gr.Button("Classify our samples", size="sm", elem_id="batch-samples")
            limits = Html(figures.limits(targets[0].classes), padding=False)
        with gr.Column(scale=9, min_width=320):
            answers = Html(figures.WAITING, elem_id="batch-answers", padding=False)
            which = gr.Radio(
                figures.FILTERS,
                value=figures.ALL,
                label="The pictures",
                visible=False,
                elem_id="batch-which",
            )
            table = Html(elem_id="batch-table", padding=False)
    done = gr.State()
    return Layout(files, target, start, cancel, ours, limits, answers, which, table, done)
