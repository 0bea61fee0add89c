"""What is set on the tab, with the values that it begins with."""

from dataclasses import dataclass
from typing import Literal

Shift = Literal["rotation", "correlation", "noise", "scale", "displacement"]
"""How the domains differ. On the tab there are drawn ones too, which no seed decides."""

DEFAULT_STRENGTHS: dict[Shift, float] = {
    "rotation": 60.0,
    "correlation": 0.95,
    "noise": 2.0,
    "scale": 1.5,
    "displacement": 0.75,
}
"""Degrees; how often the third input tells the class in the sources; times; times; in radii of a
moon."""


@dataclass(frozen=True)
class Settings:
    """A run's settings. The defaults show the effect."""

    shift: Shift = "rotation"
    strength: float = 60.0
    noise: float = 0.15
    """Deviation of the points from their moons, whose radius is 1."""
    points: int = 100
    """Of each of the three source domains; the held-out domain has as many as all of them."""
    widths: tuple[int, ...] = (16, 16)
    """Of the hidden layers."""
    learning_rate: float = 0.02
    batch: int = 32
    steps: int = 2000
    quantize_step: int = 800

    @property
    def sizes(self) -> tuple[int, ...]:
        """Of the layers, from the inputs to the two classes."""
        return (3 if self.shift == "correlation" else 2, *self.widths, 2)


def default_settings(shift: Shift) -> Settings:
    """As the tab has them when this kind of shift is chosen."""
    return Settings(shift=shift, strength=DEFAULT_STRENGTHS[shift])
