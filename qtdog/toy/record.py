"""What was measured, as it lies in assets/results/toy.json: read without torch."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from qtdog.json_file import FileFormat
from qtdog.places import RESULTS

FILE = RESULTS / "toy.json"
FORMAT = FileFormat("qtdog-toy", 1, "record", "a record of toy networks", "a record")

ArmName = Literal["full-precision", "averaged", "qt-dog", "noise", "rounded", "frozen"]


@dataclass(frozen=True)
class Mean:
    """Over the seeds."""

    mean: float
    difference: float
    """From full precision of the same seed."""
    error: float
    """The standard error of the difference."""


@dataclass(frozen=True)
class ArmRecord:
    """One arm on one kind of shift."""

    arm: ArmName
    bits: int | None
    source: Mean
    """Accuracy on the points trained on, a fraction."""
    held_out: Mean
    """Accuracy on the held-out domain, a fraction."""
    rise: Mean
    """Of the source loss after a random move of the weights."""
    fitted_rise: Mean
    """The same at fitted temperature."""
    lost: Mean
    """Source accuracy that the same move costs, a fraction."""


@dataclass(frozen=True)
class ShiftRecord:
    """All arms on one kind of shift, over one trunk for every seed."""

    shift: str
    strength: float
    arms: tuple[ArmRecord, ...]

    def of(self, arm: ArmName, bits: int | None = None) -> ArmRecord:
        """The one with that name. Raises KeyError."""
        for one in self.arms:
            if (one.arm, one.bits) == (arm, bits):
                return one
        raise KeyError(f"{arm}, {bits} bits")


@dataclass(frozen=True)
class ToyRecord:
    """A whole run of `qtdog toy`."""

    command: str
    commit: str
    seeds: int
    processor: str
    seconds: float
    shifts: tuple[ShiftRecord, ...]


def read_record(path: Path = FILE) -> ToyRecord:
    """The record that `path` holds. Raises OSError and ValueError."""
    return FORMAT.record(ToyRecord, path.name, FORMAT.values(path.name, path.read_bytes()))
