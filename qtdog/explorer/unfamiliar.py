"""A hint that a picture looks like none of the known classes: its energy is high.

Liu et al., Energy-based Out-of-distribution Detection, NeurIPS 2020: E(x) = -T logsumexp(z / T) of
the logits z; here T = 1, their choice without tuning. The threshold of a network is set on the
source domains' validation split alone: the energy that `SOURCE_SHARE` of these images exceed. How
often the hint then comes on other images is measured and stored, for it is shown with the hint.

EoQ asks its members: it hints when more than half of them do. Its members have different splits,
so no source image is new to all of them, and its share on source validation is not measured.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from qtdog.checkpoints import joint_sha256
from qtdog.csv_file import CsvError, CsvLine, csv_bytes, field_names, read_lines, records_csv
from qtdog.files import write_atomically
from qtdog.inference import StoredModel, finite, open_stored
from qtdog.places import RESULTS

if TYPE_CHECKING:
    from qtdog.checkpoints import Checkpoint
    from qtdog.data import DomainDataset, Images

SOURCE_SHARE = 0.05
SOURCE, TARGET, DIGITS = "source validation", "held-out domain", "handwritten digits"
"""Images a share is measured on. The digits are scikit-learn's 1,797, white on black, turned by
0 to 75 degrees: pictures of none of the classes, unless a checkpoint knows digits."""

MEASURED = RESULTS / "energy.csv"


_Energies = dict[tuple[str, str], np.ndarray]  # (network's identity, images) -> (n,)


class HintError(ValueError):
    """One sentence: what is wrong with a file of thresholds."""


@dataclass(frozen=True)
class Flagged:
    """How many of some images get the hint."""

    images: str
    """SOURCE, TARGET or DIGITS."""
    flagged: int
    total: int

    @property
    def share(self) -> float:
        """0..1."""
        return self.flagged / self.total


@dataclass(frozen=True)
class Calibration:
    """A checkpoint's threshold and how often its hint comes."""

    threshold: float | None
    """Of the energy, in logits; None for EoQ, which asks its members."""
    flagged: tuple[Flagged, ...]

    @property
    def own_threshold(self) -> float:
        """A single network's. Raises HintError for EoQ, and for a file that lacks it."""
        if self.threshold is None:
            raise HintError("A network's energy threshold is missing: measure it again.")
        return self.threshold


@dataclass(frozen=True)
class EnergyRow:
    """A row of the file: one checkpoint on one set of images."""

    dataset: str
    target: str
    checkpoint: str
    method: str
    bits: int
    sha256: str
    """Of the weights, see `identity`."""
    threshold: str
    """Energy in logits, six decimals; empty for EoQ."""
    images: str
    flagged: int
    total: int


def energy(logits: np.ndarray) -> np.ndarray:
    """-logsumexp over the last axis: (..., classes) -> (...). Low is familiar."""
    largest = logits.max(-1, keepdims=True)
    return -(largest[..., 0] + np.log(np.exp(logits - largest).sum(-1)))


def says_unfamiliar(energies: Sequence[float], thresholds: Sequence[float]) -> bool:
    """Whether more than half of the networks find the picture's energy above their threshold."""
    above = sum(one > limit for one, limit in zip(energies, thresholds, strict=True))
    return 2 * above > len(energies)


def identity(checkpoint: "Checkpoint | StoredModel") -> str:
    """The SHA-256 of a checkpoint's weights, for EoQ that of its members' together."""
    return joint_sha256([one.config.files[0].sha256 for one in checkpoint.members or (checkpoint,)])


def read(path: Path = MEASURED) -> dict[str, Calibration]:
    """The calibrations in a file by `identity`; none where the file does not exist.

    Raises HintError for a file that is not one of thresholds.
    """
    by_hash: dict[str, list[EnergyRow]] = {}
    for row in _rows(path):
        by_hash.setdefault(row.sha256, []).append(row)
    return {
        sha256: Calibration(
            float(rows[0].threshold) if rows[0].threshold else None,
            tuple(Flagged(row.images, row.flagged, row.total) for row in rows),
        )
        for sha256, rows in by_hash.items()
    }


