"""Measured values as rows of a table: means over seeds, and over held-out domains."""

import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from qtdog.results.records import AVERAGE, MeasuredResult, Result
from qtdog.results.settings import Setting, setting
from qtdog.results.table_parts import Cell, Column, Metric, column_of

T = TypeVar("T")
RowKey = tuple[str, str, bool, int | None, str, str]
"""What a `Row` begins with."""
METHOD_ORDER = ("ERM", "Post-training", "Post-training (least error)", "Noise of one step size")
METHOD_ORDER += ("Freeze", "QT-DoG", "QT-DoG (refitted)", "QT-DoG (fitted)", "ERM ensemble")
METHOD_ORDER += ("EoPTQ (least error)", "EoQ", "EoQ (refitted)", "EoQ (fitted)")
MEASURED_DECIMALS: dict[Metric, int] = defaultdict(
    lambda: 3, {"accuracy": 1, "source_validation": 1}
)


def rows_of_means(
    measured: Sequence[MeasuredResult],
    metric: Metric,
    known: set[tuple[str, str]],
    who: str = "Measured here",
) -> dict[RowKey, dict[Column, Cell]]:
    """A line a method and setting, all of one backbone. `who`: whose numbers, for their
    provenance."""
    settings: dict[tuple[Setting, str], dict[Column, list[MeasuredResult]]] = {}
    for one in sorted(measured, key=_place_of_method):
        key = (setting(one), one.models_trained)
        settings.setdefault(key, {}).setdefault(column_of(one), []).append(one)
    columns = unique(column for row in settings.values() for column in row)
    main_schedule = _main_schedule(measured)
    rows = {}
    for key, values in settings.items():
        (method, averaged, bits, granularity, quantized, steps), trained = key
        cells = {
            column: cell
            for column, ones in values.items()
            if (cell := _mean_cell(ones, metric, who))
        }
        for dataset, split in unique((column.dataset, column.split) for column in columns):
            all_of_it = [c for c in columns if (c.dataset, c.split) == (dataset, split)]
            if len(all_of_it) > 1 and all(column in cells for column in all_of_it):
                cells[Column(dataset, AVERAGE, split)] = _average_cell(
                    [cells[column] for column in all_of_it],
                    {name for of, name in known if of == dataset} - {c.domain for c in all_of_it},
                    who,
                )
        variant = ["averaged"] if averaged else []
        variant += ["one step size a layer"] if granularity == "tensor" else []
        if quantized is not None and (quantized, steps) != main_schedule:
            variant.append(f"quantized at step {quantized} of {steps}")
        size = _mean_size([one for ones in values.values() for one in ones])
        if cells:
            rows[method, ", ".join(variant), averaged, bits, trained, size] = cells
    return rows


def _main_schedule(measured: Sequence[MeasuredResult]) -> tuple[int | None, int | None] | None:
    """The quantization step and the steps of most runs, which go without saying."""
    runs = [one.measurement for one in measured if one.measurement.quantize_step is not None]
    counts = Counter((run.quantize_step, run.steps) for run in runs)
    return counts.most_common(1)[0][0] if counts else None


def _mean_size(results: Sequence[Result]) -> str:
    """Sizes of one setting differ by a few bytes at most."""
    sizes = [float(one.relative_size) for one in results if one.relative_size]
    return f"{statistics.fmean(sizes):.2f}".rstrip("0").rstrip(".") if sizes else ""


def mean_and_error(values: Sequence[float]) -> tuple[float, float | None]:
    """Mean and standard error of the mean; None for a single value."""
    if len(values) < 2:
        return statistics.fmean(values), None
    return statistics.fmean(values), statistics.stdev(values) / len(values) ** 0.5


def _place_of_method(result: MeasuredResult) -> tuple[object, ...]:
    """Baselines first, then what is compared with them; more bits first."""
    method = result.method
    place = METHOD_ORDER.index(method) if method in METHOD_ORDER else len(METHOD_ORDER)
    return place, method, result.measurement.averaged, -(result.bits or 32)


def _mean_cell(results: Sequence[MeasuredResult], metric: Metric, who: str) -> Cell | None:
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
        provenance=f"{who}, {many}, {images}",
        remarks=unique(one.note for one in results if one.note),
        logs=unique(log for one in results for log in one.measurement.runs),
    )


def _average_cell(cells: Sequence[Cell], unmeasured: set[str], who: str) -> Cell:
    """The mean over domains. The domains' errors are independent, so their squares add; without
    one of them there is no error of the mean. Domains that are not measured yet are a reason to
    doubt it."""
    errors = [cell.error for cell in cells if cell.error is not None]
    count = len(cells)
    known = len(errors) == count
    return Cell(
        value=statistics.fmean(cell.value for cell in cells),
        error=sum(error**2 for error in errors) ** 0.5 / count if known else None,
        decimals=cells[0].decimals,
        runs=sum(cell.runs for cell in cells),
        provenance=f"{who}, mean of {count} held-out domains",
        flags=(_incomplete(count, unmeasured),) if unmeasured else (),
        remarks=unique(remark for cell in cells for remark in cell.remarks),
        logs=unique(log for cell in cells for log in cell.logs),
    )


def _incomplete(count: int, unmeasured: set[str]) -> str:
    names = ", ".join(name.replace("_", " ") for name in sorted(unmeasured))
    return f"The mean of {count} domains only; not measured: {names}."


def _metric(metric: Metric) -> Callable[[MeasuredResult], float | None]:
    if metric == "accuracy":
        return lambda result: result.accuracy
    return lambda result: getattr(result.measurement, metric)


def unique(items: Iterable[T]) -> tuple[T, ...]:
    """Each once, in the order of their first."""
    return tuple(dict.fromkeys(items))
