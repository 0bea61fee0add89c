"""Where a checkpoint set comes from: the bundled folder, a local folder, or a Hub repository.

A repository on the Hugging Face Hub holds a set (see qtdog/checkpoints/checkpoint_set.py) with its
index.json. Its revision is resolved to a commit once; the index and the configs come first, weights
when they are needed. Downloads go through the Hub's client into its cache, and everything is
checked against the index, whose own hash the Hub gives. What cannot be had is said in one sentence.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from qtdog.checkpoints import (
    CONFIG,
    INDEX,
    LARGEST_INDEX_BYTES,
    CheckpointError,
    CheckpointSet,
    FileHash,
    HubError,
    Origin,
    file_mismatch,
)
from qtdog.hub_client import (
    COMMIT,
    DownloadProgress,
    Repository,
    TransferError,
    forget,
    has_hash,
    no_download_progress,
)

T = TypeVar("T")
EARLIER = "Shown instead is what was downloaded before."
BUNDLED_INSTEAD = "The bundled checkpoints are shown instead."
# After a failed download, so long the same answer is given without asking again.
PAUSE_SECONDS = 30.0
# A file that came damaged is downloaded once more.
ATTEMPTS = 2


@dataclass(frozen=True)
class HubRepository(Repository):
    """One that holds a checkpoint set."""

    most_bytes: int | None = None
    """What its set may have in all, where that is bounded."""

    def open(self, progress: DownloadProgress = no_download_progress) -> "HubSet":
        """The set at the commit that the revision now stands for; its index and configs are there
        then. `progress` hears of these and all later downloads. Raises HubError."""
        here = self._cached_index()
        if here is None or here.parent.name != self.revision:  # a commit cannot change
            commit, etag = self._newest()
            if here is None or here.parent.name != commit:
                here = self._download_index(commit, etag)
        opened = HubSet(self, here.parent)
        opened.progress = progress
        if self.most_bytes is not None and opened.size_bytes > self.most_bytes:
            raise HubError(
                f"{self} lists {opened.size_bytes:,} bytes; of another set at most "
                f"{self.most_bytes:,} are downloaded."
            )
        opened.bring_configs()
        return opened

    def earlier(self) -> Iterator["HubSet"]:
        """Sets of this repository that were downloaded before, without asking the Hub: of this
        revision, and unless that is a commit, of any other one, the newest first."""
        first = self._cached_index()
        places = [] if first is None else [first]
        if not COMMIT.fullmatch(self.revision) and first is not None:
            others = first.parent.parent.glob(f"*/{INDEX}")
            places += sorted(others, key=lambda place: -place.lstat().st_mtime)
        for place in dict.fromkeys(places):
            with suppress(CheckpointError):
                found = HubSet(self, place.parent, offline=True)
                found.bring_configs()
                yield found

    def bring(
        self, paths: Sequence[str], commit: str, expected: int, progress: DownloadProgress
    ) -> list[Path]:
        """Files of a commit. Raises HubError."""
        try:
            return self.download(paths, commit, expected, progress)
        except TransferError as error:
            raise HubError(str(error)) from None

    def _cached_index(self) -> Path | None:
        """Where the index of this revision lies in the Hub client's cache, whole."""
        place = self.cached(INDEX)
        if place is not None and not has_hash(place, place.resolve().name):
            forget(place)  # the cache names contents by their ETag
            return None
        return place

    def _newest(self) -> tuple[str, str]:
        """The commit that the revision stands for, and the index's ETag there."""
        try:
            found = self.metadata(INDEX, LARGEST_INDEX_BYTES)
        except TransferError as error:
            raise HubError(str(error)) from None
        commit = found.commit_hash
        if commit is None or not COMMIT.fullmatch(commit):
            raise HubError(f"{self}: the Hub does not say which commit this is.")
        return commit, found.etag or ""

    def _download_index(self, commit: str, etag: str) -> Path:
        for _ in range(ATTEMPTS):
            (place,) = self.bring([INDEX], commit, LARGEST_INDEX_BYTES, no_download_progress)
            if has_hash(place, etag):
                break
            forget(place)
        else:
            raise HubError(f"{self}: {INDEX} came damaged; try again later.")
        if self.revision != commit:
            with suppress(HubError):  # lets the client note which commit the revision stands for
                self.bring([INDEX], self.revision, LARGEST_INDEX_BYTES, no_download_progress)
        return place