def extend(
    path: Path,
    checkpoints: "Sequence[Checkpoint]",
    load: "Callable[[int], DomainDataset]",
    done: Callable[[str], None],
) -> None:
    """Add what the file at `path` lacks of these checkpoints and of EoQ's members.

    A checkpoint that is in it with the same weights is not measured again; with other weights its
    rows are replaced. `load` gives the dataset at an image size; `done` hears each checkpoint's
    name. The file is written after each, so a stopped run goes on where it was.
    Raises DataError when the dataset is not the one that a checkpoint was trained on.
    """
    rows = _rows(path)
    energies: _Energies = {}
    for checkpoint in checkpoints:
        for one in (*checkpoint.members, checkpoint):
            known = read(path)
            if identity(one) not in known:
                place = (one.config.dataset, one.config.target_domain, one.folder.name)
                rows = [row for row in rows if (row.dataset, row.target, row.checkpoint) != place]
                rows += _measure(one, load(one.config.image_size), known, energies)
                rows.sort(key=lambda row: (row.dataset, row.target, row.checkpoint))
                _write(path, rows)
            done(one.folder.name)


def _measure(
    checkpoint: "Checkpoint",
    dataset: "DomainDataset",
    known: dict[str, Calibration],
    done: _Energies,
) -> list[EnergyRow]:
    """Set a checkpoint's threshold, or take EoQ's members' ones, and count. `done` remembers what
    a network said, for EoQ asks the same networks as its members."""
    from qtdog.data import (
        rotated_digits,
        training_and_validation_rows,
    )  # the page reads what was measured, without torch
    from qtdog.evaluation import require_training_data, stored_logits, training_of

    config = checkpoint.config
    require_training_data(checkpoint.folder, config, training_of(checkpoint), dataset)

    def energies(name: str, images: "Images") -> np.ndarray:  # (networks, n)
        singles = checkpoint.members or (checkpoint,)
        for one in singles:
            if (identity(one), name) not in done:
                logits = finite(stored_logits(open_stored(one.folder), images), one.folder)
                done[identity(one), name] = energy(logits.astype(np.float64))
        return np.stack([done[identity(one), name] for one in singles])

    digits = np.concatenate([one.images for one in rotated_digits(config.image_size).domains])
    measured = {
        TARGET: energies(TARGET, dataset.domain(config.target_domain).images),
        DIGITS: energies(DIGITS, digits),
    }
    if checkpoint.members:
        thresholds = [known[identity(member)].own_threshold for member in checkpoint.members]
    else:
        training = config.own_training
        held_out = [
            domain.subset(
                training_and_validation_rows(dataset, domain.name, training.seed, training.split)[1]
            ).images
            for domain in dataset.sources(config.target_domain)
        ]
        measured = {SOURCE: energies(SOURCE, np.concatenate(held_out)), **measured}
        # Rounded as it is stored, upwards: never more than the stated share lies above it.
        quantile = np.quantile(measured[SOURCE], 1 - SOURCE_SHARE, method="higher")
        thresholds = [float(np.ceil(quantile * 1e6) / 1e6)]
    return [
        EnergyRow(
            config.dataset,
            config.target_domain,
            checkpoint.folder.name,
            config.method,
            config.bits,
            identity(checkpoint),
            "" if checkpoint.members else f"{thresholds[0]:.6f}",
            images,
            sum(says_unfamiliar(each, thresholds) for each in values.T),
            values.shape[1],
        )
        for images, values in measured.items()
    ]


def _rows(path: Path) -> list[EnergyRow]:
    if not Path(path).exists():
        return []
    try:
        return [_row(line) for line in read_lines(path, field_names(EnergyRow))]
    except CsvError as error:
        raise HintError(f"{path.name} is not a file of energy thresholds: {error}") from None


def _row(line: CsvLine) -> EnergyRow:
    line.number_or_none("threshold")
    values: dict[str, Any] = {name: line.values[name] for name in field_names(EnergyRow)}
    values |= {name: line.whole(name) for name in ("bits", "flagged", "total")}
    return EnergyRow(**values)


def _write(path: Path, rows: Sequence[EnergyRow]) -> None:
    content = csv_bytes(records_csv(EnergyRow, rows))
    write_atomically(Path(path), lambda handle: handle.write(content))
