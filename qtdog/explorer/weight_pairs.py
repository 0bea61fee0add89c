"""Two single networks of the explorer's set whose weights are compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from qtdog import checkpoints, models, quantization
from qtdog.checkpoints import FULL_PRECISION_BITS, Checkpoint, CheckpointConfig
from qtdog.explorer.explorer import Explorer
from qtdog.explorer.weight_distances import (
    Codes,
    LayerDistance,
    LayerPair,
    LayerWeights,
    NotCommon,
    Whole,
    distances,
    layer_pair,
    nearest_codes,
    whole,
)

NETWORKS_IN_MEMORY = 3


@dataclass(frozen=True)
class Compared:
    """Two networks, layer by layer."""

    first: CheckpointConfig
    second: CheckpointConfig
    whole: Whole
    layers: tuple[LayerDistance, ...]
    not_common: tuple[NotCommon, ...]


class WeightPairs:
    """Compares any two single networks of an explorer. The last few asked for are kept."""

    def __init__(self, explorer: Explorer) -> None:
        self._explorer = explorer
        self._stored = {
            f"{target.key}/{one.name}": one
            for target in explorer.targets()
            for one in explorer.checkpoints(target.key)
            if one.config.method != "eoq"
        }
        self._weights = lru_cache(maxsize=NETWORKS_IN_MEMORY)(self._load)
        self._compare = lru_cache(maxsize=8)(self._compared)

    def networks(self) -> dict[str, CheckpointConfig]:
        """What can be compared, by "dataset/domain/name"; an ensemble's members one by one."""
        return {key: one.config for key, one in self._stored.items()}

    def opening(self, key: str | None = None) -> tuple[str, str] | None:
        """The pair to begin with, where the domain with that key is held out or anywhere: full
        precision and QT-DoG of the same trunk, else any two of one architecture. None where there
        is no pair."""
        targets = [self._explorer.target(key)] if key else self._explorer.targets()
        for target in targets:
            shown = {one.config.method: one for one in self._explorer.shown(target.key)}
            if "erm" not in shown or "qt-dog" not in shown:
                continue
            full, quantized = shown["erm"], shown["qt-dog"]
            if _seed(full.config) == _seed(quantized.config):
                return f"{target.key}/{full.name}", f"{target.key}/{quantized.name}"
        networks = [
            (name, config)
            for name, config in self.networks().items()
            if key is None or name.startswith(f"{key}/")
        ]
        pairs = (
            (one, other)
            for place, (one, config) in enumerate(networks)
            for other, second in networks[place + 1 :]
            if config.architecture == second.architecture
        )
        return next(pairs, None)

    def compare(self, first: str, second: str) -> Compared:
        """The two networks, layer by layer.

        Raises ValueError for an unknown key or another architecture, CheckpointError for a
        checkpoint that cannot be read.
        """
        self._check(first, second)
        return self._compare(first, second)

    def layer(self, first: str, second: str, name: str) -> LayerPair:
        """The layer called `name`, in detail. Raises as `compare`, and ValueError for a layer that
        is not common."""
        compared = self.compare(first, second)
        known = [one.name for one in compared.layers]
        if name not in known:
            raise ValueError(f"'{name}' is no common layer. There are: {', '.join(known)}.")
        with self._explorer.lock.heavy():
            return layer_pair(name, self._weights(first)[name], self._weights(second)[name])

    def _compared(self, first: str, second: str) -> Compared:
        with self._explorer.lock.heavy():
            layers, others = distances(self._weights(first), self._weights(second))
        one, other = self._stored[first].config, self._stored[second].config
        return Compared(one, other, whole(layers), layers, others)

    def _check(self, first: str, second: str) -> None:
        for key in (first, second):
            if key not in self._stored:
                known = ", ".join(self._stored)
                raise ValueError(f"There is no single network '{key}'. There are: {known}.")
        one, other = (self._stored[key].config.architecture for key in (first, second))
        if one != other:
            raise ValueError(
                f"{first} is a {one} and {second} a {other}: only networks of one architecture "
                "have weights to compare."
            )

    def _load(self, key: str) -> Mapping[str, LayerWeights]:
        return layer_weights(self._explorer.read(self._stored[key].folder))


def layer_weights(checkpoint: Checkpoint) -> dict[str, LayerWeights]:
    """The weights of a single network that can be quantized, in its order, batch norm folded: in
    place, so the checkpoint's network is of no other use."""
    (network,) = checkpoint.networks
    if checkpoint.config.bits == FULL_PRECISION_BITS:
        models.fold_batch_norm(network)
    found = {}
    for name, (layer, attribute) in quantization.quantizable_weights(network).items():
        values = np.ascontiguousarray(getattr(layer, attribute).detach().numpy())
        codes = None
        if grid := checkpoint.grids.get(name):
            steps = grid.step_size.numpy()
            codes = Codes(nearest_codes(values, steps, grid.levels), steps, grid.levels)
        found[name] = LayerWeights(checkpoints.layer_words(layer, attribute), values, codes)
    return found


def _seed(config: CheckpointConfig) -> int | None:
    return config.training and config.training.seed
