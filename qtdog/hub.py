"""Where a checkpoint set comes from: the bundled folder, a local folder, or a Hub repository.

A repository on the Hugging Face Hub holds a set (see qtdog/checkpoint_set.py) with its index.json.
Its revision is resolved to a commit once; the index and the configs come first, weights when they
are needed. Downloads go through the Hub's client into its cache, and everything is checked against
the index, whose own hash the Hub gives. What cannot be had is said in one sentence.
"""

import hashlib
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from huggingface_hub import (
    get_hf_file_metadata,
    hf_hub_download,
    hf_hub_url,
    try_to_load_from_cache,
)
from tqdm import tqdm

from qtdog.checkpoint_config import CheckpointError, FileHash
from qtdog.checkpoint_index import INDEX, LARGEST_INDEX_BYTES
from qtdog.checkpoint_set import CheckpointSet, HubError, Origin, Progress, mismatch, quietly
from qtdog.checkpoints import CONFIG
from qtdog.hub_transfer import PATIENCE_SECONDS, Transfer, reason

T = TypeVar("T")
ADDRESS = re.compile(r"([\w-][\w.-]*/[\w-][\w.-]*)(?:@([\w-][\w./-]*))?", re.ASCII)
COMMIT = re.compile("[0-9a-f]{40}")
EARLIER = "Shown instead is what was downloaded before."
BUNDLED_INSTEAD = "The bundled checkpoints are shown instead."
# After a failed download, so long the same answer is given without asking again.
PAUSE_SECONDS = 30.0
# A file that came damaged is downloaded once more.
ATTEMPTS = 2


@dataclass(frozen=True)
class HubRepository:
    """A repository and how to ask for it. `token`: the Hub client's own (`hf auth login`, HF_TOKEN)
    when None. `endpoint` and `cache`: the client's own when None."""

    repo_id: str
    revision: str = "main"
    token: str | None = None
    endpoint: str | None = None
    cache: Path | None = None
    patience: float = PATIENCE_SECONDS
    """Seconds without any progress after which a download is given up."""

    @classmethod
    def parse(cls, text: str, **options: Any) -> "HubRepository | None":
        """ "ORG/REPO" or "ORG/REPO@REVISION"; None for anything else."""
        found = ADDRESS.fullmatch(text.strip())
        return found and cls(found[1], found[2] or "main", **options)

    def __str__(self) -> str:
        return self.repo_id if self.revision == "main" else f"{self.repo_id}@{self.revision}"

    def open(self, progress: Progress = quietly) -> "HubSet":
        """The set at the commit that the revision now stands for; its index and configs are there
        then. `progress` hears of these and all later downloads. Raises HubError."""
        here = self._cached_index()
        if here is None or here.parent.name != self.revision:  # a commit cannot change
            commit, etag = self._newest()
            if here is None or here.parent.name != commit:
                here = self._download_index(commit, etag)
        opened = HubSet(self, here.parent)
        opened.progress = progress
        opened.bring_configs()
        return opened

    def cached(self) -> Iterator["HubSet"]:
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

    def download(
        self, paths: list[str], commit: str, expected: int, progress: Progress
    ) -> list[Path]:
        """Files of a commit, through the cache. Raises HubError."""
        calls = [partial(self._download_one, path=path, revision=commit) for path in paths]
        return self._ask(calls, expected, progress)

    def _cached_index(self) -> Path | None:
        """Where the index of this revision lies in the Hub client's cache, whole."""
        found = try_to_load_from_cache(
            self.repo_id, INDEX, cache_dir=self.cache, revision=self.revision
        )
        if not isinstance(found, str):
            return None
        place = Path(found)
        if not _has_etag(place, place.resolve().name):  # the cache names contents by their ETag
            forget(place)
            return None
        return place

    def _download_one(self, bar: type, path: str, revision: str) -> Path:
        return Path(
            hf_hub_download(
                self.repo_id,
                path,
                revision=revision,
                cache_dir=self.cache,
                endpoint=self.endpoint,
                token=self.token,
                etag_timeout=self.patience,
                tqdm_class=bar,
            )
        )

    def _newest(self) -> tuple[str, str]:
        """The commit that the revision stands for, and the index's ETag there."""
        url = hf_hub_url(self.repo_id, INDEX, revision=self.revision, endpoint=self.endpoint)

        def ask(_bar: type) -> Any:
            return get_hf_file_metadata(
                url, token=self.token, timeout=self.patience, endpoint=self.endpoint
            )

        (found,) = self._ask([ask], LARGEST_INDEX_BYTES, quietly)
        if not COMMIT.fullmatch(found.commit_hash or ""):
            raise HubError(f"{self}: the Hub does not say which commit this is.")
        return found.commit_hash, found.etag or ""

    def _download_index(self, commit: str, etag: str) -> Path:
        for _ in range(ATTEMPTS):
            (place,) = self.download([INDEX], commit, LARGEST_INDEX_BYTES, quietly)
            if _has_etag(place, etag):
                break
            forget(place)
        else:
            raise HubError(f"{self}: {INDEX} came damaged; try again later.")
        if self.revision != commit:
            with suppress(HubError):  # lets the client note which commit the revision stands for
                self.download([INDEX], self.revision, LARGEST_INDEX_BYTES, quietly)
        return place

    def _ask(
        self, calls: list[Callable[[type], Any]], expected: int, progress: Progress
    ) -> list[Any]:
        transfer = Transfer(self.patience, expected, progress)
        try:
            return transfer.run(calls)
        except Exception as error:
            why = reason(error, transfer.status, self.patience)
            raise HubError(f"{self}: {why}.") from None


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
            text = str(error).replace(str(folder / INDEX), INDEX)
            raise HubError(f"{repository}: {text}") from None

    @property
    def failure(self) -> str:
        """Why the newest download failed; empty when it did not."""
        return self._failure[1]

    def bring_configs(self) -> None:
        """Download every checkpoint's config.json. Raises HubError."""
        entries = self.index.checkpoints if self.index else ()
        files = {f"{entry.path}/{CONFIG}": entry.files[0] for entry in entries}
        self._bring(files)
        self._checked.update(files)

    def _bring(self, files: dict[str, FileHash]) -> None:
        wanted = {path: file for path, file in files.items() if mismatch(self.root / path, file)}
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
            self._repository.download(list(files), self.root.name, expected, self.progress)
            files = {path: f for path, f in files.items() if mismatch(self.root / path, f)}
            if not files:
                return
        path, file = min(files.items())
        problem = mismatch(self.root / path, file)
        for path in files:
            forget(self.root / path)
        raise HubError(f"{self._repository}: {path} {problem}.")


