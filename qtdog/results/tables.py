"""Numbers as tables: a row a method, a column a benchmark or held-out domain, provenance on each.

Numbers are ranked only within a group, that is one table and one backbone of one source: accuracies
of different networks, image sizes and protocols do not compare.
"""

import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import pandas as pd

from qtdog.results.flags import flags, looks_swapped, name_tables, remarks
from qtdog.results.records import ALL_BENCHMARKS, AVERAGE, SPLITS, Result, Results

Source = Literal["both", "paper", "measured"]
Metric = Literal["accuracy", "nll", "ece", "source_nll", "source_ece", "source_validation"]
ALL = "all"
PAPER_SOURCE, MEASURED_SOURCE = "paper", "measured"
"""What the source column of the files says; anything else is a listing of the paper's numbers."""
METHODS = ("ERM", "Post-training", "Freeze", "QT-DoG", "QT-DoG (fitted)")
METHODS += ("ERM ensemble", "EoQ", "EoQ (fitted)")
LOWER_IS_BETTER = ("nll", "ece", "source_nll", "source_ece")
MEASURED_DECIMALS: dict[Metric, int] = defaultdict(
    lambda: 3, {"accuracy": 1, "source_validation": 1}
)


@dataclass(frozen=True)
class Choice:
    """What of the results to show; "all" leaves a field open."""

    source: Source = "both"
    benchmark: str = ALL
    backbone: str = ALL
    table: str = ALL


@dataclass(frozen=True)
class Column:
    """What the numbers of a column are of."""

    dataset: str
    domain: str
    split: str


@dataclass(frozen=True)
class Cell:
    """One number of a table with all that stands behind it."""

    value: float
    """Accuracy in percent, or what the table's metric says."""
    error: float | None
    """Standard error: of the mean over seeds where measured, as printed in the paper."""
    decimals: int
    """Digits to show."""
    runs: int
    """Measured values that the mean is over; 0 for a printed number."""
    provenance: str
    flags: tuple[str, ...] = ()
    """Reasons to doubt the number."""
    remarks: tuple[str, ...] = ()
    logs: tuple[str, ...] = ()
    """Files of the run logs."""
    place: Literal["", "best", "second"] = ""
    """Among the numbers of its column and group, as rounded for display."""


@dataclass(frozen=True)
class Row:
    """One method of a group."""

    method: str
    """As in the file."""
    variant: str
    """What sets it apart from the same method elsewhere in the group, or ""."""
    averaged: bool
    bits: int | None
    models_trained: str
    relative_size: str
    cells: tuple[Cell | None, ...]
    """One for each column of the table; None where there is no number."""

    @property
    def label(self) -> str:
        """Method and variant, without bits."""
        return f"{self.method}, {self.variant}" if self.variant else self.method

    @property
    def main(self) -> bool:
        """Whether this is the method by itself in its usual setting: no ablation, not combined
        with another method."""
        return self.variant in ("", "averaged") and " + " not in self.method

    @property
    def size(self) -> tuple[float, float] | None:
        """Lowest and highest relative size; None where none is given."""
        ends = self.relative_size.split("-")
        return (float(ends[0]), float(ends[-1])) if self.relative_size else None


@dataclass(frozen=True)
class Group:
    """The rows that compare with one another."""

    source: str
    table: str
    backbone: str
    rows: tuple[Row, ...]

    @property
    def measured(self) -> bool:
        """Whether these numbers were measured here."""
        return self.source == MEASURED_SOURCE


@dataclass(frozen=True)
class Table:
    """Groups of rows under common columns."""

    columns: tuple[Column, ...]
    groups: tuple[Group, ...]
    metric: Metric = "accuracy"


@dataclass(frozen=True)
class Options:
    """What can be chosen, given what was chosen to the left of it."""

    benchmarks: tuple[str, ...]
    backbones: tuple[str, ...]
    tables: tuple[str, ...]


def options(results: Results, choice: Choice) -> Options:
    """The benchmarks of a source, the backbones of a benchmark, and the tables of both."""
    of_source = _of_source(results, choice.source)
    of_benchmark = [one for one in of_source if choice.benchmark in (ALL, one.dataset)]
    of_backbone = [one for one in of_benchmark if choice.backbone in (ALL, one.backbone)]
    return Options(
        benchmarks=_unique(one.dataset for one in of_source if one.dataset != ALL_BENCHMARKS),
        backbones=_unique(one.backbone for one in of_benchmark),
        tables=_unique(one.table for one in of_backbone if one.measurement is None),
    )


