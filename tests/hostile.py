"""Checkpoint sets made by somebody who means harm: over 200, each refused with a reason.

`PYTHONPATH=. python tests/hostile.py FOLDER` opens them all in a process of their own and prints
one line of JSON for each, with what was said, and one with the memory that it took.
tests/test_hub_hostile.py runs and judges that.
"""

import hashlib
import io
import itertools
import json
import os
import pickle
import random
import resource
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load as tensors_from_bytes
from safetensors.torch import save as tensors_to_bytes
from tiny import save_set

from qtdog import checkpoints
from qtdog.checkpoints import INDEX, index_json, make_index
from qtdog.hub.sources import open_set

Change = Callable[[Path], None]
"""Makes a healthy set, given by its root, a hostile one."""

ERM, MEMBER, EOQ = "pacs/sketch/erm-seed0", "pacs/sketch/qt-dog-7bit-seed0", "pacs/sketch/eoq-7bit"
EXECUTED = "executed"
"""A file that a payload makes beside the set when somebody runs it."""


class Payload:
    """Unpickling this makes the file EXECUTED in the working folder."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (open, (EXECUTED, "w"))


# index.json -------------------------------------------------------------------------------------

PATHS = [
    *("", "a", "a/b", "a/b/c/d", "/a/b/c", "//a/b", "a//c", "a/b/", "../b/c", "a/../c", "a/b/.."),
    *(
        "../../../etc/passwd",
        "./b/c",
        "a/./c",
        "~/b/c",
        "a/b/.ssh",
        "a\\b/b/c",
        "C:/b/c",
        "a:b/b/c",
    ),
    *("a/b/c.", "a/b/c ", "a/b/c\x00", "a/b/c\n", "a/b/\x1b[31m", "a/b/\u202ecod", "%2e%2e/b/c"),
    *("a/b/c*", "a/b/$HOME", "a/b/`id`", "a/b/<b>", 'a/b/"c"', "a/b/'c'", "a/b/" + "x" * 101),
    *("a/" * 5000 + "c", "hf://a/b", "http://a/b", "\ud800/b/c", "a/b/c|d", "a/b/c;d", "a/b/c&d"),
]
NAMES = [
    [],
    ["model.safetensors"],
    ["model.safetensors", "config.json"],
    ["config.json", "config.json"],
    ["config.json", "pytorch_model.bin"],
    ["config.json", "model.pkl"],
    ["config.json", "../erm-seed0/model.safetensors"],
    ["../config.json"],
    ["/etc/passwd"],
    ["Config.json"],
    ["config.json", "model.safetensors", "model.safetensors"],
    ["config.json", "model.safetensors", "setup.py"],
    ["config.json"] * 1000,
    ["config.json\x00"],
]
SIZES = [
    0,
    -1,
    10**11,
    1 << 53,
    (1 << 53) + 1,
    10**30,
    10**400,
    1.5,
    1e300,
    "12",
    True,
    None,
    [],
    {},
]
HASHES = ["", "0" * 63, "0" * 65, "A" * 64, "g" * 64, "0" * 64 + "\n", 5, None, ["0" * 64]]
TEXTS = [
    b"",
    b"{",
    b"null",
    b"[]",
    b"7",
    b'"text"',
    b"\x80\x04N.",
    b"\xff\xfe{\x00}\x00",
    b"\x1f\x8b\x08\x00",
    b"PK\x03\x04",
    b"\x00" * 1000,
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b"9" * 5000,
    b"{" + b" " * (5 << 20) + b"}",
    b'{"format": "qtdog-index"}',
    b'{"format": "qtdog-index", "format_version": 1}',
    b'{"format": "qtdog-index", "format_version": 1, "checkpoints": {}}',
    b'{"format": "qtdog-index", "format_version": 1, "checkpoints": []}',
    b'{"format": "qtdog-index", "format_version": 1, "checkpoints": [1]}',
    b'{"format": "qtdog-index", "format_version": 1, "checkpoints": [{}]}',
    b'{"format": "qtdog-index", "format_version": 1, "checkpoints": [], "\\ud800": 1}',
    b'{"format": "qtdog-index", "format_version": Infinity, "checkpoints": []}',
]


def index_changes() -> Iterator[tuple[str, Change]]:
    """Indexes that are not what they should be, of checkpoints that are."""
    for path in PATHS:
        yield f"index: path {path!r:.40}", _index(lambda entries, p=path: entries[0].update(path=p))
    for names in NAMES:
        files = [{"path": name, "sha256": "0" * 64, "size_bytes": 5} for name in names]
        yield f"index: files {names!r:.40}", _index(lambda e, f=files: e[0].update(files=f))
    for size in SIZES:
        yield f"index: size {size!r:.40}", _index(lambda e, s=size: _file(e).update(size_bytes=s))
    for value in HASHES:
        yield f"index: hash {value!r:.40}", _index(lambda e, v=value: _file(e).update(sha256=v))
    for text in TEXTS:
        yield f"index: text {text!r:.40}", lambda root, t=text: _write(root / INDEX, t)
    for part in range(1, 8):
        yield f"index: cut after {part}/8", lambda root, p=part: _cut(root / INDEX, p / 8)
    yield "index: one checkpoint twice", _index(lambda entries: entries.append(entries[0]))
    twin = {"path": ERM.upper(), "files": [{"path": "config.json", "sha256": "0" * 64}]}
    twin["files"][0]["size_bytes"] = 5
    yield "index: the same in capitals", _index(lambda entries: entries.append(twin))
    yield "index: 1,001 checkpoints", _index(_many)
    yield "index: an ensemble's members left out", _index(lambda entries: entries.__delitem__(3))
    yield "index: an unknown field", _index(lambda entries: entries[0].update(command="id"))


# config.json ------------------------------------------------------------------------------------

FIELDS = [
    ("method", ["", "pickle", 5, None, "eoq", "x" * 10_000, "\ud800"]),
    ("architecture", ["", "os.system", "../x", 7, None, "resnet50", "mobilenet_v2", "__import__"]),
    ("classes", [[], ["one"], "dog", None, [1, 2], ["a"] * 8, ["a"] * 6, {"dog": 1}]),
    ("image_size", [0, -1, 10**9, 1e9, "64", None, 10**400]),
    ("mean", [[0, 0], [0, 0, "a"], [float("nan")] * 3, [float("inf")] * 3, 5, [10**400] * 3]),
    ("std", [[0, 1, 1], [-1, 1, 1], [1, 1], [float("nan")] * 3]),
    ("bits", [0, 1, 9, 31, 64, -7, 7.0, "7", 10**400, True]),
    ("files", [[], None, "model.safetensors", [{}], [5], {}]),
    ("target", [None, {}, {"correct": "1", "total": 2}, []]),
    ("format", ["pickle", None, ["qtdog-checkpoint"]]),
    ("format_version", [0, 2, "1", None, [[[1]]], 10**400]),
    ("unknown", [1]),
]
MEMBERS = [
    *("/etc/config.json", "../../x/config.json", "../../../../../../etc/config.json"),
    *("../erm-seed0/../../x/config.json", "config.json", "../config.json", "./config.json"),
    *("a/b/config.json", "../qt-dog-7bit-seed0/model.safetensors", "../eoq-7bit/config.json"),
    *("../nothing/config.json", "~/x/config.json", "../erm-seed0/config.json", "..", "", "\x00"),
    *(
        "../qt-dog-7bit-seed0\x00/config.json",
        "../" + "x" * 5000 + "/config.json",
        "\ud800/config.json",
    ),
]


def config_changes() -> Iterator[tuple[str, Change]]:
    """Configs that ask for what they must not, vouched for by index and ensemble alike."""
    for field, values in FIELDS:
        for value in values:
            yield (
                f"config: {field} {value!r:.40}",
                lambda root, f=field, v=value: _config(root, ERM, **{f: v}),
            )
    for path in MEMBERS:
        yield f"members: {path!r:.40}", lambda root, p=path: _members(root, [p])
    seed0 = "../qt-dog-7bit-seed0/config.json"
    yield "members: one twice", lambda root: _members(root, [seed0, seed0])
    yield (
        "members: 7,000",
        lambda root: _members(root, [f"../m{k}/config.json" for k in range(7000)]),
    )
    yield "members: an ensemble", _nested
    yield "config: 100 GB", lambda root: _sparse(root / ERM / "config.json")
    yield "config: deep", lambda root: _write(root / ERM / "config.json", b"[" * 100_000)
    yield "config: empty", lambda root: _write(root / ERM / "config.json", b"")
    yield "config: a folder", lambda root: _replace_by_folder(root / ERM / "config.json")
    yield "config: waits for a writer", lambda root: _replace_by_pipe(root / ERM / "config.json")


# model.safetensors ------------------------------------------------------------------------------


def weights_changes() -> Iterator[tuple[str, Change]]:
    """Weights that are no tensors, or other tensors; config and index vouch for all of them."""
    for protocol in range(6):
        content = pickle.dumps(Payload(), protocol)
        yield f"weights: a pickle, protocol {protocol}", lambda r, c=content: _weights(r, c)
    for new in (False, True):
        buffer = io.BytesIO()
        torch.save({"weight": Payload()}, buffer, _use_new_zipfile_serialization=new)
        content = buffer.getvalue()
        yield f"weights: torch.save, zip {new}", lambda r, c=content: _weights(r, c)
    for claim in (0, 1, 10**8 + 1, 1 << 31, 10**11, (1 << 63) - 1, (1 << 64) - 1):
        content = claim.to_bytes(8, "little") + b"{}" * 100
        yield f"weights: a header of {claim:,} bytes", lambda r, c=content: _weights(r, c)
    for name, header in _headers():
        text = header if isinstance(header, bytes) else json.dumps(header).encode()
        content = len(text).to_bytes(8, "little") + text + bytes(64)
        yield f"weights: header {name}", lambda r, c=content: _weights(r, c)
    generator = random.Random(0)
    for number in range(6):
        content = generator.randbytes(10 ** (number + 1))
        yield f"weights: {len(content):,} random bytes", lambda r, c=content: _weights(r, c)
    for part in range(1, 8):
        yield f"weights: cut after {part}/8", lambda r, p=part: _weights(r, _part_of(r, p / 8))
    for number, value in enumerate((float("nan"), float("inf"), -float("inf"))):
        yield f"weights: {value}", lambda r, n=number, v=value: _tensors(r, ERM, _poison(n, v))
        yield f"step sizes: {value}", lambda r, v=value: _tensors(r, MEMBER, _poison_steps(v))
    for name, change in TENSORS.items():
        yield f"weights: {name}", lambda r, c=change: _tensors(r, MEMBER, c)
    for position in (8, 100, 5000, -1):
        yield f"weights: one bit at {position}", lambda r, p=position: _flip(r, p)
    place = Path(ERM) / "model.safetensors"
    yield "weights: 100 GB, as claimed", lambda root: _sparse(root / place, vouch=True)
    yield "weights: 100 GB, not as claimed", lambda root: _sparse(root / place)
    yield "weights: a link out of the set", lambda root: _link_out(root / place)
    yield "weights: a folder that is a link", lambda root: _link_out(root / ERM)
    yield "weights: missing", lambda root: (root / place).unlink()
    yield "weights: a folder", lambda root: _replace_by_folder(root / place)
    yield "weights: waits for a writer", lambda root: _replace_by_pipe(root / place)


def _headers() -> Iterator[tuple[str, Any]]:
    entry = {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}
    yield "not JSON", b"{weight"
    yield "deep", b"[" * 50_000
    yield "deep object", b'{"a":' * 20_000
    yield "list", []
    for field, values in {
        "dtype": ["F99", "", 5, None, "OBJECT", "F4"],
        "shape": [[5], [-4], [10**18], [1 << 62, 4], "4", None, [4.0]],
        "data_offsets": [[0, 12], [16, 0], [0, 10**11], [-16, 0], [48, 80], [0], None],
    }.items():
        for value in values:
            yield f"{field} {value}", {"weight": {**entry, field: value}}
    twice = {"a": {**entry}, "b": {**entry, "data_offsets": [8, 24]}}
    yield "overlapping", twice


TENSORS: dict[str, Callable[[dict[str, torch.Tensor]], Any]] = {
    "a tensor missing": lambda t: t.pop("fc.weight"),
    "a tensor more": lambda t: t.update(extra=torch.zeros(3)),
    "codes missing": lambda t: t.pop("conv1.0.weight.codes"),
    "step sizes missing": lambda t: t.pop("conv1.0.weight.step_size"),
    "codes of no weight": lambda t: t.update({"no.codes": torch.zeros(3, dtype=torch.uint8)}),
    "too few codes": lambda t: t.update({"conv1.0.weight.codes": t["conv1.0.weight.codes"][:-1]}),
    "codes as floats": lambda t: t.update(
        {"conv1.0.weight.codes": t["conv1.0.weight.codes"].float()}
    ),
    "another shape": lambda t: t.update({"fc.weight": t["fc.weight"].T.contiguous()}),
    "another type": lambda t: t.update({"fc.weight": t["fc.weight"].double()}),
    "step sizes of another length": lambda t: t.update({"conv1.0.weight.step_size": torch.ones(7)}),
    "nothing": lambda t: t.clear(),
}


# How to break things ----------------------------------------------------------------------------


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _cut(path: Path, part: float) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * part)])


def _index(change: Callable[[list[dict[str, Any]]], Any]) -> Change:
    def apply(root: Path) -> None:
        values = json.loads((root / INDEX).read_text())
        change(values["checkpoints"])
        (root / INDEX).write_text(json.dumps(values))

    return apply


def _file(entries: list[dict[str, Any]]) -> dict[str, Any]:
    return entries[0]["files"][0]


def _many(entries: list[dict[str, Any]]) -> None:
    entries += [{**entries[0], "path": f"a/b/c{number}"} for number in range(1001)]


def _config(root: Path, checkpoint: str, **values: Any) -> None:
    path = root / checkpoint / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))
    (root / INDEX).unlink()


def _members(root: Path, paths: list[str]) -> None:
    files = [{"path": path, "sha256": "0" * 64, "size_bytes": 900} for path in paths]
    for file in files:
        with suppress(OSError, ValueError):  # vouched for where there is such a file
            content = (root / EOQ / file["path"].replace("\x00", "")).read_bytes()
            file |= {"sha256": hashlib.sha256(content).hexdigest(), "size_bytes": len(content)}
    _config(root, EOQ, files=files)


def _nested(root: Path) -> None:
    """An ensemble whose only member is an ensemble: a chain of these would double at each link."""
    shutil.copytree(root / EOQ, root / "pacs/sketch/outer")
    content = (root / EOQ / "config.json").read_bytes()
    member = {"path": "../eoq-7bit/config.json", "size_bytes": len(content)}
    member["sha256"] = hashlib.sha256(content).hexdigest()
    _config(root, "pacs/sketch/outer", files=[member])


def _weights(root: Path, content: bytes, checkpoint: str = ERM) -> None:
    """Other weights, for which the config vouches."""
    (root / checkpoint / "model.safetensors").write_bytes(content)
    record = {"path": "model.safetensors", "sha256": hashlib.sha256(content).hexdigest()}
    _config(root, checkpoint, files=[{**record, "size_bytes": len(content)}])


def _part_of(root: Path, part: float) -> bytes:
    content = (root / ERM / "model.safetensors").read_bytes()
    return content[: int(len(content) * part)]


def _tensors(root: Path, checkpoint: str, change: Callable[[dict[str, torch.Tensor]], Any]) -> None:
    tensors = tensors_from_bytes((root / checkpoint / "model.safetensors").read_bytes())
    change(tensors)
    _weights(root, tensors_to_bytes(tensors), checkpoint)
    (root / EOQ / "config.json").unlink()  # its member is another one now


def _poison(number: int, value: float) -> Callable[[dict[str, torch.Tensor]], Any]:
    def change(tensors: dict[str, torch.Tensor]) -> None:
        name = [n for n, t in tensors.items() if t.is_floating_point()][number * 7]
        tensors[name].view(-1)[-1] = value

    return change


def _poison_steps(value: float) -> Callable[[dict[str, torch.Tensor]], Any]:
    return lambda tensors: tensors["conv1.0.weight.step_size"].fill_(value)


def _flip(root: Path, position: int) -> None:
    path = root / ERM / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)


def _sparse(path: Path, vouch: bool = False) -> None:
    """100 GB that take no room on the disk."""
    with path.open("r+b") as handle:
        handle.truncate(100 * 10**9)
    if vouch:
        record = {"path": path.name, "sha256": "0" * 64, "size_bytes": 100 * 10**9}
        _config(path.parents[3], ERM, files=[record])
    else:
        (path.parents[3] / INDEX).unlink()


def _link_out(path: Path) -> None:
    """The same content, from outside of the set."""
    elsewhere = path.parents[3 if path.name != "erm-seed0" else 2].with_name("elsewhere")
    path.rename(elsewhere)
    path.symlink_to(elsewhere)


def _replace_by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _replace_by_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


# All of them ------------------------------------------------------------------------------------


def changes() -> list[tuple[str, Change]]:
    """Every hostile change, with its name."""
    return list(itertools.chain(index_changes(), config_changes(), weights_changes()))


def open_all(root: Path) -> str:
    """Open a set and everything in it; gives what the refusal said, or nothing."""
    try:
        chosen = open_set(str(root))
        for entry in chosen.index.checkpoints if chosen.index else ():
            chosen.ensure(root / entry.path)
        for folder in checkpoints.find(root):
            chosen.ensure(folder)
            checkpoints.load(folder)
    except checkpoints.CheckpointError as error:
        return str(error)
    return ""


def main() -> None:
    """Open all hostile sets in a folder, one after the other."""
    folder = Path(sys.argv[1])
    os.chdir(folder)
    healthy = save_set(folder / "healthy", members=2)
    (healthy / INDEX).write_bytes(index_json(make_index(healthy)))
    print(json.dumps({"name": "healthy", "said": open_all(healthy)}))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number, (name, change) in enumerate(changes()):
        place = folder / str(number)
        root = Path(shutil.copytree(healthy, place / "set"))
        change(root)
        print(json.dumps({"name": name, "said": open_all(root)}), flush=True)
        shutil.rmtree(place)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    executed = (folder / EXECUTED).exists()
    print(json.dumps({"name": "after all", "megabytes": grown / 1024, "executed": executed}))


if __name__ == "__main__":
    main()
