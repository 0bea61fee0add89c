"""The service behind the page: one image through all models of a held-out domain."""

import hashlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor, nn

from qtdog import checkpoints, models, unfamiliar
from qtdog.catalogue import MODEL_NAMES, Catalogue
from qtdog.checkpoint_set import CheckpointSet, HubError
from qtdog.checkpoints import Checkpoint, CheckpointConfig, CheckpointError
from qtdog.ensemble import ParallelMembers, mean_of_logits
from qtdog.explain import grad_cam
from qtdog.fair_lock import FairLock
from qtdog.memory import give_back_freed_memory
from qtdog.predictions import Explanation, Hint, Prediction
from qtdog.recent import Recent
from qtdog.unfamiliar import Calibration, Flagged, HintError

IMAGES_AT_ONCE = 8  # that others wait for at most: about 0.2 s on two cores
TARGETS_IN_MEMORY = 4
TARGETS_EXPLAINED_IN_MEMORY = 1  # their networks are held a second time, with gradients
ANSWERS_IN_MEMORY = 256  # some kB each, 0.2 MB with 345 classes; pictures are not kept
THRESHOLDS = "energy.csv"  # beside checkpoints of one's own


@dataclass(frozen=True)
class _Model:
    config: CheckpointConfig
    size_bytes: int
    bits_per_weight: float
    networks: tuple[nn.Module, ...]
    """One, or EoQ's members."""
    logits: Callable[[Tensor, Mapping[nn.Module, Tensor]], Tensor]
    """(batch, 3, size, size) and the logits of networks that have seen these images already, each
    (batch, classes) -> (members, batch, classes)."""
    thresholds: tuple[float, ...]
    flagged: tuple[Flagged, ...]


_Seen = dict[nn.Module, tuple[Tensor, float]]
"""Single networks that have seen the images at hand: logits, and milliseconds an image."""


@dataclass(frozen=True)
class _Explained:
    """A model's networks with gradients."""

    config: CheckpointConfig
    networks: tuple[nn.Module, ...]


