"""The service behind the page: one image through all models of a held-out domain."""

import hashlib
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image

from qtdog import checkpoints
from qtdog.checkpoints import (
    MODEL_NAMES,
    Catalogue,
    Checkpoint,
    CheckpointConfig,
    CheckpointError,
    CheckpointSet,
    HubError,
    joint_sha256,
)
from qtdog.explorer import unfamiliar
from qtdog.explorer.class_map import class_map
from qtdog.explorer.predictions import Explanation, Hint, Prediction, softmax
from qtdog.explorer.recent import Recent
from qtdog.explorer.unfamiliar import Calibration, Flagged, HintError
from qtdog.fair_lock import FairLock
from qtdog.inference import (
    Network,
    StoredModel,
    finite,
    graph_on_first_use,
    mean_of_logits,
    member_logits,
    open_stored,
)
from qtdog.memory import give_back_freed_memory
from qtdog.models import network_input, resize

IMAGES_AT_ONCE = 8  # that others wait for at most: about 0.2 s on two cores
TARGETS_IN_MEMORY = 4
TARGETS_EXPLAINED_IN_MEMORY = 1  # their networks are held a second time, with gradients
ANSWERS_IN_MEMORY = 256  # some kB each, 0.2 MB with 345 classes; pictures are not kept
THRESHOLDS = "energy.csv"  # beside checkpoints of one's own

Loaded = TypeVar("Loaded", Checkpoint, StoredModel)


@dataclass(frozen=True)
class _Model:
    stored: StoredModel
    thresholds: tuple[float, ...]
    flagged: tuple[Flagged, ...]

    @property
    def config(self) -> CheckpointConfig:
        return self.stored.config

    @property
    def networks(self) -> tuple[Network, ...]:
        """One, or EoQ's members."""
        return self.stored.networks


_Seen = dict[Network, tuple[np.ndarray, float]]
"""Single networks that have seen the images at hand: logits, and milliseconds an image."""


class Explorer(Catalogue):
    """Models of a folder `root`/<dataset>/<target>/<checkpoint>/, loaded when first asked for.

    Raises CheckpointError when the folder holds no usable checkpoint. One lock guards the cores:
    images go through the models one after the other, with all cores. Models are loaded beside it,
    so that nobody waits for models that somebody else asked for. The latest answers are kept,
    without the pictures, so an image that was asked before is answered without waiting.
    """

    def __init__(self, root: Path | CheckpointSet) -> None:
        self.checkpoint_set = root if isinstance(root, CheckpointSet) else CheckpointSet(root)
        super().__init__(self.checkpoint_set.root)
        self._loaded: Recent[tuple[_Model, ...]] = Recent(TARGETS_IN_MEMORY)
        self._explained: Recent[dict[str, Checkpoint]] = Recent(TARGETS_EXPLAINED_IN_MEMORY)
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
        """Held while networks run; whoever runs networks beside the explorer takes it too, with
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
                    _predict(model, np.concatenate([one.of(model.config) for one in inputs]), seen)
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
        loaded = [one for one in self._models(target) if one.config.method in labels]
        needed = not all(_has_heads(model) for model in loaded)
        gradients = self._with_gradients(target) if needed else {}
        inputs = _Inputs(image)
        with self._lock:
            answer = tuple(
                _explain(
                    model,
                    gradients.get(model.config.method),
                    inputs.of(model.config),
                    labels[model.config.method],
                )
                for model in loaded
            )
            return self._explanations.put(key, answer)

    def names(self, target: str) -> dict[str, str]:
        """Method -> the name of the checkpoint that answers, in the order of the answers."""
        return {model.config.method: model.stored.folder.name for model in self._models(target)}

    def load(self, target: str) -> None:
        """Load a target's models now, so that the first visitor need not wait."""
        self._models(target)

    @staticmethod
    def import_torch() -> None:
        """Load now what rounds weights and measures landscapes; takes seconds."""
        import torchvision  # noqa: F401

        from qtdog.checkpoints import storage  # noqa: F401
        from qtdog.quantization import QUANTIZERS  # noqa: F401

    def provide_graphs(self) -> None:
        """Make the graphs that the shown networks lack and that can be had; takes half a minute
        each. From then on these networks answer through the engine."""
        shown = [one.config for target in self.targets() for one in self.shown(target.key)]
        networks = sorted({(one.architecture, one.image_size) for one in shown})
        # A list: all are made.
        if any([graph_on_first_use(*network, self.root) for network in networks]):
            self._loaded = Recent(TARGETS_IN_MEMORY)

    def read(self, folder: Path) -> Checkpoint:
        """One of `checkpoints(target)`, loaded; from the Hub, it is downloaded first. Raises
        CheckpointError."""
        self.checkpoint_set.ensure(folder)
        return checkpoints.load(folder)

    def open(self, folder: Path) -> StoredModel:
        """What `read` does, for answers alone: without torch where there is a graph."""
        self.checkpoint_set.ensure(folder)
        opened = open_stored(folder)
        if opened.problem:
            self.note(opened.problem)
        return opened

    def _load_shown(self, target: str, load: Callable[[Path], Loaded]) -> dict[str, Loaded]:
        """By method. QT-DoG is EoQ's first member, or one of its own when EoQ does not load."""
        found: dict[str, Loaded] = {}
        reason = ""
        shown = {one.config.method: one for one in self.shown(target)}
        for method in ("eoq", "erm", "qt-dog"):
            if method in found or method not in shown:
                continue
            try:
                found[method] = load(shown[method].folder)
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
        loaded = self._load_shown(target, self.open).values()  # QT-DoG is held once, as a member
        return tuple(map(self._model, loaded))

    def hint_of(self, hashes: Sequence[str]) -> tuple[tuple[float, ...], tuple[Flagged, ...]]:
        """The energy thresholds of the networks whose weights have these SHA-256, one or EoQ's
        members, and how often the hint comes that they give; both empty where not all were
        measured."""
        singles = [self._calibrations.get(one) for one in hashes]
        own = self._calibrations.get(joint_sha256(hashes))
        thresholds = [one.threshold for one in singles if one and one.threshold is not None]
        if own is None or len(thresholds) != len(hashes):
            return (), ()
        return tuple(thresholds), own.flagged

    def _model(self, stored: StoredModel) -> _Model:
        """Every network answers once, unasked: the first answer takes longest, and no visitor's
        picture is to be timed by it."""
        config = stored.config
        member_logits(stored.networks, np.zeros((1, 3, *[config.image_size] * 2), np.float32))
        hashes = [unfamiliar.identity(one) for one in stored.members or (stored,)]
        return _Model(stored, *self.hint_of(hashes))

    def _with_gradients(self, target: str) -> dict[str, Checkpoint]:
        """By method, the plain networks in torch: what answers has no gradients."""
        if known := self._explained.get(target):
            return known
        with self._loading[target]:
            if known := self._explained.get(target):
                return known
            return self._explained.put(target, self._load_shown(target, self.read))


