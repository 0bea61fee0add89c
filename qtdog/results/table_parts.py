"""What a table of results is made of: columns, groups of rows, and cells with their provenance."""

from dataclasses import dataclass
from typing import Literal

import pandas as pd

from qtdog.results.records import Result

Source = Literal["both", "paper", "measured"]
Metric = Literal["accuracy", "nll", "ece", "source_nll", "source_ece", "source_validation"]
ALL = "all"
PAPER_SOURCE, MEASURED_SOURCE = "paper", "measured"
"""What the source column of the files says; anything else is a listing of the paper's numbers."""
THEIRS = "yours"
"""The source of a visitor's own numbers."""


@dataclass(frozen=True)
class Choice:
    """What of the results to show; "all" leaves a field open."""

    source: Source = "both"
    benchmark: str = ALL
    backbone: str = ALL
    table: str = ALL


EVERYTHING = Choice()


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

    @property
    def theirs(self) -> bool:
        """Whether a visitor brought these numbers."""
        return self.source == THEIRS


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


def column_of(result: Result) -> Column:
    """Where a number stands."""
    return Column(result.dataset, result.domain, result.split)


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
