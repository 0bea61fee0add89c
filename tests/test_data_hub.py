"""Datasets from the Hub become training folders: real client, stand-in server, pictures of ours."""

import hashlib
import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from hub_server import HubServer
from PIL import Image

from qtdog import cli
from qtdog.data import Columns, DataError, load_folder
from qtdog.hub import HubDataset, download_dataset

try:
    import pyarrow
    from pyarrow import parquet
except ImportError:
    pyarrow = None
needs_pyarrow = pytest.mark.skipif(pyarrow is None, reason="needs pyarrow")

DOMAINS = ("art painting", "photo", "sketch")
CLASSES = ("dog", "house")


def picture(number: int, kind: str = "PNG") -> bytes:
    """A small picture of our own, another one for every number."""
    pixels = np.random.default_rng(number).integers(0, 255, (12, 10, 3), np.uint8)
    handle = io.BytesIO()
    Image.fromarray(pixels).save(handle, kind)
    return handle.getvalue()


PICTURES = [
    (domain, label, picture(number, ("PNG", "JPEG", "WEBP")[number % 3]))
    for number, (domain, label) in enumerate(
        (domain, label) for domain in DOMAINS for label in CLASSES for _ in range(4)
    )
]


def parquet_bytes(records: list[dict], features: dict | None = None) -> bytes:
    """A file as the `datasets` library writes it."""
    table = pyarrow.Table.from_pylist(records)
    if features:
        said = json.dumps({"info": {"features": features}})
        table = table.replace_schema_metadata({"huggingface": said})
    handle = io.BytesIO()
    parquet.write_table(table, handle)
    return handle.getvalue()


def named_records() -> list[dict]:
    """One row a picture, domain by name, class by number, as PACS is on the Hub."""
    return [
        {"image": {"bytes": content, "path": None}, "domain": d, "label": CLASSES.index(label)}
        for d, label, content in PICTURES
    ]


CLASS_NAMES = {"label": {"names": list(CLASSES), "_type": "ClassLabel"}}


@pytest.fixture
def hub(tmp_path):
    with HubServer(tmp_path / "hub") as server:
        yield server


@pytest.fixture
def put(hub):
    """Puts files into the dataset me/tiny."""
    return lambda files: hub.commit("me/tiny", files, repo_type="dataset")


def dataset(hub, tmp_path, **options) -> HubDataset:
    options = {"endpoint": hub.endpoint, "cache": tmp_path / "cache", "patience": 5.0, **options}
    return HubDataset("me/tiny", **options)


def contents(folder: Path) -> list[tuple[str, str, str]]:
    """(domain, class, SHA-256) of every picture, sorted."""
    return sorted(
        (*path.relative_to(folder).parts[:2], hashlib.sha256(path.read_bytes()).hexdigest())
        for path in folder.glob("*/*/*")
    )


EXPECTED = sorted((d, label, hashlib.sha256(content).hexdigest()) for d, label, content in PICTURES)


# Parquet ----------------------------------------------------------------------------------------


@needs_pyarrow
def test_parquet_becomes_folders_that_training_reads(hub, put, tmp_path):
    records = named_records()
    commit = put(
        {
            "data/train-00000-of-00002.parquet": parquet_bytes(records[:13], CLASS_NAMES),
            "data/train-00001-of-00002.parquet": parquet_bytes(records[13:], CLASS_NAMES),
            "README.md": b"---\nlicense: cc-by-4.0\n---\nA set.\n",
        }
    )
    seen = []
    source = download_dataset(
        dataset(hub, tmp_path), tmp_path / "out", progress=lambda *step: seen.append(step)
    )
    assert contents(tmp_path / "out") == EXPECTED
    assert (source.domains, source.classes, source.images) == (DOMAINS, CLASSES, 24)
    assert (source.commit, source.licence, source.skipped) == (commit, "cc-by-4.0", 0)
    read = load_folder(tmp_path / "out", 16)
    assert [domain.name for domain in read.domains] == list(DOMAINS)
    assert read.classes == CLASSES
    assert [len(domain) for domain in read.domains] == [8, 8, 8]
    assert read.skipped == ()
    assert {what for _, _, what in seen} == {
        "bytes of file 1 of 2",
        "bytes of file 2 of 2",
        "pictures",
    }


@needs_pyarrow
def test_names_come_from_the_card_and_domains_may_be_numbers_too(hub, put, tmp_path):
    records = [
        {"img": r["image"], "style": DOMAINS.index(r["domain"]), "class": r["label"]}
        for r in named_records()
    ]
    names = "".join(f"          '{i}': {name}\n" for i, name in enumerate(CLASSES))
    domains = "".join(f"          '{i}': {name}\n" for i, name in enumerate(DOMAINS))
    card = (
        "---\ndataset_info:\n  features:\n"
        f"  - name: class\n    dtype:\n      class_label:\n        names:\n{names}"
        f"  - name: style\n    dtype:\n      class_label:\n        names:\n{domains}---\n"
    )
    put({"data/all.parquet": parquet_bytes(records), "README.md": card.encode()})
    download_dataset(dataset(hub, tmp_path), tmp_path / "out")
    assert contents(tmp_path / "out") == EXPECTED


