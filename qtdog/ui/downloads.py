"""Files that the page offers for download."""

import hashlib
import shutil
import tempfile
import threading
from collections import OrderedDict
from pathlib import Path

from qtdog.files import write_atomically

# Gradio copies a file for its visitor as soon as it is offered.
MOST_FILES = 100


class Downloads:
    """The last `MOST_FILES` files, in a folder that goes with the process. Any thread may offer."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="qtdog-downloads-")
        self._kept: OrderedDict[Path, None] = OrderedDict()
        self._lock = threading.Lock()

    def offer(self, name: str, content: bytes) -> Path:
        """A file of that name and content, the same one for the same content."""
        # Other content, another folder: a file that somebody is downloading never changes.
        folder = Path(self._folder.name) / hashlib.sha256(name.encode() + content).hexdigest()[:16]
        with self._lock:
            self._kept[folder] = None
            self._kept.move_to_end(folder)
            gone = [self._kept.popitem(last=False)[0] for _ in range(len(self._kept) - MOST_FILES)]
        for other in gone:
            shutil.rmtree(other, ignore_errors=True)
        path = folder / name
        if not path.exists():
            write_atomically(path, lambda handle: handle.write(content))
        return path
