"""Everything that can go wrong between a published checkpoint set and its user, case by case.

`PYTHONPATH=. python tests/hub_faults.py` runs all cases against the protocol stand-in and writes
what the user saw to assets/results/hub_faults.md; tests/test_hub.py checks the same cases.
"""

import ctypes
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import Any

import torch
from hub_server import HubServer
from huggingface_hub import constants
from tiny import SIZE, save_set

from qtdog import checkpoints
from qtdog.checkpoints import INDEX, CheckpointSet, index_json, make_index
from qtdog.hub import first_usable

TABLE = Path(__file__).resolve().parents[1] / "assets" / "results" / "hub_faults.md"
PATIENCE_SECONDS = 1.5
LONGEST_SECONDS = 30
REPOSITORY = "lab/checkpoints"
SHOWN = ("erm-seed0", "eoq-7bit")
FULL_DISK_BYTES = 250_000
EMPTY, OLDER = "first start", "second start"
INDEXES, CONFIGS, WEIGHTS = INDEX, "*/config.json", "*.safetensors"


@dataclass(frozen=True, eq=False)
class Case:
    """One thing that goes wrong at one stage, with an empty cache or with an older commit in it."""

    start: str
    what: str
    sees: str
    """A pattern of what the user must read; empty: nothing, as all is well."""
    path: str = INDEXES
    stage: str = "get"
    fault: dict[str, Any] = field(default_factory=dict)
    special: str = ""
    """What is not a fault of the server: see `_specially`."""

    @property
    def where(self) -> str:
        """The stage, for people."""
        names = {INDEXES: "index", CONFIGS: "configs", WEIGHTS: "weights"}
        asked = {"head": "metadata", "get": "content"}
        return f"{names[self.path]}, {asked[self.stage]}"


@dataclass(frozen=True)
class Outcome:
    """What came of a case."""

    seen: str
    """The notice on the page; empty for none."""
    shown: str
    """"newest commit", "older commit" or "bundled set"."""
    seconds: float
    """Until there was something to show."""
    damaged: int
    """Files in the cache whose content is not what their name says."""
    after: str
    """What the next start shows when the fault is gone; "newest commit" if all is well."""


def _everywhere(start: str, stages: Sequence[tuple[str, str]]) -> list[Case]:
    answers = {
        "401, token revoked": ("refuses the token", {"status": 401, "error_code": "-"}),
        "403": ("access first|not allow", {"status": 403}),
        "404": ("no such|no file|not have it", {"status": 404, "error_code": "EntryNotFound"}),
        "429": ("asks for a pause", {"status": 429, "retry_after": 300}),
        "500": ("fault of its own", {"status": 500}),
        "no answer": ("nothing more came", {"never": True}),
    }
    bodies = {
        "500": ("fault of its own", {"status": 500}),
        "no answer": ("nothing more came", {"never": True}),
        "429": ("asks for a pause", {"status": 429, "retry_after": 300}),
        "cut off": ("nothing more came|broke off|another length", {"cut": 50}),
        "5 bytes a second": ("nothing more came", {"trickle": 5.0}),
        "damaged bytes": ("damaged|was changed", {"corrupt": True}),
        "too short": ("another length|truncated", {"length": 20}),
        "claims 100 GB": ("announces 100,000,000,000 bytes", {"length": 10**11}),
        "never ends": ("more came than", {"endless": True}),
    }
    cases = []
    for path, stage in stages:
        faults = answers if stage == "head" else bodies
        for what, (sees, fault) in faults.items():
            cases.append(Case(start, what, sees, path, stage, fault))
    return cases


