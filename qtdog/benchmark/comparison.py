"""Lines of the table, and how two ways are timed: in turn, so that drift hits all alike."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from rich.table import Table

from qtdog.provenance import processor


@dataclass(frozen=True)
class Comparison:
    """One line of the table: ours against the usual way, both in `unit`."""

    what: str
    ours: float
    usual_way: str
    usual: float
    unit: str

    @property
    def ratio(self) -> float:
        """Ours through the usual; below 1 is less."""
        return self.ours / self.usual


def speed_table(comparisons: list[Comparison]) -> Table:
    """The comparisons for a terminal."""
    shown = Table(title=f"Benchmark on {processor()}, torch {torch.__version__}")
    shown.add_column("what")
    shown.add_column("ours", justify="right")
    shown.add_column("instead of")
    shown.add_column("usual", justify="right")
    shown.add_column("ratio", justify="right")
    for one in comparisons:
        ours, usual = (f"{value:,.2f} {one.unit}" for value in (one.ours, one.usual))
        shown.add_row(one.what, ours, one.usual_way, usual, f"{one.ratio:.2f}x")
    return shown


def in_turn(candidates: list[Callable[[], object]], rounds: int) -> list[float]:
    """Median seconds of each; they take turns, so that a drift of the machine hits all alike."""
    seconds: list[list[float]] = [[] for _ in candidates]
    for turn in range(rounds + 2):
        for place, candidate in enumerate(candidates):
            start = time.perf_counter()
            candidate()
            if turn >= 2:  # the first two rounds warm up
                seconds[place].append(time.perf_counter() - start)
    return [statistics.median(series) for series in seconds]
