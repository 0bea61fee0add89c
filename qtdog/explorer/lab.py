"""The quantization laboratory: a full-precision network rounded after training, against QT-DoG."""

from __future__ import annotations

import copy
import math
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from safetensors import safe_open

from qtdog import checkpoints, models, quantization
from qtdog.checkpoints import (
    CODES,
    FULL_PRECISION_BITS,
    STEP_SIZE,
    CheckpointConfig,
    CheckpointFiles,
    StoredCheckpoint,
)
from qtdog.explorer.explorer import Explorer
from qtdog.explorer.predictions import softmax
from qtdog.explorer.rounding import Grid, Rounding, count_codes, round_weights
from qtdog.inference import Network, finite, member_logits, open_files
from qtdog.models import network_input, resize

if TYPE_CHECKING:
    from torch import nn

BIT_WIDTHS = (8, 7, 6, 5, 4, 3, 2)
BYTES_OF_NETWORKS = 256 << 20
# In these QT-DoG may differ from the full-precision network of its own run.
OF_TRAINING = ("bits", "quantizer", "averaged", "refitted")


@dataclass(frozen=True)
class Reference:
    """A full-precision checkpoint that can be rounded. `key` is "dataset/domain/name"."""

    key: str
    config: CheckpointConfig


@dataclass(frozen=True)
class Layer:
    """A weight that can be quantized."""

    name: str
    """Of the weight in torchvision's state dict, for example "features.0.0.weight"."""
    kind: str
    """In words: "depthwise 3×3 convolution"."""
    shape: tuple[int, ...]
    """(out, ...)."""
    left_out: bool
    """Whether training leaves this one in full precision: the classifier."""

    @property
    def weights(self) -> int:
        """How many."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class LayerRounding:
    """One layer at one bit width."""

    layer: Layer
    rounding: Rounding
    layer_bytes: int
    """As a checkpoint's file holds it: packed codes and step sizes, or float32 if left out."""
    layer_bytes_full: int
    """In float32."""
    network_bytes: int
    """The whole model.safetensors at this width."""
    network_bytes_full: int
    """model.safetensors of the full-precision checkpoint."""
    trained: str | None
    """Key of the QT-DoG checkpoint that trained at this width, if there is one."""
    trained_codes: tuple[int, ...]
    """How many of its weights take each code; empty without such a checkpoint."""


@dataclass(frozen=True)
class Contender:
    """A network whose answers are compared."""

    key: str
    """Of the checkpoint that it comes from."""
    method: str
    """"erm" (full precision), "post-training" (that, rounded) or "qt-dog"."""
    grid: Grid | None = None
    """Of the rounded ones; None in full precision."""

    @property
    def bits(self) -> int:
        """A weight, 32 in full precision."""
        return self.grid.bits if self.grid else FULL_PRECISION_BITS


@dataclass(frozen=True)
class Answers:
    """What one contender makes of several pictures."""

    contender: Contender
    classes: tuple[str, ...]
    probabilities: tuple[tuple[float, ...], ...]
    """(pictures, classes)."""
    network_bytes: int
    """Of its model.safetensors."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Each picture's likeliest class."""
        return tuple(self.classes[one.index(max(one))] for one in self.probabilities)

    @property
    def confidences(self) -> tuple[float, ...]:
        """That class's probability."""
        return tuple(max(one) for one in self.probabilities)


@dataclass(frozen=True)
class _Reference:
    """A full-precision network to be rounded, in torch, where the levels are defined."""

    network: nn.Module
    network_bytes: int
    """Of its model.safetensors."""


@dataclass(frozen=True)
class _Ready:
    """A network that answers and the size of its file."""

    network: Network
    network_bytes: int
    tensor_bytes: Mapping[str, int] = field(default_factory=dict)
    """Of a rounded network: of every tensor in the file, by its name there."""