CASES = [
    *_everywhere(EMPTY, list(product((INDEXES, CONFIGS, WEIGHTS), ("head", "get")))),
    *_everywhere(OLDER, [(INDEXES, "head"), (CONFIGS, "get"), (WEIGHTS, "get")]),
    Case(EMPTY, "late by half a second", "", WEIGHTS, "head", {"delay": 0.5}),
    Case(EMPTY, "cut off once", "", WEIGHTS, "get", {"cut": 200_000, "times": 1}),
    Case(EMPTY, "damaged once", "", WEIGHTS, "get", {"corrupt": True, "times": 1}),
    Case(EMPTY, "no network", "cannot be reached", special="no network"),
    Case(OLDER, "no network", "cannot be reached", special="no network"),
    Case(EMPTY, "client switched off", "HF_HUB_OFFLINE", special="offline"),
    Case(OLDER, "client switched off", "HF_HUB_OFFLINE", special="offline"),
    Case(EMPTY, "no such repository", "no such repository", special="repository"),
    Case(EMPTY, "no such revision", "no such revision", special="revision"),
    Case(EMPTY, "index is no JSON", "is not JSON", special="index"),
    Case(OLDER, "index is no JSON", "is not JSON", special="index"),
    Case(EMPTY, "cache cannot be written", "cannot be written", special="no cache"),
    Case(EMPTY, "disk full", "disk is full", WEIGHTS, special="disk full"),
    Case(OLDER, "disk full", "disk is full", WEIGHTS, special="disk full"),
    Case(OLDER, "file in the cache damaged", "", WEIGHTS, special="damaged cache"),
    Case(OLDER, "index in the cache damaged", "", special="damaged index"),
]


@dataclass(frozen=True)
class Sets:
    """What is published: two commits, and the bundled set."""

    older: Path
    newest: Path

    @classmethod
    def make(cls, folder: Path) -> "Sets":
        """Two small sets with their indexes; the newer one has a member more."""
        sets = cls(
            save_set(folder / "older", members=2),
            save_set(folder / "newest", members=3),
        )
        for root in (sets.older, sets.newest):
            (root / INDEX).write_bytes(index_json(make_index(root)))
        return sets


def run(case: Case, sets: Sets, folder: Path) -> Outcome:
    """Publish, break, start, heal, start again."""
    cache = folder / "cache"
    with HubServer(folder / "hub") as hub:
        older = hub.commit_folder(REPOSITORY, sets.older)
        options = {"endpoint": hub.endpoint, "cache": cache, "patience": PATIENCE_SECONDS}
        if case.start == OLDER:
            start(REPOSITORY, sets, options)
        if case.special not in ("damaged cache", "damaged index"):
            newest = hub.commit_folder(REPOSITORY, sets.newest)
        else:
            newest = older
        names = {newest: "newest commit", older: "older commit", "": "bundled set"}
        if case.fault:
            hub.fail(case.stage, path=case.path, **case.fault)
        with _specially(case.special, hub, cache) as (address, changes):
            begin = time.perf_counter()
            origin = start(address, sets, {**options, **changes})
            seconds = time.perf_counter() - begin
        hub.heal()
        if case.special == "index":
            newest = hub.commit_folder(REPOSITORY, sets.newest)
            names[newest] = "newest commit"
        after = start(REPOSITORY, sets, options)
        shown, next_shown = names[origin.commit], names[after.commit]
        return Outcome(origin.notice, shown, seconds, _damaged(cache), next_shown + after.notice)


def start(address: str, sets: Sets, options: dict[str, Any]) -> Any:
    """What the app does at its start, without the page: the origin of the set that it would show,
    after its models have answered like those of the same files on the publisher's disk."""

    def use(chosen: CheckpointSet) -> Any:
        for name in SHOWN:
            folder = Path("pacs") / "sketch" / name
            chosen.ensure(chosen.root / folder)
            ours = logits(chosen.root / folder)
            known = [published_logits(root / folder) for root in (sets.older, sets.newest)]
            assert any(torch.equal(ours, theirs) for theirs in known)
        return chosen.describe()

    return first_usable(address, sets.older, use, **options)


@lru_cache
def published_logits(folder: Path) -> torch.Tensor:
    """`logits` of files that do not change."""
    return logits(folder)


def logits(folder: Path) -> torch.Tensor:
    """(members, 2, classes), of two fixed pictures."""
    pictures = torch.linspace(-2, 2, 2 * 3 * SIZE * SIZE).view(2, 3, SIZE, SIZE)
    with torch.inference_mode():
        return torch.stack([each(pictures) for each in checkpoints.load(folder).networks])


