"""JSON as typed records: what a file of the program's own says, or in what it is wrong."""

import dataclasses
import json
import types
import typing
from collections.abc import Callable, Collection
from dataclasses import MISSING, dataclass
from functools import cache, partial
from typing import Any, TypeVar

T = TypeVar("T")
LARGEST_INTEGER = 1 << 53  # beyond it, programs disagree on what JSON's numbers are


@dataclass(frozen=True)
class FileFormat:
    """A kind of file: one JSON object that says first what it is, and in which version."""

    name: str
    version: int
    word: str
    """"config"."""
    phrase: str
    """"the config of a checkpoint"."""
    source: str
    """What a newer program writes, and an older one cannot read: "a checkpoint"."""
    largest_bytes: int | None = None

    def head(self) -> dict[str, Any]:
        """The object's first two values."""
        return {"format": self.name, "format_version": self.version}

    def content(self, record: Any, left_out: Collection[str] = ()) -> bytes:
        """The file that says what a record (a dataclass) does, but for the fields `left_out`."""
        said = {k: v for k, v in dataclasses.asdict(record).items() if k not in left_out}
        return (json.dumps(self.head() | said, indent=1) + "\n").encode()

    def values(self, file: object, content: bytes) -> dict[str, Any]:
        """What a file says after its head. Raises ValueError, which calls it `file`."""
        if self.largest_bytes is not None and len(content) > self.largest_bytes:
            raise ValueError(f"{file} is too large to be {self.phrase}.")
        try:
            values = json.loads(content)
        except (ValueError, RecursionError):
            raise ValueError(f"{file} is not JSON: it is truncated or another file.") from None
        if not isinstance(values, dict) or values.pop("format", None) != self.name:
            raise ValueError(f"{file} is not {self.phrase}.")
        if (version := values.pop("format_version", None)) != self.version:
            raise ValueError(
                f"{file} has format version {version!r:.20}; this program reads version "
                f"{self.version}. Update the program, or use {self.source} that it wrote."
            )
        return values

    def record(self, kind: type[T], file: object, values: dict[str, Any]) -> T:
        """A file's `values` as a record. Raises ValueError, which calls it `file`."""
        try:
            return record_from_json(kind, values)
        except TypeError as error:
            raise ValueError(f"{file} is not a valid {self.word}: {error}.") from None


def record_from_json(kind: type[T], value: Any, **given: Any) -> T:
    """A value from JSON as what its type says: a dataclass, a tuple of one type, a plain type, or
    one of these or None. `given`: fields of the outermost dataclass that are there already.

    Every field without a default must be there and no other; a whole number may stand for a float.
    Raises TypeError naming what is wrong.
    """
    return _record(kind, value, given) if given else _reader(kind)(value)


@cache
def _reader(kind: Any) -> Callable[[Any], Any]:
    """What makes a value from JSON one of that type. Made once for each type: the page reads a
    hundred thousand values before it is there."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is types.UnionType:
        inner = _reader(arguments[0])
        return lambda value: None if value is None else inner(value)
    if origin is typing.Literal:
        return partial(_one_of, arguments)
    if origin is tuple:
        return partial(_tuple, arguments[0], _reader(arguments[0]))
    if dataclasses.is_dataclass(kind):
        return partial(_record, kind, given={})
    return partial(_plain, kind)


def _one_of(choices: tuple[Any, ...], value: Any) -> Any:
    if value not in choices:
        raise TypeError(f"{value!r:.40} should be one of {', '.join(map(repr, choices))}")
    return value


def _tuple(kind: Any, reader: Callable[[Any], Any], value: Any) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise TypeError(f"{value!r:.40} should be a list")
    if kind is float and set(map(type, value)) == {float}:
        return tuple(value)
    return tuple(map(reader, value))


def _record(kind: Any, value: Any, given: dict[str, Any]) -> Any:
    if not isinstance(value, dict):
        raise TypeError(f"{value!r:.40} should be an object")
    readers, required = _fields(kind)
    if value.keys() == readers.keys() and not given:  # as nearly always
        return kind(**{name: readers[name](item) for name, item in value.items()})
    if unknown := value.keys() - readers.keys():
        raise TypeError(f"{min(unknown)!r:.40} is unknown")
    if missing := required - value.keys() - given.keys():
        raise TypeError(f"'{min(missing)}' is missing")
    read = {name: readers[name](item) for name, item in value.items() if name not in given}
    return kind(**read, **given)


def _plain(kind: type, value: Any) -> Any:
    if type(value) is kind and (kind is not int or -LARGEST_INTEGER <= value <= LARGEST_INTEGER):
        return value
    if isinstance(value, int) and abs(value) > LARGEST_INTEGER:
        raise TypeError(f"{value!r:.40} is too large")
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise TypeError(f"{value!r:.40} should be of type {kind.__name__}")
    return value


@cache
def _fields(kind: type) -> tuple[dict[str, Callable[[Any], Any]], frozenset[str]]:
    """What reads each field of a dataclass, and the names of those without a default."""
    optional = {
        field.name
        for field in dataclasses.fields(kind)
        if field.default is not MISSING or field.default_factory is not MISSING
    }
    readers = {name: _reader(hint) for name, hint in typing.get_type_hints(kind).items()}
    return readers, frozenset(readers.keys() - optional)
