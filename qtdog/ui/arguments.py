"""The arguments of an endpoint against the types that its function states, before it is called."""

import inspect
from collections.abc import Callable, Sequence
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

LARGEST_NUMBER = 1e15  # whole numbers are exact up to there
_WORDS = {str: "a text", float: "a number", int: "a whole number", bool: "true or false"}


def check_arguments(function: Callable, given: Sequence[Any], files: Sequence[bool]) -> None:
    """Raises ValueError with one sentence for the first argument that is missing, too many, or of
    another type than `function` says. `files`: which parameters, in order, are files; what these
    must be is said elsewhere."""
    parameters = list(inspect.signature(function).parameters.values())[: len(files)]
    hints = get_type_hints(function)
    if len(given) != len(parameters):
        names = ", ".join(one.name for one in parameters) or "none"
        raise ValueError(f"{len(given)} arguments came, it takes {len(parameters)}: {names}.")
    for parameter, value, is_file in zip(parameters, given, files, strict=True):
        hint = hints.get(parameter.name, Any)
        if not is_file and not _fits(value, hint):
            missing = f"'{parameter.name}' is missing" if value is None else ""
            problem = missing or f"'{parameter.name}' cannot be used"
            raise ValueError(f"{problem}: it has to be {_words(hint)}.")


def _fits(value: Any, hint: Any) -> bool:
    if hint is Any:
        return True
    if hint is None or hint is type(None):
        return value is None
    if get_origin(hint) in (Union, UnionType):
        return any(_fits(value, one) for one in get_args(hint))
    if get_origin(hint) is Literal:
        return isinstance(value, str) and value in get_args(hint)
    if get_origin(hint) is list:
        (of,) = get_args(hint)
        return isinstance(value, list) and all(_fits(one, of) for one in value)
    if hint is str:
        return isinstance(value, str) and not any("\ud800" <= one <= "\udfff" for one in value)
    if isinstance(value, bool) or hint is bool:
        return isinstance(value, bool) and hint is bool
    if hint not in (int, float):
        raise TypeError(f"No rule for the type {hint} of an endpoint's argument.")
    is_number = isinstance(value, int | float) and -LARGEST_NUMBER < value < LARGEST_NUMBER
    return is_number and (hint is float or value == int(value))


def _words(hint: Any) -> str:
    if get_origin(hint) in (Union, UnionType):
        return " or ".join(_words(one) for one in get_args(hint) if one is not type(None))
    if get_origin(hint) is Literal:
        return "one of " + ", ".join(f"'{one}'" for one in get_args(hint))
    if get_origin(hint) is list:
        return f"a list, each of it {_words(get_args(hint)[0])}"
    return _WORDS[hint]
