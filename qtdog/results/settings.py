"""Which measured values repeat one another, and which setting of a method is its main one."""

from collections import Counter
from collections.abc import Sequence

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
