"""The page's start and memory against an empty page of Gradio in a process that has torch.

Memory is read from /proc: on Linux only.
"""

import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from qtdog.benchmark.comparison import Comparison
from qtdog.places import PROGRAM, SAMPLES

ROUNDS = 3
TIMEOUT_SECONDS = 300
SETTLE_SECONDS = 4
BOUNDARY = "edge-of-a-part"

# What the page is compared with: the least that any such page needs.
EMPTY_PAGE = """
import sys, torch, gradio
with gradio.Blocks() as page:
    gradio.Markdown("empty")
page.launch(server_port=int(sys.argv[1]), quiet=True, ssr_mode=False)
"""


@dataclass(frozen=True)
class _Started:
    """One start of a page; memory in MB, shared pages counted by their share (PSS)."""

    page_seconds: float
    answer_seconds: float = 0.0
    answered_megabytes: float = 0.0
    """After the first answer."""
    idle_megabytes: float = 0.0
    """Later, when torch has been imported in the background."""


def compare_pages(root: Path, target: str) -> list[Comparison]:
    """Start both pages in turn. `root`: the set; `target`: the domain that is answered for."""
    ours, usual = [], []
    with tempfile.TemporaryDirectory() as folder:
        empty = Path(folder) / "empty.py"
        empty.write_text(EMPTY_PAGE)
        for _ in range(ROUNDS):
            usual.append(_start_empty(empty))
            ours.append(_start_ours(root, target))
    other = "empty page and torch"

    def line(what: str, of_ours: str, of_usual: str, unit: str) -> Comparison:
        values = [
            statistics.median(getattr(one, field) for one in started)
            for started, field in ((ours, of_ours), (usual, of_usual))
        ]
        return Comparison(what, values[0], other, values[1], unit)

    return [
        line("start to first page", "page_seconds", "page_seconds", "s"),
        line("start to first answer of three models", "answer_seconds", "page_seconds", "s"),
        line("memory, one domain loaded", "answered_megabytes", "idle_megabytes", "MB"),
        line("memory, torch imported too", "idle_megabytes", "idle_megabytes", "MB"),
    ]


def _start_empty(script: Path) -> _Started:
    start = time.perf_counter()
    with _server([str(script)]) as (process, address):
        _until_page(process, address)
        seconds = time.perf_counter() - start
        return _Started(seconds, idle_megabytes=_megabytes(process))


def _start_ours(root: Path, target: str) -> _Started:
    start = time.perf_counter()
    with _server(["-m", "qtdog", "app", "--checkpoints", str(root), "--port"]) as server:
        process, address = server
        _until_page(process, address)
        page_seconds = time.perf_counter() - start
        _ask(address, target)
        answer_seconds = time.perf_counter() - start
        answered = _megabytes(process)
        _until_torch(process)
        return _Started(page_seconds, answer_seconds, answered, _megabytes(process))


@contextmanager
def _server(command: Sequence[str]) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Python with `command` and a free port: the process, and where it will serve."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    path = os.pathsep.join(filter(None, (str(PROGRAM), os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, "GRADIO_ANALYTICS_ENABLED": "False", "PYTHONPATH": path}
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            [sys.executable, *command, str(port)], stdout=output, stderr=output, env=environment
        )
        try:
            yield process, f"http://127.0.0.1:{port}"
        finally:
            process.kill()
            process.wait()


def _until_page(process: subprocess.Popen[bytes], address: str) -> None:
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise ValueError(f"The page stopped with exit code {process.returncode}.")
        try:
            _get(f"{address}/")
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise ValueError(f"There was no page in {TIMEOUT_SECONDS} s.")


def _ask(address: str, target: str) -> None:
    """One of our pictures through all models, as a script asks."""
    picture = next(SAMPLES.glob("*.png"))
    head = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="files"; '
        f'filename="{picture.name}"\r\nContent-Type: image/png\r\n\r\n'
    )
    body = head.encode() + picture.read_bytes() + f"\r\n--{BOUNDARY}--\r\n".encode()
    kind = f"multipart/form-data; boundary={BOUNDARY}"
    (path,) = json.loads(_get(f"{address}/gradio_api/upload", body, kind))
    file = {"path": path, "meta": {"_type": "gradio.FileData"}}
    asked = json.dumps({"data": [file, target]}).encode()
    event = json.loads(_get(f"{address}/gradio_api/call/classify", asked, "application/json"))
    said = _get(f"{address}/gradio_api/call/classify/{event['event_id']}").decode()
    if "event: complete" not in said or said.count('"probabilities"') != 3:
        raise ValueError(f"The page did not answer for three models: {said[-200:]}")


def _get(address: str, body: bytes | None = None, kind: str = "") -> bytes:
    headers = {"Content-Type": kind} if body else {}
    request = urllib.request.Request(address, body, headers)
    with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
        return answer.read()


def _until_torch(process: subprocess.Popen[bytes]) -> None:
    """Until the page has imported torch in the background, and what needs it."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while "libtorch" not in Path(f"/proc/{process.pid}/maps").read_text():
        if time.monotonic() > deadline:
            raise ValueError("The page has not imported torch.")
        time.sleep(0.5)
    time.sleep(SETTLE_SECONDS)


def _megabytes(process: subprocess.Popen[bytes]) -> float:
    """Memory in use; what is shared between processes counts by its share (PSS)."""
    lines = Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) / 1e3 for line in lines if line.startswith("Pss:"))
