"""What a set's files must hold, told to a browser: one definition checks on both sides."""

import dataclasses
import types
import typing
from dataclasses import MISSING, dataclass
from typing import Any

from qtdog.checkpoints import (
    CONFIG,
    CONFIG_FORMAT,
    INDEX_FORMAT,
    LARGEST_MODEL_BYTES,
    MODEL,
    MOST_CHECKPOINTS,
    MOST_MEMBERS,
    SHARED,
    STORED_METHODS,
    CheckpointConfig,
    Index,
)
from qtdog.json_file import LARGEST_INTEGER, FileFormat
from qtdog.method_names import AVERAGINGS, OBJECTIVES
from qtdog.quantization import QUANTIZER_NAMES


@dataclass(frozen=True)
class SiteFormat:
    """A kind of file: how it begins, and what its record holds (see `schema_of`)."""

    head: FileFormat
    schema: dict[str, Any]


@dataclass(frozen=True)
class SiteFormats:
    """All that is needed to read a set."""

    index: SiteFormat
    config: SiteFormat
    methods: tuple[str, ...]
    objectives: tuple[str, ...]
    averagings: tuple[str, ...]
    quantizers: tuple[str, ...]
    shared: tuple[str, ...]
    """What an ensemble's members have in common."""
    largest_bytes: dict[str, int]
    largest_integer: int
    most_checkpoints: int
    most_members: int


def site_formats() -> SiteFormats:
    """Those of this program."""
    return SiteFormats(
        SiteFormat(INDEX_FORMAT, schema_of(Index)),
        SiteFormat(CONFIG_FORMAT, schema_of(CheckpointConfig)),
        tuple(STORED_METHODS),
        tuple(OBJECTIVES),
        tuple(AVERAGINGS),
        tuple(QUANTIZER_NAMES),
        tuple(SHARED),
        {CONFIG: CONFIG_FORMAT.largest_bytes or 0, MODEL: LARGEST_MODEL_BYTES},
        LARGEST_INTEGER,
        MOST_CHECKPOINTS,
        MOST_MEMBERS,
    )


def schema_of(kind: Any) -> dict[str, Any]:
    """What `qtdog.json_file.record_from_json` lets through for a type, as JSON.

    {"plain": name of a Python type}, {"list": schema}, {"optional": schema}, {"choice": values} or
    {"record": {field: schema}, "optional_fields": those that have a default and it}.
    """
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is types.UnionType:
        return {"optional": schema_of(arguments[0])}
    if origin is typing.Literal:
        return {"choice": list(arguments)}
    if origin is tuple:
        return {"list": schema_of(arguments[0])}
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        defaults = {
            one.name: one.default for one in dataclasses.fields(kind) if one.default is not MISSING
        }
        return {
            "record": {name: schema_of(hint) for name, hint in hints.items()},
            "optional_fields": {
                n: list(d) if isinstance(d, tuple) else d for n, d in defaults.items()
            },
        }
    return {"plain": kind.__name__}
