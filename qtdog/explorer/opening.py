"""Opening checkpoint sets for the page: the one it shows, and others beside it."""

import hashlib
import os
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from PIL import Image

from qtdog.checkpoints import (
    CheckpointConfig,
    CheckpointError,
    CheckpointSet,
    HubError,
    Origin,
    Target,
)
from qtdog.explorer.explorer import Explorer
from qtdog.explorer.predictions import Prediction
from qtdog.hub import HubRepository, first_usable
from qtdog.hub_client import DownloadProgress, make_room, no_download_progress
from qtdog.places import cache_folder

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
GUEST_SET_BYTES = 2 << 30
GUEST_CACHE_BYTES = 4 << 30
"""What stays on disk of other sets, beside what the open ones bring; a set's files lie there twice
if it changed."""
NO_SUCH_ADDRESS = (
    "Name a repository on the Hugging Face Hub, ORG/REPO or ORG/REPO@REVISION: folders are opened "
    "where the page runs on one's own machine alone."
)
NO_SUCH_FOLDER = (
    "This folder does not exist (a repository on the Hugging Face Hub is written ORG/REPO or "
    "ORG/REPO@REVISION)."
)


def open_explorer(
    text: str,
    bundled: Path | None,
    progress: DownloadProgress = no_download_progress,
    **options: Any,
) -> Explorer:
    """The explorer of the set that `text` names (see `hub.open_set`), its first target's files
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
    is built. `folders`: whether folders of this machine can be opened, which is for a page that
    nobody but its owner sees. Sets of the Hub lie in a cache of their own, of which the sets used
    last stay. `options`: those of qtdog.hub.sources.HubRepository.
    """

    def __init__(self, folders: bool = False, **options: Any) -> None:
        self.folders = folders
        self._cache = Path(options.pop("cache", None) or cache_folder() / "guests")
        self._options = {"most_bytes": GUEST_SET_BYTES, **options, "cache": self._cache}
        self._explorers: OrderedDict[str, Explorer] = OrderedDict()

    def open(self, text: str, progress: DownloadProgress = no_download_progress) -> Guest:
        """Open "ORG/REPO", "ORG/REPO@REVISION" or, with `folders`, a folder, and load its first
        target. Raises CheckpointError with one sentence, which holds no path of this machine."""
        text = text.strip()
        folder = _folder(text) if self.folders else None
        if folder is not None:
            _check_folder(folder)
            place = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()
            explorer = _explorer(folder.name, folder, lambda: CheckpointSet(folder))
            return self._keep(f"{folder.name}@{place[:10]}", explorer)
        repository = HubRepository.parse(text, **self._options)
        if repository is None:
            raise CheckpointError(NO_SUCH_FOLDER if self.folders else NO_SUCH_ADDRESS)
        make_room(self._cache, repository.repo_id, GUEST_CACHE_BYTES)
        chosen = repository.open(progress)
        explorer = _explorer(text, chosen.root, lambda: chosen)
        origin = chosen.describe()
        return self._keep(f"{origin.name}@{origin.commit[:10]}", explorer)

    def _keep(self, key: str, explorer: Explorer) -> Guest:
        self._explorers.pop(key, None)
        self._explorers[key] = explorer
        while len(self._explorers) > GUESTS_IN_MEMORY:
            self._explorers.popitem(last=False)
        origin = explorer.checkpoint_set.describe()
        return Guest(key, origin, explorer.targets(), tuple(explorer.problems))

    def classify(self, key: str, image: Image.Image, target: str) -> tuple[Prediction, ...]:
        """What an opened set's models make of `image`, for the columns beside ours: at most
        `GUEST_COLUMNS`, EoQ and QT-DoG before full precision, named after the set. A set without
        `target` answers for its first one. Raises CheckpointError."""
        explorer = self._explorers.get(key)
        if explorer is None:
            raise CheckpointError("That set is no longer open: open it again.")
        known = [one.key for one in explorer.targets()]
        try:
            predictions = explorer.classify(image, target if target in known else known[0])
        except CheckpointError as error:
            raise CheckpointError(explorer.without_root(error)) from None
        name = explorer.checkpoint_set.origin.name
        return tuple(
            replace(one, model=f"{one.model}, {name}") for one in predictions[-GUEST_COLUMNS:]
        )


def remote_allowed() -> bool:
    """Whether visitors may open other sets: yes unless QTDOG_ALLOW_REMOTE is 0."""
    return os.environ.get("QTDOG_ALLOW_REMOTE", "1") != "0"


def _folder(text: str) -> Path | None:
    """The folder that `text` names, or None where there is none."""
    try:
        folder = Path(text).expanduser()
        return folder.resolve() if text and folder.is_dir() else None
    except (OSError, RuntimeError, ValueError):  # a name that is too long, ~nobody, a NUL
        return None


def _explorer(name: str, root: Path, chosen: Callable[[], CheckpointSet]) -> Explorer:
    """The explorer of another set in `root`, within the bounds, its first target loaded. Raises
    CheckpointError that says `name`, never where `root` is."""
    try:
        explorer = Explorer(chosen())
        for target in explorer.targets():
            for one in explorer.checkpoints(target.key):
                _check_config(one.name, one.config)
        explorer.load(explorer.targets()[0].key)
    except HubError:
        raise
    except CheckpointError as error:
        text = str(error).replace(f"{root}{os.sep}", "").replace(str(root), "it")
        raise CheckpointError(f"{name}: {text}") from None
    return explorer


def _check_folder(folder: Path) -> None:
    """A folder that is named on the page: of a bounded number of files, none of them elsewhere."""
    count = 0
    for place, folders, files in os.walk(folder):
        count += len(folders) + len(files)
        if count > GUEST_FILES:
            raise CheckpointError(
                f"{folder.name} holds more than {GUEST_FILES:,} files: name the set's own folder."
            )
        for name in (*folders, *files):
            path = Path(place) / name
            if not path.resolve().is_relative_to(folder):
                raise CheckpointError(
                    f"{folder.name}: {path.relative_to(folder)} leads out of the set's folder."
                )


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
