"""A repository on the Hub: how it is written, and files of it through the Hub client's cache."""

import hashlib
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar

from huggingface_hub import (
    HfFileMetadata,
    get_hf_file_metadata,
    hf_hub_download,
    hf_hub_url,
    try_to_load_from_cache,
)
from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id

from qtdog.hub_client.transfer import (
    PATIENCE_SECONDS,
    DownloadProgress,
    Transfer,
    TransferError,
    no_download_progress,
    why_it_failed,
)

T = TypeVar("T", bound="Repository")
# The revision names a file in the Hub client's cache too: no "..", and not too long for a name.
ADDRESS = re.compile(
    r"([\w-][\w.-]*/[\w-][\w.-]*)(?:@((?!.*(?:\.\.|//))[\w-][\w./-]{0,199}))?", re.ASCII
)
COMMIT = re.compile("[0-9a-f]{40}")
SHA256 = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class Repository:
    """A repository and how to ask for it. `token`: the Hub client's own (`hf auth login`, HF_TOKEN)
    when None. `endpoint` and `cache`: the client's own when None."""

    kind: ClassVar[Literal["model", "dataset"]] = "model"

    repo_id: str
    revision: str = "main"
    token: str | None = None
    endpoint: str | None = None
    cache: Path | None = None
    patience: float = PATIENCE_SECONDS
    """Seconds without any progress after which a download is given up."""

    @classmethod
    def parse(cls: type[T], text: str, **options: Any) -> T | None:
        """From "ORG/REPO" or "ORG/REPO@REVISION"; None for anything else."""
        found = ADDRESS.fullmatch(text.strip())
        if found is None:
            return None
        try:
            validate_repo_id(found[1])
        except HFValidationError:
            return None
        return cls(found[1], found[2] or "main", **options)

    def __str__(self) -> str:
        return self.repo_id if self.revision == "main" else f"{self.repo_id}@{self.revision}"

    def metadata(self, path: str, largest: int) -> HfFileMetadata:
        """The commit that the revision stands for, and a file's size (at most `largest` bytes) and
        hash there. Raises TransferError."""
        url = hf_hub_url(
            self.repo_id,
            path,
            repo_type=self.kind,
            revision=self.revision,
            endpoint=self.endpoint,
        )

        def metadata(_bar: type) -> HfFileMetadata:
            return get_hf_file_metadata(
                url, token=self.token, timeout=self.patience, endpoint=self.endpoint
            )

        (found,) = self.ask([metadata], largest)
        return found

    def cached(self, path: str) -> Path | None:
        """Where a file of this revision lies, if it was downloaded before; the Hub is not asked."""
        found = try_to_load_from_cache(
            self.repo_id,
            path,
            cache_dir=self.cache,
            revision=self.revision,
            repo_type=self.kind,
        )
        return Path(found) if isinstance(found, str) else None

    def download(
        self,
        paths: Sequence[str],
        revision: str,
        expected: int,
        progress: DownloadProgress = no_download_progress,
    ) -> list[Path]:
        """Files of a revision, through the cache; together of `expected` bytes, which are not
        exceeded. Raises TransferError."""

        def one(bar: type, path: str) -> Path:
            return Path(
                hf_hub_download(
                    self.repo_id,
                    path,
                    repo_type=self.kind,
                    revision=revision,
                    cache_dir=self.cache,
                    endpoint=self.endpoint,
                    token=self.token,
                    etag_timeout=self.patience,
                    tqdm_class=bar,
                )
            )

        return self.ask([partial(one, path=path) for path in paths], expected, progress)

    def ask(
        self,
        calls: Sequence[Callable[[type], Any]],
        expected: int,
        progress: DownloadProgress = no_download_progress,
    ) -> list[Any]:
        """The results of calls of the Hub's client, see `Transfer`. Raises TransferError."""
        transfer = Transfer(self.patience, expected, progress)
        try:
            return transfer.run(calls)
        except Exception as error:
            why = why_it_failed(error, transfer.status, self.patience)
            raise TransferError(f"{self}: {why}.") from error


def has_hash(place: Path, name: str) -> bool:
    """Whether a file's content is what the Hub names it by: its SHA-256, or git's name for it.
    Names of another form say nothing."""
    if SHA256.fullmatch(name):
        digest = hashlib.sha256()
    elif COMMIT.fullmatch(name):
        digest = hashlib.sha1(b"blob %d\0" % place.stat().st_size)
    else:
        return True
    with place.open("rb") as handle:
        while part := handle.read(1 << 20):
            digest.update(part)
    return digest.hexdigest() == name


def forget(place: Path) -> None:
    """Remove a file from the Hub client's cache: its name there and its content."""
    with suppress(OSError):
        place.resolve().unlink(missing_ok=True)
        place.unlink(missing_ok=True)
