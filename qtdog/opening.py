"""Opening checkpoint sets for the page: the one it shows, and others beside it."""

import os
from collections import OrderedDict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from PIL import Image

from qtdog.catalogue import Target
from qtdog.checkpoint_set import CheckpointSet, HubError, Origin, Progress, quietly
from qtdog.checkpoints import CheckpointConfig, CheckpointError
from qtdog.explorer import Explorer
from qtdog.hub import first_usable, open_set
from qtdog.predictions import Prediction

GUESTS_IN_MEMORY = 2
GUEST_COLUMNS = 2
# What a stranger's checkpoint may ask of this machine: networks up to ResNet-50's size, as trained
# with this package, and pictures of a usual size.
GUEST_ARCHITECTURES = (
    *("mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large", "shufflenet_v2_x0_5"),
    *("shufflenet_v2_x1_0", "shufflenet_v2_x1_5", "shufflenet_v2_x2_0", "squeezenet1_1"),
    *("efficientnet_b0", "mnasnet1_0", "densenet121", "resnet18", "resnet34", "resnet50"),
    *("resnext50_32x4d", "convnext_tiny", "timm/deit_small_patch16_224"),
    "timm/deit_small_patch16_224.fb_in1k",
)
GUEST_IMAGE_SIZE = 384
GUEST_CLASSES = 1000
GUEST_MODEL_BYTES = 128 << 20
GUEST_MEMBERS = 8
GUEST_FILES = 10_000


def open_explorer(
    text: str, bundled: Path, progress: Progress = quietly, **options: Any
) -> Explorer:
    """The explorer of the set that `text` names (see qtdog.hub.open_set), its first target's files
    there; when the Hub cannot give them, of what was downloaded before or of the bundled set:
    `checkpoint_set.describe()` says so. Raises CheckpointError for a folder that cannot be used."""

    def use(chosen: CheckpointSet) -> Explorer:
        if chosen.origin.kind != "hub":
            return Explorer(chosen)
        try:
            explorer = Explorer(chosen)
            explorer.load(explorer.targets()[0].key)  # a page without models would be no use
        except HubError:
            raise
        except CheckpointError as error:
            text = str(error).replace(str(chosen.root), "it")
            raise CheckpointError(f"{chosen.origin.name}: {text}") from None
        return explorer

    return first_usable(text, bundled, use, progress, **options)


@dataclass(frozen=True)
class Guest:
    """Another set, opened while the page runs."""

    key: str
    """What `Guests.classify` knows it by."""
    origin: Origin
    targets: tuple[Target, ...]
    """Each with its classes."""
    problems: tuple[str, ...]
    """One sentence for every checkpoint that cannot be used."""


class Guests:
    """Other sets beside the page's own, at most `GUESTS_IN_MEMORY` of them.

    They come from strangers: their configs are checked and their sizes bounded before a network
    is built. `options`: those of qtdog.hub.HubRepository.
    """

    def __init__(self, **options: Any) -> None:
        self._options = options
        self._explorers: OrderedDict[str, Explorer] = OrderedDict()

    def open(self, text: str, progress: Progress = quietly) -> Guest:
        """Open "ORG/REPO", "ORG/REPO@REVISION" or a folder, and load its first target. Raises
        CheckpointError with one sentence."""
        text = text.strip()
        folder = Path(text).expanduser()
        if folder.exists():
            _check_folder(folder)
        chosen = open_set(text, progress, **self._options)
        explorer = Explorer(chosen)
        try:
            for target in explorer.targets():
                for one in explorer.checkpoints(target.key):
                    _check_config(one.name, one.config)
            explorer.load(explorer.targets()[0].key)
        except HubError:
            raise
        except CheckpointError as error:
            raise CheckpointError(f"{text}: {explorer.without_root(error)}") from None
        origin = chosen.describe()
        key = f"{origin.name}@{origin.commit[:10]}" if origin.commit else str(folder.resolve())
        self._explorers.pop(key, None)
        self._explorers[key] = explorer
        while len(self._explorers) > GUESTS_IN_MEMORY:
            self._explorers.popitem(last=False)
        return Guest(key, origin, explorer.targets(), tuple(explorer.problems))

    def classify(self, key: str, image: Image.Image, target: str) -> tuple[Prediction, ...]:
        """What an opened set's models make of `image`, for the columns beside ours: at most
        `GUEST_COLUMNS`, EoQ and QT-DoG before full precision, named after the set. A set without
        `target` answers for its first one. Raises CheckpointError."""
        explorer = self._explorers.get(key)
        if explorer is None:
            raise CheckpointError("That set is no longer open: open it again.")
        known = [one.key for one in explorer.targets()]
        predictions = explorer.classify(image, target if target in known else known[0])
        name = explorer.checkpoint_set.origin.name
        return tuple(
            replace(one, model=f"{one.model}, {name}") for one in predictions[-GUEST_COLUMNS:]
        )


def remote_allowed() -> bool:
    """Whether visitors may open other sets: yes unless QTDOG_ALLOW_REMOTE is 0."""
    return os.environ.get("QTDOG_ALLOW_REMOTE", "1") != "0"


def _check_folder(folder: Path) -> None:
    """A folder that a visitor names: of a bounded number of files, none of them elsewhere."""
    inside = folder.resolve()
    count = 0
    for place, folders, files in os.walk(folder):
        count += len(folders) + len(files)
        if count > GUEST_FILES:
            raise CheckpointError(
                f"{folder} holds more than {GUEST_FILES:,} files: name the set's own folder."
            )
        for name in (*folders, *files):
            if not (Path(place) / name).resolve().is_relative_to(inside):
                raise CheckpointError(f"{Path(place) / name} leads out of the set's folder.")


def _check_config(name: str, config: CheckpointConfig) -> None:
    """Bounds on what a checkpoint may ask of this machine."""
    if config.architecture not in GUEST_ARCHITECTURES:
        raise CheckpointError(
            f"{name} has the architecture {config.architecture!r:.40}; other sets may have "
            f"{', '.join(GUEST_ARCHITECTURES)}."
        )
    if config.image_size > GUEST_IMAGE_SIZE:
        raise CheckpointError(
            f"{name} wants pictures of {config.image_size} px; at most {GUEST_IMAGE_SIZE} are made."
        )
    if len(config.classes) > GUEST_CLASSES:
        raise CheckpointError(f"{name} has more than {GUEST_CLASSES:,} classes.")
    if config.method == "eoq" and len(config.files) > GUEST_MEMBERS:
        raise CheckpointError(f"{name} has more than {GUEST_MEMBERS} members.")
    if (claimed := max((file.size_bytes for file in config.files), default=0)) > GUEST_MODEL_BYTES:
        raise CheckpointError(
            f"{name} claims a file of {claimed:,} bytes; at most {GUEST_MODEL_BYTES:,} are read."
        )
