"""The records that training and evaluation work on: domains full of labelled images."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qtdog.data.image_rows import Images, take_rows


def unknown_domain(data: str, name: str, known: Sequence[str]) -> str:
    """The sentence for a domain that data do not have."""
    return f"{data} has no domain '{name}'. There are: {', '.join(known)}."


@dataclass(frozen=True)
class Domain:
    """All images of one domain.

    `images`: (n, size, size, 3) uint8, `labels`: (n,) int64 into the dataset's classes,
    `names`: n image names, "class/file", unique within the domain. `content` is a hash of the
    images as they came, at any size they are read at; "" where they came from no files.
    """

    name: str
    images: Images
    labels: np.ndarray
    names: tuple[str, ...]
    content: str = ""

    def __len__(self) -> int:
        return len(self.labels)

    def subset(self, rows: np.ndarray) -> "Domain":
        """The images at `rows`, in that order."""
        names = tuple(self.names[row] for row in rows)
        return Domain(self.name, take_rows(self.images, rows), self.labels[rows], names)

    def fingerprint(self) -> str:
        """32 hexadecimal digits: equal classes, names and images, equal fingerprint, whatever the
        domain is called and whatever size its images are read at."""
        digest = hashlib.blake2b(repr(self.names).encode(), digest_size=16)
        if self.content:
            digest.update(self.content.encode())
        else:
            digest.update(np.ascontiguousarray(self.labels).data)
            for start in range(0, len(self), 1024):  # they may be on disk, larger than memory
                digest.update(np.ascontiguousarray(self.images[start : start + 1024]).data)
        return digest.hexdigest()


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
        raise ValueError(unknown_domain(self.name, name, [one.name for one in self.domains]))

    def sources(self, target: str) -> tuple[Domain, ...]:
        """Every domain but the target."""
        self.domain(target)
        return tuple(domain for domain in self.domains if domain.name != target)

    def fingerprint(self) -> str:
        """32 hexadecimal digits: equal classes, domains and images, equal fingerprint, whatever the
        folder is called and whatever size its images are read at."""
        parts = (self.classes, [(domain.name, domain.fingerprint()) for domain in self.domains])
        return hashlib.blake2b(repr(parts).encode(), digest_size=16).hexdigest()

    def sampled_fingerprint(self, name: str | None = None) -> str:
        """16 hexadecimal digits that tell less: of the data's name, at one size of images, with the
        pixels of 64 to 127 images a domain. Checkpoints and records from before there was
        `fingerprint` go by it. `name`: what the data were called then, where it is another.
        """
        digest = hashlib.sha256(repr((name or self.name, self.classes)).encode())
        for domain in self.domains:
            digest.update(repr((domain.name, domain.names)).encode())
            digest.update(np.ascontiguousarray(domain.labels).data)
            sampled = domain.images[:: max(1, len(domain) // 64)]
            digest.update(np.ascontiguousarray(sampled).data)
        return digest.hexdigest()[:16]
