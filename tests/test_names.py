"""Names: which files are a system's and no pictures, and what names in zips are meant to be."""

import io
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny import CLASSES

from qtdog.data import Tree, load_folder
from qtdog.explorer import open_batch
from qtdog.explorer.batch_files import BatchError
from qtdog.system_files import is_systems

CASES = Path(__file__).parents[2] / "shared" / "cases"
SYSTEMS = [
    "@eaDir/1.png/SYNOPHOTO_THUMB_M.png",
    ".thumbnails/1.png",
    ".ipynb_checkpoints/1-checkpoint.png",
    "__MACOSX/._1.png",
    "#recycle/old.png",
    "$RECYCLE.BIN/$R1.png",
    "._1.png",
    ".DS_Store",
    ".gitkeep",
    "Icon\r",
    "Thumbs.db",
    "desktop.ini",
]


def png(seed: int = 0) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (12, 16, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def raw_zip(path: Path, names: list[bytes], extra: bytes = b"", flags: int = 0) -> Path:
    """A zip of stored pictures whose names are these very bytes."""
    content, data = png(), b""
    contents = b""
    for name in names:
        fields = (flags, 0, 0, 0, zlib.crc32(content), len(content), len(content), len(name))
        head = struct.pack("<4H3I2H", *fields, len(extra))
        contents += struct.pack("<4s2H", b"PK\1\2", 20, 20) + head
        contents += struct.pack("<3H2I", 0, 0, 0, 0, len(data)) + name + extra
        data += struct.pack("<4sH", b"PK\3\4", 20) + head + name + extra + content
    count = len(names)
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, count, count, len(contents), len(data), 0)
    path.write_bytes(data + contents + end)
    return path


def shown(*paths: Path) -> list[tuple[str, str | None]]:
    """(name, class) of each picture of a batch, all of which are read."""
    with open_batch(paths, CLASSES) as files:
        for file in files:
            assert file.read().size[0] > 0
        return [(file.name, file.label) for file in files]


# What systems add --------------------------------------------------------------------------------


def test_what_systems_add_is_counted_nowhere_in_a_batch(tmp_path):
    path = tmp_path / "mine.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for folder in ("photos/dog/", "photos\\dog\\", "\\"):
            archive.writestr(folder, b"")
        archive.writestr("photos/dog/1.png", png())
        for name in SYSTEMS:
            archive.writestr(f"photos/dog/{name}", png(1))
            archive.writestr("photos\\dog\\" + name.replace("/", "\\"), png(1))
    assert shown(path) == [("photos/dog/1.png", "dog")]


def test_what_systems_add_is_counted_nowhere_among_single_files(tmp_path):
    for name in ("1.png", "Thumbs.db", "desktop.ini", ".DS_Store"):
        (tmp_path / name).write_bytes(png())
    paths = [tmp_path / name for name in ("Thumbs.db", "1.png", "desktop.ini", ".DS_Store")]
    assert shown(*paths) == [("1.png", None)]
    with pytest.raises(BatchError, match="There is no picture in this"), open_batch(paths[:1], []):
        pass


def test_training_and_the_check_of_data_keep_the_same_rule(tmp_path, monkeypatch):
    monkeypatch.setenv("QTDOG_CACHE", str(tmp_path / "cache"))
    root = tmp_path / "data"
    for domain in ("art", "photo"):
        for label in ("dog", "horse"):
            folder = root / domain / label
            folder.mkdir(parents=True)
            (folder / "1.png").write_bytes(png())
            for name in SYSTEMS:
                (folder / name).parent.mkdir(exist_ok=True, parents=True)
                (folder / name).write_bytes(png(1))
        for name in ("@eaDir", ".thumbnails", "#recycle"):  # beside the classes and the domains
            for beside in (root / domain / name / "dog", root / name / "dog"):
                beside.mkdir(parents=True, exist_ok=True)
                (beside / "1.png").write_bytes(png(1))
    data = load_folder(root, 8)
    assert [domain.name for domain in data.domains] == ["art", "photo"]
    assert data.classes == ("dog", "horse")
    assert [domain.names for domain in data.domains] == [("dog/1.png", "horse/1.png")] * 2
    assert data.skipped == ()
    tree = Tree.of(root)
    assert {name: sorted(labels) for name, labels in tree.images.items()} == {
        "art": ["dog", "horse"],
        "photo": ["dog", "horse"],
    }
    assert [path.name for path in tree.paths()] == ["1.png"] * 4
    assert not tree.misplaced


