"""Every step's batch, a function of the seed and the step."""

import torch
from torch import Tensor

from qtdog import models
from qtdog.data import BatchPart, Domain, Rows, augment
from qtdog.training import parallel
from qtdog.training.config import TrainConfig
from qtdog.training.objectives import Batch


class Batches:
    """This process's share of every step's batch, a function of the seed and the step.

    Images live on the device, those of a domain too large for memory on disk.
    """

    def __init__(
        self, config: TrainConfig, domains: tuple[Domain, ...], device: torch.device
    ) -> None:
        self.config = config
        self.images = [
            one.images if isinstance(one.images, Rows) else torch.from_numpy(one.images).to(device)
            for one in domains
        ]
        self.labels = [torch.from_numpy(domain.labels).to(device) for domain in domains]
        count = config.images_per_domain
        self.rows = parallel.rows(1, count)
        self.part = BatchPart(parallel.rows(len(domains), count), len(domains) * count)

    def at(self, step: int) -> Batch:
        """Drawn with replacement, as DomainBed's endless loaders do."""
        config = self.config
        generator = torch.Generator().manual_seed(config.seed * 1_000_003 + step)
        images, labels = [], []
        for domain_images, domain_labels in zip(self.images, self.labels, strict=True):
            drawn = torch.randint(
                len(domain_labels), (config.images_per_domain,), generator=generator
            )
            rows = drawn[self.rows]
            images.append(_at(domain_images, rows, domain_labels.device))
            labels.append(domain_labels[rows.to(domain_labels.device)])
        pixels = torch.cat(images).permute(0, 3, 1, 2).float() / 255
        pixels = augment(pixels, config.image_size, config.augmentation, generator, self.part)
        pixels = models.normalize(pixels, config.mean, config.std)
        pixels = pixels.contiguous(memory_format=torch.channels_last)
        return Batch(pixels, torch.cat(labels), len(labels), generator)


def _at(images: Tensor | Rows, rows: Tensor, device: torch.device) -> Tensor:
    if isinstance(images, Rows):
        return torch.from_numpy(images[rows.numpy()]).to(device)
    return images[rows.to(device)]
