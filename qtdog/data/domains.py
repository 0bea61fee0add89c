"""The records that training and evaluation work on: domains full of labelled images."""

import hashlib
from dataclasses import dataclass

import numpy as np

from qtdog.data.rows import Rows, take


@dataclass(frozen=True)
class Domain:
    """All images of one domain.

    `images`: (n, size, size, 3) uint8, `labels`: (n,) int64 into the dataset's classes,
    `names`: n image names, "class/file", unique within the domain.
    """

    name: str
    images: np.ndarray | Rows
    labels: np.ndarray
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)

    def subset(self, rows: np.ndarray) -> "Domain":
        """The images at `rows`, in that order."""
        names = tuple(self.names[row] for row in rows)
        return Domain(self.name, take(self.images, rows), self.labels[rows], names)


@dataclass(frozen=True)
class DomainDataset:
    """Several domains with the same classes in the same order."""

    name: str
    classes: tuple[str, ...]
    domains: tuple[Domain, ...]
    skipped: tuple[str, ...] = ()
    """Unreadable images, as "domain/class/file: reason"."""

    def domain(self, name: str) -> Domain:
        """The domain of that name. Raises ValueError that lists what exists."""
        for domain in self.domains:
            if domain.name == name:
                return domain
        names = ", ".join(domain.name for domain in self.domains)
        raise ValueError(f"{self.name} has no domain '{name}'. There are: {names}.")

    def sources(self, target: str) -> tuple[Domain, ...]:
        """Every domain but the target."""
        self.domain(target)
        return tuple(domain for domain in self.domains if domain.name != target)

    def fingerprint(self) -> str:
        """A hash of classes, names and pixels' checksums: equal data, equal fingerprint."""
        digest = hashlib.sha256(repr((self.name, self.classes)).encode())
        for domain in self.domains:
            digest.update(repr((domain.name, domain.names)).encode())
            digest.update(np.ascontiguousarray(domain.labels))
            digest.update(np.ascontiguousarray(domain.images[:: max(1, len(domain) // 64)]))
        return digest.hexdigest()[:16]
