"""The Batch tab: many pictures through all models."""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from functools import partial
from typing import Any

import gradio as gr

from qtdog.batch import Row, accuracies, agreements, classify_files, confusion, models_of
from qtdog.batch_files import BatchFile, open_batch
from qtdog.explorer import Explorer
from qtdog.images import read_image
from qtdog.ui import batch_figures, figures
from qtdog.ui.address import Address, one_of
from qtdog.ui.events import BATCH_QUEUE, PRIVATE, Shown, alone
from qtdog.ui.samples import samples
from qtdog.ui.sentences import plain

SECONDS_BETWEEN_NEWS = 0.3


def batch_tab(explorer: Explorer, address: Address) -> None:
    """Lay out the tab and wire it to `explorer`."""
    targets = {target.key: target for target in explorer.targets()}
    first = next(iter(targets))

    gr.HTML(batch_figures.QUESTION, padding=False)
    with gr.Row(equal_height=False, elem_id="batch"):
        with gr.Column(scale=4, min_width=300, elem_id="batch-question"):
            files = gr.File(
                file_count="multiple",
                label="Pictures, or zips of pictures",
                height=200,
                buttons=[],
                elem_id="batch-files",
            )
            target = gr.Dropdown(
                [
                    (f"{plain(one.domain)} ({one.dataset.upper()})", key)
                    for key, one in targets.items()
                ],
                value=first,
                label="Held-out domain (never seen in training)",
                elem_id="batch-domain",
            )
            with gr.Row():
                start = gr.Button("Classify", variant="primary", elem_id="batch-start")
                cancel = gr.Button("Cancel", interactive=False, elem_id="batch-cancel")
            ours = gr.Button("Classify our samples", size="sm", elem_id="batch-samples")
            limits = gr.HTML(batch_figures.limits(targets[first].classes), padding=False)
        with gr.Column(scale=9, min_width=320):
            answers = gr.HTML(batch_figures.WAITING, elem_id="batch-answers", padding=False)
            which = gr.Radio(
                batch_figures.FILTERS,
                value=batch_figures.ALL,
                label="The pictures",
                visible=False,
                elem_id="batch-which",
            )
            table = gr.HTML(elem_id="batch-table", padding=False)
    kept = gr.State()  # the rows, for the visitor's own page

    def busy(now: bool) -> Shown:
        starters = {one: gr.Button(interactive=not now) for one in (start, ours)}
        return {**starters, cancel: gr.Button(interactive=now)}

    def run(paths: list[str] | None, key: str) -> Iterator[Shown]:
        if not paths:
            yield {answers: batch_figures.WAITING, **busy(False)}
            return
        yield from work(open_batch(paths, targets[key].classes), key)

    def run_samples(key: str) -> Iterator[Shown]:
        files = [
            BatchFile(one.path.name, one.label, partial(read_image, one.path))
            for one in samples()
            if one.label in targets[key].classes
        ]
        yield from work(nullcontext(files), key, batch_figures.OURS)

    def work(
        files: AbstractContextManager[list[BatchFile]], key: str, note: str = ""
    ) -> Iterator[Shown]:
        began = time.monotonic()
        rows: list[Row] = []
        try:
            with files as opened:
                told = 0.0
                yield {answers: batch_figures.progress(0, len(opened), 0)}
                for chunk in classify_files(explorer, opened, key):
                    rows += chunk
                    now = time.monotonic()
                    if now - told >= SECONDS_BETWEEN_NEWS:
                        told = now
                        news = batch_figures.progress(len(rows), len(opened), now - began)
                        yield {answers: news}
        except ValueError as error:  # the batch or the checkpoints cannot be used
            problem = explorer.without_root(error)
            yield {answers: figures.notices([problem]), **busy(False)}
            return
        shown = batch_figures.results(rows, targets[key].classes, time.monotonic() - began)
        yield {
            answers: shown + note,
            which: gr.Radio(visible=True, value=batch_figures.ALL),
            table: batch_figures.rows_table(rows),
            kept: rows,
            **busy(False),
        }

    def begin() -> Shown:
        """Before the line: what was there is another batch's."""
        return {
            answers: batch_figures.QUEUED,
            which: gr.Radio(visible=False),
            table: "",
            kept: None,
            **busy(True),
        }

    def cancelled() -> Shown:
        return {answers: batch_figures.CANCELLED, **busy(False)}

    def show_rows(which: str, rows: list[Row] | None) -> str:
        return batch_figures.rows_table(rows, which) if rows else ""

    outputs = [answers, which, table, kept, start, ours, cancel]
    waits = {"api_visibility": "private", "show_progress": "minimal", "show_progress_on": answers}
    running = [
        button.click(begin, None, outputs, queue=False, **PRIVATE).then(
            work_on, asked, outputs, **alone(BATCH_QUEUE), **waits
        )
        for button, work_on, asked in ((start, run, [files, target]), (ours, run_samples, target))
    ]
    cancel.click(cancelled, None, outputs, cancels=running, queue=False, **PRIVATE)
    which.input(show_rows, [which, kept], table, queue=False, **PRIVATE)
    target.input(
        lambda key: batch_figures.limits(targets[key].classes),
        target,
        limits,
        queue=False,
        **PRIVATE,
    )
    address.add("batch-domain", target, one_of(list(targets)))

    def batch(files: list[str], target: str = first) -> dict[str, Any]:
        """Classify many pictures with every model of a held-out domain.

        files: picture files and zip archives of pictures; inside an archive, the nearest folder
        named like a class is the picture's class. target: "dataset/domain".
        Returns `rows` (file, known class, each model's class and confidence, or the problem),
        `accuracy` by model with counts, `confusion` by model (known class down, answer across, in
        the order of `classes`) and `agreement` between models.
        """
        try:
            if target not in targets:
                raise ValueError(
                    f"There are no models for '{target}'. There are: {', '.join(targets)}."
                )
            classes = targets[target].classes
            with open_batch(files or [], classes) as opened:
                rows = [row for chunk in classify_files(explorer, opened, target) for row in chunk]
        except ValueError as error:
            raise gr.Error(explorer.without_root(error), print_exception=False) from None
        known = accuracies(rows)
        return {
            "classes": classes,
            "rows": [asdict(row) for row in rows],
            "accuracy": {model: asdict(one) for model, one in known.items()},
            "confusion": {
                model: confusion(rows, model, classes).tolist()
                for model in (models_of(rows) if known else ())
            },
            "agreement": [asdict(one) for one in agreements(rows)],
        }

    # The endpoint's own fields, which the page does not show.
    with gr.Row(visible=False):
        gr.Button().click(
            batch,
            [gr.File(file_count="multiple", label="files"), gr.Textbox(first, label="target")],
            gr.JSON(label="results"),
            api_name="batch",
            **alone(BATCH_QUEUE),
        )
