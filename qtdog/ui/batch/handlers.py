"""What the Batch tab answers: the fields' values in, what is shown on its places out."""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial

import gradio as gr

from qtdog.explorer import BatchFile, Explorer, Row, classify_files, open_batch
from qtdog.images import read_image
from qtdog.ui.batch import figures
from qtdog.ui.batch.layout import Layout
from qtdog.ui.events import Shown
from qtdog.ui.figures import notices
from qtdog.ui.samples import known_to, samples

SECONDS_BETWEEN_NEWS = 0.3


@dataclass(frozen=True)
class Done:
    """A batch that was answered: for which held-out domain, and its rows."""

    key: str
    rows: tuple[Row, ...]


class Handlers:
    """Of the tab in a `layout`. A held-out domain comes as its `key`."""

    def __init__(self, explorer: Explorer, layout: Layout) -> None:
        self._explorer = explorer
        self._on = layout
        self._classes = {target.key: target.classes for target in explorer.targets()}

    def begin(self) -> Shown:
        """Before the line: what was there is another batch's."""
        on = self._on
        return {
            on.answers: figures.QUEUED,
            on.which: gr.Radio(visible=False),
            on.table: "",
            on.done: None,
            **self._busy(True),
        }

    def run(self, paths: list[str] | None, key: str) -> Iterator[Shown]:
        """The files at `paths`: pictures, or zips of pictures."""
        if not paths:
            yield {self._on.answers: figures.NOTHING_CHOSEN, **self._busy(False)}
            return
        yield from self._work(open_batch(paths, self._classes[key]), key)

    def run_samples(self, key: str) -> Iterator[Shown]:
        """Those of our samples that show a class of the models', or all where none does."""
        classes = self._classes[key]
        files = [
            BatchFile(
                one.path.name,
                one.label if one.label in classes else None,
                partial(read_image, one.path),
            )
            for one in known_to(samples(), classes)
        ]
        yield from self._work(nullcontext(files), key, figures.OURS)

    def cancelled(self) -> Shown:
        """What ran was stopped."""
        return {self._on.answers: figures.CANCELLED, **self._busy(False)}

    def show_rows(self, which: str, done: Done | None) -> str:
        """The pictures that one of `figures.FILTERS` lets through."""
        return figures.rows_table(done.rows, which) if done else ""

    def choose_target(self, key: str, done: Done | None) -> Shown:
        """Another held-out domain: what was answered was answered by other models."""
        on = self._on
        shown: Shown = {on.limits: figures.limits(self._classes[key])}
        if done is None or done.key == key:
            return shown
        hidden: Shown = {on.which: gr.Radio(visible=False), on.table: "", on.done: None}
        return {**shown, **hidden, on.answers: figures.of_others(done.key, key)}

    def _work(
        self, files: AbstractContextManager[list[BatchFile]], key: str, note: str = ""
    ) -> Iterator[Shown]:
        on, explorer = self._on, self._explorer
        began = time.monotonic()
        rows: list[Row] = []
        try:
            with files as opened:
                told = 0.0
                yield {on.answers: figures.progress(0, len(opened), 0)}
                for chunk in classify_files(explorer, opened, key):
                    rows += chunk
                    now = time.monotonic()
                    if now - told >= SECONDS_BETWEEN_NEWS:
                        told = now
                        news = figures.progress(len(rows), len(opened), now - began)
                        yield {on.answers: news}
        except ValueError as error:  # the batch or the checkpoints cannot be used
            problem = explorer.without_root(error)
            yield {on.answers: notices([problem]), **self._busy(False)}
            return
        networks = list(explorer.names(key).values())
        seconds = time.monotonic() - began
        shown = figures.results(rows, self._classes[key], seconds, key, networks)
        yield {
            on.answers: shown + note,
            on.which: gr.Radio(visible=True, value=figures.ALL),
            on.table: figures.rows_table(rows),
            on.done: Done(key, tuple(rows)),
            **self._busy(False),
        }

    def _busy(self, now: bool) -> Shown:
        on = self._on
        starters = {one: gr.Button(interactive=not now) for one in (on.start, on.ours)}
        return {**starters, on.cancel: gr.Button(interactive=now)}
