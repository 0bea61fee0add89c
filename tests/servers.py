"""The app as its users start it, in a process of its own, on a free port."""

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
START_SECONDS = 120
# Chromium without these looks up its maker's hosts at every start.
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    # A camera that shows a moving picture, for pages that are allowed one.
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]


def chromium() -> str | None:
    """Debian's Chromium; its headless build where that is installed too, which starts in half the
    time and draws no toolbars of its own."""
    return shutil.which("chromium-headless-shell") or shutil.which("chromium")


def running_app(checkpoints: Path | str, **variables: str) -> AbstractContextManager[str]:
    """Start app.py on a folder of checkpoints, or whatever --checkpoints takes, with further
    environment variables; gives the page's address."""
    return running(["app.py", "--checkpoints", str(checkpoints), "--port"], **variables)


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextmanager
def running(
    command: Sequence[str],
    program: Path | str = sys.executable,
    folder: Path = ROOT,
    **variables: str,
) -> Iterator[str]:
    """Run a program in `folder`, by default Python on a script of the repository, that serves a
    page on the port that is its last argument; gives the page's address."""
    port = free_port()
    environment = {**os.environ, "GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_OFFLINE": "1"}
    environment["QTDOG_MAKE_GRAPHS"] = "0"  # it takes half a minute of a core
    environment |= {"PYTHONPATH": str(ROOT), **variables}
    server = subprocess.Popen([program, *command, str(port)], cwd=folder, env=environment)
    address = f"http://127.0.0.1:{port}/"
    try:
        deadline = time.monotonic() + START_SECONDS
        while True:
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{command[0]} did not serve its page.")
            try:
                urllib.request.urlopen(address, timeout=5).read()
                break
            except (urllib.error.URLError, OSError):
                time.sleep(0.2)
        yield address
    finally:
        server.kill()
        server.wait()


def server_process(address: str) -> Path:
    """The folder in /proc of the process that listens at `address`."""
    port = re.search(r":(\d+)/", address)[1].encode()
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (folder / "cmdline").read_bytes().split(b"\0")
            if b"app.py" in words and port in words:
                return folder
    raise AssertionError("the server's process is not there")
