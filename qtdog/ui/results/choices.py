"""What can be chosen of the results together, in words and values."""

from dataclasses import replace

from qtdog.results import ALL, AVERAGE, Choice, Results, options
from qtdog.ui.results.tables import plain, table_title


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


def domain_choices(domains: tuple[str, ...]) -> list[tuple[str, str]]:
    """Held-out domains: words and values."""
    return [("mean of all" if one == AVERAGE else plain(one), one) for one in domains]
