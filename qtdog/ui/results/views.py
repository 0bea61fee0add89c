"""Which numbers each figure of the results shows: results and choices in, figure and HTML out.

No gradio in here: the page and the static export both use these.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import plotly.graph_objects as go

from qtdog.places import SHOWN_STUDY
from qtdog.results import (
    ALL,
    ALL_BENCHMARKS,
    AVERAGE,
    Choice,
    Column,
    Group,
    Metric,
    Results,
    ResultsError,
    Row,
    Table,
    load_run,
    name_tables,
    pivot,
    seed_runs,
)
from qtdog.ui.markup import Markup, html
from qtdog.ui.results import figures, tables
from qtdog.ui.results.figures import full_label
from qtdog.ui.results.names import NAMES, group_named
from qtdog.ui.results.tables import plain

BENCHMARK = "PACS"
"""What the figures of a single benchmark show when all are chosen and none was measured."""
BIT_TABLES = ("9", "10")
"""The paper's tables of accuracy against bits, both with ResNet-50."""
CALIBRATION: dict[str, tuple[str, Metric, Metric]] = {
    "nll": ("NLL (nats)", "nll", "source_nll"),
    "ece": ("ECE (0 to 1)", "ece", "source_ece"),
}
"""Title, metric on the held-out domain, metric on the source domains' validation splits."""
AVERAGED = html("<p class='note'>Hollow markers and dashed lines: averaged weights.</p>")


@dataclass(frozen=True)
class View:
    """A figure with what stands below it. Without a figure, `html` says what is missing."""

    figure: go.Figure | None
    html: str


def paper_size(results: Results, benchmark: str, backbone: str = ALL) -> View:
    """The paper's accuracy against size: of the table with most methods for this choice."""
    column = _average(benchmark)
    table = pivot(results, Choice("paper", ALL, backbone))
    if column not in table.columns or not (groups := _sized(table, column)):
        return missing("The paper gives no size for this choice.")
    group = max(groups, key=lambda group: len(_numbers(group, table.columns.index(column))))
    place = table.columns.index(column)
    return _size(group, place, column, f"the paper's {name_tables([group.table])}")


def paper_bits(results: Results, benchmark: str) -> View:
    """The paper's accuracy against bits a weight, mean over the held-out domains."""
    benchmark = one_benchmark(results, benchmark)
    column = _average(benchmark)
    rows: list[Row] = []
    place = 0
    table = pivot(results, Choice("paper", benchmark))
    if column in table.columns:
        place = table.columns.index(column)
        rows = [row for group in table.groups if group.table in BIT_TABLES for row in group.rows]
    if not figures.bit_lines(rows, place):
        return missing("The paper gives no accuracy against bits for this benchmark.")
    return _bits(rows, place, column, "the paper's Tables 9 and 10")


def measured_bits(results: Results, benchmark: str, domain: str | None) -> View:
    """The measured accuracy against bits, trained and post-training, on one held-out domain or,
    for "average", on the mean of all."""
    benchmark = one_benchmark(results, benchmark)
    table = _measured(results, benchmark)
    column = Column(benchmark, domain or AVERAGE, "target")
    if column not in table.columns or not table.groups:
        return missing("Not measured here.")
    rows, place = table.groups[0].rows, table.columns.index(column)
    if not figures.bit_lines(rows, place):
        return missing("No quantized network is measured here on this domain.")
    return _bits(rows, place, column, "measured here")


def held_out(results: Results, benchmark: str) -> tuple[str, ...]:
    """The held-out domains of a benchmark that were measured, that with most methods first;
    "average" among them where all were measured with one method."""
    table = pivot(results, Choice("measured", one_benchmark(results, benchmark)))
    counts = {
        column.domain: len(_numbers(group, place))
        for group in table.groups[:1]
        for place, column in enumerate(table.columns)
        if column.split == "target"
    }
    return tuple(sorted(counts, key=lambda domain: (-counts[domain], domain)))


def training_choices(results: Results, benchmark: str) -> dict[str, str]:
    """The held-out domains and seeds that have run logs: title by key."""
    return {
        f"{one.domain}-{one.seed}": f"{plain(one.domain)}, seed {one.seed}"
        for one in seed_runs(results.measured, one_benchmark(results, benchmark))
    }


