"""Where the modules lie."""

from pathlib import Path

FOLDER = Path(__file__).resolve().parent
