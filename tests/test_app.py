"""app.py on the command line."""

import os
import socket
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def run_app(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "app.py", *words],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_a_folder_without_checkpoints_gets_one_sentence(tmp_path):
    (tmp_path / "notes.txt").write_text("nothing here")
    ended = run_app(QTDOG_CHECKPOINTS=str(tmp_path))
    assert ended.returncode == 2
    assert ended.stderr.strip().splitlines()[-1] == (
        f"app.py: There is no checkpoint in {tmp_path}: no folder with a config.json."
    )
    assert "Traceback" not in ended.stderr


def test_the_option_wins_over_the_environment(tmp_path):
    ended = run_app("--checkpoints", str(tmp_path / "nowhere"), QTDOG_CHECKPOINTS=str(tmp_path))
    assert ended.returncode == 2
    assert f"The folder {tmp_path / 'nowhere'} does not exist " in ended.stderr


def test_a_port_in_use_gets_one_sentence_before_anything_is_loaded():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = run_app("--port", str(port))
    assert ended.returncode == 2
    assert f"port {port}, cannot be served: Address already in use." in ended.stderr
    assert "Traceback" not in ended.stderr