@contextmanager
def _specially(special: str, hub: HubServer, cache: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The address to start with, and options that differ."""
    address, changes = REPOSITORY, {}
    if special == "no network":
        changes = {"endpoint": "http://127.0.0.1:9"}
    elif special == "repository":
        address = "lab/nothing"
    elif special == "revision":
        address = f"{REPOSITORY}@v9"
    elif special == "index":
        hub.commit(REPOSITORY, {INDEX: b'{"format": "qtdog-index", "check'})
    elif special == "no cache":
        file = cache.with_name("file")
        file.write_bytes(b"")
        changes = {"cache": file}
    elif special == "damaged cache":
        for file in cache.rglob("*.safetensors"):
            file.resolve().write_bytes(file.read_bytes()[:-7])
    elif special == "damaged index":
        for file in cache.rglob(INDEX):
            file.resolve().write_bytes(b"{}")
    if special == "offline":
        constants.HF_HUB_OFFLINE = True
        try:
            yield address, changes
        finally:
            constants.HF_HUB_OFFLINE = False
    elif special == "disk full":
        with full_disk(cache):
            yield address, changes
    else:
        yield address, changes


@contextmanager
def full_disk(cache: Path) -> Iterator[None]:
    """A real file system with little room left under `cache`. Raises PermissionError where
    mounting is not allowed."""
    libc = ctypes.CDLL(None, use_errno=True)
    used = sum(file.stat().st_size for file in cache.rglob("blobs/*"))
    small = cache.with_name("small")
    small.mkdir(parents=True)
    size = f"size={used + FULL_DISK_BYTES}".encode()
    if libc.mount(b"none", bytes(small), b"tmpfs", 0, size):
        raise PermissionError(ctypes.get_errno(), "a small file system cannot be mounted")
    try:
        if cache.exists():
            shutil.copytree(cache, small, symlinks=True, dirs_exist_ok=True)
            shutil.rmtree(cache)
        cache.symlink_to(small)
        yield
    finally:
        cache.unlink(missing_ok=True)
        shutil.copytree(small, cache, symlinks=True)
        libc.umount2(bytes(small), 2)


def _damaged(cache: Path) -> int:
    """Files whose content is not what the client's cache names them by: a hash of it."""
    count = 0
    for blob in cache.rglob("blobs/*"):
        content = blob.read_bytes()
        git = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
        known = (git, hashlib.sha256(content).hexdigest())
        count += blob.name not in known
    return count


def table(outcomes: dict[Case, Outcome]) -> str:
    """Markdown."""
    lines = [
        "# What the user sees when the Hub fails",
        "",
        "Written by `PYTHONPATH=. python tests/hub_faults.py`: the Hugging Face Hub's own client "
        "against the protocol stand-in `tests/hub_server.py` on one machine. First start: empty "
        "cache; second start: the cache holds an older commit, and a newer one was published. A "
        "download was "
        f"given up after {PATIENCE_SECONDS} s without progress here; the program's own limit is "
        "20 s. Every set that was shown gave the same logits, bit for bit, as the published files. "
        "The last columns: contents in the cache that are not what their name says, and what the "
        "next start shows once the fault is gone.",
        "",
        f"{len(outcomes)} cases; the longest took {max(o.seconds for o in outcomes.values()):.1f} "
        "s.",
        "",
        "| start | stage | fault | the user reads | shown | seconds | damaged | next start |",
        "|---|---|---|---|---|--:|--:|---|",
    ]
    for case, one in outcomes.items():
        seen = one.seen or "(nothing)"
        lines.append(
            f"| {case.start} | {case.where} | {case.what} | {seen} | {one.shown} | "
            f"{one.seconds:.1f} | {one.damaged} | {one.after} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run all cases and write the table."""
    outcomes = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        sets = Sets.make(folder)
        for number, case in enumerate(CASES):
            outcomes[case] = run(case, sets, folder / str(number))
            print(number, case.start, case.where, case.what, outcomes[case], flush=True)
            shutil.rmtree(folder / str(number))
    TABLE.write_text(table(outcomes))


if __name__ == "__main__":
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    main()