def training(results: Results, benchmark: str, key: str | None, folder: Path = SHOWN_STUDY) -> View:
    """Accuracy over the steps of one held-out domain and seed, a key of `training_choices`: ERM
    beside QT-DoG of 7 bits (or what there is) and the control."""
    chosen = [
        one
        for one in seed_runs(results.measured, one_benchmark(results, benchmark))
        if f"{one.domain}-{one.seed}" == key
    ]
    if not chosen:
        return missing("No run is logged here for this benchmark.")
    runs = chosen[0]
    try:
        logs = [(_called(label), load_run(file, folder)) for label, file in runs.logs]
    except ResultsError as error:
        return missing(str(error))
    full = NAMES["ERM"]
    quantized = [log for label, log in logs if not label.startswith(full)]
    step = next((log.quantize_step for log in quantized or [log for _, log in logs]), None)
    shown = figures.curves(logs)
    domain = plain(runs.domain)
    title = f"Accuracy over training, {domain} held out, seed {runs.seed}, measured here"
    return View(
        figures.steps_figure(shown, step, domain),
        html(
            "<p class='note'>Runs of one seed are the same up to quantization. Each checkpoint was "
            "chosen on source validation alone, after the quantization step. The curve of "
            "{} is on a fixed sample of 1,000 images and chose nothing; the tables are on all "
            "its images.</p>",
            domain,
        )
        + AVERAGED
        + tables.steps_table(shown, title),
    )


def calibration(results: Results, benchmark: str, domain: str | None, measure: str) -> View:
    """How far the probabilities can be trusted, by a measure of CALIBRATION, on one held-out domain
    or the mean of all."""
    title, *metrics = CALIBRATION[measure]
    benchmark = one_benchmark(results, benchmark)
    column = Column(benchmark, domain or AVERAGE, "target")
    found = [_measured(results, benchmark, metric) for metric in metrics]
    if column not in found[0].columns or not found[0].groups:
        return missing("Not measured here.")
    heads = dict(zip(("Held out", "Source validation"), found, strict=True))
    cells = {
        head: {full_label(row): row.cells[table.columns.index(column)] for row in group.rows}
        for head, table in heads.items()
        for group in table.groups[:1]
        if column in table.columns
    }
    group, place = found[0].groups[0], found[0].columns.index(column)
    return View(
        figures.calibration_figure(group, place, title),
        AVERAGED
        + html("<p class='note'>Other widths and settings stand in the table.</p>")
        + tables.calibration_table(cells, f"{title}, {_domain(column)}, measured here"),
    )


def one_benchmark(results: Results, benchmark: str) -> str:
    """The benchmark, or for "all" the one that was measured first: domains do not add up over
    benchmarks."""
    measured = (one.dataset for one in results.measured)
    return next(measured, BENCHMARK) if benchmark == ALL else benchmark


def _measured(results: Results, benchmark: str, metric: Metric = "accuracy") -> Table:
    """What was measured here, by its names on the page."""
    table = pivot(results, Choice("measured", benchmark), metric)
    return replace(table, groups=tuple(map(group_named, table.groups)))


def _called(label: str) -> str:
    """ "Quantized, then frozen, 7 bits" of "Freeze, 7 bits"."""
    method, comma, bits = label.partition(", ")
    return NAMES.get(method, method) + comma + bits


def _average(benchmark: str) -> Column:
    return Column(ALL_BENCHMARKS if benchmark == ALL else benchmark, AVERAGE, "target")


def _sized(table: Table, column: Column) -> list[Group]:
    place = table.columns.index(column)
    return [
        group for group in table.groups if any(row.size and row.cells[place] for row in group.rows)
    ]


def _numbers(group: Group, place: int) -> list[Row]:
    return [row for row in group.rows if row.cells[place]]


def _size(group: Group, place: int, column: Column, source: str) -> View:
    title = f"Accuracy against size, {_domain(column)}, {group.backbone}, {source}"
    figure, table = figures.size_figure(group, place), tables.size_table(group, place, title)
    return View(figure, _below(title, group.rows) + table)


def _bits(rows: Sequence[Row], place: int, column: Column, source: str) -> View:
    label = _domain(column)
    title = f"Accuracy against bits a weight, {label}, {source}"
    figure, table = figures.bits_figure(rows, place, label), tables.bits_table(rows, place, title)
    return View(figure, _below(title, rows) + table)


def _below(title: str, rows: Sequence[Row]) -> Markup:
    hollow = AVERAGED if any(row.averaged for row in rows) else ""
    return html("<p class='note'>{}.</p>{}", title, hollow)


def _domain(column: Column) -> str:
    if column.dataset == ALL_BENCHMARKS:
        return "mean of benchmarks"
    of = "mean of domains" if column.domain == AVERAGE else plain(column.domain)
    return f"{column.dataset}, {of}"


def missing(sentence: str) -> View:
    """No figure, and a sentence that says so."""
    return View(None, html('<p class="nothing">{}</p>', sentence))