def pivot(results: Results, choice: Choice = Choice(), metric: Metric = "accuracy") -> Table:
    """The chosen numbers as a table.

    Of all benchmarks, only the averages over their domains are shown. Measured values are means
    over seeds with their standard errors; the average over domains is given where all domains that
    were measured of the benchmark are there, with a flag while some of the paper's are not. Of
    another metric than accuracy only measured values exist.
    """
    reasons, notes = flags(results.paper), remarks(results.paper)
    found: dict[tuple[str, str, str], dict[tuple[object, ...], dict[Column, Cell]]] = {}
    if choice.source != MEASURED_SOURCE and metric == "accuracy":
        for one in results.paper:
            if choice.table in (ALL, one.table) and _chosen(one, choice):
                group = found.setdefault((one.source, one.table, one.backbone), {})
                key = (one.method, "", False, one.bits, one.models_trained, one.relative_size)
                cell = _printed(one, reasons.get(one, ()), notes.get(one))
                group.setdefault(key, {})[_column(one)] = cell
    if choice.source != PAPER_SOURCE:
        measured = [one for one in results.measured if _chosen(one, replace(choice, table=ALL))]
        for backbone in _unique(one.backbone for one in measured):
            same = [one for one in measured if one.backbone == backbone]
            if rows := _measured_rows(same, metric, _domains(results.paper)):
                found[MEASURED_SOURCE, MEASURED_SOURCE, backbone] = rows
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


def to_frame(table: Table) -> pd.DataFrame:
    """The table in long form, one number a row, for CSV and for the API."""
    records = [
        {
            "source": group.source,
            "table": group.table,
            "backbone": group.backbone,
            "method": row.label,
            "bits": row.bits,
            "models_trained": row.models_trained,
            "relative_size": row.relative_size,
            "dataset": column.dataset,
            "domain": column.domain,
            "split": column.split,
            table.metric: cell.value,
            "error": cell.error,
            "runs": cell.runs,
            "place": cell.place,
            "provenance": cell.provenance,
            "flags": " ".join(cell.flags),
            "remarks": " ".join(cell.remarks),
            "logs": ";".join(cell.logs),
        }
        for group in table.groups
        for row in group.rows
        for column, cell in zip(table.columns, row.cells, strict=True)
        if cell
    ]
    frame = pd.DataFrame(records)
    return frame.astype({"bits": "Int64"}) if records else frame


def mean_and_error(values: Sequence[float]) -> tuple[float, float | None]:
    """Mean and standard error of the mean; None for a single value."""
    if len(values) < 2:
        return statistics.fmean(values), None
    return statistics.fmean(values), statistics.stdev(values) / len(values) ** 0.5


def setting(result: Result) -> tuple[object, ...]:
    """The same for measured values that differ by seed and domain alone: method, averaged weights,
    bits, granularity, quantization step, steps."""
    run = result.measurement
    key = (result.method, run.averaged, result.bits, run.granularity)
    return (*key, run.quantize_step, run.steps)


def main_setting(measured: Sequence[Result], method: str, averaged: bool) -> list[Result]:
    """The values of a method's setting that was measured most often."""
    ones = [
        one for one in measured if one.method == method and one.measurement.averaged == averaged
    ]
    if not ones:
        return []
    main, _ = Counter(map(setting, ones)).most_common(1)[0]
    return [one for one in ones if setting(one) == main]


def _of_source(results: Results, source: Source) -> tuple[Result, ...]:
    paper = () if source == MEASURED_SOURCE else results.paper
    return paper + (() if source == PAPER_SOURCE else results.measured)


def _chosen(result: Result, choice: Choice) -> bool:
    return choice.benchmark in (ALL, result.dataset) and choice.backbone in (ALL, result.backbone)


def _column(result: Result) -> Column:
    return Column(result.dataset, result.domain, result.split)


def _columns(found: Sequence[Column]) -> tuple[Column, ...]:
    """Each once: benchmarks as they come, their domains before their average, target first."""
    datasets = sorted(_unique(column.dataset for column in found), key=ALL_BENCHMARKS.__eq__)

    def place(column: Column) -> tuple[object, ...]:
        average = column.domain == AVERAGE
        split = SPLITS.index(column.split)
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