@needs_pyarrow
def test_columns_can_be_named_and_plain_bytes_are_pictures(hub, put, tmp_path):
    records = [{"a": content, "b": d, "c": label} for d, label, content in PICTURES]
    put({"all.parquet": parquet_bytes(records)})
    with pytest.raises(DataError, match="no column with the picture: name it; there are a, b, c"):
        download_dataset(dataset(hub, tmp_path), tmp_path / "out")
    download_dataset(dataset(hub, tmp_path), tmp_path / "out", Columns("a", "b", "c"))
    assert contents(tmp_path / "out") == EXPECTED


@needs_pyarrow
def test_without_a_domain_column_the_splits_are_the_domains_but_not_train_and_test(
    hub, put, tmp_path
):
    def file(domain: str) -> bytes:
        rows = [r for r in named_records() if r["domain"] == domain]
        return parquet_bytes(
            [{"image": r["image"], "label": r["label"]} for r in rows], CLASS_NAMES
        )

    put({f"data/{domain}-00000-of-00001.parquet": file(domain) for domain in DOMAINS})
    download_dataset(dataset(hub, tmp_path), tmp_path / "out")
    assert contents(tmp_path / "out") == EXPECTED
    put({"data/train-00000-of-00001.parquet": file("photo")})
    with pytest.raises(DataError, match="no column with the domain"):
        download_dataset(dataset(hub, tmp_path), tmp_path / "other")


@needs_pyarrow
def test_rows_without_a_picture_are_counted(hub, put, tmp_path):
    records = named_records()
    records[3]["image"] = {"bytes": b"not a picture", "path": None}
    records[5]["image"] = {"bytes": None, "path": "elsewhere.png"}
    put({"all.parquet": parquet_bytes(records, CLASS_NAMES)})
    source = download_dataset(dataset(hub, tmp_path), tmp_path / "out")
    assert (source.images, source.skipped) == (22, 2)
    assert len(contents(tmp_path / "out")) == 22


@needs_pyarrow
@pytest.mark.parametrize("name", ["..", "../../up", "a/b", "", " ", "x" * 300, "a\nb", ".hidden"])
def test_a_name_that_is_no_folders_is_refused(hub, put, tmp_path, name):
    records = named_records()
    records[-1]["domain"] = name
    put({"all.parquet": parquet_bytes(records, CLASS_NAMES)})
    with pytest.raises(DataError, match="cannot be a folder's name"):
        download_dataset(dataset(hub, tmp_path), tmp_path / "set" / "out")
    assert sorted(path.name for path in (tmp_path / "set").iterdir()) == ["out"]


@needs_pyarrow
def test_a_file_that_is_not_parquet_is_one_sentence(hub, put, tmp_path):
    put({"all.parquet": b"PAR1 but no"})
    with pytest.raises(DataError, match=r"all\.parquet is not a parquet file"):
        download_dataset(dataset(hub, tmp_path), tmp_path / "out")


def test_without_pyarrow_it_is_named(hub, put, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    put({"all.parquet": b"any"})
    with pytest.raises(DataError, match="pip install pyarrow"):
        download_dataset(dataset(hub, tmp_path), tmp_path / "out")


# Folders ----------------------------------------------------------------------------------------


def folder_files(prefix: str = "PACS/") -> dict[str, bytes]:
    return {
        f"{prefix}{d}/{label}/{number}.png": content
        for number, (d, label, content) in enumerate(PICTURES)
    }


def test_folders_keep_their_names(hub, put, tmp_path):
    put(folder_files() | {"README.md": b"no front matter", "notes/about.txt": b"x"})
    source = download_dataset(dataset(hub, tmp_path), tmp_path / "out")
    assert contents(tmp_path / "out") == EXPECTED
    assert source.domains == DOMAINS
    assert (tmp_path / "out" / "photo" / "dog" / "8.png").exists()


def test_the_same_name_in_two_splits_stays_two_pictures(hub, put, tmp_path):
    files = {
        f"{split}/{d}/{label}/1.png": picture(hash((split, d, label)) % 2**32)
        for split in ("train", "test")
        for d in DOMAINS
        for label in CLASSES
    }
    put(files)
    source = download_dataset(dataset(hub, tmp_path), tmp_path / "out")
    assert source.images == len(files) == 12
    assert sorted(one for *_, one in contents(tmp_path / "out")) == sorted(
        hashlib.sha256(content).hexdigest() for content in files.values()
    )


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"train/dog/1.png": picture(1)}, "folders for splits and classes, none for domains"),
        ({"dog/1.png": picture(1)}, "neither parquet files nor pictures"),
        ({"README.md": b"x"}, "neither parquet files nor pictures"),
    ],
)
def test_what_has_no_domains_is_refused(hub, put, tmp_path, files, said):
    put(files)
    with pytest.raises(DataError, match=said):
        download_dataset(dataset(hub, tmp_path), tmp_path / "out")


