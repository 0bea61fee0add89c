"""Evaluation results as tables on the screen and as CSV."""

import csv
import io
from collections.abc import Sequence
from itertools import groupby

from rich.table import Table

from qtdog.accuracy import Accuracy
from qtdog.evaluation import DomainResult

COLUMNS = ("model", "domain", "split", "class", "correct", "total", "accuracy")


def evaluation_tables(results: Sequence[DomainResult], classes: Sequence[str]) -> list[Table]:
    """One table a model: a column a domain, a row a class, percent and counts in each cell."""
    tables = []
    for model, group in groupby(results, key=lambda result: result.model):
        domains = list(group)
        table = Table(title=model, title_justify="left")
        table.add_column("class")
        for result in domains:
            table.add_column(f"{result.domain}\n{result.split}", justify="right")
        table.add_row("all", *(_cell(result.overall) for result in domains), end_section=True)
        for label, name in enumerate(classes):
            table.add_row(name, *(_cell(result.by_class[label]) for result in domains))
        tables.append(table)
    return tables


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


def _cell(accuracy: Accuracy) -> str:
    return f"{accuracy.fraction:.1%} {accuracy.correct}/{accuracy.total}"
