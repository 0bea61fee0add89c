"""app.py on the command line."""

import importlib.util
import socket
import sys
from collections.abc import Callable

import pytest

import app

INSTALLED = importlib.util.find_spec("mcp") is not None


@pytest.fixture
def refusal(monkeypatch, capsys) -> Callable[..., str]:
    """Runs `python app.py ...` in this process to its refusal: the error output."""

    def run(*words: str) -> str:
        monkeypatch.setattr(sys, "argv", ["app.py", *words])
        with pytest.raises(SystemExit) as end:
            app.main()
        assert end.value.code == 2
        return capsys.readouterr().err

    return run


@pytest.fixture
def nothing_loads(monkeypatch):
    monkeypatch.setattr(app, "open_explorer", lambda *_: pytest.fail("it came to the checkpoints"))


def test_a_folder_without_checkpoints_gets_one_sentence(refusal, tmp_path, monkeypatch):
    (tmp_path / "notes.txt").write_text("nothing here")
    monkeypatch.setenv("QTDOG_CHECKPOINTS", str(tmp_path))
    assert refusal() == (
        f"app.py: There is no checkpoint in {tmp_path}: no folder with a config.json.\n"
    )


def test_the_option_wins_over_the_environment(refusal, tmp_path, monkeypatch):
    monkeypatch.setenv("QTDOG_CHECKPOINTS", str(tmp_path))
    said = refusal("--checkpoints", str(tmp_path / "nowhere"))
    assert f"The folder {tmp_path / 'nowhere'} does not exist " in said


def test_a_port_in_use_gets_one_sentence_before_anything_is_loaded(refusal, nothing_loads):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = refusal("--port", str(port))
    assert f"port {port}, cannot be served: Address already in use." in said
    assert len(said.splitlines()) == 1


@pytest.mark.skipif(INSTALLED, reason="needs an environment without the extra mcp")
def test_tools_for_agents_without_the_extra_get_one_sentence_on_what_to_install(
    refusal, nothing_loads
):
    said = refusal("--mcp")
    assert 'pip install "gradio[mcp]"' in said
    assert len(said.splitlines()) == 1
