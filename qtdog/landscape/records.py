"""What was measured, with everything needed to draw it and to repeat it; as JSON both ways."""

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from qtdog.json_file import FileFormat

FORMAT = FileFormat("qtdog-landscape", 1, "landscape", "a landscape", "one")

DirectionKind = Literal["filter", "whole"]
"""What distance is relative to: each filter, or nothing."""

# What a direction is added to (`perturbed`).
WEIGHTS, LATENT, ROUNDED = "weights", "latent weights", "weights, rounded again"


@dataclass(frozen=True)
class Reading:
    """At one point: the mean cross-entropy in nats, and how many of the images are right."""

    loss: float
    correct: int
    tempered: float | None = None
    """The mean cross-entropy of the logits divided by the network's own temperature, where one was
    fitted."""


def _measured(reading: Reading | None) -> Reading:
    if reading is None:
        raise ValueError("This record is a plan: its network's loss has not been measured.")
    return reading


@dataclass(frozen=True)
class ModelReference:
    """A checkpoint. `sha256` is that of its model.safetensors; of EoQ, of those of its members one
    after the other in hexadecimal, and `seed` is the lowest of theirs."""

    name: str
    method: str
    bits: int
    averaged: bool
    seed: int
    sha256: str
    refitted: bool = False
    """Whether step sizes were fitted anew to averaged weights, instead of being means."""


@dataclass(frozen=True)
class ImageSample:
    """Which images. `split` is "source" (all source domains together) or "target"."""

    dataset: str
    domains: tuple[str, ...]
    split: str
    count: int
    seed: int
    recipe: str
    sha256: str
    """Of the names, labels and pixels at the network's input size."""


@dataclass(frozen=True)
class Directions:
    """Random directions: `kind` is "filter" or "whole", `recipe` says how they are made."""

    kind: str
    seed: int
    count: int
    recipe: str


@dataclass(frozen=True)
class Provenance:
    """By which code, on which machine."""

    commit: str
    hardware: str
    versions: str


@dataclass(frozen=True)
class FlatnessCurve:
    """Local flatness F(radius) = E[L(w') - L(w)] (QT-DoG, Eq. 5), one series a direction."""

    model: ModelReference
    target_domain: str
    images: ImageSample
    directions: Directions
    perturbed: str
    radii: tuple[float, ...]
    made: Provenance
    centre: Reading | None = None
    readings: tuple[tuple[Reading, ...], ...] = ()
    """One row a direction, one column a radius."""
    temperature: float | None = None
    """What source validation gives the network itself (Guo et al., ICML 2017, Sec. 4.2): smaller
    logits alone look flatter. None in records of before."""

    @property
    def own_reading(self) -> Reading:
        """The network's own. Raises ValueError before it is measured."""
        return _measured(self.centre)


@dataclass(frozen=True)
class Marker:
    """A network in a plane or on a line, and its own loss and accuracy."""

    model: ModelReference
    x: float
    y: float
    reading: Reading | None = None

    @property
    def own_reading(self) -> Reading:
        """The network's own. Raises ValueError before it is measured."""
        return _measured(self.reading)


@dataclass(frozen=True)
class Surface:
    """Loss and accuracy over a plane or along a line; `kind` is "plane" (random directions around
    one network), "three-models" (through three networks) or "interpolation" (`y` is then (0,)).

    The unit of x and y: in a random plane the change relative to the filter's norm; through
    three networks the Euclidean distance between weights; in an interpolation 0 is the first
    network and 1 the second.
    """

    kind: str
    target_domain: str
    images: ImageSample
    directions: Directions | None
    perturbed: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    markers: tuple[Marker, ...]
    made: Provenance
    readings: tuple[tuple[Reading, ...], ...] = ()
    """One row a value of y, one column a value of x."""


@dataclass(frozen=True)
class Curvature:
    """The Hessian of the mean cross-entropy at a network: largest eigenvalue and trace.

    `scale` "filter": in units of each filter's root mean square weight, biases fixed, so that a
    filter-normalised change of radius r raises the loss by r^2 trace / 2 to second order; "whole":
    of the weights and biases as they are, where it is r^2 trace / (2 parameters).
    """

    model: ModelReference
    target_domain: str
    images: ImageSample
    scale: DirectionKind
    parameters: int
    seed: int
    made: Provenance
    eigenvalue: float = 0.0
    eigenvalue_residual: float = 0.0
    """Norm of H v - eigenvalue v: an eigenvalue lies within this distance."""
    lanczos_steps: int = 0
    traces: tuple[float, ...] = ()
    """Hutchinson's estimate of each random probe; the trace is their mean."""


@dataclass(frozen=True)
class PathPoint:
    """Where a run stood at an evaluation, seen from above the plane.

    `source_validation` and `target` are the fractions that training logged: the mean over the
    source domains' held-out fifths, and a sample of the target domain.
    """

    step: int
    x: float
    y: float
    off_plane: float
    """Its distance from the plane, in the unit of x and y."""
    source_validation: float
    target: float
    reading: Reading | None = None
    """Of this network itself, wherever it lies, on the plane's images."""

    @property
    def own_reading(self) -> Reading:
        """The network's own. Raises ValueError before it is measured."""
        return _measured(self.reading)


@dataclass(frozen=True)
class Arm:
    """One run after the quantization step, and how it was trained."""

    model: ModelReference
    """The checkpoint that source validation chose of it."""
    chosen_step: int
    command: str
    commit: str
    data_fingerprint: str
    seconds: float
    hardware: str
    versions: str
    points: tuple[PathPoint, ...]


