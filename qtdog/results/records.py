"""paper.csv and measured.csv as checked records, one number each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from qtdog.csv_file import CsvError, CsvLine, field_names, read_lines
from qtdog.places import RESULTS, SHOWN_STUDY

PAPER = RESULTS / "paper.csv"
MEASURED, RUNS = "measured.csv", "runs"
"""In a study's folder."""
PARTS = ("target", "in-domain")
"""Part of the data that an accuracy is on; the files' column is called "split"."""
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

    @property
    def half_unit(self) -> float:
        """The most by which rounding may have moved `accuracy`."""
        return 0.5 * 10.0**-self.decimals


@dataclass(frozen=True)
class MeasuredResult(Result):
    """One number that was measured here: a row of measured.csv."""

    measurement: Measurement


PAPER_COLUMNS = tuple(name for name in field_names(Result) if name != "decimals")
MEASURED_COLUMNS = (
    *PAPER_COLUMNS,
    *(name for name in field_names(Measurement) if name != "runs"),
    "run",
)


@dataclass(frozen=True)
class Results:
    """Everything that was read, and one sentence for each file that could not be."""

    paper: tuple[Result, ...]
    measured: tuple[MeasuredResult, ...]
    problems: tuple[str, ...] = ()
    theirs: tuple[MeasuredResult, ...] = ()
    """A visitor's own study."""


def load_results(folder: Path = SHOWN_STUDY) -> Results:
    """The paper's numbers and those of a study. Without measured.csv nothing is measured yet; a
    file that cannot be read is left out and named in `problems`."""
    problems: list[str] = []

    def read(path: Path, reader: Callable[[Path], tuple[Kind, ...]]) -> tuple[Kind, ...]:
        try:
            return reader(path)
        except ResultsError as error:
            problems.append(str(error))
            return ()

    paper = read(PAPER, read_paper)
    measured = read(folder / MEASURED, read_measured) if (folder / MEASURED).exists() else ()
    return Results(paper, renamed(measured, paper), tuple(problems))


def read_paper(path: Path) -> tuple[Result, ...]:
    """The paper's numbers. Raises ResultsError."""
    return _read(path, PAPER_COLUMNS, lambda line: Result(**_printed(line, line.text("table"))))


def read_measured(path: Path) -> tuple[MeasuredResult, ...]:
    """The numbers measured here, one a run and target. Raises ResultsError."""
    return _read(path, MEASURED_COLUMNS, _measured)


Kind = TypeVar("Kind", bound=Result)


def _read(path: Path, columns: Sequence[str], make: Callable[[CsvLine], Kind]) -> tuple[Kind, ...]:
    first: dict[tuple[object, ...], int] = {}
    results = []
    try:
        for line in read_lines(path, columns):
            result = make(line)
            before = first.setdefault(_identity(result), line.number)
            if before != line.number:
                raise CsvError(
                    f"{path.name}: lines {before} and {line.number} are of the same number."
                )
            results.append(result)
    except CsvError as error:
        raise ResultsError(str(error)) from None
    return tuple(results)


def _identity(result: Result) -> tuple[object, ...]:
    key = (result.source, result.table, result.backbone, result.method, result.bits)
    key += (result.models_trained, result.dataset, result.domain, result.split)
    if isinstance(result, MeasuredResult):
        run = result.measurement
        key += (run.averaged, run.granularity, run.quantize_step, run.steps, run.seed)
    return key


def _measured(line: CsvLine) -> MeasuredResult:
    measurement = _measurement(line)
    exact = 100 * measurement.correct / measurement.total
    if abs(exact - _accuracy(line)) > 0.06:
        counts = f"{measurement.correct} of {measurement.total}"
        raise line.fail("accuracy", f"is not {counts}, which is {exact:.2f}")
    return MeasuredResult(**_printed(line, line.values["table"]), measurement=measurement)


def _accuracy(line: CsvLine) -> float:
    return line.number_of("accuracy", 0, 100)


def _printed(line: CsvLine, table: str) -> dict[str, Any]:
    """The fields of a Result."""
    bits = line.whole_or_none("bits", 1)
    return dict(
        accuracy=_accuracy(line),
        table=table,
        backbone=line.text("backbone"),
        method=line.text("method"),
        bits=None if bits == FULL_PRECISION else bits,
        models_trained=line.values["models_trained"],
        relative_size=_size(line, "relative_size"),
        dataset=line.text("dataset"),
        domain=line.text("domain"),
        split=line.one_of("split", PARTS),
        error=line.number_or_none("error", 0, 100),
        decimals=len(line.text("accuracy").partition(".")[2]),
        source=line.text("source"),
        note=line.values["note"],
    )


def _size(line: CsvLine, column: str) -> str:
    """A number or a range such as "4-6", as printed; may be empty."""
    value = line.values[column]
    try:
        list(map(float, value.split("-") if value else ()))
    except ValueError:
        raise line.fail(column, "is neither a number nor a range") from None
    return value


def _measurement(line: CsvLine) -> Measurement:
    correct, total = line.whole("correct"), line.whole("total", 1)
    if correct > total:
        raise line.fail("correct", f"must not be more than total, {total}")
    return Measurement(
        averaged=line.one_of("averaged", ("yes", "no")) == "yes",
        granularity=line.values["granularity"],
        quantize_step=line.whole_or_none("quantize_step"),
        seed=line.whole_or_none("seed"),
        source_validation=line.number_or_none("source_validation", 0, 100),
        correct=correct,
        total=total,
        steps=line.whole_or_none("steps"),
        chosen_step=line.whole_or_none("chosen_step"),
        seconds=line.number_or_none("seconds", 0),
        hardware=line.values["hardware"],
        commit=line.values["commit"],
        sha256=line.values["sha256"],
        nll=line.number_or_none("nll", 0),
        ece=line.number_or_none("ece", 0, 1),
        source_nll=line.number_or_none("source_nll", 0),
        source_ece=line.number_or_none("source_ece", 0, 1),
        runs=tuple(filter(None, (name.strip() for name in line.values["run"].split(";")))),
    )


def renamed(
    measured: Sequence[MeasuredResult], paper: Sequence[Result]
) -> tuple[MeasuredResult, ...]:
    """The same with the paper's spelling of benchmarks: "pacs" is PACS."""
    names = {result.dataset.lower(): result.dataset for result in paper}
    return tuple(
        replace(one, dataset=names.get(one.dataset.lower(), one.dataset)) for one in measured
    )
