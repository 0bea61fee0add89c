"""A clone as Git for Windows makes it."""

import subprocess
from pathlib import Path

import pytest
from servers import ROOT

from qtdog import checkpoints

DOMAINS = ("art_painting", "cartoon", "photo", "sketch")


@pytest.fixture(scope="module")
def clone(tmp_path_factory) -> Path:
    """The checkpoints and the scripts, cloned with core.autocrlf."""
    if not (ROOT / ".git").exists():
        pytest.skip("needs the git repository")
    folder = tmp_path_factory.mktemp("clone")

    def git(*words: str) -> None:
        subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True)

    windows = ("-c", "core.autocrlf=true")
    git("clone", *windows, "--shared", "--no-checkout", str(ROOT), ".")
    git("sparse-checkout", "set", "checkpoints", ".ci")
    git("checkout")
    return folder


@pytest.mark.parametrize("domain", DOMAINS)
def test_a_clone_with_autocrlf_opens_eoq(clone, domain):
    (folder,) = (clone / "checkpoints" / "pacs" / domain).glob("eoq-*")
    assert len(checkpoints.load(folder).networks) == 5


def test_a_clone_with_autocrlf_keeps_the_bytes_of_scripts(clone):
    assert b"\r" not in (clone / ".ci" / "run").read_bytes()
    assert b"\r" not in (clone / "app.py").read_bytes()
