"""The Results tab: the paper's numbers and ours, with where each is from."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr

from qtdog.places import RESULTS
from qtdog.results import (
    ALL,
    Choice,
    MeasuredResult,
    MemoryPoint,
    Results,
    ResultsError,
    domains_of,
    load_memory,
    load_results,
    options,
)
from qtdog.ui.address import Address, number_from, one_of
from qtdog.ui.events import PRIVATE
from qtdog.ui.results import memory, views
from qtdog.ui.results.endpoints import add_endpoints
from qtdog.ui.results.handlers import Handlers
from qtdog.ui.results.layout import FIRST, SOURCES, Layout, lay_out
from qtdog.ui.results.theirs import add_endpoint, read_theirs

SHOW_THE_LOG = '() => document.querySelector("#run-log").scrollIntoView({ block: "start" })'


def results_tab(
    address: Address, folder: Path = RESULTS, theirs: tuple[MeasuredResult, ...] = ()
) -> None:
    """Lay out the tab on the results files in `folder` and wire it; `theirs` are numbers of whoever
    started the page, which stand beside."""
    results = load_results(folder)
    measurements = filter(None, (one.measurement for one in results.measured))
    logs = sorted({log for one in measurements for log in one.runs})
    points, problems = _memory(folder)
    results = replace(results, problems=(*results.problems, *problems), theirs=theirs)
    at = lay_out(results, points, logs)
    _wire(at, Handlers(replace(results, theirs=()), points, logs, folder), results)
    of = options(results, Choice())
    address.add("numbers", at.source, one_of([value for _, value in SOURCES]))
    address.add("benchmark", at.benchmark, one_of([ALL, *of.benchmarks]))
    address.add("network", at.backbone, one_of([ALL, *of.backbones]))
    address.add("table", at.table, one_of([ALL, *of.tables]))
    if domains := views.held_out(results, FIRST.benchmark):
        address.add("held-out", at.domain, one_of(domains))
    if seeds := views.training_choices(results, FIRST.benchmark):
        address.add("run", at.seed, one_of(list(seeds)))
    address.add("megabytes", at.memory.megabytes, number_from(0.5, memory.MOST_MEGABYTES))
    address.add("speed", at.memory.speed, one_of(list(memory.SPEEDS)))
    if domains := domains_of(points, FIRST.benchmark):
        address.add("memory", at.memory.domain, one_of(domains))
    add_endpoints(replace(results, theirs=()), folder)
    add_endpoint(results)


def _memory(folder: Path) -> tuple[tuple[MemoryPoint, ...], tuple[str, ...]]:
    """What memory buys, and a sentence where its file cannot be used."""
    try:
        return load_memory(folder), ()
    except ResultsError as error:
        return (), (str(error),)


def _wire(at: Layout, does: Handlers, results: Results) -> None:
    private: dict[str, Any] = {
        **PRIVATE,
        "trigger_mode": "always_last",
        "concurrency_limit": 4,
    }
    chosen = [at.source, at.benchmark, at.backbone, at.table]
    asked = [*chosen, at.domain, at.seed, at.theirs.numbers]
    shown = [
        *(at.said, at.benchmark, at.backbone, at.table, at.numbers, at.download),
        *(*at.paper_size, *at.measured_size, *at.paper_bits, at.domain, at.seed),
        *(*at.measured_bits, *at.nll, *at.ece, *at.training),
    ]
    gr.on([at.numbers.load, *(one.change for one in chosen)], does.show, asked, shown, **private)
    read = read_theirs(results)
    outputs = [at.theirs.numbers, at.theirs.said, at.benchmark]
    at.theirs.files.change(
        read, [at.theirs.files, at.benchmark, at.theirs.numbers], outputs, **private
    ).then(does.show, asked, shown, **private)
    of_memory = [at.memory.domain, at.memory.megabytes, at.memory.speed]
    gr.on(
        [at.numbers.load, at.benchmark.change, *(one.change for one in of_memory)],
        does.show_memory,
        [at.benchmark, *of_memory],
        [at.first, at.memory.domain, *at.memory.figure],
        **private,
    )
    at.domain.change(
        does.show_domain,
        [at.benchmark, at.domain],
        [*at.measured_bits, *at.nll, *at.ece],
        **private,
    )
    at.seed.change(does.show_training, [at.benchmark, at.seed], at.training, **private)
    for listed in (at.numbers, at.memory.figure[1]):
        listed.select(does.choose_log, None, at.log, **private).then(
            None, js=SHOW_THE_LOG, **private
        )
    at.log.change(does.show_log, at.log, [at.log_html, at.log_file], **private)