# Stopping, again, and faults --------------------------------------------------------------------


def test_a_stopped_download_goes_on_where_it_was(hub, put, tmp_path, monkeypatch):
    put(folder_files())
    monkeypatch.setattr("qtdog.hub.datasets.FILES_AT_A_TIME", 5)
    hub.fail("get", path="PACS/sketch/house/23.png", status=404, error_code="EntryNotFound")
    with pytest.raises(DataError, match=r"no file .*PACS/sketch/house/23\.png"):
        download_dataset(dataset(hub, tmp_path), tmp_path / "out")
    before = contents(tmp_path / "out")
    assert 0 < len(before) < len(EXPECTED)
    hub.heal()
    hub.clear_log()
    download_dataset(dataset(hub, tmp_path, cache=tmp_path / "another"), tmp_path / "out")
    assert contents(tmp_path / "out") == EXPECTED
    asked = {one.file for one in hub.log if one.stage == "get"} - {"README.md"}
    assert len(asked) == len(EXPECTED) - len(before)


def test_a_finished_folder_needs_no_files_and_is_never_mixed(hub, put, tmp_path):
    put(folder_files())
    first = download_dataset(dataset(hub, tmp_path), tmp_path / "out")
    hub.clear_log()
    assert download_dataset(dataset(hub, tmp_path), tmp_path / "out") == first
    assert not [one for one in hub.log if one.stage == "get"]
    put({"PACS/photo/dog/99.png": picture(99)})
    with pytest.raises(DataError, match="choose another folder"):
        download_dataset(dataset(hub, tmp_path), tmp_path / "out")
    assert contents(tmp_path / "out") == EXPECTED


def test_a_folder_with_other_things_is_left_alone(hub, put, tmp_path):
    put(folder_files())
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("mine")
    with pytest.raises(DataError, match="not empty"):
        download_dataset(dataset(hub, tmp_path), tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["thesis.txt"]


def test_a_damaged_file_is_noticed_and_fetched_again(hub, put, tmp_path):
    put(folder_files())
    hub.fail("get", path="PACS/photo/dog/8.png", corrupt=True, times=1)
    with pytest.raises(DataError, match=r"PACS/photo/dog/8\.png came damaged"):
        download_dataset(dataset(hub, tmp_path), tmp_path / "out")
    download_dataset(dataset(hub, tmp_path), tmp_path / "out")
    assert contents(tmp_path / "out") == EXPECTED


@pytest.mark.parametrize(
    ("stage", "fault", "said"),
    [
        ("info", {"status": 401}, "401"),
        ("info", {"status": 404}, "404"),
        ("info", {"status": 500}, "fault of its own"),
        ("info", {"never": True}, "Hub"),
        ("tree", {"status": 503}, "fault of its own"),
        ("get", {"never": True}, "Hub"),
    ],
)
def test_a_fault_is_one_sentence(hub, put, tmp_path, stage, fault, said):
    put(folder_files())
    hub.fail(stage, **fault)
    with pytest.raises(DataError, match=said) as error:
        download_dataset(dataset(hub, tmp_path, patience=1.0), tmp_path / "out")
    assert str(error.value).startswith("me/tiny: ")
    assert "\n" not in str(error.value)


def test_the_command_fetches_and_says_what_there_is(hub, put, tmp_path, monkeypatch, capsys):
    commit = put(folder_files())
    there, options = HubDataset.from_address, {"endpoint": hub.endpoint, "cache": tmp_path / "c"}
    monkeypatch.setattr(HubDataset, "from_address", lambda text: there(text, **options))
    words = ["data", "fetch", "hub:me/tiny@main", "--out", str(tmp_path / "out")]
    monkeypatch.setattr(sys, "argv", ["qtdog", *words])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert not end.value.code
    said = capsys.readouterr().out
    assert "24 pictures of 2 classes in the domains art painting, photo, sketch" in said
    assert f"me/tiny at {commit[:10]}, licence: not stated; 0 skipped" in said
    assert contents(tmp_path / "out") == EXPECTED


@pytest.mark.parametrize("text", ["flwrlabs/pacs", "hub:pacs", "hub:a/b/c", "hub:"])
def test_an_address_that_is_none_is_refused(text):
    with pytest.raises(DataError, match="is not hub:ORG/NAME"):
        HubDataset.from_address(text)
