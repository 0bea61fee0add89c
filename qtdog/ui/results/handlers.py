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
    comparisons,
    domains_of,
    load_run,
    pivot,
    run_path,
    to_frame,
)
from qtdog.ui.downloads import Downloads
from qtdog.ui.figures import notices
from qtdog.ui.results import memory, tables, views
from qtdog.ui.results.choices import (
    choices_of,
    domain_in,
    domain_of,
    possible,
    which_choices,
)
from qtdog.ui.results.layout import FIRST, verdict_html
from qtdog.ui.results.views import View, missing
from qtdog.ui.sentences import domain_name


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
        target: str,
        which: str,
        seed: str | None,
        theirs: tuple[MeasuredResult, ...] = (),
    ) -> list[Any]:
        """`target`: the page's held-out domain; `which`: that one alone, or the mean of all.
        `theirs`: a visitor's own numbers, which stand in the table."""
        asked = Choice(source, benchmark, backbone, table)
        together = replace(self._results, theirs=theirs)
        choice = possible(together, asked)
        shown = pivot(together, choice)
        seeds = self._seeds(choice.benchmark, target)
        run = seed if seed in seeds else next(iter(seeds), None)
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
            *_shown(views.paper_bits(self._results, choice.benchmark)),
            _update([(f"seed {one}", one) for one in seeds], seed, run),
            *self.show_domain(choice.benchmark, target, which),
            *self.show_training(choice.benchmark, target, run),
        ]

    def show_memory(
        self,
        benchmark: str,
        target: str,
        which: str,
        limit: float,
        speed: str,
        theirs: tuple[MemoryPoint, ...] = (),
    ) -> list[Any]:
        dataset = FIRST.benchmark if benchmark == ALL else benchmark
        domains = domains_of(self._points, dataset)
        domain = domain_in(domains, dataset, target, which)
        view = memory.view(self._points, dataset, domain, limit, speed, theirs=theirs)
        if domains and not domain:
            view = _not_held_out(dataset, target)
        return [
            memory.first_rows(self._points, dataset, comparisons(self._results.measured, dataset)),
            gr.Radio(which_choices(target)),
            *_shown(view),
        ]

    def show_domain(self, benchmark: str, target: str, which: str) -> list[Any]:
        dataset = views.one_benchmark(self._results, benchmark)
        domain = domain_in(views.held_out(self._results, benchmark), dataset, target, which)
        shown = [_not_held_out(dataset, target)] * 3
        if domain or not views.held_out(self._results, benchmark):
            shown = [
                views.measured_bits(self._results, benchmark, domain),
                views.calibration(self._results, benchmark, domain, "nll"),
                views.calibration(self._results, benchmark, domain, "ece"),
            ]
        return [gr.Radio(which_choices(target)), *(part for one in shown for part in _shown(one))]

    def show_training(self, benchmark: str, target: str, seed: str | None) -> list[Any]:
        key = self._seeds(benchmark, target).get(seed or "")
        return _shown(views.training(self._results, benchmark, key, self._folder))

    def _seeds(self, benchmark: str, target: str) -> dict[str, str]:
        """The seeds that have run logs on the page's held-out domain: by seed the key of its
        runs."""
        held_out = domain_of(target, views.one_benchmark(self._results, benchmark))
        keys = views.training_choices(self._results, benchmark)
        return {key.rpartition("-")[2]: key for key in keys if key.rpartition("-")[0] == held_out}

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


def _not_held_out(dataset: str, target: str) -> View:
    """Why a figure is not there."""
    return missing(
        f"Nothing is measured here on {dataset} where {domain_name(target)} is held out."
    )


def _csv(table: Table, choice: Choice, downloads: Downloads) -> Path:
    """The table's numbers as a file, the same for the same choice."""
    words = [choice.source, choice.benchmark, choice.backbone, choice.table]
    name = "-".join("".join(c if c.isalnum() else "-" for c in word.lower()) for word in words)
    frame = to_frame(table)
    text = csv_text([*frame.columns], frame.astype(object).where(frame.notna(), None).to_numpy())
    return downloads.offer(f"qtdog-results-{name}.csv", csv_bytes(text))
