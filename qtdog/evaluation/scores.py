"""How often a network is right: by domain and by class, always with counts."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from qtdog import checkpoints
from qtdog.accuracy import Accuracy
from qtdog.checkpoints import Checkpoint, CheckpointConfig
from qtdog.data import (
    DataError,
    Domain,
    DomainDataset,
    Images,
    SplitRule,
    domainbed_rows,
    rows_by_name,
    take_rows,
)
from qtdog.evaluation.recognition import known_domains, labelled_by, training_of
from qtdog.inference import (
    Ensemble,
    StoredModel,
    finite,
    mean_of_logits,
    member_logits,
)
from qtdog.models import network_input, to_network_input

BATCH = 64
TIE = 1e-4
"""Two largest logits this close may change places with the order of summation."""


@dataclass(frozen=True)
class DomainResult:
    """A model's accuracy on one domain. `part` is "all" images, the "validation" images of a domain
    that the model was trained on, or the "80 %" of the target that DomainBed reports."""

    model: str
    domain: str
    part: str
    overall: Accuracy
    by_class: tuple[Accuracy, ...]
    stated: Accuracy | None
    """What the checkpoint's config says of the same images, where it says something."""
    dataset: str = ""
    """That the model was trained on."""
    held_out: str = ""
    seed: int | None = None
    """None for EoQ."""


@torch.inference_mode()
def predict_logits(
    network: nn.Module, images: Images, mean: Sequence[float], std: Sequence[float]
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


def stored_logits(stored: StoredModel, images: Images) -> np.ndarray:
    """What `predict_logits` says of the checkpoint's network, computed as it was opened.

    Where the two largest logits differ by less than `TIE`, torch's network answers, loaded for it:
    so every image gets the same class. `images`: (n, h, w, 3) uint8. Returns (n, classes) float32.
    """
    config = stored.config
    logits = np.empty((len(images), len(config.classes)), np.float32)
    for start in range(0, len(images), BATCH):
        rows = slice(start, start + BATCH)
        inputs = network_input(np.asarray(images[rows]), config.mean, config.std)
        logits[rows] = mean_of_logits(member_logits(stored.networks, inputs))
    if len(tied := _tied(logits)):
        network = as_network(checkpoints.load(stored.folder))
        logits[tied] = predict_logits(network, images[tied], config.mean, config.std)
    return logits


def fast_logits(
    network: nn.Module,
    fast: nn.Module,
    images: Images,
    mean: Sequence[float],
    std: Sequence[float],
) -> np.ndarray:
    """What `predict_logits` says of the network, by its `fast` copy (`models.for_inference`).

    Where the two largest logits differ by less than `TIE`, the network itself answers.
    """
    logits = predict_logits(fast, images, mean, std)
    if len(tied := _tied(logits)):
        logits[tied] = predict_logits(network, take_rows(images, tied), mean, std)
    return logits


def _tied(logits: np.ndarray) -> np.ndarray:
    """The rows in which float rounding may decide which of the two largest is larger."""
    largest = np.sort(logits, 1)[:, -2:]
    # Not "smaller than": what is no number is torch's to say, too.
    return np.flatnonzero(~(largest[:, 1] - largest[:, 0] >= TIE))


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
    first, *others = checkpoint.networks
    return Ensemble(checkpoint.networks) if others else first


def evaluate(
    model: str,
    checkpoint: Checkpoint | StoredModel,
    dataset: DomainDataset,
    domainbed: bool = False,
) -> list[DomainResult]:
    """Accuracy on every domain of `dataset`, whose images have the checkpoint's size.

    A domain that the model never saw counts with all its images, one that it was trained on, known
    by its content whatever its folder is called, with the validation split of its seed. EoQ's
    members have different splits, so no image of a source domain is new to all of them: source
    domains are left out for EoQ. A checkpoint that was trained under DomainBed's split, and with
    `domainbed` any single network, also has the target's 80 % that DomainBed reports. The data may
    lack classes. Raises DataError for classes that the checkpoint does not know, CheckpointError
    when the logits are not finite.
    """
    config, training = checkpoint.config, checkpoint.config.training
    if not set(dataset.classes) <= set(config.classes):
        raise DataError(
            f"{dataset.name} has the classes {', '.join(dataset.classes)}; "
            f"{checkpoint.folder} knows {', '.join(config.classes)}."
        )
    dataset = labelled_by(dataset, config.classes)
    known = known_domains(config, training_of(checkpoint), dataset)
    results = []
    for domain in dataset.domains:
        part, trained_as = "all", known.get(domain.name)
        if trained_as in config.source_domains:
            if training is None:
                continue
            part = "validation"
            rows = _split(config, domain, trained_as, training.seed, training.split)[1]
            domain = domain.subset(rows)
        logits = _logits(checkpoint, domain.images)
        predicted = finite(logits, checkpoint.folder).argmax(1)
        stated = _stated(config, trained_as) if trained_as else None
        results.append(_result(model, config, domain, part, predicted, stated))
        if training is None or trained_as != config.target_domain:
            continue
        if domainbed or training.split == "domainbed":
            rows = _split(config, domain, config.target_domain, training.seed, "domainbed")[0]
            domain, predicted = domain.subset(rows), predicted[rows]
            results.append(_result(model, config, domain, "80 %", predicted, config.target_in))
    return results


def _logits(checkpoint: Checkpoint | StoredModel, images: Images) -> np.ndarray:
    if isinstance(checkpoint, StoredModel):
        return stored_logits(checkpoint, images)
    config = checkpoint.config
    return predict_logits(as_network(checkpoint), images, config.mean, config.std)


def _split(
    config: CheckpointConfig, domain: Domain, trained_as: str, seed: int, rule: SplitRule
) -> tuple[np.ndarray, np.ndarray]:
    """Its rows for training and for validation in a checkpoint's training, where it went by the
    name `trained_as`, among domains in the order of their names."""
    if rule == "ours":
        return rows_by_name(dataclasses.replace(domain, name=trained_as), seed)
    place = sorted((*config.source_domains, config.target_domain)).index(trained_as)
    return domainbed_rows(len(domain), place, seed)


def _result(
    model: str,
    config: CheckpointConfig,
    domain: Domain,
    part: str,
    predicted: np.ndarray,
    stated: Accuracy | None,
) -> DomainResult:
    right = predicted == domain.labels
    by_class = tuple(
        Accuracy(int(right[domain.labels == label].sum()), int((domain.labels == label).sum()))
        for label in range(len(config.classes))
    )
    overall = Accuracy(int(right.sum()), len(domain))
    seed = config.training.seed if config.training else None
    return DomainResult(
        model,
        domain.name,
        part,
        overall,
        by_class,
        stated,
        config.dataset,
        config.target_domain,
        seed,
    )


def _stated(config: CheckpointConfig, domain: str) -> Accuracy | None:
    if domain == config.target_domain:
        return config.target
    return dict(zip(config.source_domains, config.source_validation, strict=False)).get(domain)
