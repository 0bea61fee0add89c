"""Modules for browsers: what the page and the explorer without a server are made of there."""

from pathlib import Path

FOLDER = Path(__file__).parent