def open_set(text: str, progress: Progress = quietly, **options: Any) -> CheckpointSet:
    """A local folder, or a Hub repository "ORG/REPO" or "ORG/REPO@REVISION"; a folder that exists
    comes first. `options`: those of HubRepository. Raises CheckpointError."""
    repository = _repository(text, **options)
    return (
        CheckpointSet(Path(text).expanduser()) if repository is None else repository.open(progress)
    )


def first_usable(
    text: str,
    bundled: Path,
    use: Callable[[CheckpointSet], T],
    progress: Progress = quietly,
    **options: Any,
) -> T:
    """`use(set)` for the set that `text` names (see open_set). When the Hub cannot give it, or
    `use` raises CheckpointError: for what was downloaded before, then for the bundled set, with a
    notice that says why. A folder has no such substitute: its error is the user's to mend."""
    repository = _repository(text, **options)
    if repository is None:
        folder = Path(text).expanduser()
        same = folder.resolve() == bundled.resolve()
        return use(bundled_set(folder) if same else CheckpointSet(folder))
    try:
        return use(repository.open(progress))
    except CheckpointError as error:
        why = str(error)
    for earlier in repository.cached():
        earlier.origin = replace(earlier.origin, notice=f"{why} {EARLIER}")
        with suppress(CheckpointError):
            return use(earlier)
    return use(bundled_set(bundled, f"{why} {BUNDLED_INSTEAD}"))


def fetch(
    text: str, targets: Sequence[str], progress: Progress = quietly, **options: Any
) -> tuple[Origin, Path]:
    """Download all checkpoints of a Hub repository, or of some targets ("sketch" or "pacs/sketch");
    gives what it is and where it lies. Raises CheckpointError."""
    repository = HubRepository.parse(text, **options)
    if repository is None:
        raise CheckpointError(f"A Hub repository is written ORG/REPO[@REVISION], not {text!r:.80}.")
    chosen = repository.open(progress)
    paths = [PurePosixPath(entry.path) for entry in chosen.index.checkpoints]
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


def download_bar() -> Progress:
    """A bar on the terminal for every download of more than a moment."""
    bars: list[tqdm] = []

    def show(done: int, total: int) -> None:
        if not bars or bars[-1].total != total or done < bars[-1].n:
            bars.append(tqdm(total=total, desc="downloading", unit="B", unit_scale=True, delay=1))
        bars[-1].update(done - bars[-1].n)
        if done >= total:
            bars[-1].close()

    return show


def forget(place: Path) -> None:
    """Remove a file from the Hub client's cache: its name there and its content."""
    with suppress(OSError):
        place.resolve().unlink(missing_ok=True)
        place.unlink(missing_ok=True)


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


def _has_etag(place: Path, etag: str) -> bool:
    """Whether a file's content is what the Hub's ETag says: its SHA-256, or git's name for it."""
    content = place.read_bytes()
    if re.fullmatch("[0-9a-f]{64}", etag):
        return hashlib.sha256(content).hexdigest() == etag
    if COMMIT.fullmatch(etag):
        return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest() == etag
    return True
