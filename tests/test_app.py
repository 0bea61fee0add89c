"""The page's command line: `python app.py` and `qtdog app`, one and the same."""

import re
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from servers import ROOT

import qtdog
from qtdog import cli, ui
from qtdog.cli import page


@pytest.fixture(params=["app.py", "qtdog app"])
def refusal(request, monkeypatch, capsys) -> Callable[..., str]:
    """Runs either command in this process to its refusal: the error output after its name.

    The process is not settled for a page: it goes on with other tests."""
    name, *words_before = request.param.split()
    monkeypatch.setattr(page, "settle", list)

    def run(*words: str) -> str:
        monkeypatch.setattr(sys, "argv", [name, *words_before, *words])
        with pytest.raises(SystemExit) as end:
            (cli.start_page if name == "app.py" else cli.main)()
        assert end.value.code == 2
        said = capsys.readouterr().err
        assert said.startswith(f"{name}: ")
        return said.removeprefix(f"{name}: ")

    return run


@pytest.fixture
def nothing_loads(monkeypatch):
    monkeypatch.setattr(ui, "serve", lambda *_: pytest.fail("it came to the page"))


def test_a_folder_without_checkpoints_gets_one_sentence(refusal, tmp_path, monkeypatch):
    (tmp_path / "notes.txt").write_text("nothing here")
    monkeypatch.setenv("QTDOG_CHECKPOINTS", str(tmp_path))
    assert refusal() == f"There is no checkpoint in {tmp_path}: no folder with a config.json.\n"


def test_the_option_wins_over_the_environment(refusal, tmp_path, monkeypatch):
    monkeypatch.setenv("QTDOG_CHECKPOINTS", str(tmp_path))
    said = refusal("--checkpoints", str(tmp_path / "nowhere"))
    assert f"The folder {tmp_path / 'nowhere'} does not exist " in said


def test_an_installed_package_without_checkpoints_says_what_to_name(
    refusal, nothing_loads, monkeypatch
):
    monkeypatch.setenv("QTDOG_CHECKPOINTS", "")
    monkeypatch.setattr(page, "CHECKPOINTS", None)
    said = refusal()
    assert "--checkpoints FOLDER or --checkpoints ORG/REPO" in said
    assert len(said.splitlines()) == 1


def test_a_port_in_use_gets_one_sentence_before_anything_is_loaded(refusal, nothing_loads):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = refusal("--port", str(port))
    assert f"port {port}, cannot be served: Address already in use." in said
    assert len(said.splitlines()) == 1


def test_tools_for_agents_without_the_extra_get_one_sentence_on_what_to_install(
    refusal, nothing_loads, monkeypatch
):
    monkeypatch.setitem(sys.modules, "mcp", None)  # so Python finds no such package
    said = refusal("--mcp")
    assert 'pip install "gradio[mcp]"' in said
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize(
    ("given", "root_path"),
    [
        ("/qtdog", "/qtdog"),
        ("qtdog/", "/qtdog"),
        ("/lab/qt-dog/", "/lab/qt-dog"),
        ("https://lab.org/qtdog/", "https://lab.org/qtdog"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
    ],
)
def test_a_root_path_is_a_prefix_or_an_address(given, root_path):
    assert page.root_path(given) == root_path


def test_a_host_that_is_none_gets_one_sentence_before_anything_is_loaded(refusal, nothing_loads):
    said = refusal("--host", "no-such-host.invalid")
    assert "no-such-host.invalid cannot be served: " in said
    assert said.strip().endswith("Choose another --host.")


@pytest.mark.parametrize("given", ["", "/", "/a b", "ftp://lab.org/x", "/x?y", "//lab.org", "../x"])
def test_a_wrong_root_path_gets_one_sentence(given, refusal, nothing_loads):
    said = refusal("--root-path", given)
    assert "neither a path such as /qtdog nor a URL such as https://lab.org/qtdog" in said
    assert len(said.splitlines()) == 1


def options(help_text: str) -> set[str]:
    return set(re.findall(r"--[a-z-]+", help_text)) - {"--version"}


def test_both_commands_have_the_same_options():
    def help_of(*words: str) -> str:
        command = [sys.executable, *words, "--help"]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout

    ours = options(help_of("app.py"))
    assert {"--checkpoints", "--host", "--port", "--root-path", "--mcp"} <= ours
    assert options(help_of("-m", "qtdog", "app")) == ours


def test_neither_the_package_nor_its_command_line_loads_what_is_slow():
    code = (
        "import sys, qtdog, qtdog.__main__\n"
        "slow = {'torch', 'torchvision', 'gradio', 'numpy', 'pandas', 'plotly', 'httpx', 'PIL'}\n"
        "print(sorted(slow & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_the_version_is_said_and_is_the_changelogs_newest(command):
    assert command("--version") == (0, f"qtdog {qtdog.__version__}\n", "")
    changes = (Path(ROOT) / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.search(r"^## (\S+)", changes, re.MULTILINE)[1]
    assert newest == qtdog.__version__.partition(".dev")[0]
