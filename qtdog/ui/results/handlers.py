"""What the Results tab shows when a choice changes."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr

from qtdog.csv_file import csv_bytes, csv_text
from qtdog.results import (
    ALL,
    Choice,
    MeasuredResult,
    MemoryPoint,
    Results,
    ResultsError,
    Table,
    domains_of,
    load_run,
    pivot,
    run_path,
    to_frame,
)
from qtdog.ui.downloads import Downloads
from qtdog.ui.figures import notices
from qtdog.ui.results import memory, tables, views
from qtdog.ui.results.choices import choices_of, domain_choices, possible
from qtdog.ui.results.layout import FIRST, verdict_html
from qtdog.ui.results.views import View


class Handlers:
    """They read the results and what memory buys; `logs` are the run logs' names, in `folder`."""

    def __init__(
        self, results: Results, points: Sequence[MemoryPoint], logs: Sequence[str], folder: Path
    ) -> None:
        self._results, self._points, self._logs, self._folder = results, points, logs, folder
        self._downloads = Downloads()

    def show(
        self,
        source: Any,
        benchmark: str,
        backbone: str,
        table: str,
        domain: str | None,
        key: str | None,
        theirs: tuple[MeasuredResult, ...] = (),
    ) -> list[Any]:
        """`theirs`: a visitor's own numbers, which stand in the table."""
        asked = Choice(source, benchmark, backbone, table)
        together = replace(self._results, theirs=theirs)
        choice = possible(together, asked)
        shown = pivot(together, choice)
        domains = views.held_out(self._results, choice.benchmark)
        held_out = domain if domain in domains else next(iter(domains), None)
        seeds = views.training_choices(self._results, choice.benchmark)
        run = key if key in seeds else next(iter(seeds), None)
        return [
            verdict_html(self._results, choice.benchmark),
            *map(
                _update,
                choices_of(together, choice),
                (asked.benchmark, asked.backbone, asked.table),
                (choice.benchmark, choice.backbone, choice.table),
            ),
            tables.results_table(shown, choice),
            _csv(shown, choice, self._downloads),
            *_shown(views.paper_size(self._results, choice.benchmark, choice.backbone)),
            *_shown(views.measured_size(self._results, choice.benchmark)),
            *_shown(views.paper_bits(self._results, choice.benchmark)),
            _update(domain_choices(domains), domain, held_out),
            _update([(title, key) for key, title in seeds.items()], key, run),
            *self.show_domain(choice.benchmark, held_out),
            *self.show_training(choice.benchmark, run),
        ]

    def show_memory(
        self, benchmark: str, domain: str | None, limit: float, speed: str
    ) -> list[Any]:
        dataset = FIRST.benchmark if benchmark == ALL else benchmark
        domains = domains_of(self._points, dataset)
        held_out = domain if domain in domains else next(iter(domains), "")
        view = memory.view(self._points, dataset, held_out, limit, speed)
        return [
            memory.first_rows(self._points, dataset),
            _update(domain_choices(domains), domain, held_out or None),
            *_shown(view),
        ]

    def show_domain(self, benchmark: str, domain: str | None) -> list[Any]:
        return [
            *_shown(views.measured_bits(self._results, benchmark, domain)),
            *_shown(views.calibration(self._results, benchmark, domain, "nll")),
            *_shown(views.calibration(self._results, benchmark, domain, "ece")),
        ]

    def show_training(self, benchmark: str, key: str | None) -> list[Any]:
        return _shown(views.training(self._results, benchmark, key, self._folder))

    def choose_log(self, event: gr.EventData) -> Any:
        return event.log if event.log in self._logs else gr.skip()

    def show_log(self, name: str | None) -> list[Any]:
        if name is None or name not in self._logs:
            return [gr.skip(), gr.skip()]
        try:
            shown = tables.run_log(load_run(name, self._folder))
            copy = self._downloads.offer(
                name.replace("/", "-"), run_path(name, self._folder).read_bytes()
            )
        except ResultsError as error:
            return [notices([str(error)]), gr.DownloadButton(visible=False)]
        return [shown, gr.DownloadButton(value=copy, visible=True)]


def _update(choices: list[tuple[str, str]], asked: str | None, value: str | None) -> Any:
    """What can be chosen now. The value is left alone unless it has to change: by the time this
    arrives, the visitor or the address may have set another."""
    if asked == value:
        return gr.update(choices=choices, visible=bool(choices))
    return gr.update(choices=choices, value=value, visible=bool(choices))


def _shown(view: View) -> list[Any]:
    """A view as updates of a plot and what stands below it."""
    return [gr.Plot(value=view.figure, visible=view.figure is not None or "hidden"), view.html]


def _csv(table: Table, choice: Choice, downloads: Downloads) -> Path:
    """The table's numbers as a file, the same for the same choice."""
    words = [choice.source, choice.benchmark, choice.backbone, choice.table]
    name = "-".join("".join(c if c.isalnum() else "-" for c in word.lower()) for word in words)
    frame = to_frame(table)
    text = csv_text([*frame.columns], frame.astype(object).where(frame.notna(), None).to_numpy())
    return downloads.offer(f"qtdog-results-{name}.csv", csv_bytes(text))
