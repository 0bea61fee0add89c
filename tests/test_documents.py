"""README, CONTRIBUTING and docs say what is so: links lead somewhere, commands and their options
exist, endpoints and files are there, and what is code runs."""

import functools
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from documents import PAGES, ROOT, anchors, code, links, sections, tokens
from servers import running_app
from tabs import ENDPOINTS

from qtdog import cli
from qtdog.cli import start_page

COMMANDS = (
    *("train", "sweep", "reproduce", "evaluate", "landscape", "layers", "publish", "ship"),
    "export-site",
)
"""Those whose options are also named by themselves."""
API = ROOT / "docs" / "api.md"
ADDRESS = "http://127.0.0.1:7860"


def named(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path, language: str) -> list[str]:
    """The page's fenced code in a language."""
    found = [one for one in tokens(page) if one.type == "fence"]
    return [one.content for one in found if one.info == language]


def commands(page: Path) -> Iterator[list[str]]:
    """The words of every command of a shell on the page."""
    python = {one.content for one in tokens(page) if one.type == "fence" and one.info != "bash"}
    for text in code(page):
        if text not in python:
            for line in text.replace("\\\n", " ").splitlines():
                try:
                    yield shlex.split(line, comments=True)
                except ValueError:  # an apostrophe: no command
                    continue


@pytest.fixture
def help_of(monkeypatch, capsys) -> Callable[..., dict[str, str]]:
    """Option -> the line that explains it, of `qtdog WORDS --help`; {} where there is no such
    command. What is asked of it twice is asked once."""

    @functools.cache
    def ask(*words: str) -> dict[str, str]:
        monkeypatch.setenv("COLUMNS", "400")
        monkeypatch.setattr(sys, "argv", ["qtdog", *words, "--help"])
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            cli.main()
        lines = capsys.readouterr().out.splitlines() if not end.value.code else []
        return {name: one for one in lines for name in re.findall(r"--[a-z][\w-]*", one[:60])}

    return ask


def what_is_wrong(words: list[str], help_of: Callable[..., dict[str, str]]) -> str:
    """Of the words behind `qtdog`, as the command's help has it; "" where nothing is."""
    if not words or words[0].startswith("-"):
        return ""
    count = 2 if words[0] == "data" and len(words) > 1 else 1
    command, rest = words[:count], words[count:]
    known = help_of(*command)
    if not known:
        return f"there is no command {' '.join(command)}"
    for place, word in enumerate(rest):
        option, _, value = word.partition("=")
        if not option.startswith("--"):
            continue
        if option not in known:
            return f"{' '.join(command)} has no option {option}"
        choices = re.search(r"[<\[]([\w.-]+(?:\|[\w.-]+)+)[>\]]", known[option])
        value = value or (rest[place + 1] if place + 1 < len(rest) else "")
        if choices and value and value not in choices[1].split("|"):
            return f"{' '.join(command)} {option} cannot be {value}"
    return ""


@pytest.fixture
def app_options(monkeypatch, capsys) -> set[str]:
    """Of app.py, from its help."""
    monkeypatch.setattr(sys, "argv", ["app.py", "--help"])
    with pytest.raises(SystemExit):
        start_page()
    return set(re.findall(r"--[\w-]+", capsys.readouterr().out))


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_lead_to_files_and_headings_that_are_there(page):
    wrong = []
    for link in links(page):
        if re.match(r"https?://", link):
            continue
        path, _, anchor = link.partition("#")
        place = (page.parent / path).resolve() if path else page
        there = place.exists() and place.is_relative_to(ROOT)
        if not there or (anchor and anchor not in anchors(place)):
            wrong.append(link)
    assert wrong == []


def test_every_page_is_linked_from_the_readme():
    linked = {(ROOT / link.partition("#")[0]).resolve() for link in links(PAGES[0])}
    assert [named(page) for page in PAGES[1:] if page not in linked] == []


