"""The wheel: what is in it, and that it works outside the clone."""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest
from gradio_client import Client, handle_file
from pages import sample
from servers import ROOT, running

import qtdog
from qtdog.places import RESULTS, SAMPLES

MOST_BYTES = 6_000_000  # the browser's engine is 3.7 MB of it
TRAINED = "runs/checkpoints"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """Built from a copy: setuptools leaves a folder behind, and takes from it what it finds."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in ("pyproject.toml", "setup.py", "requirements.txt", "LICENSE", "README.md"):
        shutil.copy(ROOT / name, source)
    for name in ("qtdog", "assets"):
        shutil.copytree(ROOT / name, source / name)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
    command += ["--no-build-isolation", "--wheel-dir", str(folder), str(source)]
    subprocess.run(command, check=True)
    (path,) = folder.glob("*.whl")
    return path


def below(folder: Path, *patterns: str) -> set[str]:
    found = (path for pattern in patterns for path in folder.rglob(pattern))
    return {path.relative_to(ROOT).as_posix() for path in found}


@pytest.mark.thorough
def test_the_wheel_has_the_program_and_what_it_reads(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    there = {name for name in names if ".dist-info/" not in name}
    program = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "qtdog").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.name[0] != "."
    }
    assets = below(RESULTS, "*.csv", "*.json", "*.md", "*.txt")
    assets |= below(SAMPLES, "*.png", "*.json", "OFL.txt", "GPL-2.txt", "*.md")
    assert there == program | {f"qtdog/{name}" for name in assets}
    assert wheel.stat().st_size < MOST_BYTES


@pytest.mark.thorough
def test_the_wheel_says_version_command_and_the_dependencies_of_requirements_txt(wheel):
    with zipfile.ZipFile(wheel) as archive:
        information = f"qtdog-{qtdog.__version__}.dist-info"
        said = message_from_bytes(archive.read(f"{information}/METADATA"))
        commands = archive.read(f"{information}/entry_points.txt").decode()
    assert said["Version"] == qtdog.__version__
    assert "qtdog = qtdog.__main__:main" in commands.splitlines()
    needed = [text for text in said.get_all("Requires-Dist") if "extra ==" not in text]
    requirements = (ROOT / "requirements.txt").read_text(encoding="utf-8").split()
    assert set(map(normalised, needed)) == set(map(normalised, requirements))
    assert {"mcp", "timm", "onnx", "datasets"} <= set(said.get_all("Provides-Extra"))


def normalised(requirement: str) -> tuple[str, frozenset[str]]:
    """Name and bounds, whatever their order."""
    name, bounds = re.fullmatch(r"([\w.-]+)(.*)", requirement.replace(" ", "")).groups()
    return name.lower().replace("_", "-"), frozenset(bounds.split(","))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """The programs of an environment with the wheel, and beside it this one's other packages."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    programs = folder / ("Scripts" if sys.platform == "win32" else "bin")
    (ours,) = {Path(path) for path in sys.path if path.endswith("site-packages")}
    (theirs,) = folder.glob("**/site-packages")
    (theirs / "others.pth").write_text(f"{ours}\n")
    install = [programs / "python", "-m", "pip", "install", "--quiet", "--no-deps", wheel]
    subprocess.run(install, check=True)
    return programs


@pytest.fixture(scope="module")
def run(installed, tmp_path_factory):
    """Runs a program of that environment in a folder of its own: what it says."""
    folder = tmp_path_factory.mktemp("elsewhere")
    outside = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}
    outside |= {"QTDOG_CACHE": str(folder / "cache"), "COLUMNS": "200"}

    def run(program: str, *words: object, code: int = 0) -> str:
        done = subprocess.run(
            [installed / program, *map(str, words)],
            cwd=folder,
            env=outside,
            capture_output=True,
            text=True,
        )
        assert done.returncode == code, done.stderr
        return done.stdout + done.stderr

    run.folder = folder
    return run


@pytest.mark.slow
def test_installed_it_trains_loads_and_serves_from_an_empty_folder(run, installed):
    assert run("qtdog", "--version") == f"qtdog {qtdog.__version__}\n"
    assert "calibrate-hint" in run("qtdog", "--help")

    short = ["--steps", 4, "--quantize-step", 2, "--evaluate-every", 2]
    run("qtdog", "train", "--data", "rotated_digits", "--seed", 0, *short)
    (folder,) = (run.folder / TRAINED).glob("rotated_digits/*/erm-from2-seed0")
    config = json.loads((folder / "config.json").read_text())
    assert config["training"]["commit"] == f"version {qtdog.__version__}"

    target = folder.parent.name
    code = f"""
import sys, qtdog
assert "torch" not in sys.modules
network = qtdog.load("{TRAINED}", target="{target}", method="erm")
print(qtdog.__file__, len(network.classes))
"""
    where, classes = run("python", "-c", code).split()
    assert Path(where).is_relative_to(installed.parent)
    assert int(classes) == len(config["classes"]) == 10

    page = running(
        ["app", "--checkpoints", TRAINED, "--port"],
        program=installed / "qtdog",
        folder=run.folder,
        PYTHONPATH="",
    )
    with page as address:
        client = Client(address, verbose=False)
        picture = handle_file(str(sample("dog-pencil").path))
        answers = client.predict(picture, f"rotated_digits/{target}", api_name="/classify")
        assert [one["method"] for one in answers] == ["erm", "qt-dog"]
        assert all(len(one["probabilities"]) == 10 for one in answers)
        assert client.predict(api_name="/results")  # the tables came along


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "advice"),
    [
        ("app", "--checkpoints FOLDER or --checkpoints ORG/REPO"),
        ("publish --space me/page --dry-run", "in a clone of the program"),
        ("publish --repo-id me/set --dry-run", "name one with --checkpoints"),
        ("benchmark", "name one with --checkpoints"),
        ("benchmark-landscape", "name one with --checkpoint."),
    ],
)
def test_what_needs_the_clone_says_so_in_one_sentence(words, advice, run):
    (said,) = run("qtdog", *words.split(), code=2).splitlines()
    assert said.startswith("qtdog: ")
    assert advice in said
