"""The paper's numbers and those measured here: read, checked, compared, as tables.

`load_results` reads them, `pivot` makes a table of what is chosen, `load_run` reads a run's log.
"""

from qtdog.results.comparison import Comparison, comparisons
from qtdog.results.flags import flags
from qtdog.results.records import AVERAGE, FOLDER, Result, Results, ResultsError, load_results
from qtdog.results.runs import RunLog, RunPoint, SeedRuns, load_run, run_path, seed_runs
from qtdog.results.tables import (
    ALL,
    Cell,
    Choice,
    Column,
    Group,
    Options,
    Row,
    Table,
    options,
    pivot,
    to_frame,
)

__all__ = [
    "ALL",
    "AVERAGE",
    "FOLDER",
    "Cell",
    "Choice",
    "Column",
    "Comparison",
    "Group",
    "Options",
    "Result",
    "Results",
    "ResultsError",
    "Row",
    "RunLog",
    "RunPoint",
    "SeedRuns",
    "Table",
    "comparisons",
    "flags",
    "load_results",
    "load_run",
    "options",
    "pivot",
    "run_path",
    "seed_runs",
    "to_frame",
]
