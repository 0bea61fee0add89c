"""The Results tab: the paper's numbers and ours, with where each is from."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr

from qtdog.places import SHOWN_STUDY
from qtdog.results import (
    ALL,
    Choice,
    MeasuredResult,
    MemoryPoint,
    Results,
    ResultsError,
    load_memory,
    load_results,
    options,
    seed_runs,
)
from qtdog.ui.address import Address, number_from, one_of
from qtdog.ui.choices import looked_at
from qtdog.ui.events import PRIVATE
from qtdog.ui.results import memory, views
from qtdog.ui.results.choices import benchmark_of, which_of
from qtdog.ui.results.endpoints import add_endpoints
from qtdog.ui.results.handlers import Handlers
from qtdog.ui.results.layout import FIRST, SOURCES, Layout, lay_out
from qtdog.ui.results.theirs import add_endpoint, read_theirs

SHOW_THE_LOG = '() => document.querySelector("#run-log").scrollIntoView({ block: "start" })'


def results_tab(
    address: Address,
    tab: gr.Tab,
    target: gr.Dropdown,
    folder: Path = SHOWN_STUDY,
    theirs: tuple[MeasuredResult, ...] = (),
) -> None:
    """Lay out the tab inside `tab` on the results files in `folder` and wire it to the page's
    held-out domain; `theirs` are numbers of whoever started the page, which stand beside."""
    results = load_results(folder)
    measurements = filter(None, (one.measurement for one in results.measured))
    logs = sorted({log for one in measurements for log in one.runs})
    points, problems = _memory(folder)
    results = replace(results, problems=(*results.problems, *problems), theirs=theirs)
    at = lay_out(results, points, logs, str(target.value))
    shown = looked_at(target, tab, "results")
    _wire(at, Handlers(replace(results, theirs=()), points, logs, folder), results, points, shown)
    of = options(results, Choice())
    keys = [str(key) for _, key in target.choices]
    usual = {key: found for key in keys if (found := benchmark_of(key, of.benchmarks))}
    address.older(_of_older_links(keys))
    address.add("numbers", at.source, one_of([value for _, value in SOURCES]))
    address.add("benchmark", at.benchmark, one_of([ALL, *of.benchmarks]), usual=usual)
    address.add("network", at.backbone, one_of([ALL, *of.backbones]))
    address.add("table", at.table, one_of([ALL, *of.tables]))
    domains = [*views.held_out(results, ALL), *(key.partition("/")[2] for key in keys)]
    address.add("held-out", at.which, which_of(domains))
    seeds = {str(one.seed) for one in seed_runs(results.measured, FIRST.benchmark)}
    address.add("run", at.seed, lambda text: one_of(sorted(seeds))(text.rpartition("-")[2]))
    address.add("megabytes", at.memory.megabytes, number_from(0.5, memory.MOST_MEGABYTES))
    address.add("speed", at.memory.speed, one_of(list(memory.SPEEDS)))
    address.add("memory", at.memory.which, which_of(domains))
    add_endpoints(replace(results, theirs=()), folder)
    add_endpoint(results)


def _memory(folder: Path) -> tuple[tuple[MemoryPoint, ...], tuple[str, ...]]:
    """What memory buys, and a sentence where its file cannot be used."""
    try:
        return load_memory(folder), ()
    except ResultsError as error:
        return (), (str(error),)


def _of_older_links(keys: Sequence[str]) -> Callable[[dict[str, str]], dict[str, str]]:
    """The held-out domain of links in which figures had fields of their own for it: "memory" and
    "held-out" a domain, "run" a domain and a seed. `keys`: "dataset/domain"."""

    def rule(query: dict[str, str]) -> dict[str, str]:
        dataset = query.get("benchmark", FIRST.benchmark).lower()
        named = [query.get("memory", ""), query.get("held-out", "")]
        named.append(query.get("run", "").rpartition("-")[0])
        meant = [f"{dataset}/{one}" for one in named if f"{dataset}/{one}" in keys]
        return {"domain": meant[0]} if meant else {}

    return rule


def _wire(
    at: Layout,
    does: Handlers,
    results: Results,
    points: Sequence[MemoryPoint],
    target: gr.Textbox,
) -> None:
    """`target`: the held-out domain that the tab is to show."""
    private: dict[str, Any] = {
        **PRIVATE,
        "trigger_mode": "always_last",
        "concurrency_limit": 4,
    }
    chosen = [at.source, at.benchmark, at.backbone, at.table]
    asked = [*chosen, target, at.which, at.seed, at.theirs.numbers]
    shown = [
        *(at.said, at.benchmark, at.backbone, at.table, at.numbers, at.download),
        *(*at.memory.paper, *at.paper_bits, at.seed, at.which),
        *(*at.measured_bits, *at.nll, *at.ece, *at.training),
    ]
    changes = [at.numbers.load, *(one.change for one in chosen), target.change]
    gr.on(changes, does.show, asked, shown, **private)
    of_memory = [at.memory.which, at.memory.megabytes, at.memory.speed]
    memory_asked = [at.benchmark, target, *of_memory, at.theirs.points]
    memory_shown = [at.first, at.memory.which, *at.memory.figure]
    changes = [at.numbers.load, at.benchmark.change, target.change]
    changes += [one.change for one in of_memory]
    gr.on(changes, does.show_memory, memory_asked, memory_shown, **private)
    read = read_theirs(results, points)
    outputs = [at.theirs.numbers, at.theirs.points, at.theirs.said, at.benchmark]
    at.theirs.files.change(
        read, [at.theirs.files, at.benchmark, at.theirs.numbers], outputs, **private
    ).then(does.show, asked, shown, **private).then(
        does.show_memory, memory_asked, memory_shown, **private
    )
    at.which.change(
        does.show_domain,
        [at.benchmark, target, at.which],
        [at.which, *at.measured_bits, *at.nll, *at.ece],
        **private,
    )
    at.seed.change(does.show_training, [at.benchmark, target, at.seed], at.training, **private)
    for listed in (at.numbers, at.memory.figure[1]):
        listed.select(does.choose_log, None, at.log, **private).then(
            None, js=SHOW_THE_LOG, **private
        )
    at.log.change(does.show_log, at.log, [at.log_html, at.log_file], **private)
