"""Where the program's own files lie: in a clone beside the package, once installed inside it."""

import os
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
PROGRAM = PACKAGE.parent
"""The repository's folder; of an installed package the folder that it is installed in."""

ASSETS = next(
    (place for place in (PACKAGE / "assets", PROGRAM / "assets") if place.is_dir()),
    PROGRAM / "assets",
)
SAMPLES, RESULTS = ASSETS / "samples", ASSETS / "results"
SHOWN_STUDY = RESULTS / "first"
"""Records, tables, report and landscapes of the study whose networks are the bundled set."""
LANDSCAPES = SHOWN_STUDY / "landscapes"
"""What was measured around those networks."""
INSTALLED = ASSETS.parent == PACKAGE
CHECKPOINTS = None if INSTALLED else PROGRAM / "checkpoints"
"""The bundled set. It is not part of an installed package."""


def cache_folder() -> Path:
    """Where decoded images and graphs are kept: `QTDOG_CACHE`, or qtdog in the user's cache
    folder."""
    if "QTDOG_CACHE" in os.environ:
        return Path(os.environ["QTDOG_CACHE"])
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "qtdog"
