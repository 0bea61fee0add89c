"""Evaluation results as a table on the screen and as CSV."""

import csv
import io
from collections.abc import Sequence

from rich.table import Table

from qtdog.accuracy import Accuracy
from qtdog.evaluation import DomainResult

COLUMNS = ("model", "domain", "split", "class", "correct", "total", "accuracy")


def evaluation_table(results: Sequence[DomainResult], classes: Sequence[str]) -> Table:
    """One row a model and domain: overall accuracy with counts, then percent by class."""
    table = Table(title="Accuracy", caption="Right of each domain: percent by class.")
    for name in ("model", "domain", "images"):
        table.add_column(name)
    for name in ("accuracy", *classes):
        table.add_column(name, justify="right")
    for result in results:
        by_class = (f"{one.fraction:.1%}" for one in result.by_class)
        table.add_row(result.model, result.domain, result.split, str(result.overall), *by_class)
    return table


def evaluation_csv(results: Sequence[DomainResult], classes: Sequence[str]) -> str:
    """Long form, one number a row; the class of the overall row is "all"."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for result in results:
        named: list[tuple[str, Accuracy]] = [("all", result.overall)]
        named += zip(classes, result.by_class, strict=True)
        for name, accuracy in named:
            counts = (accuracy.correct, accuracy.total, f"{accuracy.fraction:.6f}")
            writer.writerow((result.model, result.domain, result.split, name, *counts))
    return text.getvalue()
