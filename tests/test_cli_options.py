"""Every option of every command with a wrong value: one sentence, before anything long is done."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
import typer
from test_data import make_folder
from tiny import ARCHITECTURE, save_checkpoint
from typer.models import ArgumentInfo

from qtdog import cli
from qtdog.cli.words import file_to_write, folder_to_write

DATA, SET, FILE, OUT = "DATA", "SET", "FILE", "OUT"
"""Stand for a folder of images, one of checkpoints, a text file, an empty folder."""
RECORDED = "assets/results/first/runs"
ERM, FIRST, SECOND = (f"{SET}/{name}" for name in ("erm-seed0", "qt-dog-seed0", "qt-dog-seed1"))
RUNS = ("--records", OUT, "--runs", OUT)
SOUND = {
    "train": ("--data", DATA, "--recipe", "digits", "--out", OUT, "--runs", OUT),
    "sweep": ("--data", DATA, "--recipe", "digits", *RUNS, "--most", "0"),
    "reproduce": (
        "--table",
        "2",
        "--dataset",
        "PACS",
        "--data",
        DATA,
        "--recipe",
        "digits",
        "--no-measure",
        "--out",
        OUT,
    ),
    "ensemble": (FIRST, SECOND, "--data", DATA, "--out", f"{OUT}/eoq"),
    "ship": ("--data", DATA, "--built", SET, "--records", RECORDED, "--out", OUT),
    "report": ("--records", OUT, "--out", OUT),
    "data fetch": ("hub:org/name", "--out", OUT),
    "data check": (DATA,),
    "data camelyon17": (OUT, "--out", OUT),
    "evaluate": (ERM, "--data", DATA),
    "landscape": (ERM, "--data", DATA, "--out", OUT, "--runs", OUT),
    "layers": (ARCHITECTURE,),
    "calibrate-hint": (ERM, "--data", DATA, "--out", f"{OUT}/energy.csv"),
    "benchmark": (),
    "benchmark-landscape": (),
    "fetch": ("org/name",),
    "publish": ("--repo-id", "org/name", "--checkpoints", SET, "--dry-run"),
    "export": (ERM, "--out", f"{OUT}/erm.safetensors"),
    "export-site": (OUT,),
    "toy": ("--out", f"{OUT}/toy.json"),
}
"""Command -> words with which it has nothing to complain about, as far as is asked here."""

WRONG = {
    "data": "nowhere",
    "target": "no-such-domain",
    "architecture": "resnet19",
    "start_weights": "nowhere.safetensors",
    "leave_out": "no.such.layer",
    "only": "no-such-run",
    "time_limit": "tomorrow",
    "partition": "two words",
    "table": "99",
    "recipe": "no-such-recipe",
    "dataset": "no-such-dataset",
    "kind": "no-such-kind",
    "split": "no-such-split",
    "distance": "no-such-distance",
    "benchmark": "no-such-benchmark",
    "source": "no address",
    "repo_id": "no address",
    "space": "no address",
    "licence": "no such licence",
}
"""Of options that are text, and of arguments that are paths."""

KNOWN_LATER = {
    "data fetch": ("image_column", "domain_column", "class_column"),  # once a file is there
    "fetch": ("target",),  # once the index is there
    "sweep": ("only",),  # a run's name follows from the images
}


@dataclasses.dataclass(frozen=True)
class Option:
    """An option or an argument (which has no `flag`) of a command."""

    name: str
    kind: Any
    flag: str
    callback: Callable | None


def commands(app: typer.Typer, before: str = "") -> dict[str, list[Option]]:
    found = {}
    for one in app.registered_commands:
        name = one.name or one.callback.__name__.replace("_", "-")
        found[before + name] = list(options(one.callback))
    for group in app.registered_groups:
        found |= commands(group.typer_instance, f"{group.name} ")
    return found


def options(function: Callable) -> Iterator[Option]:
    for name, hint in get_type_hints(function, include_extras=True).items():
        if name == "return" or hint is typer.Context:
            continue
        kind, info = get_args(hint)
        optional = [one for one in get_args(kind) if one is not type(None)]
        if type(None) in get_args(kind):
            kind = optional[0]
        kind = get_args(kind)[0] if get_origin(kind) is list else kind
        given = [one for one in (info.default, *(info.param_decls or ())) if isinstance(one, str)]
        flag = (given or [f"--{name.replace('_', '-')}"])[0]
        yield Option(name, kind, "" if isinstance(info, ArgumentInfo) else flag, info.callback)


# `app` settles its process's environment: tests/test_app.py asks it, in a process of its own.
COMMANDS = {name: one for name, one in commands(cli.app).items() if name != "app"}


def wrong_values(option: Option) -> tuple[str, ...]:
    if option.callback is folder_to_write:
        return (f"{FILE}/below", "/proc/below")
    if option.callback is file_to_write:
        return (f"{FILE}/below", OUT)
    if get_origin(option.kind) is Literal:
        return ("no-such-choice",)
    if option.kind is int:
        return ("-1", "many")
    if option.kind is float:
        return ("-1", "many", "nan")
    return (WRONG.get(option.name, "nowhere"),)


def cases() -> Iterator[tuple[str, Option, str]]:
    for name, listed in COMMANDS.items():
        for option in listed:
            if option.kind is not bool and option.name not in KNOWN_LATER.get(name, ()):
                for value in wrong_values(option):
                    yield name, option, value


@pytest.fixture(scope="module")
def places(tmp_path_factory) -> dict[str, str]:
    root = tmp_path_factory.mktemp("options")
    checkpoints = root / "set" / "pacs" / "sketch"
    save_checkpoint(checkpoints / "erm-seed0", "erm", 0)
    for seed in range(2):
        save_checkpoint(checkpoints / f"qt-dog-seed{seed}", "qt-dog", seed, 7)
    (root / "file").write_text("text")
    return {
        DATA: str(make_folder(root / "pets")),
        SET: str(checkpoints),
        FILE: str(root / "file"),
    }


@pytest.mark.parametrize(
    ("name", "option", "value"), list(cases()), ids=lambda one: getattr(one, "name", one)
)
def test_a_wrong_value_is_one_sentence_before_anything_long(
    command, places, tmp_path, own_cache, name, option, value
):
    out = tmp_path / "out"
    out.mkdir()

    def place(word: str) -> str:
        for sign, path in {**places, OUT: str(out)}.items():
            if word == sign or word.startswith(f"{sign}/"):
                return path + word[len(sign) :]
        return word

    words = list(SOUND[name])
    if not option.flag:
        words = [value, *words[1:]]
    elif option.flag in words:
        words[words.index(option.flag) + 1] = value
    else:
        words += [option.flag, value]
    code, _, error = command(*name.split(), *map(place, words))
    assert code == 2, error
    assert "Traceback" not in error
    assert "[Errno" not in error
    own = [line for line in error.splitlines() if line.startswith("qtdog: ")]
    assert len(own) == 1 or "Invalid value for" in error, error
    assert not list(own_cache.rglob("*.npy")), "images were read before"
    assert not [path for path in out.rglob("*") if path.is_file()], "something was written"


def test_every_command_is_asked():
    assert COMMANDS.keys() == SOUND.keys()
