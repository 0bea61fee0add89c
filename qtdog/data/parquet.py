"""Rows of a Hub dataset's parquet file: a picture's bytes, its domain and its class."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qtdog.data.folders import DataError

IMAGE_COLUMNS = ("image", "img", "picture")
DOMAIN_COLUMNS = ("domain", "domains", "domain_label", "environment", "style")
LABEL_COLUMNS = ("label", "labels", "class", "class_name", "category")
ROWS_AT_A_TIME = 64


@dataclass(frozen=True)
class Columns:
    """What the columns are called; None: one of the usual names."""

    image: str | None = None
    domain: str | None = None
    label: str | None = None


@dataclass(frozen=True)
class StoredPicture:
    """One picture, as stored."""

    image: bytes
    """Of a picture file; empty if there is none."""
    domain: str
    label: str


def parquet_rows(
    path: Path, columns: Columns, domain: str, card_features: Mapping[str, Sequence[str]]
) -> Iterator[StoredPicture]:
    """The rows of a file, in order, a few at a time in memory.

    `domain` stands for a domain column that is missing, unless it is empty. Numbers become names
    by what the file's own metadata say, else by `card_features`: column -> names. Raises DataError.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise DataError(
            "Reading parquet files needs pyarrow: run 'pip install pyarrow' and try again."
        ) from None
    try:
        with parquet.ParquetFile(path) as file:
            schema = file.schema_arrow
            image = _column(schema.names, columns.image, IMAGE_COLUMNS, "picture")
            label = _column(schema.names, columns.label, LABEL_COLUMNS, "class")
            place = None
            if columns.domain or not domain or set(DOMAIN_COLUMNS) & set(schema.names):
                place = _column(schema.names, columns.domain, DOMAIN_COLUMNS, "domain")
            names = {**card_features, **_features(schema.metadata or {})}
            wanted = [name for name in (image, label, place) if name]
            for batch in file.iter_batches(ROWS_AT_A_TIME, columns=wanted):
                for values in batch.to_pylist():
                    yield StoredPicture(
                        _bytes(values[image]),
                        _name(values[place], names.get(place)) if place else domain,
                        _name(values[label], names.get(label)),
                    )
    except pyarrow.ArrowException as error:
        raise DataError(f"{path.name} is not a parquet file that can be read: {error}.") from None


def _column(present: Sequence[str], asked: str | None, usual: Sequence[str], what: str) -> str:
    for name in [asked] if asked else usual:
        if name in present:
            return name
    raise DataError(
        f"There is no column with the {what}: name it; there are {', '.join(present)[:300]}."
    )


def _features(metadata: Mapping[bytes, bytes]) -> dict[str, list[str]]:
    """Column -> names, as the `datasets` library writes them into its files."""
    try:
        features = json.loads(metadata[b"huggingface"])["info"]["features"]
        return {
            column: feature["names"]
            for column, feature in features.items()
            if isinstance(feature, dict) and isinstance(feature.get("names"), list)
        }
    except (KeyError, ValueError, TypeError, AttributeError):
        return {}


def _bytes(value: Any) -> bytes:
    """A picture is bytes, or a record with bytes and path."""
    if isinstance(value, dict):
        value = value.get("bytes")
    return value if isinstance(value, bytes) else b""


def _name(value: Any, names: Sequence[str] | None) -> str:
    if isinstance(value, int) and names is not None:
        if not 0 <= value < len(names):
            raise DataError(f"There is no name for the number {value}: there are {len(names)}.")
        return str(names[value])
    return str(value)
