"""CONTRIBUTING.md's examples do what they say: in a copy of the program, with their files and
changes, their commands run."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from documents import ROOT, Block, Section, sections
from PIL import Image
from servers import running

EXAMPLES = {one.heading: one for one in sections(ROOT / "CONTRIBUTING.md")}
TRAINED = {
    "Add a quantizer": "unclipped",
    "Add an objective": "vrex",
    "Add an averaging rule": "ema",
    "Add a network": "own/small",
    "Add a dataset": "inked_digits",
}
"""Example -> what the checkpoints that it trains say."""
READ_AGAIN = {"Add a quantizer", "Add a network"}
"""What evaluation must know to read such a checkpoint."""
A_TAB = "Add a tab"


def changed(file: Path, hunk: list[str]) -> None:
    """Replace the lines of a diff's hunk that are there by those that shall be."""
    before = "".join(f"{line[1:]}\n" for line in hunk if line[:1] in (" ", "-"))
    after = "".join(f"{line[1:]}\n" for line in hunk if line[:1] in (" ", "+"))
    text = file.read_text(encoding="utf-8")
    assert text.count(before) == 1, f"{file.name} does not have once:\n{before}"
    file.write_text(text.replace(before, after), encoding="utf-8")


def apply(diff: str, program: Path) -> None:
    """Make the changes of a diff without line numbers: "+++ FILE", then hunks between "@@"."""
    for part in diff.split("+++ ")[1:]:
        name, _, hunks = part.partition("\n")
        for hunk in hunks.split("@@\n"):
            changed(program / name, hunk.splitlines())


def written(program: Path, example: Section) -> list[Block]:
    """Make the example's files and changes; returns its other blocks."""
    left = []
    for block in example.blocks:
        if block.language == "diff":
            apply(block.text, program)
        elif block.title:
            file = program / block.title
            assert not file.exists()
            file.parent.mkdir(exist_ok=True)
            file.write_text(block.text, encoding="utf-8")
        else:
            left.append(block)
    return left


@pytest.fixture
def program(tmp_path) -> Path:
    """A copy of the program."""
    folder = tmp_path / "program"
    shutil.copytree(ROOT / "qtdog", folder / "qtdog", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "app.py", folder)
    (folder / "assets").symlink_to(ROOT / "assets")
    return folder


def run(program: Path, *words: str) -> str:
    """What `python WORDS` says in the program's folder."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(program)}
    done = subprocess.run(
        [sys.executable, *words], cwd=program, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_every_example_is_tested():
    assert {heading for heading in EXAMPLES if heading.startswith("Add ")} == {*TRAINED, A_TAB}


@pytest.mark.parametrize("heading", [*TRAINED, A_TAB])
def test_the_changes_fit_the_code_as_it_is(heading, program):
    before = {path: path.read_bytes() for path in (program / "qtdog").rglob("*.py")}
    assert len(written(program, EXAMPLES[heading])) == 1
    changes = [
        path
        for path in (program / "qtdog").rglob("*.py")
        if before.get(path) != path.read_bytes() and compile(path.read_text(), str(path), "exec")
    ]
    assert len(changes) >= 2


@pytest.mark.slow
@pytest.mark.parametrize(
    "heading",
    TRAINED,
)
def test_what_was_added_is_trained_with_and_its_checkpoints_say_so(heading, program):
    (block,) = written(program, EXAMPLES[heading])
    assert all(line.startswith("python ") for line in block.text.splitlines())
    said = "".join(run(program, *shlex.split(line)[1:]) for line in block.text.splitlines())
    folders = [program / path for path in re.findall(r"^(runs/.+): ", said, re.MULTILINE)]
    assert len(folders) in (2, 4)
    for folder in folders:
        config = (folder / "config.json").read_text(encoding="utf-8")
        assert f'"{TRAINED[heading]}"' in config
        assert json.loads(config)["target"]["total"] > 100
    if heading in READ_AGAIN:
        run(
            program,
            "-m",
            "qtdog",
            "evaluate",
            *map(str, folders),
            "--data",
            "rotated_digits",
            "--check",
        )


@pytest.mark.slow
def test_the_new_tab_is_on_the_page_and_its_endpoint_answers(program):
    (block,) = written(program, EXAMPLES[A_TAB])
    command = [str(program / "app.py"), "--checkpoints", str(ROOT / "checkpoints"), "--port"]
    with running(command) as address:
        asked = block.text.replace("http://127.0.0.1:7860", address)
        assert asked != block.text
        said = run(program, "-c", asked)
        with urllib.request.urlopen(address.rstrip("/") + "/config") as answer:
            components = json.load(answer)["components"]
        assert "colour" in {one["props"].get("id") for one in components}
    picture = Image.open(ROOT / "assets" / "samples" / "dog-pencil.png").convert("RGB")
    mean = np.asarray(picture).reshape(-1, 3).mean(0)
    assert said.splitlines()[-1] == ", ".join(f"{value:.0f}" for value in mean)
