"""Many pictures through all models: one row a picture, and what the rows say together."""

import io
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
from PIL import Image

from qtdog.accuracy import Accuracy
from qtdog.csv_file import csv_text
from qtdog.explorer.batch_files import BatchFile
from qtdog.explorer.explorer import IMAGES_AT_ONCE, Explorer
from qtdog.explorer.predictions import Prediction
from qtdog.images import ImageError, missing
from qtdog.memory import give_back_freed_memory

MAX_SECONDS = 600  # others may be waiting for a batch of theirs
THUMBNAIL_SIDE = 64  # px
TOO_LATE = f"Not classified: a batch ends after {MAX_SECONDS // 60} minutes; send it by itself."


@dataclass(frozen=True)
class Answer:
    """What one model says of one picture."""

    model: str
    method: str
    label: str
    confidence: float
    """Probability of that class."""


@dataclass(frozen=True)
class Row:
    """One file of a batch."""

    file: str
    label: str | None
    """Its class, if known."""
    verdicts: tuple[Answer, ...] = ()
    """One a model; empty if the file was no usable picture."""
    problem: str = ""
    """One sentence: why there is no verdict, or what the picture lacked for these."""
    thumbnail: bytes = field(default=b"", compare=False, repr=False)
    """The picture as WebP, at most `THUMBNAIL_SIDE` px a side; empty if it was none."""


@dataclass(frozen=True)
class Agreement:
    """How often these models say the same class."""

    models: tuple[str, ...]
    same: int
    total: int


def classify_files(
    explorer: Explorer, files: Sequence[BatchFile], target: str
) -> Iterator[list[Row]]:
    """The rows of `files`, in order, as soon as the next few are there.

    Pictures are read one at a time and forgotten; files that are no picture become rows that say
    so. Raises ValueError for an unknown target.
    """
    deadline = time.monotonic() + MAX_SECONDS
    try:
        for start in range(0, len(files), IMAGES_AT_ONCE):
            chunk = files[start : start + IMAGES_AT_ONCE]
            if time.monotonic() > deadline:
                yield [Row(file.name, file.label, problem=TOO_LATE) for file in chunk]
            else:
                yield _classify(explorer, chunk, target)
    finally:
        give_back_freed_memory()


def accuracies(rows: Sequence[Row]) -> dict[str, Accuracy]:
    """Each model's accuracy on the pictures whose class is known, by model name; empty if none
    is."""
    known = [row for row in rows if row.label and row.verdicts]
    return {
        model: Accuracy(sum(_said(row, model) == row.label for row in known), len(known))
        for model in models_of(known)
    }


def confusion(rows: Sequence[Row], model: str, classes: Sequence[str]) -> np.ndarray:
    """(classes, classes) counts: known class down, the model's class across."""
    counts = np.zeros((len(classes), len(classes)), int)
    place = {label: index for index, label in enumerate(classes)}
    for row in rows:
        if row.label and row.verdicts:
            counts[place[row.label], place[_said(row, model)]] += 1
    return counts


def agreements(rows: Sequence[Row]) -> list[Agreement]:
    """Of every two models, and of all if they are more than two."""
    models = models_of(rows)
    groups = list(combinations(models, 2)) + ([models] if len(models) > 2 else [])
    said = [{one.model: one.label for one in row.verdicts} for row in rows if row.verdicts]
    return [
        Agreement(
            group, sum(len({each[model] for model in group}) == 1 for each in said), len(said)
        )
        for group in groups
    ]


def models_of(rows: Sequence[Row]) -> tuple[str, ...]:
    """The models' names, in the service's order."""
    return next((tuple(one.model for one in row.verdicts) for row in rows if row.verdicts), ())


def to_csv(rows: Sequence[Row], held_out: str = "", networks: Sequence[str] = ()) -> str:
    """One line a file: known class, each model's class and confidence (0..1), problem.

    `held_out`: "dataset/domain"; `networks`: the checkpoints' names, in the models' order.
    """
    models = models_of(rows)
    columns = [f"{model} {what}" for model in models for what in ("class", "confidence")]
    head = ["number", "file", "known class", *columns, "problem", "held-out domain", "networks"]
    lines = []
    for number, row in enumerate(rows, start=1):
        cells = [cell for one in row.verdicts for cell in (one.label, f"{one.confidence:.6f}")]
        cells = cells or [""] * len(columns)
        cells = [number, row.file, row.label or "", *cells, row.problem]
        lines.append([*cells, held_out, " ".join(networks)])
    return csv_text(head, lines)


def _classify(explorer: Explorer, files: Sequence[BatchFile], target: str) -> list[Row]:
    read = [_read(file) for file in files]
    images = [image for image in read if isinstance(image, Image.Image)]
    answers = iter(explorer.classify_many(images, target, heavy=True))
    return [
        Row(file.name, file.label, problem=image)
        if isinstance(image, str)
        else Row(
            file.name,
            file.label,
            tuple(map(_verdict, next(answers))),
            missing(image),
            _thumbnail(image),
        )
        for file, image in zip(files, read, strict=True)
    ]


def _read(file: BatchFile) -> Image.Image | str:
    """The image, or why there is none."""
    try:
        return file.read()
    except ImageError as error:
        return str(error)


def _thumbnail(image: Image.Image) -> bytes:
    small, file = image.copy(), io.BytesIO()
    small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    small.save(file, "WEBP", quality=70)
    return file.getvalue()


def _verdict(prediction: Prediction) -> Answer:
    return Answer(prediction.model, prediction.method, prediction.label, prediction.confidence)


def _said(row: Row, model: str) -> str:
    return next(one.label for one in row.verdicts if one.model == model)
