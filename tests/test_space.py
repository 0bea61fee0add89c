"""The Space, as the Hub would build and start it: fresh packages, only the published files."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from gradio_client import Client, handle_file

from qtdog.hub import space_files

ROOT = Path(__file__).resolve().parents[1]
START_SECONDS = 300
"""The Hub gives a Space half an hour; a machine that tests are run on has other things to do."""


@pytest.fixture(scope="module")
def space(tmp_path_factory) -> Path:
    """A folder with what `publish --space` uploads, and nothing else."""
    folder = tmp_path_factory.mktemp("space")
    for file in space_files(ROOT):
        path = folder / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        content = file.content
        path.write_bytes(content if isinstance(content, bytes) else content.read_bytes())
    return folder


@pytest.fixture(scope="module")
def python(space, tmp_path_factory) -> Path:
    """An interpreter of its own with nothing but the Space's requirements, and `spaces`, which the
    Hub installs into every Gradio Space."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = folder / "bin" / "python"
    packages = ["-r", space / "requirements.txt", "spaces"]
    install = [python, "-m", "pip", "install", "--quiet", *packages]
    subprocess.run(install, check=True)
    return python


@pytest.mark.slow
def test_the_space_starts_from_an_empty_cache_and_answers(space, python, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    home = tmp_path / "home"
    home.mkdir()
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),  # no cache of anything
        "GRADIO_SERVER_NAME": "0.0.0.0",
        "GRADIO_SERVER_PORT": str(port),
        "GRADIO_ANALYTICS_ENABLED": "False",
        "SYSTEM": "spaces",
        "SPACE_ID": "me/page",
        "SPACE_HOST": "me-page.hf.space",
        "QTDOG_ALLOW_REMOTE": "0",
    }
    start = time.monotonic()
    said = tmp_path / "said.txt"
    with said.open("w") as output:
        server = subprocess.Popen(
            [python, "app.py"], cwd=space, env=environment, stdout=output, stderr=output
        )
    try:
        address = f"http://127.0.0.1:{port}/"
        while not _answers(address):
            assert server.poll() is None, said.read_text()
            assert time.monotonic() - start < START_SECONDS, said.read_text()
            time.sleep(0.2)
        first_page = time.monotonic() - start
        client = Client(address, verbose=False)
        picture = handle_file(space / "assets" / "samples" / "dog-pencil.png")
        answers = client.predict(picture, "pacs/sketch", api_name="/classify")
        first_answer = time.monotonic() - start
    finally:
        server.terminate()
        server.wait(30)
    assert [one["method"] for one in answers] == ["erm", "qt-dog", "eoq"]
    # Python may complain of event loops that Gradio leaves behind; no frame of ours may show.
    assert str(space) not in said.read_text(), said.read_text()
    print(f"first page after {first_page:.1f} s, first answer after {first_answer:.1f} s")


def _answers(address: str) -> bool:
    try:
        return urllib.request.urlopen(address, timeout=5).status == 200
    except (urllib.error.URLError, OSError):
        return False
