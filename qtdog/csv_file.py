"""CSV as it leaves the program and comes back."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

READ = "utf-8-sig"
"""Encoding to read with: with a byte order mark and without."""

# Also after blanks, which spreadsheets skip; a minus before a number is none.
_FORMULA = re.compile(r"\s*(?:[=+@\uff1d\uff0b\uff20]|-(?!\d+(\.\d+)?(e[-+]?\d+)?$))")


class CsvError(ValueError):
    """One sentence: which file, which line, what is wrong with it."""


def csv_bytes(text: str) -> bytes:
    """The content of a CSV file: UTF-8 with a byte order mark, without which spreadsheets take it
    for the system's own encoding."""
    return text.encode("utf-8-sig")


def without_formulas(cells: Iterable[object]) -> list[object]:
    """The cells of a row; a text that a spreadsheet would run as a formula gets an apostrophe in
    front. Names of files, classes and checkpoints are strangers'."""
    return [f"'{one}" if isinstance(one, str) and _FORMULA.match(one) else one for one in cells]


def csv_text(columns: Sequence[str], rows: Iterable[Iterable[object]]) -> str:
    """CSV with one line a row below the columns' names; None becomes an empty cell, and what a
    spreadsheet would run as a formula a text."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows(map(without_formulas, (columns, *rows)))
    return text.getvalue()


def records_csv(kind: type, records: Iterable[Any]) -> str:
    """CSV with one line a record, whose columns are the fields of the dataclass `kind`."""
    names = field_names(kind)
    return csv_text(names, ([getattr(one, name) for name in names] for one in records))


def field_names(kind: type) -> tuple[str, ...]:
    """The names of a dataclass's fields."""
    return tuple(field.name for field in fields(kind))


@dataclass(frozen=True)
class CsvLine:
    """One line of a CSV file below its first. What it must say is asked for by column: a value that
    is not what it should be raises CsvError, which names file, line and column."""

    file: str
    number: int
    """In the file, the first being 1; of a line that spans several, the last of them."""
    values: dict[str, str]
    """By column, without spaces around."""

    def fail(self, column: str, must: str) -> CsvError:
        """The error to raise where a value is not what it `must` be."""
        where = f"{self.file}, line {self.number}"
        return CsvError(f"{where}: {column} '{self.values[column]}' {must}.")

    def text(self, column: str) -> str:
        """What must not be empty."""
        if not (value := self.values[column]):
            raise self.fail(column, "must not be empty")
        return value

    def one_of(self, column: str, choices: Sequence[str]) -> str:
        """One of some words."""
        if (value := self.values[column]) not in choices:
            raise self.fail(column, f"must be one of: {', '.join(map(repr, choices))}")
        return value

    def number_or_none(
        self, column: str, low: float = float("-inf"), high: float = float("inf")
    ) -> float | None:
        """A finite number from `low` to `high`; None where the cell is empty."""
        value = self.values[column]
        if not value:
            return None
        try:
            number = float(value)
        except ValueError:
            raise self.fail(column, "is not a number") from None
        if not low <= number <= high or number in (float("inf"), float("-inf")):
            raise self.fail(column, f"must be {_range(low, high)}")
        return number

    def whole_or_none(self, column: str, low: int = 0) -> int | None:
        """A whole number of at least `low`; None where the cell is empty."""
        number = self.number_or_none(column, low)
        if number is not None and number != int(number):
            raise self.fail(column, "must be a whole number")
        return None if number is None else int(number)

    def number_of(
        self, column: str, low: float = float("-inf"), high: float = float("inf")
    ) -> float:
        """A finite number from `low` to `high`, which must be there."""
        self.text(column)
        return self.number_or_none(column, low, high) or 0.0

    def whole(self, column: str, low: int = 0) -> int:
        """A whole number of at least `low`, which must be there."""
        self.text(column)
        return self.whole_or_none(column, low) or 0


def read_lines(path: Path, columns: Sequence[str]) -> Iterator[CsvLine]:
    """The lines of a CSV file whose first has, among others, these `columns`.

    Raises CsvError for what is none: pandas would take a line with too many values for one with an
    index, and guess at types.
    """
    try:
        with Path(path).open(newline="", encoding=READ) as handle:
            lines = csv.reader(handle, strict=True)
            names = next(lines, [])
            if missing := [column for column in columns if column not in names]:
                raise CsvError(f"{path.name} lacks the column {missing[0]}.")
            for cells in lines:
                if not cells:
                    continue
                if len(cells) != len(names):
                    count = f"{len(cells)} value{'s' if len(cells) > 1 else ''}"
                    raise CsvError(
                        f"{path.name}, line {lines.line_num}: {count} in {len(names)} columns."
                    )
                values = {name: cell.strip() for name, cell in zip(names, cells, strict=True)}
                yield CsvLine(path.name, lines.line_num, values)
    except OSError as error:
        raise CsvError(f"{path.name} cannot be read as CSV: {error.strerror}.") from None
    except (csv.Error, UnicodeDecodeError) as error:
        raise CsvError(f"{path.name} cannot be read as CSV: {error}.") from None


def _range(low: float, high: float) -> str:
    if high < float("inf"):
        return f"between {low:g} and {high:g}"
    return f"{low:g} or more" if low > float("-inf") else "finite"
