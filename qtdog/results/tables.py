"""Numbers as tables: a row a method, a column a benchmark or held-out domain, provenance on each.

Numbers are ranked only within a group, that is one table and one backbone of one source: accuracies
of different networks, image sizes and protocols do not compare.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from qtdog.results.flagging import flags, looks_swapped, name_tables, remarks
from qtdog.results.measured_means import RowKey, rows_of_means, unique
from qtdog.results.records import ALL_BENCHMARKS, AVERAGE, PARTS, MeasuredResult, Result, Results
from qtdog.results.table_parts import (
    ALL,
    EVERYTHING,
    MEASURED_SOURCE,
    PAPER_SOURCE,
    THEIRS,
    Cell,
    Choice,
    Column,
    Group,
    Metric,
    Options,
    Row,
    Source,
    Table,
    column_of,
)

LOWER_IS_BETTER = ("nll", "ece", "source_nll", "source_ece")


def options(results: Results, choice: Choice) -> Options:
    """The benchmarks of a source, the backbones of a benchmark, and the tables of both."""
    of_source = _of_source(results, choice.source)
    of_benchmark = [one for one in of_source if choice.benchmark in (ALL, one.dataset)]
    of_backbone = [one for one in of_benchmark if choice.backbone in (ALL, one.backbone)]
    return Options(
        benchmarks=unique(one.dataset for one in of_source if one.dataset != ALL_BENCHMARKS),
        backbones=unique(one.backbone for one in of_benchmark),
        tables=unique(one.table for one in of_backbone if not isinstance(one, MeasuredResult)),
    )


def pivot(results: Results, choice: Choice = EVERYTHING, metric: Metric = "accuracy") -> Table:
    """The chosen numbers as a table.

    Of all benchmarks, only the averages over their domains are shown. Measured values are means
    over seeds with their standard errors; the average over domains is given where all domains that
    were measured of the benchmark are there, with a flag while some of the paper's are not. Of
    another metric than accuracy only measured values exist. A visitor's own come first, by the
    rules of those measured here.
    """
    reasons, notes = flags(results.paper), remarks(results.paper)
    found: dict[tuple[str, str, str], dict[RowKey, dict[Column, Cell]]] = {}
    if choice.source != MEASURED_SOURCE and metric == "accuracy":
        for one in results.paper:
            if choice.table in (ALL, one.table) and _chosen(one, choice):
                group = found.setdefault((one.source, one.table, one.backbone), {})
                key = (one.method, "", False, one.bits, one.models_trained, one.relative_size)
                cell = _printed(one, reasons.get(one, ()), notes.get(one))
                group.setdefault(key, {})[column_of(one)] = cell
    if choice.source != PAPER_SOURCE:
        theirs = _means(results, results.theirs, choice, metric, THEIRS)
        found = theirs | found | _means(results, results.measured, choice, metric, MEASURED_SOURCE)
    columns = _columns([column for g in found.values() for row in g.values() for column in row])
    if choice.benchmark == ALL:
        columns = tuple(column for column in columns if column.domain == AVERAGE)
    groups = []
    for key, rows in found.items():
        shown = tuple(
            Row(*row, tuple(cells.get(column) for column in columns))
            for row, cells in rows.items()
            if any(column in cells for column in columns)
        )
        if shown:
            groups.append(Group(*key, _ranked(shown, len(columns), metric)))
    return Table(columns, tuple(groups), metric)


def _means(
    results: Results,
    measured: Sequence[MeasuredResult],
    choice: Choice,
    metric: Metric,
    source: str,
) -> dict[tuple[str, str, str], dict[RowKey, dict[Column, Cell]]]:
    """A group a backbone."""
    chosen = [one for one in measured if _chosen(one, replace(choice, table=ALL))]
    who = "Yours" if source == THEIRS else "Measured here"
    found = {}
    for backbone in unique(one.backbone for one in chosen):
        same = [one for one in chosen if one.backbone == backbone]
        if rows := rows_of_means(same, metric, _domains(results.paper), who):
            found[source, source, backbone] = rows
    return found


def _of_source(results: Results, source: Source) -> tuple[Result, ...]:
    paper = () if source == MEASURED_SOURCE else results.paper
    return paper + (() if source == PAPER_SOURCE else results.measured + results.theirs)


def _chosen(result: Result, choice: Choice) -> bool:
    return choice.benchmark in (ALL, result.dataset) and choice.backbone in (ALL, result.backbone)


def _columns(found: Sequence[Column]) -> tuple[Column, ...]:
    """Each once: benchmarks as they come, their domains before their average, target first."""
    datasets = sorted(unique(column.dataset for column in found), key=ALL_BENCHMARKS.__eq__)

    def place(column: Column) -> tuple[object, ...]:
        average = column.domain == AVERAGE
        split = PARTS.index(column.split)
        return datasets.index(column.dataset), split, average, column.domain

    return tuple(sorted(set(found), key=place))


def _printed(result: Result, reasons: tuple[str, ...], remark: str | None) -> Cell:
    named = name_tables([result.table])
    provenance = f"Paper, {named}" if result.source == PAPER_SOURCE else result.table
    remarks = (remark,) if remark else ()
    error, decimals = result.error, result.decimals
    return Cell(result.accuracy, error, decimals, 0, provenance, reasons, remarks)


def _domains(paper: Sequence[Result]) -> set[tuple[str, str]]:
    """Every (benchmark, domain) that the paper has a number for."""
    return {(one.dataset, one.domain) for one in paper if one.domain != AVERAGE}


def _ranked(rows: Sequence[Row], columns: int, metric: Metric) -> tuple[Row, ...]:
    """Best and second best of each column marked, in as many digits as are shown. Numbers that seem
    to be in another's place take no mark; a column of one number has none."""
    places: dict[tuple[int, int], Literal["best", "second"]] = {}
    for column in range(columns):
        values = {
            row: round(cell.value, cell.decimals)
            for row, one in enumerate(rows)
            if (cell := one.cells[column]) and not looks_swapped(cell.flags)
        }
        order = sorted(set(values.values()), reverse=metric not in LOWER_IS_BETTER)[:2]
        if len(order) < 2:
            continue
        for row, value in values.items():
            if value in order:
                places[row, column] = "best" if value == order[0] else "second"
    return tuple(
        replace(
            row,
            cells=tuple(
                cell and replace(cell, place=places.get((i, column), ""))
                for column, cell in enumerate(row.cells)
            ),
        )
        for i, row in enumerate(rows)
    )