def _measured_rows(
    measured: Sequence[Result], metric: Metric, known: set[tuple[str, str]]
) -> dict[tuple[object, ...], dict[Column, Cell]]:
    """A line a method and setting, all of one backbone."""
    settings: dict[tuple[object, ...], dict[Column, list[Result]]] = {}
    for one in sorted(measured, key=_place_of_method):
        key = (*setting(one), one.models_trained)
        settings.setdefault(key, {}).setdefault(_column(one), []).append(one)
    columns = _unique(column for row in settings.values() for column in row)
    main_schedule = _main_schedule(measured)
    rows = {}
    for key, values in settings.items():
        method, averaged, bits, granularity, quantized, steps, trained = key
        cells = {
            column: cell for column, ones in values.items() if (cell := _mean_cell(ones, metric))
        }
        for dataset, split in _unique((column.dataset, column.split) for column in columns):
            all_of_it = [c for c in columns if (c.dataset, c.split) == (dataset, split)]
            if len(all_of_it) > 1 and all(column in cells for column in all_of_it):
                cells[Column(dataset, AVERAGE, split)] = _average_cell(
                    [cells[column] for column in all_of_it],
                    {name for of, name in known if of == dataset} - {c.domain for c in all_of_it},
                )
        variant = ["averaged"] if averaged else []
        variant += ["one step size a layer"] if granularity == "tensor" else []
        if quantized is not None and (quantized, steps) != main_schedule:
            variant.append(f"quantized at step {quantized} of {steps}")
        size = _mean_size([one for ones in values.values() for one in ones])
        if cells:
            rows[method, ", ".join(variant), averaged, bits, trained, size] = cells
    return rows


def _main_schedule(measured: Sequence[Result]) -> tuple[int | None, int | None] | None:
    """The quantization step and the steps of most runs, which go without saying."""
    runs = [one.measurement for one in measured if one.measurement.quantize_step is not None]
    counts = Counter((run.quantize_step, run.steps) for run in runs)
    return counts.most_common(1)[0][0] if counts else None


def _mean_size(results: Sequence[Result]) -> str:
    """Sizes of one setting differ by a few bytes at most."""
    sizes = [float(one.relative_size) for one in results if one.relative_size]
    return f"{statistics.fmean(sizes):.2f}".rstrip("0").rstrip(".") if sizes else ""


def _place_of_method(result: Result) -> tuple[object, ...]:
    """Baselines first, then what is compared with them; more bits first."""
    method = result.method
    place = METHODS.index(method) if method in METHODS else len(METHODS)
    return place, method, result.measurement.averaged, -(result.bits or 32)


def _mean_cell(results: Sequence[Result], metric: Metric) -> Cell | None:
    """Mean ± standard error over the seeds of one method on one domain."""
    of = _metric(metric)
    values = [value for one in results if (value := of(one)) is not None]
    if not values:
        return None
    mean, error = mean_and_error(values)
    many = f"mean of {len(values)} runs" if len(values) > 1 else "one run"
    ensemble = results[0].measurement.seed is None
    if ensemble:
        many = many.replace("run", "ensemble")
    images = f"{results[0].measurement.total:,} images"
    return Cell(
        value=mean,
        error=error,
        decimals=MEASURED_DECIMALS[metric],
        runs=len(values),
        provenance=f"Measured here, {many}, {images}",
        remarks=_unique(one.note for one in results if one.note),
        logs=_unique(log for one in results for log in one.measurement.runs),
    )


def _average_cell(cells: Sequence[Cell], unmeasured: set[str]) -> Cell:
    """The mean over domains. The domains' errors are independent, so their squares add; without
    one of them there is no error of the mean. Domains that are not measured yet are a reason to
    doubt it."""
    errors = [cell.error for cell in cells]
    count = len(cells)
    known = None not in errors
    return Cell(
        value=statistics.fmean(cell.value for cell in cells),
        error=sum(error**2 for error in errors) ** 0.5 / count if known else None,
        decimals=cells[0].decimals,
        runs=sum(cell.runs for cell in cells),
        provenance=f"Measured here, mean of {count} held-out domains",
        flags=(_incomplete(count, unmeasured),) if unmeasured else (),
        remarks=_unique(remark for cell in cells for remark in cell.remarks),
        logs=_unique(log for cell in cells for log in cell.logs),
    )


def _incomplete(count: int, unmeasured: set[str]) -> str:
    names = ", ".join(name.replace("_", " ") for name in sorted(unmeasured))
    return f"The mean of {count} domains only; not measured: {names}."


def _metric(metric: Metric) -> Callable[[Result], float | None]:
    if metric == "accuracy":
        return lambda result: result.accuracy
    return lambda result: getattr(result.measurement, metric)


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


def _unique(items) -> tuple:
    return tuple(dict.fromkeys(items))
