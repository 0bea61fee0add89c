"""What the measurements say, in plain sentences computed from the numbers."""

from collections.abc import Sequence

from qtdog.results import Beside, Comparison, MeasuredResult, Results, main_widths
from qtdog.ui.results.names import NAMES
from qtdog.ui.sentences import minus

NOTHING_MEASURED = (
    "Nothing is measured here yet: measured.csv is not there. What follows is what the paper "
    "and other listings print."
)


def verdicts(results: Results, found: Sequence[Comparison]) -> tuple[str, ...]:
    """One sentence a comparison, the main one first; or that there is nothing to compare."""
    if not results.measured:
        return (NOTHING_MEASURED,)
    if not found:
        return ("Measured here on this benchmark: no two methods that can be compared.",)
    return tuple(verdict(one) for one in found)


def which_width(measured: Sequence[MeasuredResult], benchmark: str) -> str:
    """Which widths of QT-DoG were measured on all held-out domains of the benchmark."""
    of_method = [
        one
        for one in measured
        if (one.method, one.dataset, one.split) == ("QT-DoG", benchmark, "target")
    ]
    main = [ones[0].bits for ones in main_widths(of_method, "QT-DoG", averaged=False)]
    widths = " or ".join(str(bits) for bits in main)
    if not widths:
        return "Which width to take? In the paper 7 bits are the best."
    best = " and the best in the paper" if widths == "7" else ""
    which = "the only width that is" if len(main) == 1 else "the widths that are"
    said = (
        f"Which width to take? {widths} bits: {which} measured here on every held-out domain{best}."
    )
    if {one.bits for one in of_method} - {*main}:
        said += " The others were measured on fewer, and with fewer seeds: too little to rank them."
    return said


def verdict(one: Comparison, who: str = "Measured here") -> str:
    """ "Measured here, over 4 targets of PACS with 5 seeds each: QT-DoG (7 bits) is 0.6 points
    below full precision ..."."""
    weights = ", both with averaged weights" if one.averaged else ""
    difference = abs(one.difference)
    if f"{difference:.1f}" == "0.0":
        said = f"{_named(one)} and {_name(one.second)} are equal to 0.1 points{weights}"
    else:
        side = "above" if one.difference > 0 else "below"
        said = f"{_named(one)} is {difference:.1f} points {side} {_name(one.second)}{weights}"
    targets = f"{_count(len(one.targets), 'target')} of {one.dataset}"
    seeds = f" and {_count(one.seeds, 'seed')}" if one.seeds else ""
    if one.seeds > 1 and len(one.targets) > 1:
        most = "" if one.fewest_seeds == one.seeds else "up to "
        seeds = f" with {most}{one.seeds} seeds each"
    where = f"{who}, over {targets}{seeds}"
    lost = f" {_name(one.first)} does not beat {_name(one.second)} here."
    beaten = lost if one.difference <= 0 else ""
    return f"{where}: {said}{uncertainty(one)}.{beaten}"


def beside_sentence(one: Beside) -> str:
    """ "ERM, on 2 held-out domains of PACS with MobileNetV2: ours 76.4 %, yours 77.0 %, 0.6 points
    above." """
    difference = one.theirs - one.ours
    bits = f" ({one.bits} bits)" if one.bits else ""
    averaged = ", averaged weights" if one.averaged else ""
    domains = _count(len(one.domains), "held-out domain")
    apart = f"{abs(difference):.1f} points {'above' if difference > 0 else 'below'}"
    apart = "the same to 0.1 points" if f"{abs(difference):.1f}" == "0.0" else apart
    return (
        f"{_name(one.method)}{bits}{averaged}, on {domains} of {one.dataset} with {one.backbone}: "
        f"ours {one.ours:.1f} %, yours {one.theirs:.1f} %, {apart}."
    )


def _named(one: Comparison) -> str:
    first = _name(one.first)
    return f"{first} ({one.bits} bits)" if one.bits else first


def _name(method: str) -> str:
    """As the other tabs call it; the paper's tables say ERM."""
    called = NAMES.get(method)
    return called[0].lower() + called[1:] if called else method


def uncertainty(one: Comparison) -> str:
    """ " (95 % interval over seeds: -2.4 to +0.3), which is no more than the noise ..."."""
    if not one.seeds:
        return " (one ensemble a target, so without an uncertainty)"
    if one.low is None or one.high is None:
        return " (one seed, so without an uncertainty)"
    between = f"(95 % interval over seeds: {minus(f'{one.low:+.1f} to {one.high:+.1f}')})"
    if one.low <= 0 <= one.high:
        return f" {between}, which is no more than the noise between seeds"
    return f" {between}, which is more than the noise between seeds"


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}" + ("" if count == 1 else "s")
