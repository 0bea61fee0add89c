"""An export takes its folder's place: whole, and it removes nothing but an older export."""

import hashlib
import json
from pathlib import Path

import pytest

from qtdog.browser.exports import ExportError, write_export
from qtdog.browser.manifest import FORMAT


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def filling(**texts: str):
    """Fills a folder with an explorer's files as `write_explorer` lists them; "/" is "__"."""
    files = {name.replace("__", "/"): text for name, text in texts.items()}

    def fill(folder: Path) -> None:
        listed = [{"path": name, "sha256": _sha256(text)} for name, text in files.items()]
        of_set = [one for one in listed if one["path"].startswith("checkpoints/")]
        entries = [
            {"path": "a/b/c", "files": [{**one, "path": one["path"].rpartition("/")[2]}]}
            for one in of_set
        ]
        index = json.dumps({"checkpoints": entries})
        page = [one for one in listed if one not in of_set]
        manifest = {"index": {"path": "checkpoints/index.json", "sha256": _sha256(index)}}
        written = {**files, "checkpoints/index.json": index, "service-worker.js": "worker"}
        written["manifest.json"] = json.dumps(FORMAT.head() | manifest | {"files": page})
        for name, text in written.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)

    return fill


def names(folder: Path) -> set[str]:
    return {one.relative_to(folder).as_posix() for one in folder.rglob("*") if one.is_file()}


OLD = {"index__html": "old", "parts__old__html": "old", "checkpoints__a__b__c__model": "weights"}
ALWAYS = {"manifest.json", "service-worker.js", "checkpoints/index.json"}


def test_a_new_export_replaces_the_older_ones_files_and_no_others(tmp_path):
    out = tmp_path / "site"
    write_export(out, filling(**OLD))
    assert "checkpoints/a/b/c/model" in names(out)
    for stranger in ("CNAME", "parts/notes.txt", ".git/config"):
        (out / stranger).parent.mkdir(exist_ok=True)
        (out / stranger).write_text("mine")
    write_export(out, filling(index__html="new"))
    assert names(out) == {*ALWAYS, "index/html", "CNAME", "parts/notes.txt", ".git/config"}
    assert (out / "index" / "html").read_text() == "new"
    assert not (out / "checkpoints" / "a").exists()


def test_what_was_changed_since_stays(tmp_path):
    write_export(tmp_path, filling(**OLD))
    (tmp_path / "parts" / "old" / "html").write_text("my own words")
    write_export(tmp_path, filling(index__html="new"))
    assert (tmp_path / "parts" / "old" / "html").read_text() == "my own words"


def test_an_export_that_fails_changes_nothing(tmp_path):
    write_export(tmp_path, filling(**OLD))
    before = {name: (tmp_path / name).read_bytes() for name in names(tmp_path)}

    def fail(folder: Path) -> None:
        filling(index__html="half")(folder)
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="the disk is full"):
        write_export(tmp_path, fail)
    assert {name: (tmp_path / name).read_bytes() for name in names(tmp_path)} == before


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("thesis.txt", "mine", "holds other files than an exported page, which stay"),
        ("index.html", "<title>My page</title>", "holds other files than an exported page"),
        ("manifest.json", "{}", "does not say which files belong to the export there"),
        ("manifest.json", '{"format": "qtdog-site", "format_version": 1}', "does not say which"),
    ],
)
def test_a_folder_that_is_no_export_is_not_touched(tmp_path, name, text, said):
    (tmp_path / name).write_text(text)
    with pytest.raises(ExportError, match=said):
        write_export(tmp_path, filling(**OLD))
    assert names(tmp_path) == {name}
    assert (tmp_path / name).read_text() == text


def test_a_manifest_that_lists_what_lies_elsewhere_removes_nothing_there(tmp_path):
    out, precious = tmp_path / "site", tmp_path / "thesis.txt"
    precious.write_text("old")
    write_export(out, filling(index__html="old"))
    manifest = json.loads((out / "manifest.json").read_text())
    manifest["files"].append({"path": "../thesis.txt", "sha256": _sha256("old")})
    (out / "manifest.json").write_text(json.dumps(manifest))
    write_export(out, filling(index__html="new"))
    assert precious.read_text() == "old"


def test_the_page_of_results_and_the_explorer_take_each_others_place(tmp_path):
    def page(folder: Path) -> None:
        (folder / "index.html").write_text("<title>QT-DoG Explorer: results</title>")

    write_export(tmp_path, page)
    write_export(tmp_path, filling(index__page="explorer"))
    assert names(tmp_path) == {*ALWAYS, "index/page"}
    write_export(tmp_path, page)
    assert names(tmp_path) == {"index.html"}
