"""What can be chosen of the results together, in words and values."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from qtdog.results import ALL, AVERAGE, Choice, Results, options
from qtdog.ui.address import one_of
from qtdog.ui.results.tables import table_title
from qtdog.ui.sentences import domain_name

HELD_OUT = "held-out"


def possible(results: Results, choice: Choice) -> Choice:
    """The choice, with "all" for what does not exist together with what stands left of it."""
    for name, of in (("benchmark", "benchmarks"), ("backbone", "backbones"), ("table", "tables")):
        if getattr(choice, name) not in (ALL, *getattr(options(results, choice), of)):
            choice = replace(choice, **{name: ALL})
    return choice


def no_such(results: Results, choice: Choice) -> str:
    """Why a choice that is not possible is none, and what there is."""
    of = options(results, choice)
    for name, known in (
        ("benchmark", of.benchmarks),
        ("backbone", of.backbones),
        ("table", of.tables),
    ):
        if (value := getattr(choice, name)) not in (ALL, *known):
            there = ", ".join(known) or "none"
            return f"There is no {name} '{value}' for this choice. There are: {there}."
    raise AssertionError("the choice exists")


def choices_of(results: Results, choice: Choice) -> list[list[tuple[str, str]]]:
    """What can be chosen of benchmark, network and table: titles and values."""
    of = options(results, choice)
    return [
        [("All benchmarks", ALL), *((one, one) for one in of.benchmarks)],
        [("All networks", ALL), *((one, one) for one in of.backbones)],
        [("All tables", ALL), *((table_title(one), one) for one in of.tables)],
    ]


def domain_in(domains: Sequence[str], dataset: str, target: str, which: str) -> str:
    """Which of a benchmark's measured `domains` a figure shows: the mean of all (`which` is
    AVERAGE; of a single domain that one), or the page's held-out one, `target` ("dataset/domain").
    Empty where that was not measured of this `dataset`."""
    if which == AVERAGE:
        return AVERAGE if AVERAGE in domains else next(iter(domains), "")
    held_out = domain_of(target, dataset)
    return held_out if held_out in domains else ""


def domain_of(target: str, dataset: str) -> str:
    """The page's held-out domain, `target` ("dataset/domain"), if it is one of this `dataset`, else
    empty."""
    of, _, domain = target.partition("/")
    return domain if of.lower() == dataset.lower() else ""


def which_choices(target: str) -> list[tuple[str, str]]:
    """The mean of all held-out domains, and the page's: words and values."""
    return [("the mean of all", AVERAGE), (f"{domain_name(target)} alone", HELD_OUT)]


def which_of(domains: Sequence[str]) -> Callable[[str], str]:
    """A parser for such a choice. Older links name one of `domains`, which is the page's now."""

    def parse(text: str) -> str:
        one_of((AVERAGE, HELD_OUT, *domains))(text)
        return AVERAGE if text == AVERAGE else HELD_OUT

    return parse


def benchmark_of(target: str, benchmarks: Sequence[str]) -> str:
    """The benchmark of the page's held-out domain, if there are results of it; else empty."""
    dataset = target.partition("/")[0]
    return next((one for one in benchmarks if one.lower() == dataset.lower()), "")
