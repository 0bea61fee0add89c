"""What a first visit to the explorer without a server takes.

    PYTHONPATH=. python tests/first_visit.py

The bundled set is exported and served at 10 Mbit/s to headless Chromium, each model alone in a
browser that has seen nothing. Prints bytes, and seconds from the address to the first answer.
"""

import http.server
import os
import tempfile
import threading
import time
from functools import partial
from pathlib import Path

from playwright.sync_api import sync_playwright
from servers import CHROMIUM_FLAGS, chromium

from qtdog.browser import write_explorer
from qtdog.explorer import Explorer
from qtdog.places import PROGRAM
from qtdog.provenance import cpu

BYTES_A_SECOND = 10e6 / 8
CHUNK = 16_384


class Line:
    """A line of that speed, which all connections share."""

    def __init__(self) -> None:
        self.sent = 0
        self._lock = threading.Lock()
        self._free = 0.0

    def take(self, count: int) -> None:
        """Wait until so many bytes are through."""
        with self._lock:
            self.sent += count
            self._free = max(self._free, time.monotonic()) + count / BYTES_A_SECOND
            wait = self._free - time.monotonic()
        time.sleep(max(0.0, wait))


class Throttled(http.server.SimpleHTTPRequestHandler):
    """Files over a `Line`, as they are: nothing is compressed."""

    def __init__(self, *arguments, line: Line, **options) -> None:
        self._line = line
        super().__init__(*arguments, **options)

    def copyfile(self, source, outputfile) -> None:
        """Send a file in pieces."""
        while piece := source.read(CHUNK):
            self._line.take(len(piece))
            outputfile.write(piece)

    def log_message(self, *arguments) -> None:
        """Nothing is logged."""


def visit(browser, folder: Path, model: str) -> tuple[int, float]:
    """Bytes sent and seconds until the model's first answer."""
    line = Line()
    handler = partial(Throttled, directory=folder, line=line)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        context = browser.new_context(service_workers="block")
        page = context.new_page()
        page.set_default_timeout(300_000)
        start = time.monotonic()
        page.goto(f"http://127.0.0.1:{server.server_port}/?models={model}")
        page.locator("#answers .card").first.wait_for()
        seconds = time.monotonic() - start
        context.close()
        server.shutdown()
    return line.sent, seconds


def main() -> None:
    """Print a line a model."""
    with tempfile.TemporaryDirectory() as place, sync_playwright() as started:
        written = write_explorer(Path(place), Explorer(PROGRAM / "checkpoints"))
        print(f"the folder: {written.bytes_of_page / 1e6:.1f} MB and", end=" ")
        print(f"{written.bytes_of_checkpoints / 1e6:.1f} MB of checkpoints")
        print(f"{cpu()}, load {os.getloadavg()[0]:.1f} at the start, 10 Mbit/s, uncompressed")
        browser = started.chromium.launch(executable_path=chromium(), args=CHROMIUM_FLAGS)
        for model in ("qt-dog", "erm", "eoq"):
            sent, seconds = visit(browser, Path(place), model)
            print(f"{model:<7} {sent / 1e6:5.1f} MB {seconds:5.1f} s", flush=True)
        browser.close()


if __name__ == "__main__":
    main()
