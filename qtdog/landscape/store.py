"""Where landscapes are kept: FOLDER/dataset/target/, one JSON file a record."""

from pathlib import Path

from qtdog.files import write_atomically
from qtdog.landscape.records import (
    LATENT,
    ROUNDED,
    WEIGHTS,
    Curvature,
    FlatnessCurve,
    Record,
    Trajectories,
    load,
    to_json,
)

SUFFIXES = {WEIGHTS: "", LATENT: "-latent", ROUNDED: "-rounded"}


def path_of(root: Path, record: Record) -> Path:
    """The record's file; what was measured alike of the same model has the same name."""
    folder = Path(root) / record.images.dataset / record.target_domain
    if isinstance(record, Curvature):
        kind, name = f"curvature-{record.scale}", record.model.name
    elif isinstance(record, FlatnessCurve):
        kind, name = f"flatness-{record.directions.kind}", record.model.name
        kind += SUFFIXES[record.perturbed]
    elif isinstance(record, Trajectories):
        kind, name = "trajectories", "--".join(arm.model.name for arm in record.arms)
    else:
        kind, name = record.kind, "--".join(marker.model.name for marker in record.markers)
        kind += SUFFIXES[record.perturbed]
    return folder / f"{kind}-{record.images.split}-{name}.json"


def save(root: Path, record: Record) -> Path:
    """Write the record; returns its file."""
    path = path_of(root, record)
    content = to_json(record)
    write_atomically(path, lambda handle: handle.write(content))
    return path


def load_all(root: Path, names: str = "*.json") -> tuple[list[Record], list[str]]:
    """Every record below `root` (of files with such names), sorted by file, and a sentence for each
    file that is not one."""
    records, problems = [], []
    for path in sorted(Path(root).rglob(names)):
        if path.name.startswith("."):
            continue
        try:
            records.append(load(path))
        except ValueError as error:
            problems.append(str(error))
    return records, problems
