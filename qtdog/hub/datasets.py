"""Datasets from the Hugging Face Hub, written as domain/class/image folders for training.

Read are parquet files with a column each for the picture, its domain and its class (without a
domain column, the files' split names are the domains), or else repositories of image folders. Stop
it whenever you like: what is there already is not written again.
"""

import dataclasses
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any

from huggingface_hub import DatasetCard, HfApi
from huggingface_hub.hf_api import RepoFile
from PIL import Image

from qtdog.data import IMAGE_SUFFIXES, Columns, DataError, parquet_rows
from qtdog.files import write_atomically
from qtdog.hub_client import (
    DownloadProgress,
    Repository,
    TransferError,
    forget,
    has_hash,
    no_download_progress,
)
from qtdog.images import FORMATS
from qtdog.json_file import record_from_json
from qtdog.system_files import is_systems

PREFIX, README, SOURCE = "hub:", "README.md", "source.json"
SPLIT = re.compile(r"(.+?)(-\d{5}-of-\d{5}(-[0-9a-f]+)?)?\.parquet")
PART_NAMES = {"train", "test", "val", "valid", "validation", "default"}
SUFFIXES = {"JPEG": ".jpg", "MPO": ".jpg", "TIFF": ".tiff", "HEIF": ".heic"}
LARGEST_LISTING_BYTES = 256 << 20
FILES_AT_A_TIME = 64

PictureProgress = Callable[[int, int, str], None]
"""Called with what is done, what there is in all, and what it is: "bytes of FILE", "pictures"."""


class HubDataset(Repository):
    """A dataset's repository."""

    kind = "dataset"

    @classmethod
    def from_address(cls, text: str, **options: Any) -> "HubDataset":
        """From "hub:ORG/NAME" or "hub:ORG/NAME@REVISION". Raises DataError."""
        found = cls.parse(text.removeprefix(PREFIX), **options)
        if not text.startswith(PREFIX) or found is None:
            raise DataError(f"'{text}' is not hub:ORG/NAME or hub:ORG/NAME@REVISION.")
        return found


@dataclass(frozen=True)
class DownloadedDataset:
    """Where a folder of pictures comes from: its source.json."""

    repository: str
    commit: str
    licence: str = ""
    """As the dataset's card says; empty if it does not."""
    complete: bool = False
    images: int = 0
    domains: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    skipped: int = 0
    """Rows or files that are no picture in a format that is read."""


def download_dataset(
    dataset: HubDataset,
    out: Path,
    columns: Columns | None = None,
    progress: PictureProgress = lambda done, total, what: None,
) -> DownloadedDataset:
    """Write the dataset to `out`/<domain>/<class>/<picture>, and where it comes from.

    Raises DataError, also when `out` holds another dataset or another commit of this one.
    """
    hub = _Hub(dataset)
    if (before := _read_source(out)) and (before.repository, before.commit) != hub.name:
        raise DataError(
            f"{out} holds {before.repository} at {before.commit[:10]}, not {hub.name[0]} at "
            f"{hub.name[1][:10]}: choose another folder."
        )
    if before and before.complete:
        return before
    source = DownloadedDataset(*hub.name, hub.licence)
    try:
        _write_source(out, source)
        found: dict[Path, None] = {}
        skipped = 0
        for path, content in hub.pictures(out, columns or Columns(), progress):
            if path is None:
                skipped += 1
                continue
            found[path] = None
            if content and not (path.exists() and path.stat().st_size == len(content)):
                write_atomically(path, partial(_write, content))
        source = dataclasses.replace(
            source,
            complete=True,
            images=len(found),
            domains=tuple(sorted({path.parts[-3] for path in found})),
            classes=tuple(sorted({path.parts[-2] for path in found})),
            skipped=skipped,
        )
        if not found:
            raise DataError(f"{dataset.repo_id} has no picture in a format that is read.")
        _write_source(out, source)
    except OSError as error:
        raise DataError(f"{out} cannot be written: {error.strerror or error}.") from None
    return source