class HubSet(CheckpointSet):
    """A commit's set in the Hub client's cache. `offline`: only what is there already."""

    def __init__(self, repository: HubRepository, folder: Path, offline: bool = False) -> None:
        origin = Origin("hub", repository.repo_id, repository.revision, folder.name)
        self._repository = repository
        self._offline = offline
        self._failure: tuple[float, str] = (0.0, "")
        try:
            super().__init__(folder, origin)
        except CheckpointError as error:
            text = str(error).replace(str(self.root / INDEX), INDEX)
            raise HubError(f"{repository}: {text}") from None

    @property
    def failure(self) -> str:
        """Why the newest download failed; empty when it did not."""
        return self._failure[1]

    @property
    def size_bytes(self) -> int:
        """Of all files that its index lists."""
        checkpoints = [file.size_bytes for entry in self.listed for file in entry.files]
        graphs = self.index.graphs if self.index else ()
        return sum(checkpoints) + sum(file.size_bytes for file in graphs)

    def bring_configs(self) -> None:
        """Download every checkpoint's config.json. Raises HubError."""
        files = {f"{entry.path}/{CONFIG}": entry.files[0] for entry in self.listed}
        self._bring(files)
        self._checked.update(files)

    def _bring(self, files: dict[str, FileHash]) -> None:
        wanted = {
            path: file for path, file in files.items() if file_mismatch(self.root / path, file)
        }
        if not wanted:
            return
        if self._offline:
            text = f"{self._repository}: {min(wanted)} was not downloaded before."
            self._failure = (0.0, text)
            raise HubError(text)
        moment, text = self._failure
        if text and time.monotonic() < moment + PAUSE_SECONDS:
            raise HubError(text)
        try:
            self._download(wanted)
            self._failure = (0.0, "")
        except HubError as error:
            self._failure = (time.monotonic(), str(error))
            raise

    def _download(self, files: dict[str, FileHash]) -> None:
        for _ in range(ATTEMPTS):
            for path in files:  # one that is here and wrong must not be taken for the right one
                forget(self.root / path)
            expected = sum(file.size_bytes for file in files.values())
            self._repository.bring(list(files), self.root.name, expected, self.progress)
            files = {path: f for path, f in files.items() if file_mismatch(self.root / path, f)}
            if not files:
                return
        path, file = min(files.items())
        problem = file_mismatch(self.root / path, file)
        for path in files:
            forget(self.root / path)
        raise HubError(f"{self._repository}: {path} {problem}.")


def open_set(
    text: str, progress: DownloadProgress = no_download_progress, **options: Any
) -> CheckpointSet:
    """A local folder, or a Hub repository "ORG/REPO" or "ORG/REPO@REVISION"; a folder that exists
    comes first. `options`: those of HubRepository. Raises CheckpointError."""
    repository = _repository(text, **options)
    return (
        CheckpointSet(Path(text).expanduser()) if repository is None else repository.open(progress)
    )


def first_usable(
    text: str,
    bundled: Path | None,
    use: Callable[[CheckpointSet], T],
    progress: DownloadProgress = no_download_progress,
    **options: Any,
) -> T:
    """`use(set)` for the set that `text` names (see open_set). When the Hub cannot give it, or
    `use` raises CheckpointError: for what was downloaded before, then for the bundled set (None
    where there is none), with a notice that says why. A folder has no such substitute: its error is
    the user's to mend."""
    repository = _repository(text, **options)
    if repository is None:
        folder = Path(text).expanduser()
        same = bundled is not None and folder.resolve() == bundled.resolve()
        return use(bundled_set(folder) if same else CheckpointSet(folder))
    try:
        return use(repository.open(progress))
    except CheckpointError as error:
        why = str(error)
    for earlier in repository.earlier():
        earlier.origin = replace(earlier.origin, notice=f"{why} {EARLIER}")
        with suppress(CheckpointError):
            return use(earlier)
    if bundled is None:
        raise CheckpointError(why)
    return use(bundled_set(bundled, f"{why} {BUNDLED_INSTEAD}"))


def fetch(
    text: str,
    targets: Sequence[str],
    progress: DownloadProgress = no_download_progress,
    **options: Any,
) -> tuple[Origin, Path]:
    """Download all checkpoints of a Hub repository, or of some targets ("sketch" or "pacs/sketch");
    gives what it is and where it lies. Raises CheckpointError."""
    repository = HubRepository.parse(text, **options)
    if repository is None:
        raise CheckpointError(f"A Hub repository is written ORG/REPO[@REVISION], not {text!r:.80}.")
    chosen = repository.open(progress)
    paths = [PurePosixPath(entry.path) for entry in chosen.listed]
    known = {str(path.parent) for path in paths}
    for target in targets:
        if not any(target in (one, one.split("/")[1]) for one in known):
            raise CheckpointError(
                f"{repository} has no target '{target}'. There are: {', '.join(sorted(known))}."
            )
    for path in paths:
        if not targets or {str(path.parent), path.parent.name} & set(targets):
            chosen.ensure(chosen.root / path)
    return chosen.origin, chosen.root


def bundled_set(folder: Path, notice: str = "") -> CheckpointSet:
    """The set that comes with the program."""
    return CheckpointSet(folder, Origin("bundled", "the bundled checkpoints", notice=notice))


def _repository(text: str, **options: Any) -> HubRepository | None:
    """None for a folder. Raises CheckpointError for neither."""
    if Path(text).expanduser().exists():
        return None
    repository = HubRepository.parse(text, **options)
    if repository is None:
        raise CheckpointError(
            f"The folder {text} does not exist (a Hub repository is written ORG/REPO[@REVISION])."
        )
    return repository
