"""The bundled sample pictures."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from qtdog.places import SAMPLES


@dataclass(frozen=True)
class Sample:
    """A picture that comes with the project, and what it shows."""

    path: Path
    label: str
    title: str
    alt: str
    domain: str
    """The domain that its style comes nearest to, of PACS or of Office-Caltech."""

    @property
    def name(self) -> str:
        """The file's, without its ending: "dog-pencil"."""
        return self.path.stem


def samples(folder: Path = SAMPLES) -> tuple[Sample, ...]:
    """All samples, in the order of the page, which offers those of known classes (`known_to`)."""
    entries = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    return tuple(
        Sample(
            folder / entry["file"], entry["class"], entry["title"], entry["alt"], entry["domain"]
        )
        for entry in entries
    )


def sample_for(domain: str, pictures: Sequence[Sample]) -> Sample:
    """The first sample that looks like `domain`, or the first of all."""
    return next((sample for sample in pictures if sample.domain == domain), pictures[0])


def known_to(pictures: Sequence[Sample], classes: Sequence[str]) -> tuple[Sample, ...]:
    """The samples that show one of these classes; all of them where none does."""
    return tuple(one for one in pictures if one.label in classes) or tuple(pictures)


def sample_at(path: str, pictures: Sequence[Sample]) -> Sample | None:
    """Which of ours the picture at `path` is, by its bytes; None for another, or one that is
    gone."""
    try:
        return _by_hash(tuple(pictures)).get(_hash(Path(path)))
    except FileNotFoundError:
        return None


def known_label(path: str, pictures: Sequence[Sample]) -> str | None:
    """The class of the picture at `path` if it is one of ours, else None."""
    ours = sample_at(path, pictures)
    return ours.label if ours else None


@lru_cache
def _by_hash(pictures: tuple[Sample, ...]) -> dict[str, Sample]:
    return {_hash(sample.path): sample for sample in pictures}


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
