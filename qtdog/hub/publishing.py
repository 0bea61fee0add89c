"""A checkpoint set, or the page as a Space, onto the Hugging Face Hub: in one commit, or not."""

import io
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from huggingface_hub import CommitOperationAdd, HfApi, constants, get_session, get_token
from huggingface_hub.errors import BadRequestError, HfHubHTTPError
from huggingface_hub.utils import (
    are_progress_bars_disabled,
    disable_progress_bars,
    enable_progress_bars,
    logging,
)

from qtdog import checkpoints
from qtdog.checkpoints import CHECKPOINT_NAMES, INDEX, CheckpointConfig, index_json, make_index
from qtdog.hub.model_card import CardEntry, model_card
from qtdog.hub_client import DownloadProgress, Transfer, why_it_failed
from qtdog.method_names import quantizer_suffix
from qtdog.places import SHOWN_STUDY
from qtdog.results import MEASURED, MeasuredResult, read_measured

REPO_ID = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*", re.ASCII)
README = "README.md"
PATIENCE_SECONDS = 25.0
"""Without any progress, after which an upload is given up."""

RepoType = Literal["model", "space"]


class PublishError(ValueError):
    """One sentence: why nothing is published."""


@dataclass(frozen=True)
class UploadFile:
    """A file that goes into a repository; `content` is its bytes or where it lies."""

    path: str
    content: bytes | Path

    @property
    def size_bytes(self) -> int:
        """As uploaded."""
        if isinstance(self.content, bytes):
            return len(self.content)
        return self.content.stat().st_size


# What is published ------------------------------------------------------------------------------


def set_files(
    root: Path, repo_id: str, licence: str, results: Path = SHOWN_STUDY
) -> tuple[UploadFile, ...]:
    """The files of the checkpoint set `root`: card, index, and every checkpoint's.

    `results` is the folder of measured.csv; without that file the card has the configs' accuracies
    alone. Raises PublishError for a checkpoint that was not measured, and CheckpointError for one
    that is not what its config says.
    """
    check_repo_id(repo_id)
    check_licence(licence)
    index = make_index(root)
    measured = read_measured(results / MEASURED) if (results / MEASURED).exists() else ()
    entries = [_entry(root, one.path, measured) for one in index.checkpoints]
    card = model_card(repo_id, sorted(entries, key=_place), licence)
    files = [UploadFile(README, str(card).encode()), UploadFile(INDEX, index_json(index))]
    for entry in index.checkpoints:
        names = [file.path for file in entry.files] + [checkpoints.LOG]
        paths = [f"{entry.path}/{name}" for name in names]
        files += [UploadFile(path, root / path) for path in paths if (root / path).exists()]
    files += [UploadFile(one.path, root / one.path) for one in index.graphs]
    return tuple(files)


def check_licence(licence: str) -> None:
    """Raises PublishError unless it is spelled as the Hub's licences are."""
    if not re.fullmatch(r"[a-z0-9]+([.-][a-z0-9]+)*", licence):
        raise PublishError(
            f"'{licence}' is no licence as the Hub spells them: give one such as apache-2.0 or mit."
        )


def check_repo_id(repo_id: str) -> None:
    """Raises PublishError unless it is "ORG/NAME"."""
    if not REPO_ID.fullmatch(repo_id):
        raise PublishError(f"'{repo_id}' is not the name of a repository: give it as ORG/NAME.")


def _entry(root: Path, path: str, measured: Sequence[MeasuredResult]) -> CardEntry:
    checkpoint = checkpoints.load(root / path)
    config = checkpoint.config
    if not config.target.total:
        raise PublishError(
            f"{root / path} has no measured accuracy on {config.target_domain}: evaluate it before "
            "it is published."
        )
    place = f"{config.dataset}/{config.target_domain}"
    if path.rpartition("/")[0] != place:
        raise PublishError(f"{root / path} is of {place}: move it to {root / place}.")
    row = _measured_row(config, measured)
    if row and (row.measurement.correct, row.measurement.total) != (
        config.target.correct,
        config.target.total,
    ):
        counts = f"{row.measurement.correct:,}/{row.measurement.total:,}"
        raise PublishError(
            f"{root / path} states {config.target} on {config.target_domain}, {MEASURED} has "
            f"{counts}: evaluate it again."
        )
    return CardEntry(path, config, checkpoint.size_bytes, row)


def _measured_row(
    config: CheckpointConfig, measured: Sequence[MeasuredResult]
) -> MeasuredResult | None:
    """The row of this very network. An ensemble's row has no hash: there the counts decide."""
    hashes = {file.sha256 for file in config.files}
    place = (config.dataset.lower(), config.target_domain, config.averaged)
    counts = (config.target.correct, config.target.total)
    ensemble = " + ".join((*config.added_methods, CHECKPOINT_NAMES["eoq"]))
    ensemble += quantizer_suffix("eoq", config.quantizer, config.refitted)
    for row in measured:
        run = row.measurement
        if run.sha256 in hashes:
            return row
        is_ensemble = config.method == "eoq" and row.method == ensemble
        same_place = (row.dataset.lower(), row.domain, run.averaged) == place
        if is_ensemble and same_place and (run.correct, run.total) == counts:
            return row
    return None


def _place(entry: CardEntry) -> tuple[object, ...]:
    """In the card: by target, full precision first, more bits first."""
    config, methods = entry.config, list(CHECKPOINT_NAMES)
    method = methods.index(config.method) if config.method in methods else len(methods)
    seed = config.training.seed if config.training else 0
    return (config.dataset, config.target_domain, method, -config.bits, config.averaged, seed)