class Explorer(Catalogue):
    """Models of a folder `root`/<dataset>/<target>/<checkpoint>/, loaded when first asked for.

    Raises CheckpointError when the folder holds no usable checkpoint. One lock guards torch:
    images go through the models one after the other, with all cores. Models are loaded beside it,
    so that nobody waits for models that somebody else asked for. The latest answers are kept,
    without the pictures, so an image that was asked before is answered without waiting.
    """

    def __init__(self, root: Path | CheckpointSet) -> None:
        self.checkpoint_set = root if isinstance(root, CheckpointSet) else CheckpointSet(root)
        super().__init__(self.checkpoint_set.root)
        self._loaded: Recent[tuple[_Model, ...]] = Recent(TARGETS_IN_MEMORY)
        self._explained: Recent[tuple[_Explained, ...]] = Recent(TARGETS_EXPLAINED_IN_MEMORY)
        self._predictions: Recent[tuple[Prediction, ...]] = Recent(ANSWERS_IN_MEMORY)
        self._explanations: Recent[tuple[Explanation, ...]] = Recent(ANSWERS_IN_MEMORY)
        self._lock = FairLock()
        self._loading = {target.key: threading.Lock() for target in self.targets()}
        self._calibrations: dict[str, Calibration] = {}
        for path in (unfamiliar.MEASURED, self.root / THRESHOLDS):
            try:
                self._calibrations |= unfamiliar.read(path)
            except HintError as error:
                self.note(error)

    @property
    def lock(self) -> FairLock:
        """Held while torch runs; whoever runs networks beside the explorer takes it too, with
        `heavy()` for the pieces of a long job."""
        return self._lock

    @property
    def problems(self) -> list[str]:
        """One sentence for every file that could not be used; paths are relative to `root`."""
        return [*super().problems, *filter(None, [self.checkpoint_set.failure])]

    def classify(self, image: Image.Image, target: str) -> tuple[Prediction, ...]:
        """`image` (RGB) through the models of the target with that key: full precision, QT-DoG,
        EoQ, as far as they exist. Raises ValueError for an unknown target."""
        self.target(target)
        key = (target, _fingerprint(image))
        if known := self._predictions.get(key):
            return known
        loaded = self._models(target)
        inputs = _Inputs(image)
        with self._lock:
            if known := self._predictions.get(key):  # asked twice at once
                return known
            seen: _Seen = {}
            answer = tuple(_predict(model, inputs.of(model.config), seen)[0] for model in loaded)
            return self._predictions.put(key, answer)

    def classify_many(
        self, images: Sequence[Image.Image], target: str, heavy: bool = False
    ) -> list[tuple[Prediction, ...]]:
        """What `classify` says of each image (RGB), in order, several images in one forward pass;
        at most `IMAGES_AT_ONCE`, then others have their turn; long before that if this is `heavy`,
        part of a long job. Raises ValueError for an unknown target."""
        loaded = self._models(target)
        answers: list[tuple[Prediction, ...]] = []
        for start in range(0, len(images), IMAGES_AT_ONCE):
            inputs = [_Inputs(image) for image in images[start : start + IMAGES_AT_ONCE]]
            with self._lock.heavy() if heavy else self._lock:
                seen: _Seen = {}
                by_model = [
                    _predict(model, torch.cat([one.of(model.config) for one in inputs]), seen)
                    for model in loaded
                ]
            answers += zip(*by_model, strict=True)
        return answers

    def explain(
        self, image: Image.Image, target: str, label: str | None = None
    ) -> tuple[Explanation, ...]:
        """Where the same models look in `image` for the class `label`, or each for the class that
        it chooses itself. Raises ValueError for an unknown target or class, and ExplainError for
        networks without a feature map."""
        classes = self.target(target).classes
        if label is not None and label not in classes:
            raise ValueError(f"There is no class '{label}'. There are: {', '.join(classes)}.")
        key = (target, label, _fingerprint(image))
        if known := self._explanations.get(key):
            return known
        labels = {one.method: label or one.label for one in self.classify(image, target)}
        loaded = self._with_gradients(target)
        inputs = _Inputs(image)
        with self._lock:
            answer = tuple(
                _explain(model, inputs.of(model.config), labels[model.config.method])
                for model in loaded
                if model.config.method in labels
            )
            return self._explanations.put(key, answer)

    def load(self, target: str) -> None:
        """Load a target's models now, so that the first visitor need not wait."""
        self._models(target)

    def read(self, folder: Path) -> Checkpoint:
        """One of `checkpoints(target)`, loaded; from the Hub, it is downloaded first. Raises
        CheckpointError."""
        self.checkpoint_set.ensure(folder)
        return checkpoints.load(folder)

    def _load_shown(self, target: str) -> dict[str, Checkpoint]:
        """By method. QT-DoG is EoQ's first member, or one of its own when EoQ does not load."""
        found: dict[str, Checkpoint] = {}
        reason = ""
        shown = {one.config.method: one for one in self.shown(target)}
        for method in ("eoq", "erm", "qt-dog"):
            if method in found or method not in shown:
                continue
            try:
                found[method] = self.read(shown[method].folder)
            except HubError:  # it may be had later: nothing is kept
                raise
            except CheckpointError as error:
                reason = self.note(error)
                continue
            if method == "eoq":
                found["qt-dog"] = found["eoq"].members[0]
        if not found:
            raise CheckpointError(reason)
        return {method: found[method] for method in MODEL_NAMES if method in found}

    def _models(self, target: str) -> tuple[_Model, ...]:
        self.target(target)
        if known := self._loaded.get(target):
            return known
        with self._loading[target]:
            if known := self._loaded.get(target):
                return known
            loaded = self._loaded.put(target, self._load(target))
        give_back_freed_memory()
        return loaded

    def _load(self, target: str) -> tuple[_Model, ...]:
        loaded = []
        fast: dict[int, nn.Module] = {}  # QT-DoG is one of EoQ's members: held once
        for checkpoint in self._load_shown(target).values():
            size = checkpoint.config.image_size
            for network in checkpoint.networks:
                if id(network) not in fast:
                    fast[id(network)] = models.for_inference(network, size)
            model = self._model(checkpoint, [fast[id(network)] for network in checkpoint.networks])
            for _ in range(2):  # a frozen graph settles in its first runs
                model.logits(torch.zeros(1, 3, size, size), {})
            loaded.append(model)
        return tuple(loaded)

    def _model(self, checkpoint: Checkpoint, networks: list[nn.Module]) -> _Model:
        if len(networks) > 1:
            logits = ParallelMembers(networks).logits
        else:
            logits = torch.inference_mode()(lambda images, _: networks[0](images)[None])
        own = self._calibrations.get(unfamiliar.identity(checkpoint))
        thresholds = [
            self._calibrations[sha256].threshold
            for sha256 in map(unfamiliar.identity, checkpoint.members or (checkpoint,))
            if sha256 in self._calibrations
        ]
        known = own is not None and len(thresholds) == len(networks)
        return _Model(
            checkpoint.config,
            checkpoint.size_bytes,
            checkpoint.bits_per_weight,
            tuple(networks),
            logits,
            tuple(thresholds) if known else (),
            own.flagged if known else (),
        )

    def _with_gradients(self, target: str) -> tuple[_Explained, ...]:
        """The plain networks: the fast ones are frozen graphs, which have no gradients."""
        if known := self._explained.get(target):
            return known
        with self._loading[target]:
            if known := self._explained.get(target):
                return known
            explained = tuple(
                _Explained(one.config, tuple(each.requires_grad_(False) for each in one.networks))
                for one in self._load_shown(target).values()
            )
            return self._explained.put(target, explained)