class _Hub:
    """One commit of the dataset's repository."""

    def __init__(self, dataset: HubDataset) -> None:
        self._dataset = dataset
        api = HfApi(endpoint=dataset.endpoint, token=dataset.token)

        def commit(_bar: type) -> str:
            return str(api.dataset_info(dataset.repo_id, revision=dataset.revision).sha)

        def tree(_bar: type) -> list[Any]:
            return list(
                api.list_repo_tree(
                    dataset.repo_id, revision=sha, repo_type=dataset.kind, recursive=True
                )
            )

        with _as_data_errors():
            (sha,) = dataset.ask([commit], LARGEST_LISTING_BYTES)
            (files,) = dataset.ask([tree], LARGEST_LISTING_BYTES)
        self.name = (dataset.repo_id, sha)
        self._files = {file.path: file for file in files if isinstance(file, RepoFile)}
        self._card = self._read_card()

    @property
    def licence(self) -> str:
        """As the card says."""
        return str(self._card.get("license") or "")

    def pictures(
        self, out: Path, columns: Columns, progress: PictureProgress
    ) -> Iterator[tuple[Path | None, bytes]]:
        """Where each picture goes and its bytes: no place for what is no picture, no bytes for
        what is there already."""
        parquet = sorted(path for path in self._files if path.endswith(".parquet"))
        if parquet:
            yield from self._from_parquet(parquet, out, columns, progress)
        else:
            yield from self._from_folders(out, progress)

    def _from_parquet(
        self, paths: Sequence[str], out: Path, columns: Columns, progress: PictureProgress
    ) -> Iterator[tuple[Path | None, bytes]]:
        features = _card_features(self._card)
        for number, path in enumerate(paths):
            step = f"bytes of file {number + 1} of {len(paths)}"
            (local,) = self._download([path], lambda n, of, step=step: progress(n, of, step))
            part = SPLIT.fullmatch(PurePosixPath(path).name)
            domain = part[1] if part and part[1] not in PART_NAMES else ""
            for place, row in enumerate(parquet_rows(local, columns, domain, features)):
                progress(place + 1, 0, "pictures")
                suffix = _suffix(row.image)
                if not suffix:
                    yield None, b""
                    continue
                folder = out / _plain(row.domain, "domain") / _plain(row.label, "class")
                yield folder / f"{number:04d}-{place:06d}{suffix}", row.image

    def _from_folders(
        self, out: Path, progress: PictureProgress
    ) -> Iterator[tuple[Path | None, bytes]]:
        targets = self._targets(out)
        wanted = []
        for path, target in targets.items():
            if target.exists() and target.stat().st_size == self._files[path].size:
                yield target, b""
            else:
                wanted.append(path)
        waiting, done = iter(wanted), 0
        while some := list(islice(waiting, FILES_AT_A_TIME)):
            for path, local in zip(some, self._download(some), strict=True):
                content = local.read_bytes()
                yield (targets[path], content) if _suffix(content) else (None, b"")
            done += len(some)
            progress(done, len(wanted), "pictures")

    def _targets(self, out: Path) -> dict[str, Path]:
        """Path in the repository -> path below `out`, by the last two folders."""
        targets: dict[str, Path] = {}
        taken = set()
        for path in sorted(self._files):
            *before, domain, label, name = ("", "", *path.split("/"))
            if PurePosixPath(path).suffix.lower() not in IMAGE_SUFFIXES or not domain:
                continue
            if is_systems(path.split("/")):
                continue
            folder = out / _plain(domain, "domain") / _plain(label, "class")
            target = folder / _plain(name, "picture")
            if str(target).casefold() in taken:  # from another split
                target = folder / _plain("-".join(filter(None, (*before, name))), "picture")
            taken.add(str(target).casefold())
            targets[path] = target
        if not targets:
            raise DataError(
                f"{self._dataset.repo_id} holds neither parquet files nor pictures in folders "
                "domain/class/."
            )
        if {target.parts[-3] for target in targets.values()} <= PART_NAMES:
            raise DataError(
                f"{self._dataset.repo_id} has folders for splits and classes, none for domains."
            )
        return targets

    def _read_card(self) -> dict[str, Any]:
        if README not in self._files:
            return {}
        (path,) = self._download([README])
        try:
            return DatasetCard(path.read_text(encoding="utf-8")).data.to_dict()
        except ValueError:  # the front matter is not what it should be: then nothing is known
            return {}

    def _download(
        self, paths: Sequence[str], progress: DownloadProgress = no_download_progress
    ) -> list[Path]:
        """Through the client's cache, checked."""
        dataset = self._dataset
        expected = sum(self._files[path].size for path in paths)
        with _as_data_errors():
            found = dataset.download(paths, self.name[1], expected, progress)
        for path, local in zip(paths, found, strict=True):
            if not _is(local, self._files[path]):
                forget(local)
                raise DataError(f"{dataset}: {path} came damaged; run the same again.")
        return found


