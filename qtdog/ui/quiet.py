"""What can wait until the page is up and nobody asks anything of it."""

import threading
import time

from qtdog.explorer import Explorer

QUIET_SECONDS = 3.0


class Asked:
    """When the page was asked for something. `qtdog.ui.middleware.Guard` tells it."""

    def __init__(self) -> None:
        self._page_was_sent = threading.Event()
        self._last = 0.0  # monotonic seconds

    def now(self) -> None:
        """A request has come, or was answered."""
        self._last = time.monotonic()

    def page_sent(self) -> None:
        """A visitor has the page."""
        self.now()
        self._page_was_sent.set()

    def wait_until_quiet(self, seconds: float = QUIET_SECONDS) -> None:
        """Return when the page has been sent and nothing was asked for so long."""
        self._page_was_sent.wait()
        while (left := self._last + seconds - time.monotonic()) > 0:
            time.sleep(left)


def prepare_when_quiet(explorer: Explorer, asked: Asked) -> None:
    """In a thread of its own: load what the first use of Quantize or Landscape needs, and make the
    graphs that the shown networks lack."""

    def prepare() -> None:
        asked.wait_until_quiet()
        explorer.import_torch()
        asked.wait_until_quiet()
        explorer.provide_graphs()

    threading.Thread(target=prepare, name="prepare", daemon=True).start()