# Onto the Hub -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Destination:
    """A repository and how to reach it. `token`: the Hub client's own (`hf auth login`, HF_TOKEN)
    when None. `endpoint`: the client's own when None."""

    repo_id: str
    repo_type: RepoType = "model"
    private: bool = False
    """Of a repository that is made now; one that exists stays as it is."""
    variables: tuple[tuple[str, str], ...] = ()
    """Environment variables of a Space."""
    space_sdk: Literal["gradio", "static"] = "gradio"
    """What runs a Space that is made now: our page, or nothing but files."""
    token: str | None = None
    endpoint: str | None = None
    patience: float = PATIENCE_SECONDS


def upload(
    files: Sequence[UploadFile],
    destination: Destination,
    message: str,
    progress: DownloadProgress = lambda done, total: None,
) -> str:
    """Make the repository if need be and upload all files in one commit; returns its sha.

    Raises PublishError. Uploading the same files again makes no second commit.
    """
    check_repo_id(destination.repo_id)
    token = destination.token or get_token()
    if not token:
        raise PublishError(
            "There is no token for the Hub: run 'hf auth login', or set HF_TOKEN to a token that "
            "may write."
        )
    api = HfApi(endpoint=destination.endpoint, token=token)
    ask = _asker(destination)
    with _watched_client(destination.patience):
        ask(
            lambda: api.create_repo(
                destination.repo_id,
                repo_type=destination.repo_type,
                exist_ok=True,
                private=destination.private or None,
                space_sdk=destination.space_sdk if destination.repo_type == "space" else None,
            )
        )
        for variable in destination.variables:
            ask(partial(api.add_space_variable, destination.repo_id, *variable))
        with ExitStack() as opened:
            contents = {
                file.path: file.content
                if isinstance(file.content, bytes)
                else opened.enter_context(_WatchedFile(file.content))
                for file in files
            }
            operations = [CommitOperationAdd(path, content) for path, content in contents.items()]
            watched = [one for one in contents.values() if isinstance(one, _WatchedFile)]

            def commit() -> Any:
                return api.create_commit(
                    destination.repo_id,
                    operations,
                    repo_type=destination.repo_type,
                    commit_message=message,
                )

            return ask(commit, watched, progress).oid


def _asker(destination: Destination) -> Callable[..., Any]:
    """Calls the client, and says in one sentence why it failed."""

    def ask(
        call: Callable[[], Any],
        watched: Sequence["_WatchedFile"] = (),
        progress: DownloadProgress = lambda done, total: None,
    ) -> Any:
        total = sum(file.size_bytes for file in watched)
        transfer = Transfer(destination.patience, total, progress)
        for file in watched:
            file.transfer = transfer
        try:
            return transfer.run([lambda _bar: call()])[0]
        except Exception as error:
            why = _reason(error, transfer.status, destination)
            raise PublishError(f"{destination.repo_id}: {why}.") from None

    return ask


def _reason(error: Exception, status: int, destination: Destination) -> str:
    """Why, as a sentence without its full stop."""
    while not isinstance(error, HfHubHTTPError) and isinstance(error.__cause__, Exception):
        error = error.__cause__  # the client wraps what happens to a single file
    if isinstance(error, HfHubHTTPError):
        status = error.response.status_code
    if status == 401:
        return (
            "the Hub refuses the token (401): run 'hf auth login', or set HF_TOKEN to a token that "
            "may write"
        )
    if status == 402:
        return "this kind of Space needs a paid account (402)"
    if status == 403:
        return "the token may not write there (403): use one with write access to it"
    if status == 404:
        return "the Hub does not have this account, or the token may not see it (404)"
    if status in (409, 412):
        return f"somebody else changed the repository meanwhile ({status}): try again"
    if isinstance(error, BadRequestError):
        return f"the Hub refuses it: {' '.join(str(error.server_message or error).split())[:300]}"
    why = why_it_failed(error, status, destination.patience)
    return f"{why}; a commit is whole or not there, so run the same command again later"


class _WatchedFile(io.BufferedReader):
    """A file that tells how far it has been read, for progress and for giving up."""

    transfer: Transfer | None = None

    def __init__(self, path: Path) -> None:
        super().__init__(io.FileIO(path))
        self.size_bytes = path.stat().st_size
        self._furthest = 0

    def read(self, size: int | None = -1) -> bytes:
        """As always; what is read again does not count again."""
        content = super().read(size)
        if self.transfer:
            new = max(0, self.tell() - self._furthest)
            self._furthest += new
            self.transfer.received(new)
        return content


@contextmanager
def _watched_client(seconds: float) -> Iterator[None]:
    """The client waits for ever by default. Here every wait of a request is limited, so that a
    thread that was given up ends, and files go by HTTP: the Xet library cannot be watched. Its own
    bars and notes of retries are silenced."""
    session, xet, verbosity = get_session(), constants.HF_HUB_DISABLE_XET, logging.get_verbosity()
    timeout, bars = session.timeout, not are_progress_bars_disabled()
    session.timeout, constants.HF_HUB_DISABLE_XET = seconds, True
    logging.set_verbosity_error()
    disable_progress_bars()
    try:
        yield
    finally:
        session.timeout, constants.HF_HUB_DISABLE_XET = timeout, xet
        logging.set_verbosity(verbosity)
        if bars:
            enable_progress_bars()