@pytest.mark.parametrize(
    "name",
    ["dog/1.png", "recycle/1.png", "Icons/Icon.png", "MACOSX/1.png", "../1.png", "dog/..", "a.b/c"],
)
def test_names_that_only_look_alike_are_a_users(name):
    assert not is_systems(name.split("/"))


# Names in zips -----------------------------------------------------------------------------------

NAMES = {
    "utf-8": ["dog/小狗.png", "dog/ソ表.png", "dog/강아지.png", "horse/cheval à l'école.png"],
    "cp932": ["dog/ソ表.png", "dog/犬.png", "写真/いぬ(1).png", "dog/新しい　画像（１）.png"],  # noqa: RUF001
    "gbk": ["dog/小狗.png", "dog/微信图片_2021.png", "照片/第一张.png", "dog/镕喆.png"],
    "big5": ["dog/小狗.png", "dog/大象與長頸鹿.png"],
    "cp949": ["dog/강아지와 고양이.png", "dog/사진과 그림 하나.png"],
    "cp437": ["dog/café.png", "dog/schön größer.png", "dog/niño.png"],
    "cp850": ["dog/Ærø.png"],
    "cp1252": ["dog/café.png", "dog/schön größer.png", "dog/élève à l'école.png"],
    "cp866": ["dog/собака.png", "dog/Моя Собака.png"],
    "cp1251": ["dog/Моя Собака.png"],
}


@pytest.mark.parametrize("encoding", NAMES)
def test_names_without_the_utf8_flag_are_what_they_were(tmp_path, encoding):
    for name in NAMES[encoding]:
        path = raw_zip(tmp_path / "one.zip", [name.encode(encoding)])
        assert shown(path) == [(name, name.split("/")[0] if name[:1] in "dh" else None)]
    path = raw_zip(tmp_path / "all.zip", [name.encode(encoding) for name in NAMES[encoding]])
    assert [name for name, _ in shown(path)] == NAMES[encoding]


def test_bytes_that_are_no_name_in_any_of_them_are_still_shown(tmp_path):
    path = raw_zip(tmp_path / "odd.zip", [b"dog/\xff\xfe\x01\x80.png", bytes(range(128, 256))])
    assert len(shown(path)) == 2


def test_a_backslash_inside_a_japanese_letter_does_not_part_folders(tmp_path):
    (name,) = shown(raw_zip(tmp_path / "sjis.zip", ["dog\\ソ表.png".encode("cp932")]))
    assert name == ("dog/ソ表.png", "dog")


def unicode_path(name: str, of: bytes) -> bytes:
    body = b"\1" + struct.pack("<I", zlib.crc32(of)) + name.encode()
    return struct.pack("<HH", 0x7075, len(body)) + body


def test_the_name_in_info_zips_field_counts_where_it_is_of_this_name(tmp_path):
    field = unicode_path("dog/小狗.png", of=b"dog/__.png")
    assert shown(raw_zip(tmp_path / "a.zip", [b"dog/__.png"], field)) == [("dog/小狗.png", "dog")]
    renamed = raw_zip(tmp_path / "b.zip", [b"horse/new.png"], field)
    assert shown(renamed) == [("horse/new.png", "horse")]
    broken = raw_zip(tmp_path / "c.zip", [b"dog/__.png"], field[:-1] + b"\xff")
    assert shown(broken) == [("dog/__.png", "dog")]


def test_a_name_that_leads_out_is_refused_however_it_is_written(tmp_path):
    field = unicode_path("../evil.png", of=b"dog/1.png")
    for path in (
        raw_zip(tmp_path / "a.zip", [b"dog/1.png"], field),
        raw_zip(tmp_path / "b.zip", ["..\\犬.png".encode("cp932")]),
    ):
        with open_batch([path], CLASSES) as files, pytest.raises(ValueError, match="leads out"):
            files[0].read()


@pytest.mark.skipif(not CASES.is_dir(), reason="needs ../shared/cases")
@pytest.mark.parametrize(
    ("name", "picture"),
    [
        ("zip_gbk.zip", "dog/小狗.jpg"),
        ("zip_sjis.zip", "dog/ソ表.jpg"),
        ("zip_synology.zip", "photos/dog/IMG_1.jpg"),
    ],
)
def test_the_shared_cases_hold_one_picture_each(name, picture):
    assert shown(CASES / name) == [(picture, "dog")]
