"""paper.csv and measured.csv as checked records, one number each."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import pandas as pd

FOLDER = Path(__file__).resolve().parents[2] / "assets" / "results"
PAPER, MEASURED, RUNS = "paper.csv", "measured.csv", "runs"
SPLITS = ("target", "in-domain")
FULL_PRECISION = 32
"""Bits of a weight that is not quantized; the paper's file leaves them out."""
AVERAGE = "average"
"""The domain of a number that is the mean over a benchmark's domains."""
ALL_BENCHMARKS = "Average"
"""The benchmark of a number that is the mean over the benchmarks of its table."""


class ResultsError(ValueError):
    """A results file that cannot be used; the message is one sentence for the reader."""


@dataclass(frozen=True)
class Measurement:
    """What is known of a number that was measured here, beyond the number."""

    averaged: bool
    """Whether the weights are the mean of those since the quantization step."""
    granularity: str
    """What one step size covers: "channel" or "tensor"; empty in full precision."""
    quantize_step: int | None
    seed: int | None
    """None for an ensemble."""
    source_validation: float | None
    """Percent, mean over the source domains' validation splits."""
    correct: int
    total: int
    steps: int | None
    chosen_step: int | None
    seconds: float | None
    hardware: str
    commit: str
    sha256: str
    nll: float | None
    """Nats an image, target domain."""
    ece: float | None
    """Expected calibration error, 0 to 1, target domain."""
    source_nll: float | None
    source_ece: float | None
    runs: tuple[str, ...]
    """The run logs' files, below the folder of run logs."""


@dataclass(frozen=True)
class Result:
    """One number: a row of paper.csv or measured.csv."""

    table: str
    """The paper's table number or "Papers With Code listing"; empty where measured."""
    backbone: str
    method: str
    bits: int | None
    """Bits a weight; None in full precision."""
    models_trained: str
    """As printed: a number, or a range such as "4-6"."""
    relative_size: str
    """Weights' memory over one full-precision network's, as printed; may be a range or empty."""
    dataset: str
    domain: str
    """The held-out domain, or "average"."""
    split: str
    """ "target" or "in-domain"."""
    accuracy: float
    """Percent."""
    error: float | None
    """Standard error as printed, in points."""
    decimals: int
    """Digits after the point in the file, which says how far the number was rounded."""
    source: str
    note: str
    measurement: Measurement | None = None

    @property
    def half_unit(self) -> float:
        """The most by which rounding may have moved `accuracy`."""
        return 0.5 * 10.0**-self.decimals


def _names(record: type, but: Sequence[str]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(record) if field.name not in but)


PAPER_COLUMNS = _names(Result, but=("decimals", "measurement"))
MEASURED_COLUMNS = (*PAPER_COLUMNS, *_names(Measurement, but=("runs",)), "run")


@dataclass(frozen=True)
class Results:
    """Everything that was read, and one sentence for each file that could not be."""

    paper: tuple[Result, ...]
    measured: tuple[Result, ...]
    problems: tuple[str, ...] = ()


def load_results(folder: Path = FOLDER) -> Results:
    """Both files. Without measured.csv nothing is measured yet; a file that cannot be read is left
    out and named in `problems`."""
    problems: list[str] = []

    def read(name: str, reader: Callable[[Path], tuple[Result, ...]]) -> tuple[Result, ...]:
        try:
            return reader(folder / name)
        except ResultsError as error:
            problems.append(str(error))
            return ()

    paper = read(PAPER, read_paper)
    measured = read(MEASURED, read_measured) if (folder / MEASURED).exists() else ()
    names = {result.dataset.lower(): result.dataset for result in paper}
    measured = tuple(_renamed(result, names) for result in measured)
    return Results(paper, measured, tuple(problems))


def read_paper(path: Path) -> tuple[Result, ...]:
    """The paper's numbers. Raises ResultsError."""
    return _read(path, PAPER_COLUMNS, lambda row: _result(row, None))


def read_measured(path: Path) -> tuple[Result, ...]:
    """The numbers measured here, one a run and target. Raises ResultsError."""
    return _read(path, MEASURED_COLUMNS, lambda row: _result(row, _measurement(row)))


