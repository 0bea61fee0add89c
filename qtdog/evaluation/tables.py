"""Evaluation results as tables on the screen and as CSV."""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from rich.table import Table

from qtdog.accuracy import Accuracy
from qtdog.checkpoints import load_config
from qtdog.csv_file import csv_text
from qtdog.evaluation.scores import DomainResult

COLUMNS = ("dataset", "held_out", "model", "seed", "domain", "split", "class")
COLUMNS += ("correct", "total", "accuracy")


def network_names(folders: Sequence[Path]) -> list[str]:
    """What tables call the networks of checkpoint folders, each another one: the folder's name,
    and, where two sets have one of that name for the same held-out domain, as much of its path as
    tells them apart. Raises CheckpointError for a folder whose config cannot be read."""
    configs = [load_config(folder) for folder in folders]
    places = [Path(folder).resolve().parts for folder in folders]
    lengths = [1] * len(folders)
    while True:
        names = ["/".join(parts[-n:]) for parts, n in zip(places, lengths, strict=True)]
        keys = [
            (one.dataset, one.target_domain, name) for one, name in zip(configs, names, strict=True)
        ]
        alike = [place for place, key in enumerate(keys) if keys.count(key) > 1]
        if not alike:
            return names
        for place in alike:
            lengths[place] += 1


def evaluation_tables(results: Sequence[DomainResult], classes: Sequence[str]) -> list[Table]:
    """One table a model and held-out domain: a column a domain, a row a class, percent and counts
    in each cell."""
    tables = []
    for (model, held_out, _), group in groupby(
        results, key=lambda one: (one.model, one.held_out, one.dataset)
    ):
        domains = list(group)
        table = Table(title=f"{model}, {held_out} held out", title_justify="left")
        table.add_column("class")
        for result in domains:
            table.add_column(f"{result.domain}\n{result.part}", justify="right")
        table.add_row("all", *(_cell(result.overall) for result in domains), end_section=True)
        for label, name in enumerate(classes):
            table.add_row(name, *(_cell(result.by_class[label]) for result in domains))
        tables.append(table)
    return tables


def evaluation_csv(results: Sequence[DomainResult], classes: Sequence[str]) -> str:
    """Long form, one number a row; the class of the overall row is "all". "model" is the network's
    folder (`network_names`), "seed" empty for EoQ, "dataset" and "held_out" what it was trained on
    and without."""
    rows: list[tuple[object, ...]] = []
    for result in results:
        named: list[tuple[str, Accuracy]] = [("all", result.overall)]
        named += zip(classes, result.by_class, strict=True)
        for name, accuracy in named:
            share = f"{accuracy.fraction:.6f}" if accuracy.total else ""
            key = (result.dataset, result.held_out, result.model, result.seed)
            where = (result.domain, result.part, name)
            rows.append((*key, *where, accuracy.correct, accuracy.total, share))
    return csv_text(COLUMNS, rows)


def _cell(accuracy: Accuracy) -> str:
    if not accuracy.total:  # the domain lacks the class
        return "–"
    return f"{accuracy.fraction:.1%} {accuracy.correct}/{accuracy.total}"
