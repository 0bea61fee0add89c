"""REPORT.md: what the measured rows say, and what they do not."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd

from qtdog.landscape import Record
from qtdog.study.ablation_sections import bit_widths, moments, other_methods
from qtdog.study.arms import rows_where
from qtdog.study.comparison_sections import accuracies, differences, ensembles, members_chosen
from qtdog.study.flatness import flatness_sections
from qtdog.study.rows import MeasuredRow
from qtdog.study.steadiness_sections import calibration, steadiness
from qtdog.training import RunRecord, load_record


def report_text(
    rows: Sequence[MeasuredRow],
    records: Path,
    judgement: str = "",
    landscapes: Sequence[Record] = (),
) -> str:
    """The report as Markdown, with a person's `judgement` of the tables before them and what the
    stored `landscapes` say of flatness behind them. Raises ValueError where nothing is measured."""
    if not rows:
        raise ValueError(f"There is no record of a run in {records}: run the sweep first.")
    names = sorted({name for row in rows for name in row.run.split(";")})
    runs = [load_record(records / name) for name in names]
    table = pd.DataFrame([asdict(row) for row in rows])
    table["arm"] = np.where(table.averaged == "yes", table.method + ", averaged", table.method)
    usual = rows_where(table, _usual(table))
    parts = [
        _head(table, runs),
        f"## Judgement\n\n{judgement.strip()}\n" if judgement.strip() else "",
        accuracies(usual),
        differences(usual),
        ensembles(usual),
        members_chosen(usual, rows),
        bit_widths(table),
        moments(table),
        other_methods(usual),
        steadiness(runs),
        calibration(usual),
        *flatness_sections(landscapes),
    ]
    return "\n".join(part for part in parts if part).rstrip() + "\n"


def _usual(table: pd.DataFrame) -> pd.Series:
    """The rows of the main comparison: full precision, or the bit width, granularity and moment
    that the members of EoQ have."""
    quantized = table[table.method == "QT-DoG"]
    if quantized.empty:
        return table.bits == 32
    groups = quantized.groupby(["bits", "granularity", "quantize_step"])
    usual = cast(tuple, groups.size().idxmax())
    same = [table[name] == value for name, value in zip(usual_columns(), usual, strict=True)]
    return (table.bits == 32) | np.logical_and.reduce(same)


def usual_columns() -> tuple[str, str, str]:
    """What the main comparison keeps fixed."""
    return ("bits", "granularity", "quantize_step")


def _head(table: pd.DataFrame, runs: Sequence[RunRecord]) -> str:
    first = runs[0]
    config = first.config
    hours = sum(run.seconds for run in runs) / 3600
    done = sorted({(run.config.target_domain, run.config.seed) for run in runs})
    by_domain: dict[str, list[str]] = {}
    for domain, seed in done:
        by_domain.setdefault(domain, []).append(str(seed))
    cells = "; ".join(f"{domain}: {', '.join(seeds)}" for domain, seeds in by_domain.items())
    return f"""# What was measured

Written by `python -m qtdog report` from the {len(runs)} records in `assets/results/first/runs/`;
the numbers as a table: `measured.csv`. Recipe `{first.recipe}`: {config.architecture} at
{config.image_size} px, {config.images_per_domain} images a source domain and step, {config.steps:,}
steps, quantized at {config.quantize_step}; {hours:.1f} hours of wall time, shared trunks counted
once a run, on {", ".join(sorted({run.hardware for run in runs}))}. Every choice is made on source
validation; the target accuracy is over all images of the held-out domain.

Seeds recorded so far, by held-out domain: {cells}. What is not here has not been measured.
"averaged" is the mean of the weights of every step since the quantization step (for quantized
networks of latent weights and step sizes, quantized afterwards).
"""
