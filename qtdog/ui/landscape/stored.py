"""The stored landscapes of the checkpoints at hand, and what a record is about."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from qtdog.landscape import (
    ROUNDED,
    Curvature,
    Record,
    Subject,
    Surface,
    Trajectories,
    models_of,
    order,
    store,
)
from qtdog.ui.landscape.texts import DIRECTIONS, IMAGES

Reading = TypeVar("Reading")

SLICES = ("plane", "three-models")
WITH_DISTANCE = ("flatness", "curvature")
OF_SINGLE_MODELS = ("flatness", "plane", "curvature")
"""Kinds whose records are of one model each, from which some can be picked."""


@dataclass(frozen=True)
class Stored:
    """The stored landscapes of the checkpoints at hand, and why others are left out."""

    records: tuple[Record, ...]
    problems: tuple[str, ...]

    def of(self, target: str, split: str, kind: str, way: str) -> list[Record]:
        """The records of one kind, a key of `texts.MEASURES`, in the order of models."""
        found = [
            one
            for one in self.records
            if target_of(one) == target and one.images.split == split and kind_of(one) == kind
        ]
        if kind in WITH_DISTANCE:
            found = [one for one in found if way_of(one) == way]
        return sorted(found, key=lambda one: order(models_of(one)[0]))

    def measured_way(self, target: str, split: str, kind: str, way: str) -> str:
        """This distance, or the other one where a kind was measured by that alone."""
        (other,) = set(DIRECTIONS) - {way}
        only_other = self.of(target, split, kind, other) and not self.of(target, split, kind, way)
        return other if only_other else way

    def apart(self, target: str, split: str, kind: str, way: str) -> list[Record]:
        """The same by the other distance, without weights that were rounded again."""
        (other,) = set(DIRECTIONS) - {way}
        return perturbed_so(self.of(target, split, kind, other), again=False)

    def there_is(self, target: str, kind: str) -> list[str]:
        """Of which images, and by which distance, there are records of this kind; in words."""
        ways = DIRECTIONS.items() if kind in WITH_DISTANCE else [("", "")]
        return [
            f"{images.lower()}{text and ', ' + text.lower()}"
            for split, images in IMAGES.items()
            for way, text in ways
            if self.of(target, split, kind, way)
        ]


def perturbed_so(records: Sequence[Record], again: bool) -> list[Record]:
    """One record a model: with `again` those of quantized networks with their weights rounded
    again after every move, where these were measured, else without."""
    rounded = {model.name for one in records if is_rounded(one) for model in models_of(one)}
    return [
        one for one in records if is_rounded(one) == (again and models_of(one)[0].name in rounded)
    ]


def usual_models(records: Sequence[Record]) -> list[str]:
    """The models of these records of `OF_SINGLE_MODELS` that are shown before any is picked: all,
    of planes the first of every method and average, since more take a while to draw."""
    models = [models_of(one)[0] for one in records]
    if not any(isinstance(one, Surface) for one in records):
        return [one.name for one in models]
    first: dict[tuple[str, bool], str] = {}
    for model in models:
        first.setdefault((model.method, model.averaged), model.name)
    return list(first.values())


def is_rounded(record: Record) -> bool:
    """Whether the moved weights were rounded again before the loss was measured."""
    return not isinstance(record, Curvature) and record.perturbed == ROUNDED


def load_stored(folder: Path, networks: Sequence[Subject]) -> Stored:
    """What is below `folder`, as far as it was measured on `networks`."""
    records, problems = store.load_all(folder)
    at_hand = {one.model.sha256 for one in networks}
    ours = [
        one
        for one in records
        # Ways are of runs of their own, which nobody need have.
        if isinstance(one, Trajectories) or all(m.sha256 in at_hand for m in models_of(one))
    ]
    return Stored(tuple(ours), tuple(problem.replace(f"{folder}/", "") for problem in problems))


def kind_of(record: Record) -> str:
    """Which of the kinds on the page a record is."""
    if isinstance(record, Surface):
        return record.kind
    if isinstance(record, Trajectories):
        return "trajectories"
    return "curvature" if isinstance(record, Curvature) else "flatness"


def way_of(record: Record) -> str:
    """How distance is measured: "filter" or "whole"; empty between given networks."""
    if isinstance(record, Curvature):
        return record.scale
    if isinstance(record, Trajectories):
        return ""
    return record.directions.kind if record.directions else ""


def measured(reading: Reading | None) -> Reading:
    """What a record that is shown has at the network itself. Raises ValueError for a record that is
    yet to be measured."""
    if reading is None:
        raise ValueError("This landscape is yet to be measured.")
    return reading


def most_planes(records: Sequence[Record]) -> int:
    """How many planes stand side by side at most: of one kind, on the same images, one a model."""
    models: dict[tuple[str, str, str], set[tuple[str, ...]]] = {}
    for one in records:
        if kind_of(one) in SLICES:
            names = tuple(model.name for model in models_of(one))
            models.setdefault((target_of(one), one.images.split, kind_of(one)), set()).add(names)
    return max(map(len, models.values()), default=0)


def target_of(record: Record) -> str:
    """ "dataset/domain", the held-out one."""
    return f"{record.images.dataset}/{record.target_domain}"
