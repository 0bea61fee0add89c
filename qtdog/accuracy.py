"""An accuracy is never shown without its counts."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Accuracy:
    """`correct` of `total` images."""

    correct: int
    total: int

    @property
    def fraction(self) -> float:
        """0..1; an empty set counts as 0."""
        return self.correct / self.total if self.total else 0.0

    def __str__(self) -> str:
        return f"{self.fraction:.1%} ({self.correct:,}/{self.total:,})"
