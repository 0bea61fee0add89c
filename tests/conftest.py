"""What every test gets: its own cache folder, no telemetry, one thread; and a browser."""

import os
import shutil

# Before gradio or the Hub's client is imported: both ask once.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"

import pytest
import torch
from servers import CHROMIUM_FLAGS

# Tensors are tiny here: more threads than one only wait for each other.
torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """Decoded images go into the test's own folder, never into the user's cache."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("QTDOG_CACHE", str(folder))
    return folder


@pytest.fixture(autouse=True)
def same_random_numbers():
    torch.manual_seed(0)


@pytest.fixture(scope="module")
def browser():
    """Headless Chromium. A test without it skips."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("needs Debian's chromium")
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()
