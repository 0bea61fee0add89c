"""What the Learn tab tells where a domain is held out."""

from collections.abc import Sequence
from dataclasses import dataclass

from qtdog.explorer import Explorer, Lesson, lesson, standings
from qtdog.landscape import Trajectories, store
from qtdog.places import LANDSCAPES
from qtdog.results import Result, Results
from qtdog.ui.landscape.stored import target_of
from qtdog.ui.learn import figures
from qtdog.ui.learn.steps import Step, steps
from qtdog.ui.learn.words import Texts
from qtdog.ui.markup import Markup


@dataclass(frozen=True)
class Told:
    """The eight steps about one held-out domain, with what their live parts need."""

    lesson: Lesson
    steps: tuple[Step, ...]
    measured: Markup
    """The seventh step's table."""
    way: Trajectories | None
    """The ways of two runs over the loss there, where they are stored."""

    def before(self, place: int) -> Markup:
        """What the step with that number, from 1, says before its live part."""
        step = self.steps[place - 1]
        return figures.paragraphs(step.before, f"{place}. {step.title}")

    def after(self, place: int, texts: Texts) -> Markup:
        """What it says and asks after it."""
        step = self.steps[place - 1]
        return figures.paragraphs(step.after) + figures.quiz(place, step.quiz, texts.words)


def tell(
    explorer: Explorer,
    results: Results,
    texts: Texts,
    ways: Sequence[Trajectories],
    key: str | None = None,
) -> Told:
    """Of the held-out domain with that key, by default the first one; `ways` are all that are
    stored."""
    about = lesson(explorer, key)
    measured = standings(about, results.measured)
    way = way_on(about.target.key, ways)
    table = figures.measured_table(measured, paper_numbers(results.paper, about))
    return Told(about, steps(about, measured, texts, way), table, way)


def stored_ways() -> tuple[Trajectories, ...]:
    """The ways of two runs over the loss on held-out domains, as far as they are stored."""
    found, _ = store.load_all(LANDSCAPES, "trajectories-*.json")
    return tuple(
        one for one in found if isinstance(one, Trajectories) and one.images.split == "target"
    )


def way_on(key: str, ways: Sequence[Trajectories]) -> Trajectories | None:
    """That of a held-out domain's key; None where none is stored."""
    return next((one for one in ways if target_of(one) == key), None)


def paper_numbers(printed: tuple[Result, ...], told: Lesson) -> list[Result]:
    """The paper's averages on the same data set: ERM, QT-DoG and EoQ from one table."""
    of_dataset = [
        one
        for one in printed
        if one.dataset.lower() == told.target.dataset.lower()
        and one.domain == "average"
        and one.split == "target"
        and one.method in ("ERM", "QT-DoG", "EoQ")
        and one.table.isdigit()
    ]
    tables = dict.fromkeys(one.table for one in of_dataset)
    for table in tables:
        found = {one.method: one for one in of_dataset if one.table == table}
        if len(found) == 3:
            return list(found.values())
    return []