class Lab:
    """Rounds the explorer's full-precision checkpoints and compares answers.

    Weights are rounded in torch; what answers is stored, read back and run as a checkpoint is.
    The explorer's lock guards the cores here too, for one network at a time, so that visitors of
    the other tabs wait for less than a second. `samples` are the pictures for networks of these
    classes: the answers to them are kept; those for a visitor's picture are not.
    """

    def __init__(
        self,
        explorer: Explorer,
        samples: Callable[[Sequence[str]], Sequence[Image.Image]] = lambda classes: (),
    ) -> None:
        self._explorer = explorer
        self._lock = explorer.lock
        self._stored: dict[str, StoredCheckpoint] = {
            f"{target.key}/{one.name}": one
            for target in explorer.targets()
            for one in explorer.checkpoints(target.key)
        }
        self._samples = samples
        self._networks: OrderedDict[Contender, _Ready] = OrderedDict()
        self._sample_answers: dict[Contender, Answers] = {}
        self._full_precision = lru_cache(maxsize=2)(self._load)

    def references(self) -> tuple[Reference, ...]:
        """The full-precision checkpoints, by target: first the one that answers beside QT-DoG, then
        by name."""
        targets = [one.key for one in self._explorer.targets()]
        shown = {
            f"{target}/{one.name}" for target in targets for one in self._explorer.shown(target)
        }
        found = [
            Reference(key, one.config)
            for key, one in self._stored.items()
            if one.config.method == "erm"
        ]
        return tuple(
            sorted(
                found,
                key=lambda one: (targets.index(one.key.rpartition("/")[0]), one.key not in shown),
            )
        )

    def layers(self, key: str) -> tuple[Layer, ...]:
        """The layers of a reference in the network's order. Raises ValueError for an unknown key,
        CheckpointError for a checkpoint that cannot be read."""
        network = self._reference(key).network
        classifier = models.classifier_name(network)
        return tuple(
            Layer(
                name,
                checkpoints.layer_words(layer, attribute),
                tuple(getattr(layer, attribute).shape),
                name.startswith(classifier + "."),
            )
            for name, (layer, attribute) in quantization.quantizable_weights(network).items()
        )

    def round_layer(
        self, key: str, layer: str, grid: Grid, channel: int | None = None
    ) -> LayerRounding:
        """Round the weight called `layer` of a reference; `channel` looks at one output channel.

        Raises ValueError for what is not there, CheckpointError for what cannot be read.
        """
        known = {one.name: one for one in self.layers(key)}
        if layer not in known:
            raise ValueError(f"'{layer}' is no layer of {key}. There are: {', '.join(known)}.")
        reference = self._reference(key)
        with self._lock.heavy():
            rounding = round_weights(reference.network.get_parameter(layer), grid, channel)
        rounded = self._ready(Contender(key, "post-training", grid))
        trained = self._trained(key, grid)
        parts = (layer + CODES, layer + STEP_SIZE, layer)
        return LayerRounding(
            layer=known[layer],
            rounding=rounding,
            layer_bytes=sum(rounded.tensor_bytes.get(part, 0) for part in parts),
            layer_bytes_full=known[layer].weights * FULL_PRECISION_BITS // 8,
            network_bytes=rounded.network_bytes,
            network_bytes_full=reference.network_bytes,
            trained=trained,
            trained_codes=self._trained_codes(trained, known[layer], channel) if trained else (),
        )

    def contenders(self, key: str, grid: Grid) -> tuple[Contender, ...]:
        """The reference as it is, rounded to 8..2 bits with such a grid, and QT-DoG at the widths
        at which it was trained with the same seed. Raises ValueError for an unknown key."""
        self._known(key)
        grids = [replace(grid, bits=bits) for bits in BIT_WIDTHS]
        trained = [
            Contender(found, "qt-dog", one) for one in grids if (found := self._trained(key, one))
        ]
        rounded = [Contender(key, "post-training", one) for one in grids]
        return (Contender(key, "erm"), *rounded, *trained)

    def answer(self, contender: Contender, pictures: Sequence[Image.Image]) -> Answers:
        """RGB pictures through one contender. Raises CheckpointError."""
        stored = self._stored[contender.key]
        config, ready = stored.config, self._ready(contender)
        sized = np.stack([resize(picture, config.image_size) for picture in pictures])
        inputs = network_input(sized, config.mean, config.std)
        with self._lock.heavy():
            (logits,) = member_logits([ready.network], inputs)  # (pictures, classes)
        probabilities = softmax(finite(logits, stored.folder).astype(np.float64)).tolist()
        return Answers(
            contender, config.classes, tuple(map(tuple, probabilities)), ready.network_bytes
        )

    def answer_samples(self, contender: Contender) -> Answers:
        """The samples through one contender; computed once. Raises CheckpointError."""
        if contender not in self._sample_answers:
            pictures = self._samples(self._stored[contender.key].config.classes)
            self._sample_answers[contender] = self.answer(contender, pictures)
        return self._sample_answers[contender]

    def _known(self, key: str) -> CheckpointConfig:
        keys = [one.key for one in self.references()]
        if key not in keys:
            raise ValueError(
                f"There is no full-precision checkpoint '{key}'. There are: {', '.join(keys)}."
            )
        return self._stored[key].config

    def _trained(self, key: str, grid: Grid) -> str | None:
        """QT-DoG of the same run as the reference: same seed, hence the same first steps. Its
        levels are of the same kind: with evenly spaced ones its step sizes were learned, whatever
        `grid.rule` says of the rounded ones."""
        reference = self._known(key)
        for other, stored in self._stored.items():
            config = stored.config
            if (
                config.method == "qt-dog"
                and config.bits == grid.bits
                and (config.quantizer != "inq") == grid.uniform
                and config.granularity == grid.granularity
                and config.training is not None
                and reference.training is not None
                and config.training.seed == reference.training.seed
                and not set(checkpoints.differing_fields(config, reference)) - set(OF_TRAINING)
            ):
                return other
        return None

    def _trained_codes(self, key: str, layer: Layer, channel: int | None) -> tuple[int, ...]:
        """Codes of a layer as the checkpoint's file holds them; none for one left out."""
        stored = self._stored[key]
        self._explorer.checkpoint_set.ensure(stored.folder)
        with safe_open(stored.folder / checkpoints.MODEL, "numpy") as file:
            name = layer.name + CODES
            if name not in file.keys():  # noqa: SIM118 - not a dict
                return ()
            codes = quantization.unpack(file.get_tensor(name), stored.config.bits, layer.weights)
        codes = codes.reshape(layer.shape)
        shown = codes if channel is None else codes[channel]
        return count_codes(shown, stored.config.levels)

    def _reference(self, key: str) -> _Reference:
        self._known(key)
        return self._full_precision(key)

    def _load(self, key: str) -> _Reference:
        loaded = self._explorer.read(self._stored[key].folder)
        return _Reference(loaded.networks[0], loaded.config.files[0].size_bytes)

    def _ready(self, contender: Contender) -> _Ready:
        """The contender's network: kept while there is room, the longest unused goes first."""
        with self._lock.heavy():
            if contender not in self._networks:
                self._networks[contender] = (
                    self._round(contender.key, contender.grid)
                    if contender.method == "post-training" and contender.grid
                    else self._open(contender.key)
                )
            self._networks.move_to_end(contender)
            while len(self._networks) > 1 and self._held_bytes() > BYTES_OF_NETWORKS:
                self._networks.popitem(last=False)
            return self._networks[contender]

    def _open(self, key: str) -> _Ready:
        opened = self._explorer.open(self._stored[key].folder)
        return _Ready(opened.networks[0], opened.config.files[0].size_bytes)

    def _round(self, key: str, grid: Grid) -> _Ready:
        """Post-training quantization: every weight but the classifier's rounded at once, then
        stored and read back as a checkpoint would be."""
        from safetensors.torch import save as tensors_to_bytes

        network = copy.deepcopy(self._reference(key).network)
        quantization.quantize(network, grid.quantizer, [models.classifier_name(network)])
        stored = checkpoints.storage.store(network)
        content, origin = tensors_to_bytes(stored.tensors), self._stored[key]
        config = replace(origin.config, bits=stored.bits, quantizer=stored.quantizer)
        files = CheckpointFiles(origin.folder, config, len(content), content)
        sizes = {name: one.numel() * one.element_size() for name, one in stored.tensors.items()}
        return _Ready(open_files(files).networks[0], len(content), sizes)

    def _held_bytes(self) -> int:
        return sum(ready.network.weight_bytes for ready in self._networks.values())
