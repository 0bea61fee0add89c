"""Numbers of somebody's own study, from its measured.csv or its run records, as checked results."""

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from qtdog.files import write_atomically
from qtdog.results import MeasuredResult, Results, ResultsError, fitting, read_measured

if TYPE_CHECKING:
    from qtdog.training import RunRecord

MEASURED = "measured.csv"
LARGEST_BYTES = 16 << 20
"""Of a CSV or a record."""
MOST_FILES = 2000
RECORDS = "the records"
KINDS = (".csv", ".json", ".safetensors")


def read_study(folder: Path, known: Results) -> tuple[MeasuredResult, ...]:
    """The numbers of a folder: its measured.csv, or, where there is none, its run records, with
    ensembles if their logits lie beside them. Raises ResultsError: one sentence."""
    if not folder.is_dir():
        raise ResultsError(f"The folder {folder} does not exist.")
    records = sorted(folder.glob("*.json"))
    paths = [folder / MEASURED] if (folder / MEASURED).is_file() else records
    if not paths:
        raise ResultsError(f"{folder} holds neither a {MEASURED} nor run records.")
    return read_files([*paths, *sorted(folder.glob("*.safetensors"))], known)


def read_files(paths: Sequence[Path], known: Results) -> tuple[MeasuredResult, ...]:
    """The numbers of files in the form of measured.csv, and of run records, which give ensembles if
    the logits of all of them are among the files. Raises ResultsError: one sentence that names the
    file and what was expected."""
    if len(paths) > MOST_FILES:
        raise ResultsError(f"{len(paths):,} files are too many: at most {MOST_FILES:,} are read.")
    for path in paths:
        _check(path)
    tables = [path for path in paths if path.suffix.lower() == ".csv"]
    records = [path for path in paths if path.suffix.lower() != ".csv"]
    found = [one for path in tables for one in fitting(path.name, _table(path), known)]
    if any(path.suffix.lower() == ".json" for path in records):
        with tempfile.TemporaryDirectory(prefix="qtdog-records-") as folder:
            measured = _of_records(records, Path(folder))
        found += fitting(RECORDS, measured, known)
    if not found:
        raise ResultsError(
            f"There is no number in these files: expected is a {MEASURED} or records."
        )
    return tuple(found)


def _check(path: Path) -> None:
    if path.suffix.lower() not in KINDS:
        raise ResultsError(
            f"{path.name} is neither a {MEASURED} (.csv) nor a run record (.json, with its logits "
            "as .safetensors)."
        )
    size = path.stat().st_size
    if path.suffix.lower() != ".safetensors" and size > LARGEST_BYTES:
        raise ResultsError(
            f"{path.name} has {size:,} bytes; at most {LARGEST_BYTES:,} are read of such a file."
        )


def _table(path: Path) -> tuple[MeasuredResult, ...]:
    try:
        return read_measured(path)
    except ResultsError as error:
        said = str(error).rstrip(".")
        raise ResultsError(
            f"{said}; expected is a {MEASURED} as 'qtdog report' writes it."
        ) from None


def _of_records(paths: Sequence[Path], scratch: Path) -> tuple[MeasuredResult, ...]:
    """The numbers of records, through the text of a measured.csv and its checks."""
    from qtdog.study.rows import measured_csv, rows_of  # they bring torch, a table needs none

    folder = paths[0].parent
    if any(path.parent != folder for path in paths):  # uploads lie in a folder each
        for path in paths:
            shutil.copyfile(path, scratch / path.name)
        folder = scratch
    records = {path.name: _record(path) for path in paths if path.suffix.lower() == ".json"}
    together = all((folder / name).with_suffix(".safetensors").is_file() for name in records)
    try:
        rows = rows_of(folder, records, ensembles=together)
    except (ValueError, KeyError, TypeError, IndexError) as error:
        text = str(error).replace(f"{folder}{os.sep}", "")
        raise ResultsError(f"The records give no table: {text}") from None
    if not rows:
        raise ResultsError(
            f"{RECORDS.capitalize()} give no number: expected is, for each data set and "
            "architecture, at least one in full precision, whose size is 1."
        )
    path = scratch / RECORDS
    write_atomically(path, lambda handle: handle.write(measured_csv(rows).encode()))
    return read_measured(path)


def _record(path: Path) -> "RunRecord":
    from qtdog.training import load_record

    try:
        return load_record(path)
    except (ValueError, AttributeError, RecursionError):
        raise ResultsError(
            f"{path.name} is not the record of a run that this version reads: expected is a JSON "
            "file that 'qtdog sweep' wrote."
        ) from None
