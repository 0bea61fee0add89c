"""A measurement on a visitor's pictures: what is chosen first, and what cannot be measured."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from qtdog.explorer import Explorer
from qtdog.images import read_image
from qtdog.landscape import (
    MOST_MODELS,
    MOST_PICTURES,
    LiveStep,
    Subject,
    live_flatness,
    side_by_side,
)
from qtdog.ui.samples import Sample

SAMPLES_AT_FIRST = 8

Labelled = list[tuple[str, str]]
"""Pictures: file and class."""


def first_samples(pictures: Sequence[Sample], classes: Sequence[str]) -> Labelled:
    """Eight of our samples whose class the models know, of as many classes as possible."""
    known = [one for one in pictures if one.label in classes]
    seen: dict[str, int] = {}
    ranked = []
    for place, one in enumerate(known):
        seen[one.label] = seen.get(one.label, 0) + 1
        ranked.append((seen[one.label], place, one))
    ranked.sort(key=lambda entry: entry[:2])
    return [(str(one.path), one.label) for _, _, one in ranked[:SAMPLES_AT_FIRST]]


def first_models(found: Sequence[Subject]) -> list[str]:
    """The folders' names of the models to compare."""
    return [one.folder.name for one in side_by_side(found)]


def measure(
    explorer: Explorer,
    found: Sequence[Subject],
    labelled: Labelled,
    names: Sequence[str],
    classes: Sequence[str],
    kind: Any,
    again: bool,
) -> Iterator[LiveStep]:
    """Flatness on labelled pictures, finer at every step, of the models of these `names` among the
    `found` ones; `kind` is the distance. Raises ValueError for what the visitor can mend."""
    if not labelled:
        raise ValueError("Add a picture first, or use our samples.")
    if len(labelled) > MOST_PICTURES:
        raise ValueError(f"It takes at most {MOST_PICTURES} pictures.")
    if unknown := [name for _, name in labelled if name not in classes]:
        raise ValueError(f"There is no class '{unknown[0]}'. There are: {', '.join(classes)}.")
    chosen = [one for one in found if one.folder.name in names]
    if not 1 <= len(chosen) <= MOST_MODELS:
        raise ValueError(f"Choose one to {MOST_MODELS} models.")
    if not all(Path(path).exists() for path, _ in labelled):
        raise ValueError(
            "A picture of these is no longer on the server: remove all of them and add them again."
        )
    pictures = [read_image(path, accept_partial=True) for path, _ in labelled]  # as when added
    labels = [list(classes).index(name) for _, name in labelled]
    networks = [explorer.read(one.folder) for one in chosen]
    yield from live_flatness(networks, pictures, labels, kind, explorer.lock, again)
