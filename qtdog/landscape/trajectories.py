"""The way there: two runs' paths from one trunk, and the loss over the plane through their ends."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from qtdog import models
from qtdog.checkpoints import (
    CheckpointConfig,
    RunIdentity,
    SnapshotNote,
    load_snapshot,
    snapshot_path,
)
from qtdog.landscape.measured_networks import Subject
from qtdog.landscape.records import (
    Arm,
    ImageSample,
    PathPoint,
    Provenance,
    Reading,
    Trajectories,
)
from qtdog.landscape.space import WeightPoint, require_same_space, weight_point
from qtdog.landscape.survey import Survey

MARGIN = 0.15
"""How far the plane reaches beyond the paths, as a part of their width."""
DECIMALS = 6
PRINCIPAL = 5
"""So many principal directions are told of."""
COLUMNS = 1 << 17
"""Of all snapshots, in double precision at once."""


class Kept(NamedTuple):
    """A snapshot as a point of weight space."""

    note: SnapshotNote
    vector: Tensor


@dataclass(frozen=True)
class Way:
    """All snapshots of two runs with one trunk."""

    network: WeightPoint
    """The architecture."""
    subjects: tuple[Subject, ...]
    quantize_step: int
    steps: int
    trunk: tuple[Kept, ...]
    arms: tuple[tuple[Kept, ...], ...]

    @property
    def all(self) -> tuple[Kept, ...]:
        """Every snapshot once."""
        return (*self.trunk, *(kept for arm in self.arms for kept in arm))


@lru_cache(maxsize=1)  # both sets of images ask for it
def read_way(pair: tuple[Subject, ...], runs: Path) -> Way:
    """The snapshots of the runs that two checkpoints are of, below training's folder `runs`.

    Raises ValueError where they are missing or the runs have no trunk in common.
    """
    identities = [_identity(subject) for subject in pair]
    first = identities[0]
    if any(one.trunk != first.trunk or one.steps != first.steps for one in identities):
        raise ValueError(
            f"{' and '.join(str(subject.folder) for subject in pair)} have no trunk in common: "
            "their ways need one run of both methods, or the same settings up to quantization."
        )
    steps, every, start = first.steps or 0, first.evaluate_every or 1, first.quantize_step or 0

    def read(
        subject: Subject, identity: RunIdentity, step: int
    ) -> tuple[SnapshotNote, WeightPoint]:
        fingerprint = subject.config.own_training.data_fingerprint
        snapshot = load_snapshot(snapshot_path(runs, identity, fingerprint, step))
        return snapshot.note, _point(snapshot.tensors, subject.config)

    def kept(subject: Subject, identity: RunIdentity, step: int) -> Kept:
        note, point = read(subject, identity, step)
        return Kept(note, point.vector)  # of all the networks, the vectors alone

    _, network = read(pair[0], first, start)
    require_same_space(network)
    trunk = tuple(kept(pair[0], first, step) for step in range(every, start + 1, every))
    arms = tuple(
        tuple(kept(one, identity, step) for step in range(start + every, steps + 1, every))
        for one, identity in zip(pair, identities, strict=True)
    )
    return Way(network, pair, start, steps, trunk, arms)


def _identity(subject: Subject) -> RunIdentity:
    identity = subject.config.own_training.identity
    if identity is None:
        raise ValueError(
            f"{subject.folder} does not say which run it is of, so its snapshots are not known: "
            "train it anew with --snapshots."
        )
    return identity


def _point(tensors: Mapping[str, Tensor], config: CheckpointConfig) -> WeightPoint:
    network = models.build(config.architecture, len(config.classes), image_size=config.image_size)
    network.load_state_dict(tensors)
    return weight_point(network.eval())


@dataclass(frozen=True)
class PathPlane:
    """A plane of weight space: `origin` and two directions of length one at right angles."""

    origin: Tensor
    first: Tensor
    second: Tensor

    def at(self, x: float, y: float) -> Tensor:
        """The vector there."""
        return self.origin + x * self.first + y * self.second

    def place(self, vector: Tensor) -> tuple[float, float, float]:
        """x, y and the distance from the plane."""
        away = (vector - self.origin).double()
        x, y = (float(away @ direction.double()) for direction in (self.first, self.second))
        beside = float(away @ away) - x * x - y * y
        return x, y, max(beside, 0.0) ** 0.5


def path_plane(origin: Tensor, first: Tensor, second: Tensor) -> PathPlane:
    """Through three points: `first` on the x axis, `second` above it. Raises ValueError for points
    on one line."""
    along, across = (first - origin).double(), (second - origin).double()
    size = float(across.norm())
    if not float(along.norm()):
        raise ValueError("Full precision's way ends where quantization began: there is no plane.")
    along = along / along.norm()
    across = across - (across @ along) * along
    if float(across.norm()) <= 1e-6 * size or not size:
        raise ValueError("Both ways end on one line with their start: there is no plane.")
    return PathPlane(origin, along.float(), (across / across.norm()).float())


def principal_variances(vectors: Sequence[Tensor]) -> np.ndarray:
    """The sums of squares of the centred vectors along their principal directions, largest first:
    from the products of all pairs, since there are fewer vectors than weights."""
    products = torch.zeros(len(vectors), len(vectors), dtype=torch.float64)
    for start in range(0, len(vectors[0]), COLUMNS):
        block = torch.stack([one[start : start + COLUMNS] for one in vectors]).double()
        block -= block.mean(0)
        products += block @ block.T
    return np.linalg.eigvalsh(products.numpy())[::-1].clip(min=0)


def trajectories(
    way: Way, target_domain: str, images: ImageSample, size: int, made: Provenance
) -> Survey:
    """`size` x `size` points of the plane around both paths, after every snapshot itself."""
    plane = path_plane(way.trunk[-1].vector, way.arms[0][-1].vector, way.arms[1][-1].vector)
    vectors = [kept.vector for kept in way.all]
    places = np.array([plane.place(vector) for vector in vectors])
    variances = principal_variances(vectors)
    flat = places[:, :2] - places[:, :2].mean(0)
    points = [_path_point(kept, place) for kept, place in zip(way.all, places, strict=True)]
    trunk, arms = _parted(points, way)
    x, y = (_axis(values, size) for values in (places[:, 0], places[:, 1]))
    record = Trajectories(
        target_domain,
        images,
        way.network.perturbed,
        way.quantize_step,
        way.steps,
        round(float((flat**2).sum() / variances.sum()), DECIMALS),
        tuple((variances / variances.sum())[:PRINCIPAL].round(DECIMALS).tolist()),
        x,
        y,
        trunk,
        tuple(_arm(one, points) for one, points in zip(way.subjects, arms, strict=True)),
        made,
    )
    own = [partial(_itself, vector) for vector in vectors]
    grid = [partial(plane.at, at_x, at_y) for at_y in y for at_x in x]

    def finish(readings: Sequence[Reading]) -> Trajectories:
        mine, rest = readings[: len(own)], readings[len(own) :]
        read = [
            dataclasses.replace(point, reading=reading)
            for point, reading in zip(points, mine, strict=True)
        ]
        trunk, arms = _parted(read, way)
        return dataclasses.replace(
            record,
            trunk=trunk,
            arms=tuple(
                dataclasses.replace(arm, points=points)
                for arm, points in zip(record.arms, arms, strict=True)
            ),
            readings=tuple(tuple(rest[at : at + size]) for at in range(0, len(rest), size)),
        )

    return Survey(record, (*own, *grid), finish)


def _itself(vector: Tensor) -> Tensor:
    return vector


def _parted(
    points: Sequence[PathPoint], way: Way
) -> tuple[tuple[PathPoint, ...], tuple[tuple[PathPoint, ...], ...]]:
    """All points as the trunk's and the arms'."""
    shared, each = len(way.trunk), len(way.arms[0])
    rest = points[shared:]
    arms = tuple(tuple(rest[at : at + each]) for at in range(0, len(rest), each))
    return tuple(points[:shared]), arms


def _path_point(kept: Kept, place: np.ndarray) -> PathPoint:
    x, y, off_plane = (round(float(value), DECIMALS) for value in place)
    note = kept.note
    return PathPoint(note.step, x, y, off_plane, note.source_validation, note.target)


def _arm(subject: Subject, points: tuple[PathPoint, ...]) -> Arm:
    how = subject.config.own_training
    return Arm(
        subject.model,
        how.chosen_step,
        how.command,
        how.commit,
        how.data_fingerprint,
        how.seconds,
        how.hardware,
        how.versions,
        points,
    )


def _axis(values: np.ndarray, size: int) -> tuple[float, ...]:
    margin = MARGIN * float(np.ptp(values))
    low, high = float(values.min()) - margin, float(values.max()) + margin
    return tuple(np.linspace(low, high, size).round(9).tolist())
