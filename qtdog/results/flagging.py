"""Which printed numbers are questionable, and why: from the file's notes and by computation."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass

from qtdog.results.records import ALL_BENCHMARKS, AVERAGE, Result

SWAPPED = "swapped"
SAME_METHOD = " (paper runs)"
"""What some tables add to a method's name where others print the same method without it."""


@dataclass(frozen=True)
class Finding:
    """One reason to doubt a number: `number` is what contradicts it."""

    number: str
    sentence: str


def flags(results: Sequence[Result]) -> dict[Result, tuple[str, ...]]:
    """The reasons to doubt each questionable number; numbers without one are left out.

    A computed reason is not repeated where the number's own note already names what contradicts it.
    """
    about_the_metric = remarks(results)
    found = {
        result: [result.note]
        for result in results
        if result.note and result not in about_the_metric
    }
    computed = defaultdict(list)
    for check in (averages_that_do_not_match, disagreements):
        for result, finding in check(results).items():
            computed[result].append(finding)
    for result, findings in computed.items():
        new = [one.sentence for one in findings if one.number not in result.note]
        found[result] = [*found.get(result, []), *new]
    return {result: tuple(map(_sentence, reasons)) for result, reasons in found.items() if reasons}


def remarks(results: Sequence[Result]) -> dict[Result, str]:
    """Notes that say what was measured and are no reason to doubt it: those that every number of a
    table and benchmark carries."""
    groups = _grouped(results, lambda one: (one.source, one.table, one.dataset))
    return {
        result: _sentence(result.note)
        for group in groups
        if len(group) > 1 and len({one.note for one in group}) == 1
        for result in group
        if result.note
    }


def looks_swapped(reasons: Iterable[str]) -> bool:
    """Whether a number seems to be in another's place: it cannot be best in a column."""
    return any(SWAPPED in reason for reason in reasons)


def averages_that_do_not_match(results: Sequence[Result]) -> dict[Result, Finding]:
    """Printed averages further from the mean of their columns than rounding can explain.

    A mean of numbers rounded by at most h each is off by at most h, and the printed average by its
    own half unit more.
    """
    found = {}
    for columns in _grouped(results, _line):
        for average in columns:
            if average.dataset == ALL_BENCHMARKS:
                parts = [one for one in columns if one.dataset != ALL_BENCHMARKS]
                parts, kind = [one for one in parts if one.domain == AVERAGE], "columns"
            elif average.domain == AVERAGE:
                parts = [one for one in columns if one.dataset == average.dataset]
                parts, kind = [one for one in parts if one.domain != AVERAGE], "domains"
            else:
                continue
            if len(parts) < 2:
                continue
            mean = sum(one.accuracy for one in parts) / len(parts)
            rounding = sum(one.half_unit for one in parts) / len(parts) + average.half_unit
            if abs(mean - average.accuracy) > rounding + 1e-9:
                found[average] = Finding(
                    f"{mean:.1f}",
                    f"its {len(parts)} {kind} average {mean:.1f}, "
                    f"the paper prints {_printed(average)}",
                )
    return found


def disagreements(results: Sequence[Result]) -> dict[Result, Finding]:
    """Numbers of which another table or source prints another value."""
    found = {}
    for same in _grouped(results, _quantity):
        for result in same:
            others: dict[str, list[str]] = {}
            for other in same:
                rounding = result.half_unit + other.half_unit
                if abs(other.accuracy - result.accuracy) > rounding + 1e-9:
                    others.setdefault(_printed(other), []).append(other.table)
            if others:
                listed = "; ".join(
                    f"{name_tables(tables)} {'has' if len(tables) == 1 else 'have'} {value}"
                    for value, tables in others.items()
                )
                found[result] = Finding(next(iter(others)), listed)
    return found


def name_tables(tables: Sequence[str]) -> str:
    """ "Tables 8, 9", "Table 1", "the Papers With Code listing"."""
    numbers = [table for table in tables if table.isdigit()]
    names = [f"the {table}" for table in tables if not table.isdigit()]
    if numbers:
        names.insert(0, ("Table " if len(numbers) == 1 else "Tables ") + ", ".join(numbers))
    return ", ".join(names)


def _line(result: Result) -> Hashable:
    """The same for all numbers in one line of one table."""
    return (result.source, result.table, result.backbone, result.method, result.bits, result.split)


def _quantity(result: Result) -> Hashable:
    """The same for numbers that claim to be of the same thing."""
    method = result.method.removesuffix(SAME_METHOD)
    place = (result.dataset, result.domain, result.split)
    return (result.backbone, method, result.bits, *place)


def _grouped(results: Iterable[Result], key: Callable[[Result], Hashable]) -> list[list[Result]]:
    groups = defaultdict(list)
    for result in results:
        groups[key(result)].append(result)
    return list(groups.values())


def _printed(result: Result) -> str:
    return f"{result.accuracy:.{result.decimals}f}"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".") + "." if text else ""