@dataclass(frozen=True)
class Trajectories:
    """The ways of two runs from one trunk over the plane through the trunk's end, the origin, the
    first run's end, on the x axis, and the second's. The unit is the distance between weights.

    `held` is the part of the variance of all snapshots, each counted once, that lies in the
    plane's directions, `principal` the parts of their principal directions, largest first: no
    plane holds more than the first two together.
    """

    target_domain: str
    images: ImageSample
    perturbed: str
    quantize_step: int
    steps: int
    held: float
    principal: tuple[float, ...]
    x: tuple[float, ...]
    y: tuple[float, ...]
    trunk: tuple[PathPoint, ...]
    """Up to the quantization step, which is the last."""
    arms: tuple[Arm, ...]
    """Full precision, then the quantized run."""
    made: Provenance
    readings: tuple[tuple[Reading, ...], ...] = ()
    """One row a value of y, one column a value of x."""


Record = FlatnessCurve | Surface | Curvature | Trajectories
RECORD_TYPES: dict[str, type] = {
    "flatness": FlatnessCurve,
    "surface": Surface,
    "curvature": Curvature,
    "trajectories": Trajectories,
}


def models_of(record: Record) -> list[ModelReference]:
    """The networks that a record is about."""
    if isinstance(record, Surface):
        return [marker.model for marker in record.markers]
    if isinstance(record, Trajectories):
        return [arm.model for arm in record.arms]
    return [record.model]


# What a record says of its outcome, not of what was asked.
OUTCOMES = ("temperature", "centre", "readings")
OUTCOMES += ("eigenvalue", "eigenvalue_residual", "lanczos_steps", "traces")


def settings_of(record: Record) -> dict[str, Any]:
    """What was measured and how, without the outcome, the code and the machine."""
    values = dataclasses.asdict(record)
    for name in (*OUTCOMES, "made"):
        values.pop(name, None)
    points = [point for arm in values.get("arms", ()) for point in arm["points"]]
    for one in (*values.get("markers", ()), *values.get("trunk", ()), *points):
        one.pop("reading")
    return values


def fingerprint(record: Record) -> str:
    """A hash of all that decides the outcome: settings, images, weights, code and machine."""
    values = {**settings_of(record), "made": dataclasses.asdict(record.made)}
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]


def to_json(record: Record) -> bytes:
    """The content of the record's file. Readings are written as [loss, correct], or [loss, correct,
    tempered], one row a line."""
    record_type = next(name for name, kind in RECORD_TYPES.items() if isinstance(record, kind))
    values = {**FORMAT.head(), "record": record_type}
    values |= dataclasses.asdict(record, dict_factory=_without_temperature)
    rows = values.pop("readings", None)
    text = json.dumps(values, indent=1)
    if rows is not None:
        lines = [json.dumps([list(reading.values()) for reading in row]) for row in rows]
        text = text.removesuffix("\n}") + ',\n "readings": [\n' + ",\n".join(lines) + "\n ]\n}"
    return text.encode() + b"\n"


def load(path: Path) -> Record:
    """Read a record's file. Raises ValueError that names the file and what is wrong with it."""
    try:
        values = FORMAT.values(path, Path(path).read_bytes())
    except OSError as error:
        missing = isinstance(error, FileNotFoundError)
        what = "is missing" if missing else f"cannot be read: {error.strerror}"
        raise ValueError(f"{path} {what}.") from None
    try:
        kind = RECORD_TYPES[values.pop("record", "")]
        if "readings" in values:
            values["readings"] = [[_reading(pair) for pair in row] for row in values["readings"]]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is not a valid landscape: {error}.") from None
    return _checked(FORMAT.record(kind, path, values), path)


def _without_temperature(fields: list[tuple[str, Any]]) -> dict[str, Any]:
    """As a dict, without what no temperature was fitted for."""
    return {k: v for k, v in fields if v is not None or k not in ("temperature", "tempered")}


def _reading(values: Any) -> dict[str, Any]:
    loss, correct, *tempered = values
    return {"loss": loss, "correct": correct} | ({"tempered": tempered[0]} if tempered else {})


def _checked(record: Record, path: Path) -> Record:
    """Sizes must agree, or a figure would show numbers at the wrong places."""
    if isinstance(record, Curvature):
        return record
    if isinstance(record, FlatnessCurve):
        rows, columns = record.directions.count, len(record.radii)
    else:
        rows, columns = len(record.y), len(record.x)
    if len(record.readings) != rows or any(len(row) != columns for row in record.readings):
        raise ValueError(
            f"{path} is not a valid landscape: it should hold {rows} rows of {columns} readings."
        )
    if isinstance(record, Trajectories):
        _check_ways(record, path)
    return record


def _check_ways(record: Trajectories, path: Path) -> None:
    points = [point for arm in record.arms for point in arm.points]
    steps = {tuple(point.step for point in arm.points) for arm in record.arms}
    ascending = all(list(one) == sorted(set(one)) for one in steps)
    if len(record.arms) != 2 or len(steps) != 1 or not (points and record.trunk and ascending):
        raise ValueError(
            f"{path} is not a valid landscape: it should hold a trunk and two ways on from it with "
            "the same steps."
        )
    if any(point.reading is None for point in (*record.trunk, *points)):
        raise ValueError(f"{path} is not a valid landscape: a point's reading is missing.")
