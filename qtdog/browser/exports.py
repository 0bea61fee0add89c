"""An export takes its folder's place whole, and of what lies there only an older export goes."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from qtdog.browser.manifest import FORMAT, MANIFEST, SERVICE_WORKER
from qtdog.files import LEFT_BEHIND_SECONDS, age_seconds, write_folder_atomically

PAGE = "index.html"
RESULTS_TITLE = "QT-DoG Explorer: results"
"""Of the page of results, by which it is known."""
STAGE = ".qtdog-export-"
"""How a folder is called in which an export is made ready."""


class ExportError(ValueError):
    """One sentence: why nothing is written there."""


def write_export(out: Path, fill: Callable[[Path], object]) -> None:
    """Let `fill` write an export into a new folder, then put its files into `out`'s place, the
    manifest last, and remove those of an older export there that it no longer has. Files that no
    export wrote stay, and so does all of `out` where `fill` fails.

    Raises ExportError for a folder that holds files and no export.
    """
    out = out.resolve()
    before = _written_before(out)
    if not out.exists() or not any(out.iterdir()):
        write_folder_atomically(out, fill)
        return
    _remove_left_behind(out)
    with tempfile.TemporaryDirectory(prefix=STAGE, dir=out) as made:
        fill(Path(made))
        new = {one.relative_to(made).as_posix() for one in Path(made).rglob("*") if one.is_file()}
        for name in sorted(new, key=lambda one: (one == MANIFEST, one)):
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            os.replace(Path(made) / name, out / name)
    for name, sha256 in before.items():
        if name not in new:
            _remove(out, name, sha256)


def _written_before(out: Path) -> dict[str, str]:
    """The files of the export in `out` by their paths, with their SHA-256; "" for those that no
    file states. Empty where there is nothing; what begins with a dot is not looked at."""
    there = [one for one in out.iterdir() if not one.name.startswith(".")] if out.exists() else []
    if not there:
        return {}
    if (out / MANIFEST).is_file():
        return _listed(out)
    page = out / PAGE
    known = f"<title>{RESULTS_TITLE}</title>".encode()
    if there == [page] and page.is_file() and known in page.read_bytes():
        return {PAGE: ""}
    raise ExportError(
        f"{out} holds other files than an exported page, which stay: name a new or an empty folder."
    )


def _listed(out: Path) -> dict[str, str]:
    """What the manifest in `out` and the index that it names list."""
    try:
        values = FORMAT.values(MANIFEST, (out / MANIFEST).read_bytes())
        index = PurePosixPath(values["index"]["path"])
        found = {one["path"]: one["sha256"] for one in (values["index"], *values["files"])}
        found |= {
            (index.parent / entry["path"] / one["path"]).as_posix(): one["sha256"]
            for entry in json.loads((out / index).read_bytes())["checkpoints"]
            for one in entry["files"]
        }
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise ExportError(
            f"{out / MANIFEST} does not say which files belong to the export there ({error}): name "
            "a new or an empty folder."
        ) from None
    return found | {MANIFEST: "", SERVICE_WORKER: ""}


def _remove(out: Path, name: str, sha256: str) -> None:
    """A file of the older export, if it still is that, and the folders that it leaves empty."""
    path = out / name
    if not path.is_file() or not path.resolve().is_relative_to(out) or path.is_symlink():
        return
    if sha256 and hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
        return
    path.unlink()
    for folder in path.parents:
        if folder == out or any(folder.iterdir()):
            return
        folder.rmdir()


def _remove_left_behind(out: Path) -> None:
    """What killed processes were making ready."""
    for folder in out.glob(f"{STAGE}*"):
        if age_seconds(folder) > LEFT_BEHIND_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)
