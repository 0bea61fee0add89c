"""Which measured values repeat one another, and which setting of a method is its main one."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from qtdog.results.records import MeasuredResult

Setting = tuple[str, bool, int | None, str, int | None, int | None]
"""Method, averaged weights, bits, granularity, quantization step, steps."""


def setting(result: MeasuredResult) -> Setting:
    """The same for measured values that differ by seed and domain alone."""
    run = result.measurement
    key = (result.method, run.averaged, result.bits, run.granularity)
    return (*key, run.quantize_step, run.steps)


def main_setting(
    measured: Sequence[MeasuredResult], method: str, averaged: bool
) -> list[MeasuredResult]:
    """The values of a method's setting that was measured most often."""
    ones = [
        one for one in measured if one.method == method and one.measurement.averaged == averaged
    ]
    if not ones:
        return []
    main, _ = Counter(map(setting, ones)).most_common(1)[0]
    return [one for one in ones if setting(one) == main]


def main_widths(
    measured: Sequence[MeasuredResult], method: str, averaged: bool
) -> list[list[MeasuredResult]]:
    """The values of its main setting, and those of it at other bit widths that are no ablation: on
    the same held-out domains, and at least half as many. More bits first."""
    main = main_setting(measured, method, averaged)
    domains = {one.domain for one in main}
    return [
        ones
        for ones in alike_widths(measured, method, averaged).values()
        if {one.domain for one in ones} >= domains and 2 * len(ones) >= len(main)
    ]


def alike_widths(
    measured: Sequence[MeasuredResult], method: str, averaged: bool
) -> dict[int | None, list[MeasuredResult]]:
    """By bits, the values of a method's main setting and of what differs from it by bit width
    alone. More bits first."""
    main = main_setting(measured, method, averaged)
    widths: dict[int | None, list[MeasuredResult]] = {}
    for one in measured:
        if main and _alike(one, main[0]):
            widths.setdefault(one.bits, []).append(one)
    return dict(sorted(widths.items(), key=lambda width: -(width[0] or 32)))


def _alike(one: MeasuredResult, other: MeasuredResult) -> bool:
    """Whether they differ by bit width, seed and domain alone."""
    return setting(replace(one, bits=other.bits)) == setting(other)
