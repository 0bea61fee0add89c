"""How often a network is right: by domain and by class, always with counts."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from qtdog.accuracy import Accuracy
from qtdog.checkpoints import Checkpoint, CheckpointConfig
from qtdog.data import DataError, Domain, DomainDataset, split
from qtdog.ensemble import Ensemble
from qtdog.models import to_network_input

BATCH = 64


@dataclass(frozen=True)
class DomainResult:
    """A model's accuracy on one domain. `split` is "all" images, the "validation" split of a domain
    that the model was trained on, or the "80 %" of the target that DomainBed reports."""

    model: str
    domain: str
    split: str
    overall: Accuracy
    by_class: tuple[Accuracy, ...]
    stated: Accuracy | None
    """What the checkpoint's config says of the same images, where it says something."""


@torch.inference_mode()
def predict_logits(
    network: nn.Module, images: np.ndarray, mean: Sequence[float], std: Sequence[float]
) -> np.ndarray:
    """Logits, (n, classes) float32, for `images` (n, h, w, 3) uint8, without augmentation."""
    network.eval()
    first = next(network.parameters(), None)  # a frozen graph holds constants, on the CPU
    device = torch.device("cpu") if first is None else first.device
    logits = []
    for start in range(0, len(images), BATCH):
        batch = torch.from_numpy(np.array(images[start : start + BATCH])).to(device)
        logits.append(network(to_network_input(batch, mean, std)).float().cpu())
    return torch.cat(logits).numpy()


def domain_accuracy(
    network: nn.Module, domain: Domain, mean: Sequence[float], std: Sequence[float]
) -> Accuracy:
    """Accuracy over all images of `domain`."""
    return accuracy_of(predict_logits(network, domain.images, mean, std), domain.labels)


def accuracy_of(logits: np.ndarray, labels: np.ndarray) -> Accuracy:
    """How often the largest of the logits, (n, classes), is at the label, (n,)."""
    return Accuracy(int((logits.argmax(1) == labels).sum()), len(labels))


def as_network(checkpoint: Checkpoint) -> nn.Module:
    """A checkpoint's network; of EoQ, the ensemble of its members."""
    if len(checkpoint.networks) > 1:
        return Ensemble(checkpoint.networks)
    return checkpoint.networks[0]


def evaluate(
    model: str, checkpoint: Checkpoint, dataset: DomainDataset, domainbed: bool = False
) -> list[DomainResult]:
    """Accuracy on every domain of `dataset`, whose images have the checkpoint's size.

    A domain that the model never saw counts with all its images, one that it was trained on with
    the validation split of its seed. EoQ's members have different splits, so no image of a source
    domain is new to all of them: source domains are left out for EoQ. A checkpoint that was trained
    under DomainBed's split, and with `domainbed` any single network, also has the target's 80 %
    that DomainBed reports. Raises DataError when the classes differ.
    """
    config, training = checkpoint.config, checkpoint.config.training
    if dataset.classes != config.classes:
        raise DataError(
            f"{dataset.name} has the classes {', '.join(dataset.classes)}; "
            f"{checkpoint.folder} knows {', '.join(config.classes)}."
        )
    own = dataset.name == config.dataset
    network = as_network(checkpoint)
    results = []
    for domain in dataset.domains:
        part = "all"
        if own and domain.name in config.source_domains:
            if training is None:
                continue
            part = "validation"
            rows = split(dataset, domain.name, training.seed, training.split)[1]
            domain = domain.subset(rows)
        predicted = predict_logits(network, domain.images, config.mean, config.std).argmax(1)
        stated = _stated(config, domain.name) if own else None
        results.append(_result(model, dataset, domain, part, predicted, stated))
        if not (own and training and domain.name == config.target_domain):
            continue
        if domainbed or training.split == "domainbed":
            rows = split(dataset, domain.name, training.seed, "domainbed")[0]
            domain, predicted = domain.subset(rows), predicted[rows]
            results.append(_result(model, dataset, domain, "80 %", predicted, config.target_in))
    return results


def _result(
    model: str,
    dataset: DomainDataset,
    domain: Domain,
    part: str,
    predicted: np.ndarray,
    stated: Accuracy | None,
) -> DomainResult:
    right = predicted == domain.labels
    by_class = tuple(
        Accuracy(int(right[domain.labels == label].sum()), int((domain.labels == label).sum()))
        for label in range(len(dataset.classes))
    )
    overall = Accuracy(int(right.sum()), len(domain))
    return DomainResult(model, domain.name, part, overall, by_class, stated)


def _stated(config: CheckpointConfig, domain: str) -> Accuracy | None:
    if domain == config.target_domain:
        return config.target
    return dict(zip(config.source_domains, config.source_validation, strict=False)).get(domain)
