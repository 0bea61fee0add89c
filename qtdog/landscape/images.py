"""The images on which landscapes are measured: the same ones for every model."""

import hashlib

import numpy as np

from qtdog.data import Domain, DomainDataset
from qtdog.landscape.records import ImageSample

IMAGE_SETS = ("source", "target")
"""Whose images: all source domains' together, or the held-out domain's. Records, file names and
options call it "split"."""
RECIPE = (
    "of each domain as many images as of the others, those whose SHA-256 of "
    "'landscape:SEED:DOMAIN/NAME' is smallest"
)


def sample(
    dataset: DomainDataset, target: str, image_set: str, count: int, seed: int
) -> tuple[Domain, ImageSample]:
    """`count` images of the target domain, or spread evenly over the source domains.

    Which ones depends on their names and the seed alone. Of the source images about four in five
    were in a model's training split, whatever the model's seed. Raises ValueError when there are
    too few.
    """
    domains = (dataset.domain(target),) if image_set == "target" else dataset.sources(target)
    shares = [len(part) for part in np.array_split(np.arange(count), len(domains))]
    parts = []
    for domain, share in zip(domains, shares, strict=True):
        if share > len(domain):
            raise ValueError(
                f"The domain {domain.name} has {len(domain)} images, but {share} are asked for."
            )
        ranks = [
            hashlib.sha256(text.encode(errors="surrogateescape")).digest()
            for text in (f"landscape:{seed}:{domain.name}/{name}" for name in domain.names)
        ]
        rows = np.array(sorted(range(len(ranks)), key=ranks.__getitem__)[:share], np.int64)
        parts.append(domain.subset(np.sort(rows)))
    together = Domain(
        image_set,
        np.concatenate([part.images for part in parts]),
        np.concatenate([part.labels for part in parts]),
        tuple(f"{part.name}/{name}" for part in parts for name in part.names),
    )
    names = tuple(domain.name for domain in domains)
    record = ImageSample(dataset.name, names, image_set, count, seed, RECIPE, pixels_hash(together))
    return together, record


def pixels_hash(images: Domain) -> str:
    """SHA-256 of names, labels and pixels."""
    digest = hashlib.sha256(repr(images.names).encode())
    digest.update(np.ascontiguousarray(images.labels, np.dtype("<i8")).data)
    digest.update(np.ascontiguousarray(images.images).data)
    return digest.hexdigest()
