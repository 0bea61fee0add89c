"""MixStyle: images borrow the feature statistics of images of other domains (Zhou et al., ICLR
2021, arXiv 2104.02008)."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeGuard

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from qtdog.training import parallel
from qtdog.training.objectives.batch import Batch, forward

STAGES = (2, 3, 4)
"""Halvings of the picture's side after which styles are mixed. In a ResNet these are layer1 to
layer3, the paper's choice for PACS."""
EPSILON = 1e-6  # added to the variance, as published


@dataclass(frozen=True)
class MixStyle:
    """Cross-entropy with mixed styles in training; evaluation never meets it."""

    places: tuple[str, ...]
    """Modules whose input is mixed: `mixstyle_places`."""
    probability: float = 0.5
    """Of mixing, drawn for each place and step."""
    alpha: float = 0.1
    """Of the Beta distribution of the image's own share: mostly near 0 or near 1."""

    def backward(self, network: nn.Module, batch: Batch) -> Tensor:
        with self._mixing(network, batch):
            logits = forward(network, batch.images)
        loss = F.cross_entropy(logits.float(), batch.labels)
        loss.backward()
        return loss.detach()

    @contextmanager
    def _mixing(self, network: nn.Module, batch: Batch) -> Iterator[None]:
        hooks = []
        for place in self.places:
            draws = self._draw(batch)
            if draws is not None:
                module = network.get_submodule(place)
                mix = _mix_input(*draws, batch.domains)
                hooks.append(module.register_forward_pre_hook(mix))
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def _draw(self, batch: Batch) -> tuple[Tensor, Tensor] | None:
        """Each image's partner in the whole batch and its own share, both (batch,), or None where
        nothing is mixed."""
        generator = batch.generator
        mixed = float(torch.rand((), generator=generator)) < self.probability
        seed = int(torch.randint(2**62, (), generator=generator))
        if not mixed:
            return None
        images = len(batch.images) * parallel.processes()
        rows = parallel.rows(batch.domains, images // batch.domains)
        partners = draw_partners(images, batch.domains, generator)
        share = np.random.default_rng(seed).beta(self.alpha, self.alpha, images)
        return partners[rows], torch.from_numpy(share).float()[rows]


def draw_partners(images: int, domains: int, generator: torch.Generator) -> Tensor:
    """(images,): for each image of a batch the image whose style it borrows, each lent once.

    The partner is of another domain, the same for a whole domain: with two domains the published
    swap of the halves, each shuffled. A single domain's images are shuffled.
    """
    of_domain = torch.arange(images).view(domains, -1)
    turn = int(torch.randint(1, domains, (), generator=generator)) if domains > 1 else 0
    orders = [row[torch.randperm(len(row), generator=generator)] for row in of_domain]
    return torch.cat([orders[(domain + turn) % domains] for domain in range(domains)])


def mix_styles(features: Tensor, partners: Tensor, share: Tensor, domains: int = 1) -> Tensor:
    """(batch, channels, h, w) -> the same shape: each channel of each image normalised, and given a
    mean and a deviation of which `share` is its own and the rest its partner's (the paper's Eq.
    3-6).

    `partners`: (batch,), in the whole batch of `domains` that several processes share, `share`:
    (batch,). No gradient flows through the statistics. A map of one position has no style and
    stays as it is.
    """
    if features[0, 0].numel() < 2:
        return features
    values = features.detach().float()
    mean = values.mean((2, 3), keepdim=True)  # (batch, channels, 1, 1)
    deviation = (values.var((2, 3), keepdim=True) + EPSILON).sqrt()
    share = share.to(values.device).view(-1, 1, 1, 1)
    partners = partners.to(values.device)
    means, deviations = (parallel.whole_batch(one, domains) for one in (mean, deviation))
    new_mean = torch.lerp(means[partners], mean, share)
    new_deviation = torch.lerp(deviations[partners], deviation, share)
    factor = new_deviation / deviation
    # (x - mean) / deviation * new_deviation + new_mean, in one pass over the features
    return torch.addcmul(
        (new_mean - mean * factor).to(features.dtype), features, factor.to(features.dtype)
    )


def mixstyle_places(network: nn.Module, image_size: int) -> tuple[str, ...]:
    """The modules that halve the picture's side after `STAGES` halvings: their input is a stage's
    output. Of nested ones the outermost. Stages that the network skips give none.

    Found by sending one empty picture through. Raises ValueError for a network without feature
    maps (batch, channels, h, w).
    """
    found: dict[int, str] = {}
    shapes: dict[str, tuple[torch.Size, torch.Size]] = {}

    def watch(name: str):
        def hook(module: nn.Module, inputs: tuple, output: object) -> None:
            if inputs and _is_map(inputs[0]) and _is_map(output):
                shapes[name] = inputs[0].shape, output.shape

        return hook

    hooks = [module.register_forward_hook(watch(name)) for name, module in network.named_modules()]
    empty = next(network.parameters()).new_zeros(1, 3, image_size, image_size)
    network.eval()
    try:
        with torch.no_grad():
            network(empty)
    finally:
        for hook in hooks:
            hook.remove()
    for name, _ in network.named_modules():  # parents come before their children
        if name in shapes:
            before, after = (round(math.log2(image_size / shape[3])) for shape in shapes[name])
            if before in STAGES and after == before + 1:
                found.setdefault(before, name)
    if not found:
        raise ValueError(
            "MixStyle mixes the statistics of convolutional feature maps, and this architecture "
            "has none at a quarter to a sixteenth of the picture's side: choose a convolutional "
            "network, or another objective."
        )
    return tuple(found[stage] for stage in sorted(found))


def _is_map(value: object) -> TypeGuard[Tensor]:
    """Whether it is a square feature map, channels first."""
    return isinstance(value, Tensor) and value.dim() == 4 and value.shape[2] == value.shape[3]


def _mix_input(partners: Tensor, share: Tensor, domains: int):
    def mix(module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return (mix_styles(inputs[0], partners, share, domains), *inputs[1:])

    return mix
