"""Which images of a domain train and which are held out: 80/20, by two rules.

"ours" goes by the images' names; "domainbed" is the published benchmark's (Gulrajani and Lopez-Paz,
"In Search of Lost Domain Generalization", ICLR 2021), for results that shall be of the very images
that others' are of.
"""

import hashlib
from typing import Literal

import numpy as np

from qtdog.data.domains import Domain, DomainDataset

SplitRule = Literal["ours", "domainbed"]
HOLDOUT = 0.2


def training_and_validation_rows(
    dataset: DomainDataset, domain: str, seed: int, rule: SplitRule
) -> tuple[np.ndarray, np.ndarray]:
    """Rows of a domain for training and for validation, each in rising order.

    Under "domainbed" the rows that a target domain would train on, 80 % of it, are those that
    DomainBed reports the target accuracy of. Raises ValueError for an unknown domain.
    """
    images = dataset.domain(domain)
    if rule == "ours":
        return rows_by_name(images, seed)
    names = [one.name for one in dataset.domains]
    return domainbed_rows(len(images), names.index(domain), seed)


def rows_by_name(domain: Domain, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Our rule: which image goes where depends on its name and the seed alone, not on the order of
    files nor on what other images are there."""
    ranks = [
        hashlib.sha256(f"{seed}:{domain.name}/{name}".encode(errors="surrogateescape")).digest()
        for name in domain.names
    ]
    order = np.array(sorted(range(len(ranks)), key=ranks.__getitem__), dtype=np.int64)
    cut = int(len(order) * HOLDOUT)
    return np.sort(order[cut:]), np.sort(order[:cut])


def domainbed_rows(images: int, place: int, trial_seed: int) -> tuple[np.ndarray, np.ndarray]:
    """DomainBed's rule for the domain at `place` (0, 1, ...) among all, the target included.

    The domain's images, by class and then by file name, are shuffled by numpy's legacy generator,
    whose seed is the last 31 bits of the MD5 of "(trial seed, place)"; the first fifth is held out.
    The places are DomainBed's where the domains are in the order of their folders' names, the
    images where no file is missing or unreadable.
    """
    digest = hashlib.md5(f"({trial_seed}, {place})".encode(), usedforsecurity=False).hexdigest()
    order = list(range(images))
    np.random.RandomState(int(digest, 16) % 2**31).shuffle(order)
    rows = np.array(order, dtype=np.int64)
    cut = int(images * HOLDOUT)
    return np.sort(rows[cut:]), np.sort(rows[:cut])