def test_a_wrong_link_and_a_wrong_command_would_be_found(tmp_path, help_of):
    page = tmp_path / "page.md"
    page.write_text('# A b\n\n[x](nowhere.md) ![y](z.png) <img src="q.png">\n\n## A b\n')
    assert set(links(page)) == {"nowhere.md", "z.png", "q.png"}
    assert anchors(page) == {"a-b", "a-b-1"}
    assert what_is_wrong(["tarin"], help_of) == "there is no command tarin"
    assert (
        what_is_wrong(["train", "--data", "x", "--seeed", "1"], help_of)
        == "train has no option --seeed"
    )
    assert what_is_wrong(["train", "--recipe", "gpu"], help_of) == "train --recipe cannot be gpu"
    assert what_is_wrong(["data", "check", "PACS", "--no-decode"], help_of) == ""


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_commands_and_their_options_are_known(page, app_options, help_of):
    if page.name == "CONTRIBUTING.md":  # its examples add options and are run: test_contributing
        examples = {
            one.text for part in sections(page) for one in part.blocks if one.language == "bash"
        }
    else:
        examples = set()
    skipped = {tuple(shlex.split(line)) for text in examples for line in text.splitlines()}
    every = set(app_options)
    every.update(*map(help_of, COMMANDS))
    wrong = []
    for words in commands(page):
        if tuple(words) in skipped or not words:
            continue
        if words[0] == "qtdog" or ("-m", "qtdog") in pairwise(words):
            after = words[words.index("qtdog") + 1 :]
            if after[:1] == ["app"]:
                wrong += [one for one in after[1:] if one.startswith("--") and one not in every]
            elif problem := what_is_wrong(after, help_of):
                wrong.append(problem)
        elif any(one.endswith("app.py") for one in words):
            given = {one for one in words if one.startswith("--")}
            wrong += sorted(given - app_options)
        elif words[0] == "python" and words[1:2] and words[1].endswith(".py"):
            wrong += [] if (ROOT / words[1]).is_file() else [words[1]]
        elif words[0].startswith("--"):
            wrong += [] if words[0] in every else [words[0]]
    assert wrong == []


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_files_that_are_named_are_there(page):
    new = {one.title for part in sections(page) for one in part.blocks}
    roots = (ROOT, ROOT / "qtdog")
    wrong = [
        text
        for text in code(page)
        if re.fullmatch(r"[a-z_]+/[\w./-]*\.[a-z]{2,5}", text) and text not in new
        if not any((root / text).exists() for root in roots)
    ]
    assert wrong == []


def test_pictures_are_small():
    pictures = list((ROOT / "docs" / "images").iterdir())
    assert {one.name for one in pictures} == {"try-light.webp", "try-dark.webp"}
    assert max(one.stat().st_size for one in pictures) < 200_000


def test_the_endpoints_are_all_there_with_their_arguments():
    rows = re.findall(r"^\| `(/\w+)` \| (.*?) \|", API.read_text(encoding="utf-8"), re.MULTILINE)
    stated = {name: " ".join(re.findall(r"`(\w+)`", arguments)) for name, arguments in rows}
    assert stated == ENDPOINTS


@pytest.fixture(scope="module")
def address():
    with running_app(ROOT / "checkpoints") as address:
        yield address


PYTHON = [
    (page, place)
    for page in PAGES
    if page.name != "CONTRIBUTING.md"
    for place in range(len(blocks(page, "python")))
]
SAID = {
    "README.md": ["dog"],
    "docs/api.md": [
        r"Full precision: dog \d+\.\d%, 9,\d{3},\d{3} bytes\n"
        r"QT-DoG: dog \d+\.\d%, 2,\d{3},\d{3} bytes\nEoQ: dog \d+\.\d%, 10,\d{3},\d{3} bytes",
        r"dog \d+\.\d%",
    ],
    "docs/format.md": [r"\S+ -\d+ \d+ \(\d+,\)"],
}
"""What the pages' programs print."""


def test_every_program_on_a_page_is_run():
    assert {named(page): len(blocks(page, "python")) for page, _ in PYTHON} == {
        page: len(said) for page, said in SAID.items()
    }


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("page", "place"), PYTHON, ids=[f"{named(page)}-{place}" for page, place in PYTHON]
)
def test_programs_run(page, place, request):
    program = blocks(page, "python")[place]
    if ADDRESS in program:
        program = program.replace(ADDRESS, request.getfixturevalue("address"))
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    said = done.stdout.partition("Loaded as API")[2].partition("\n")[2] or done.stdout
    assert re.fullmatch(SAID[named(page)][place], said.strip()), said


def test_the_codes_read_by_hand_are_the_packages():
    """format.md's program, on a layer whose number of weights is no multiple of anything."""
    from qtdog import checkpoints

    (program,) = blocks(ROOT / "docs" / "format.md", "python")
    names: dict[str, object] = {}
    exec(program.replace('"checkpoints/', f'"{ROOT.as_posix()}/checkpoints/'), names)
    folder, name = names["folder"], names["name"]
    (network,) = checkpoints.load(folder).networks
    weight = network.get_parameter(name).detach()
    rebuilt = names["codes"][: weight.numel()].reshape(weight.shape)
    rebuilt = rebuilt * names["step_size"].reshape(-1, *[1] * (weight.dim() - 1))
    assert abs(rebuilt - weight.numpy()).max() < 1e-7
