"""Local flatness on a visitor's few pictures: a coarse answer at once, then a finer one.

The lock that guards torch is given back between chunks, so that others have their turn.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from qtdog.checkpoints import Checkpoint
from qtdog.data import Domain
from qtdog.fair_lock import FairLock
from qtdog.inference import finite
from qtdog.landscape.directions import DirectionKind
from qtdog.landscape.flatness import flatness_survey, partial_curve
from qtdog.landscape.images import pixels_hash
from qtdog.landscape.measured_networks import point_of, provenance, reference
from qtdog.landscape.records import FlatnessCurve, ImageSample, Reading
from qtdog.landscape.survey import Survey
from qtdog.memory import give_back_freed_memory
from qtdog.models import resize

if TYPE_CHECKING:
    from qtdog.landscape.meter import LossMeter

# What one visitor may ask for: some seconds on two cores.
MOST_PICTURES, MOST_MODELS = 16, 3
DIRECTIONS, SEED = 12, 0
MOST_SECONDS = 120
RADII: dict[DirectionKind, tuple[float, ...]] = {
    "filter": (0.02, 0.05, 0.1, 0.15, 0.2),
    "whole": (2.0, 4.0, 8.0, 12.0, 16.0),
}


@dataclass(frozen=True)
class LiveStep:
    """What is known after some directions, the same ones for every model."""

    curves: tuple[FlatnessCurve, ...]
    done: int
    total: int
    """Directions; `done` may stay below when the time allowed is over."""
    seconds: float
    finished: bool


@dataclass(frozen=True)
class _Measured:
    """One model on its way."""

    survey: Survey
    meter: LossMeter
    readings: list[Reading]


def live_flatness(
    networks: Sequence[Checkpoint],
    pictures: Sequence[Image.Image],
    labels: Sequence[int],
    kind: DirectionKind,
    lock: FairLock,
    round_again: bool = False,
) -> Iterator[LiveStep]:
    """Flatness curves of `networks`, one direction finer at every step.

    `pictures` are RGB, `labels` the place of each one's class in the networks' classes. The same
    directions as in the stored curves. With `round_again` the moved weights of quantized networks
    are rounded to their own levels before the loss is measured. Raises ValueError for too many of
    anything or none.
    """
    if not 1 <= len(networks) <= MOST_MODELS:
        raise ValueError(f"Choose one to {MOST_MODELS} models.")
    if not 1 <= len(pictures) <= MOST_PICTURES:
        raise ValueError(f"It takes one to {MOST_PICTURES} pictures.")
    started = time.monotonic()
    with ExitStack() as opened:
        opened.callback(give_back_freed_memory)
        measured = []
        for checkpoint in networks:
            with lock.heavy():
                measured.append(_begin(checkpoint, pictures, labels, kind, round_again, opened))
        columns = len(RADII[kind])
        for done in range(1, DIRECTIONS + 1):
            for one in measured:
                # The network itself comes before the first direction.
                points = one.survey.points[len(one.readings) : 1 + done * columns]
                with lock.heavy():
                    one.readings.extend(one.meter.read(points))
            curves = tuple(partial_curve(one.survey.record, one.readings) for one in measured)
            seconds = time.monotonic() - started
            finished = done == DIRECTIONS or seconds > MOST_SECONDS
            yield LiveStep(curves, done, DIRECTIONS, seconds, finished)
            if finished:
                return


def _begin(
    checkpoint: Checkpoint,
    pictures: Sequence[Image.Image],
    labels: Sequence[int],
    kind: DirectionKind,
    round_again: bool,
    opened: ExitStack,
) -> _Measured:
    from qtdog.evaluation import as_network, predict_logits  # the page opens without torch
    from qtdog.landscape.meter import LossMeter

    config = checkpoint.config
    images = Domain(
        "own",
        np.stack([resize(picture, config.image_size) for picture in pictures]),
        np.array(labels, np.int64),
        tuple(map(str, range(len(pictures)))),
    )
    sample = ImageSample(
        "own pictures", (), "own", len(images), SEED, "as they were given", pixels_hash(images)
    )
    finite(
        predict_logits(as_network(checkpoint), images.images, config.mean, config.std),
        checkpoint.folder,
    )
    point = point_of(checkpoint, round_again)
    survey = flatness_survey(
        point,
        reference(checkpoint.folder.name, config),
        config.target_domain,
        sample,
        kind,
        SEED,
        DIRECTIONS,
        RADII[kind],
        provenance(),
    )
    meter = LossMeter(point, images.images, images.labels, config.mean, config.std)
    return _Measured(survey, opened.enter_context(meter), [])
