"""The service behind the page: one image through all models of a held-out domain."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor, nn

from qtdog import checkpoints, models
from qtdog.accuracy import Accuracy
from qtdog.checkpoints import Checkpoint, CheckpointConfig, CheckpointError
from qtdog.ensemble import ParallelMembers, mean_of_logits

MODEL_NAMES = {"erm": "Full precision", "qt-dog": "QT-DoG", "eoq": "EoQ"}
TARGETS_IN_MEMORY = 4


@dataclass(frozen=True)
class Target:
    """A held-out domain that can be chosen. `key` is "dataset/domain"."""

    key: str
    dataset: str
    domain: str
    source_domains: tuple[str, ...]
    classes: tuple[str, ...]


@dataclass(frozen=True)
class Prediction:
    """What one model makes of one image. Probabilities are in the order of `classes`."""

    model: str
    """"Full precision", "QT-DoG" or "EoQ"."""
    method: str
    """"erm", "qt-dog" or "eoq"."""
    bits: int
    classes: tuple[str, ...]
    probabilities: tuple[float, ...]
    members: tuple[tuple[float, ...], ...]
    """EoQ's members' probabilities; empty for a single model."""
    entropy: float
    """Of the probabilities, in nats: 0 is certain, log(classes) is a guess."""
    size_bytes: int
    """On disk."""
    bits_per_weight: float
    milliseconds: float
    """The forward pass or passes of this image alone."""
    measured: Accuracy
    """On all images of the held-out domain, from the checkpoint's config."""

    @property
    def label(self) -> str:
        """The class with the highest probability."""
        return self.classes[self.probabilities.index(max(self.probabilities))]

    @property
    def confidence(self) -> float:
        """That class's probability."""
        return max(self.probabilities)


@dataclass(frozen=True)
class _Model:
    config: CheckpointConfig
    size_bytes: int
    bits_per_weight: float
    logits: Callable[[Tensor], Tensor]
    """(1, 3, size, size) -> (members, 1, classes)."""


class Explorer:
    """Models of a folder `root`/<dataset>/<target>/<checkpoint>/, loaded when first asked for.

    Raises CheckpointError when the folder holds no usable checkpoint. One lock guards torch:
    images go through the models one after the other, with all cores.
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(root)
        self._folders: dict[str, dict[str, Path]] = {}
        self._targets: dict[str, Target] = {}
        self._problems: dict[str, None] = {}  # in order, each once however often it is met
        self._loaded: OrderedDict[str, tuple[_Model, ...]] = OrderedDict()
        self._lock = threading.Lock()
        for folder in checkpoints.find(self.root):
            self._add(folder)
        if not self._targets:
            raise CheckpointError(self.problems[0])

    @property
    def problems(self) -> list[str]:
        """One sentence for every checkpoint that could not be read."""
        return list(self._problems)

    def targets(self) -> tuple[Target, ...]:
        """What can be chosen, sorted by key."""
        return tuple(self._targets[key] for key in sorted(self._targets))

    def classify(self, image: Image.Image, target: str) -> tuple[Prediction, ...]:
        """`image` (RGB) through the models of the target with that key: full precision, QT-DoG,
        EoQ, as far as they exist. Raises ValueError for an unknown target."""
        if target not in self._targets:
            known = ", ".join(sorted(self._targets))
            raise ValueError(f"There are no models for '{target}'. There are: {known}.")
        with self._lock:
            loaded = self._models(target)
            inputs = _Inputs(image)
            return tuple(_predict(model, inputs.of(model.config)) for model in loaded)

    def load(self, target: str) -> None:
        """Load a target's models now, so that the first visitor need not wait."""
        with self._lock:
            self._models(target)

    def _add(self, folder: Path) -> None:
        try:
            config = checkpoints.load_config(folder)
        except CheckpointError as error:
            self._problems[str(error)] = None
            return
        key = f"{config.dataset}/{config.target_domain}"
        target = Target(
            key, config.dataset, config.target_domain, config.source_domains, config.classes
        )
        if self._targets.setdefault(key, target).classes != config.classes:
            self._problems[f"{folder} has other classes than the first checkpoint of {key}."] = None
            return
        # The first seed of each method; QT-DoG gives way to EoQ's first member when that loads.
        self._folders.setdefault(key, {}).setdefault(config.method, folder)

    def _models(self, target: str) -> tuple[_Model, ...]:
        if target in self._loaded:
            self._loaded.move_to_end(target)
            return self._loaded[target]
        found: dict[str, _Model] = {}
        reason = ""
        folders = self._folders[target]
        for method in ("eoq", "erm", "qt-dog"):
            if method in found or method not in folders:
                continue
            try:
                checkpoint = checkpoints.load(folders[method])
            except CheckpointError as error:
                reason = str(error)
                self._problems[reason] = None
                continue
            fast = [
                models.for_inference(network, checkpoint.config.image_size)
                for network in checkpoint.networks
            ]
            found[method] = _model(checkpoint, fast)
            if method == "eoq":  # QT-DoG is one of EoQ's members: held once
                found["qt-dog"] = _model(checkpoint.members[0], fast[:1])
        if not found:
            raise CheckpointError(reason)
        loaded = tuple(found[method] for method in MODEL_NAMES if method in found)
        for model in loaded:
            size = model.config.image_size
            for _ in range(2):  # a frozen graph settles in its first runs
                model.logits(torch.zeros(1, 3, size, size))
        self._loaded[target] = loaded
        while len(self._loaded) > TARGETS_IN_MEMORY:
            self._loaded.popitem(last=False)
        return loaded


class _Inputs:
    """One image as the models' input tensors, made once for each preprocessing."""

    def __init__(self, image: Image.Image) -> None:
        self._make = lru_cache(lambda *settings: models.preprocess(image, *settings))

    def of(self, config: CheckpointConfig) -> Tensor:
        """(1, 3, size, size)."""
        return self._make(config.image_size, config.mean, config.std)


def _model(checkpoint: Checkpoint, networks: list[nn.Module]) -> _Model:
    if len(networks) > 1:
        logits = ParallelMembers(networks).logits
    else:
        logits = torch.inference_mode()(lambda images: networks[0](images)[None])
    config = checkpoint.config
    return _Model(config, checkpoint.size_bytes, checkpoint.bits_per_weight, logits)


def _predict(model: _Model, image: Tensor) -> Prediction:
    start = time.perf_counter()
    logits = model.logits(image)  # (members, 1, classes)
    milliseconds = (time.perf_counter() - start) * 1e3
    members = logits[:, 0].double().softmax(1)  # (members, classes)
    probabilities = mean_of_logits(logits)[0].double().softmax(0)
    config = model.config
    return Prediction(
        model=MODEL_NAMES[config.method],
        method=config.method,
        bits=config.bits,
        classes=config.classes,
        probabilities=tuple(probabilities.tolist()),
        members=tuple(map(tuple, members.tolist())) if config.method == "eoq" else (),
        entropy=float(torch.special.entr(probabilities).sum()),
        size_bytes=model.size_bytes,
        bits_per_weight=model.bits_per_weight,
        milliseconds=milliseconds,
        measured=config.target,
    )
