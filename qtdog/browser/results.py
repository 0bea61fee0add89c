"""Results without a server: the first rows, what memory buys, tables, figures, run logs."""

import re
from collections.abc import Sequence
from pathlib import Path

from qtdog.browser.memory import memory_part
from qtdog.browser.panels import choice, pair, slug
from qtdog.results import (
    ALL,
    Choice,
    MemoryPoint,
    Results,
    ResultsError,
    comparisons,
    load_memory,
    load_run,
    options,
    pivot,
)
from qtdog.ui import Markup, html, join, notices, plain, trusted, verdicts
from qtdog.ui.results import layout, memory, tables, views

FIRST = "PACS"
"""What opens where nothing was measured."""


def results_part(results: Results, folder: Path) -> Markup:
    """All of it, the run logs in `folder` included."""
    points, problems = _memory(folder)
    of = options(results, Choice())
    names = [*of.benchmarks, ALL]
    first = results.measured[0].dataset if results.measured else FIRST
    names.sort(key=lambda name: name != first)
    titles = {name: "all benchmarks" if name == ALL else name for name in names}
    panels = [_benchmark(results, name, folder) for name in names]
    return join(
        (
            notices([*results.problems, *problems]),
            memory.first_rows(points, first, comparisons(results.measured, first)),
            memory_part(points, first, _log_link, views.paper_size(results, first)),
            html('<h2 class="section">{}</h2><p class="section">{}</p>', *layout.ALL_NUMBERS),
            choice("Benchmark", titles, panels, 2, "benchmark"),
            _logs(results, folder),
        ),
        "\n",
    )


def _memory(folder: Path) -> tuple[Sequence[MemoryPoint], Sequence[str]]:
    try:
        return load_memory(folder), ()
    except ResultsError as error:
        return (), (str(error),)


def _benchmark(results: Results, benchmark: str, folder: Path) -> str:
    """Table and figures of one benchmark, or of all."""
    found = comparisons(results.measured, benchmark)
    sentences = join(html("<li>{}</li>", sentence) for sentence in verdicts(results, found))
    parts = [
        html("<ul>{}</ul>", sentences) if benchmark != ALL else "",
        html('<h2 class="section">Measured here</h2>'),
        _table(results, Choice("measured", benchmark)),
        html('<h2 class="section">In the paper</h2>'),
        _table(results, Choice("paper", benchmark)),
        html('<h2 class="section">Accuracy against size</h2>'),
        pair((memory.IN_THE_PAPER, views.paper_size(results, benchmark))),
        html('<h2 class="section">Accuracy against bits</h2>'),
        pair(("In the paper", views.paper_bits(results, benchmark))),
    ]
    if benchmark == ALL:  # domains and runs are those of one benchmark
        return join(parts, "\n")
    if domains := {one: plain(one) for one in views.held_out(results, benchmark)}:
        shown = [_domain(results, benchmark, one) for one in domains]
        parts.append(choice("Held-out domain, measured here", domains, shown, 3, "held-out"))
    if runs := views.training_choices(results, benchmark):
        shown = [
            pair(("Measured here", views.training(results, benchmark, one, folder))) for one in runs
        ]
        parts.append(html('<h2 class="section">Accuracy over training</h2>'))
        parts.append(choice("Held-out domain and seed", runs, shown, 3, "run"))
    return join(parts, "\n")


def _table(results: Results, chosen: Choice) -> Markup:
    table = tables.results_table(pivot(results, chosen), chosen, _log_link)
    # The notes' names are those of a page with one table; here are several.
    name = slug(f"{chosen.source}-{chosen.benchmark}")
    return trusted(re.sub(r"results-(flag|remark)-", rf"{name}-\1-", table))


def _domain(results: Results, benchmark: str, domain: str) -> str:
    shown = [("Accuracy against bits", views.measured_bits(results, benchmark, domain))]
    shown += [
        (title, views.calibration(results, benchmark, domain, measure))
        for measure, (title, *_) in views.CALIBRATION.items()
    ]
    return pair(*shown)


def _logs(results: Results, folder: Path) -> Markup:
    """The run logs that the measured numbers rest on, folded."""
    names = sorted(
        {log for one in results.measured if one.measurement for log in one.measurement.runs}
    )
    if not names:
        return Markup()
    logs = []
    for name in names:
        try:
            shown = tables.run_log(load_run(name, folder))
        except ResultsError as error:
            shown = notices([str(error)])
        logs.append(
            html('<details id="log-{}"><summary>{}</summary>{}</details>', slug(name), name, shown)
        )
    return html('<h2 class="section">Run logs</h2>{}', join(logs))


def _log_link(name: str) -> Markup:
    return html('<a href="#log-{}">{}</a>', slug(name), name)