class _Inputs:
    """One image as the models' input tensors, made once for each preprocessing."""

    def __init__(self, image: Image.Image) -> None:
        self._make = lru_cache(
            lambda size, *scale: network_input(resize(image, size)[None], *scale)
        )

    def of(self, config: CheckpointConfig) -> np.ndarray:
        """(1, 3, size, size)."""
        return self._make(config.image_size, config.mean, config.std)


def _fingerprint(image: Image.Image) -> bytes:
    """Of an image's pixels and size."""
    return hashlib.sha256(repr((image.mode, image.size)).encode() + image.tobytes()).digest()


def _predict(model: _Model, images: np.ndarray, seen: _Seen) -> list[Prediction]:
    """(batch, 3, size, size) -> one prediction an image. QT-DoG is one of EoQ's members: what it
    said of these images stands in `seen`, with its time, and is not computed again."""
    start = time.perf_counter()
    known = {network: seen[network] for network in model.networks if network in seen}
    asked = [network for network in model.networks if network not in known]
    said = {network: before for network, (before, _) in known.items()}
    if asked:
        said |= dict(zip(asked, member_logits(asked, images), strict=True))
    logits = finite(np.stack([said[one] for one in model.networks]), model.stored.folder)
    milliseconds = (time.perf_counter() - start) * 1e3 / len(images)
    milliseconds += sum(before for _, before in known.values())
    if len(model.networks) == 1:
        seen[model.networks[0]] = (logits[0], milliseconds)
    # (members, batch, classes)
    each_image = logits.astype(np.float64).swapaxes(0, 1)
    return [_prediction(model, each, milliseconds) for each in each_image]


def _prediction(model: _Model, each: np.ndarray, milliseconds: float) -> Prediction:
    """`each`: the networks' logits, (members, classes)."""
    probabilities = softmax(mean_of_logits(each))
    hint = None
    if model.thresholds:
        energies = unfamiliar.energy(each).tolist()
        says = unfamiliar.says_unfamiliar(energies, model.thresholds)
        hint = Hint(says, tuple(energies), model.thresholds, model.flagged)
    config = model.config
    likely = probabilities[probabilities > 0]
    return Prediction(
        model=MODEL_NAMES[config.method],
        method=config.method,
        bits=config.bits,
        classes=config.classes,
        probabilities=tuple(probabilities.tolist()),
        members=tuple(map(tuple, softmax(each).tolist())) if config.method == "eoq" else (),
        entropy=float(-(likely * np.log(likely)).sum()),
        size_bytes=model.stored.size_bytes,
        bits_per_weight=model.stored.bits_per_weight,
        milliseconds=milliseconds,
        measured=config.target,
        hint=hint,
        averaged=config.averaged,
    )


def _has_heads(model: _Model) -> bool:
    """Whether its answers can be explained without gradients."""
    return all(network.head is not None for network in model.networks)


def _explain(
    model: _Model, checkpoint: Checkpoint | None, image: np.ndarray, label: str
) -> Explanation:
    """`checkpoint`: the model with gradients, where `_has_heads` says no."""
    config, place = model.config, model.config.classes.index(label)
    if _has_heads(model):
        heat = class_map(model.networks, image, place)
    elif checkpoint is not None:
        import torch

        from qtdog.explorer.explain import grad_cam

        heat = grad_cam(checkpoint.networks, torch.from_numpy(image), place)
    else:
        raise CheckpointError(f"{model.stored.folder} can no longer be read.")
    heat = heat.astype(float)
    heat /= heat.max() or 1.0
    rows = tuple(map(tuple, heat.tolist()))
    return Explanation(MODEL_NAMES[config.method], config.method, label, rows)