class _Inputs:
    """One image as the models' input tensors, made once for each preprocessing."""

    def __init__(self, image: Image.Image) -> None:
        self._make = lru_cache(lambda *settings: models.preprocess(image, *settings))

    def of(self, config: CheckpointConfig) -> Tensor:
        """(1, 3, size, size)."""
        return self._make(config.image_size, config.mean, config.std)


def _fingerprint(image: Image.Image) -> bytes:
    """Of an image's pixels and size."""
    return hashlib.sha256(repr((image.mode, image.size)).encode() + image.tobytes()).digest()


def _predict(model: _Model, images: Tensor, seen: _Seen) -> list[Prediction]:
    """(batch, 3, size, size) -> one prediction an image. QT-DoG is one of EoQ's members: what it
    said of these images stands in `seen`, with its time, and is not computed again."""
    start = time.perf_counter()
    known = {network: seen[network] for network in model.networks if network in seen}
    logits = model.logits(images, {one: said for one, (said, _) in known.items()})
    milliseconds = (time.perf_counter() - start) * 1e3 / len(images)
    milliseconds += sum(before for _, before in known.values())
    if len(model.networks) == 1:
        seen[model.networks[0]] = (logits[0], milliseconds)
    # (members, batch, classes)
    return [_prediction(model, each, milliseconds) for each in logits.double().unbind(1)]


def _prediction(model: _Model, each: Tensor, milliseconds: float) -> Prediction:
    """`each`: the networks' logits, (members, classes)."""
    probabilities = mean_of_logits(each).softmax(0)
    hint = None
    if model.thresholds:
        energies = unfamiliar.energy(each).tolist()
        says = unfamiliar.says_unfamiliar(energies, model.thresholds)
        hint = Hint(says, tuple(energies), model.thresholds, model.flagged)
    config = model.config
    return Prediction(
        model=MODEL_NAMES[config.method],
        method=config.method,
        bits=config.bits,
        classes=config.classes,
        probabilities=tuple(probabilities.tolist()),
        members=tuple(map(tuple, each.softmax(1).tolist())) if config.method == "eoq" else (),
        entropy=float(torch.special.entr(probabilities).sum()),
        size_bytes=model.size_bytes,
        bits_per_weight=model.bits_per_weight,
        milliseconds=milliseconds,
        measured=config.target,
        hint=hint,
    )


def _explain(model: _Explained, image: Tensor, label: str) -> Explanation:
    config = model.config
    heat = grad_cam(model.networks, image, config.classes.index(label)).astype(float)
    heat /= heat.max() or 1.0
    rows = tuple(map(tuple, heat.tolist()))
    return Explanation(MODEL_NAMES[config.method], config.method, label, rows)