class _Row:
    """One line of a file, with errors that name the line and the column."""

    def __init__(self, path: Path, line: int, values: dict[str, str]) -> None:
        self.where, self.values = f"{path.name}, line {line}", values

    def fail(self, column: str, must: str) -> ResultsError:
        return ResultsError(f"{self.where}: {column} '{self.values[column]}' {must}.")

    def text(self, column: str) -> str:
        if not (value := self.values[column].strip()):
            raise self.fail(column, "must not be empty")
        return value

    def one_of(self, column: str, choices: Sequence[str]) -> str:
        if (value := self.values[column].strip()) not in choices:
            raise self.fail(column, f"must be one of: {', '.join(map(repr, choices))}")
        return value

    def number(self, column: str, low: float, high: float = float("inf")) -> float | None:
        value = self.values[column].strip()
        if not value:
            return None
        try:
            number = float(value)
        except ValueError:
            raise self.fail(column, "is not a number") from None
        if not low <= number <= high or number == float("inf"):
            between = f"between {low:g} and {high:g}" if high < float("inf") else f"{low:g} or more"
            raise self.fail(column, f"must be {between}")
        return number

    def whole(self, column: str, low: int = 0) -> int | None:
        number = self.number(column, low)
        if number is not None and number != int(number):
            raise self.fail(column, "must be a whole number")
        return None if number is None else int(number)

    def size(self, column: str) -> str:
        """A number or a range such as "4-6", as printed; may be empty."""
        value = self.values[column].strip()
        try:
            list(map(float, value.split("-") if value else ()))
        except ValueError:
            raise self.fail(column, "is neither a number nor a range") from None
        return value

    def needed(self, column: str, value: float | None) -> float:
        if value is None:
            raise self.fail(column, "must not be empty")
        return value


def _read(path: Path, columns: Sequence[str], make: Callable[[_Row], Result]) -> tuple[Result, ...]:
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:  # pandas' parser errors and bad UTF-8 are ValueErrors
        reason = str(getattr(error, "strerror", None) or error).strip().splitlines()[0]
        raise ResultsError(f"{path.name} cannot be read as CSV: {reason.rstrip('.')}.") from None
    if missing := [column for column in columns if column not in table.columns]:
        raise ResultsError(f"{path.name} lacks the column {missing[0]}.")
    rows = [_Row(path, line, row) for line, row in enumerate(table.to_dict("records"), start=2)]
    results = tuple(map(make, rows))
    twice = [key for key, count in Counter(map(_identity, results)).items() if count > 1]
    if twice:
        lines = [i for i, result in enumerate(results, start=2) if _identity(result) == twice[0]]
        raise ResultsError(f"{path.name}: lines {lines[0]} and {lines[1]} are of the same number.")
    return results


def _identity(result: Result) -> tuple[object, ...]:
    key = (result.source, result.table, result.backbone, result.method, result.bits)
    key += (result.models_trained, result.dataset, result.domain, result.split)
    if run := result.measurement:
        key += (run.averaged, run.granularity, run.quantize_step, run.steps, run.seed)
    return key


def _result(row: _Row, measurement: Measurement | None) -> Result:
    accuracy = row.needed("accuracy", row.number("accuracy", 0, 100))
    if measurement:
        exact = 100 * measurement.correct / measurement.total
        if abs(exact - accuracy) > 0.06:
            counts = f"{measurement.correct} of {measurement.total}"
            raise row.fail("accuracy", f"is not {counts}, which is {exact:.2f}")
    return Result(
        table=row.values["table"].strip() if measurement else row.text("table"),
        backbone=row.text("backbone"),
        method=row.text("method"),
        bits=None if row.whole("bits", 1) == FULL_PRECISION else row.whole("bits", 1),
        models_trained=row.values["models_trained"].strip(),
        relative_size=row.size("relative_size"),
        dataset=row.text("dataset"),
        domain=row.text("domain"),
        split=row.one_of("split", SPLITS),
        accuracy=accuracy,
        error=row.number("error", 0, 100),
        decimals=len(row.text("accuracy").partition(".")[2]),
        source=row.text("source"),
        note=row.values["note"].strip(),
        measurement=measurement,
    )


def _measurement(row: _Row) -> Measurement:
    correct, total = row.whole("correct"), row.whole("total", 1)
    row.needed("correct", correct)
    row.needed("total", total)
    if correct > total:
        raise row.fail("correct", f"must not be more than total, {total}")
    return Measurement(
        averaged=row.one_of("averaged", ("yes", "no")) == "yes",
        granularity=row.values["granularity"].strip(),
        quantize_step=row.whole("quantize_step"),
        seed=row.whole("seed"),
        source_validation=row.number("source_validation", 0, 100),
        correct=correct,
        total=total,
        steps=row.whole("steps"),
        chosen_step=row.whole("chosen_step"),
        seconds=row.number("seconds", 0),
        hardware=row.values["hardware"].strip(),
        commit=row.values["commit"].strip(),
        sha256=row.values["sha256"].strip(),
        nll=row.number("nll", 0),
        ece=row.number("ece", 0, 1),
        source_nll=row.number("source_nll", 0),
        source_ece=row.number("source_ece", 0, 1),
        runs=tuple(filter(None, (name.strip() for name in row.values["run"].split(";")))),
    )


def _renamed(result: Result, names: dict[str, str]) -> Result:
    """A benchmark has the paper's spelling: "pacs" is PACS."""
    return replace(result, dataset=names.get(result.dataset.lower(), result.dataset))