@contextmanager
def _as_data_errors() -> Iterator[None]:
    try:
        yield
    except TransferError as error:
        raise DataError(str(error)) from None


def _is(path: Path, file: RepoFile) -> bool:
    """Whether a downloaded file has the size and the hash that the Hub lists."""
    name = file.lfs.sha256 if file.lfs else file.blob_id
    return path.stat().st_size == file.size and has_hash(path, name)


def _card_features(card: Mapping[str, Any]) -> dict[str, list[str]]:
    """Column -> names, from the `dataset_info` of a card."""
    infos = card.get("dataset_info")
    found = {}
    for info in infos if isinstance(infos, list) else [infos]:
        for feature in info.get("features", []) if isinstance(info, dict) else []:
            dtype = feature.get("dtype") if isinstance(feature, dict) else None
            label = dtype.get("class_label") if isinstance(dtype, dict) else None
            names = label.get("names") if isinstance(label, dict) else None
            if isinstance(names, dict):
                found[feature["name"]] = [str(names[key]) for key in sorted(names, key=int)]
    return found


def _suffix(content: bytes) -> str:
    """The file ending of a picture by its first bytes; empty for what is none that is read."""
    Image.init()
    formats = [name for name in FORMATS if name in Image.OPEN]
    try:
        with Image.open(io.BytesIO(content), formats=formats) as image:
            kind = image.format or ""
    except Exception:  # Pillow lets out whatever its parsers meet
        return ""
    return SUFFIXES.get(kind, f".{kind.lower()}")


def _plain(name: str, what: str) -> str:
    """The name, if it can be one folder's or file's. Raises DataError."""
    odd = name.strip(" .") != name or not name.isprintable() or not 0 < len(name) <= 100
    if odd or any(sign in name for sign in '/\\:*?"<>|'):
        raise DataError(f"{name[:40]!r} cannot be a folder's name; it is a {what} of the dataset.")
    return name


def _read_source(out: Path) -> DownloadedDataset | None:
    if not (out / SOURCE).exists():
        if out.exists() and any(out.iterdir()):
            raise DataError(f"{out} is not empty and no dataset of the Hub: choose another folder.")
        return None
    try:
        values = json.loads((out / SOURCE).read_text(encoding="utf-8"))
        return record_from_json(DownloadedDataset, values)
    except (OSError, ValueError, TypeError):
        raise DataError(f"{out / SOURCE} cannot be read: choose another folder.") from None


def _write_source(out: Path, source: DownloadedDataset) -> None:
    content = (json.dumps(dataclasses.asdict(source), indent=1) + "\n").encode()
    write_atomically(out / SOURCE, partial(_write, content))


def _write(content: bytes, handle: Any) -> None:
    handle.write(content)
