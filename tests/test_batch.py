"""Batches: hostile archives get one sentence each and write nothing; sums are recounted here."""

import csv
import io
import stat
import struct
import subprocess
import threading
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny import CLASSES, save_set

from qtdog.explorer import (
    Answer,
    Explorer,
    Row,
    accuracies,
    agreements,
    batch,
    batch_files,
    classify_files,
    confusion,
    open_batch,
    to_csv,
)
from qtdog.explorer.batch_files import BatchError, class_of
from qtdog.explorer.explorer import IMAGES_AT_ONCE
from qtdog.images import ImageError, read_image
from qtdog.ui.batch.figures import rows_table

ONE_SENTENCE = r"^[^.].*[^.]\.$"


@pytest.fixture(scope="module")
def explorer(tmp_path_factory):
    return Explorer(save_set(tmp_path_factory.mktemp("checkpoints"), members=2))


@pytest.fixture(autouse=True)
def nothing_is_written(tmp_path, monkeypatch):
    """Every test here, the fuzz above all: no file appears where one would be unpacked to."""
    (tmp_path / "in").mkdir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    monkeypatch.setenv("TMPDIR", str(elsewhere))
    monkeypatch.setattr("tempfile.tempdir", str(elsewhere))

    def refuse(*_args, **_kwargs):
        raise AssertionError("something was unpacked to disk")

    monkeypatch.setattr(zipfile.ZipFile, "extract", refuse)
    monkeypatch.setattr(zipfile.ZipFile, "extractall", refuse)
    yield
    assert list(elsewhere.iterdir()) == []
    assert {path.name for path in tmp_path.iterdir()} <= {"in", "elsewhere", "cache"}


@pytest.fixture
def folder(tmp_path):
    """Where a test puts what is handed in."""
    return tmp_path / "in"


def png(seed=0, size=(40, 30)):
    pixels = np.random.default_rng(seed).integers(0, 256, (*size[::-1], 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def pack(path, entries, method=zipfile.ZIP_DEFLATED):
    """A zip of (name or ZipInfo, bytes) pairs; returns its path."""
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return path


def outcomes(*paths):
    """{name: "ok" or the sentence why not} of every file of a batch."""
    found = {}
    with open_batch(paths, CLASSES) as files:
        for file in files:
            try:
                image = file.read()
                assert image.mode == "RGB"
                found[file.name] = "ok"
            except ImageError as error:
                found[file.name] = str(error)
    return found


def refusal(*paths):
    """The sentence with which a whole batch is refused."""
    with pytest.raises(BatchError, match=ONE_SENTENCE) as raised, open_batch(paths, CLASSES):
        pass
    return str(raised.value)


# Honest batches


def test_an_archive_in_class_folders(folder):
    path = pack(
        folder / "mine.zip",
        [
            ("sketch/dog/1.png", png(1)),
            ("sketch/GUITAR/2.png", png(2)),
            ("horse/house/3.png", png(3)),
            ("4.png", png(4)),
            ("sketch/cat/5.png", png(5)),
            ("dog/", b""),
            ("__MACOSX/dog/._1.png", b"junk"),
            ("dog/.DS_Store", b"junk"),
            ("dog/Thumbs.db", b"junk"),
        ],
    )
    with open_batch([path], CLASSES) as files:
        assert [(file.name, file.label) for file in files] == [
            ("sketch/dog/1.png", "dog"),
            ("sketch/GUITAR/2.png", "guitar"),
            ("horse/house/3.png", "house"),
            ("4.png", None),
            ("sketch/cat/5.png", None),
        ]
        assert files[2].read().tobytes() == read_image(png(3)).tobytes()


def test_loose_pictures_and_archives_in_one_batch(folder):
    (folder / "a.png").write_bytes(png(1))
    first = pack(folder / "one.zip", [("dog/x.png", png(2))])
    second = pack(folder / "TWO.ZIP", [("dog/x.png", png(3))])
    found = outcomes(folder / "a.png", first, second)
    assert found == {"a.png": "ok", "one.zip/dog/x.png": "ok", "TWO.ZIP/dog/x.png": "ok"}


def test_what_systems_add_beside_what_is_handed_in_counts_nowhere(folder):
    (folder / "._one.zip").write_bytes(b"\0\5\x16\7 what macOS notes beside a file")
    (folder / "._a.png").write_bytes(b"\0\5\x16\7")
    (folder / "a.png").write_bytes(png(1))
    noted = (folder / "._one.zip", folder / "._a.png")
    assert outcomes(*noted, folder / "a.png") == {"a.png": "ok"}
    one = pack(folder / "one.zip", [("dog/x.png", png(2))])
    assert outcomes(*noted, one) == {"dog/x.png": "ok"}, "named as alone"
    assert refusal(*noted).startswith("There is no picture in this")


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("Polar Bear/1.png", "polar_bear"),
        ("POLAR-BEAR/photo/1.png", "polar_bear"),
        ("polarbear\\1.png", "polar_bear"),
        ("ｄｏｇ/1.png", "dog"),  # noqa: RUF001  full-width letters
        ("dog/polar_bear/old/1.png", "polar_bear"),
        ("dogs/1.png", None),
        ("dog.png", None),
        ("dog", None),
        ("", None),
    ],
)
def test_the_class_is_the_nearest_folder_that_is_named_like_one(name, label):
    assert class_of(name, ("dog", "polar_bear")) == label


# The fuzz: whole archives that are refused


@pytest.mark.thorough
def test_ten_thousand_entries(folder):
    path = pack(folder / "many.zip", [(f"dog/{place}.png", b"") for place in range(10_000)])
    assert refusal(path) == (
        "This has 10,000 files, and the limit is 2,000: send them in several batches."
    )


def test_exactly_the_limit_is_accepted_and_one_more_is_not(folder, monkeypatch):
    monkeypatch.setattr(batch_files, "MAX_FILES", 3)
    pack(folder / "three.zip", [(f"{place}.png", png(place)) for place in range(3)])
    (folder / "one.png").write_bytes(png())
    assert set(outcomes(folder / "three.zip").values()) == {"ok"}
    assert "4 files" in refusal(folder / "three.zip", folder / "one.png")


def test_a_bomb_of_zeros_is_refused_by_its_unpacked_size(folder, monkeypatch):
    monkeypatch.setattr(batch_files, "MAX_UNPACKED_BYTES", 51 * 2**20)
    with zipfile.ZipFile(folder / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for place in range(11):
            archive.writestr(f"{place}.png", bytes(5 * 2**20))
    assert (folder / "bomb.zip").stat().st_size < 2**17
    assert "this would be 55 MB, and the limit is 51 MB" in refusal(folder / "bomb.zip")


def test_the_unpacked_sizes_of_several_archives_are_added(folder, monkeypatch):
    monkeypatch.setattr(batch_files, "MAX_UNPACKED_BYTES", 3 * 2**20)
    paths = [
        pack(folder / f"{place}.zip", [("a.png", bytes(2 * 2**20))], zipfile.ZIP_DEFLATED)
        for place in range(2)
    ]
    assert outcomes(paths[0]).keys() == {"a.png"}
    assert "this would be 4 MB" in refusal(*paths)


def test_overlapping_entries_are_refused(folder):
    """One block of data under many names, after D. Fifield's construction."""
    path = pack(folder / "overlap.zip", [(f"{place}.png", png(7)) for place in range(5)])
    data = bytearray(path.read_bytes())
    place, rewritten = data.find(b"PK\1\2"), 0
    while place >= 0:
        struct.pack_into("<I", data, place + 42, 0)  # every header offset: the first entry's
        rewritten += 1
        place = data.find(b"PK\1\2", place + 4)
    assert rewritten == 5
    path.write_bytes(data)
    assert refusal(path) == ("The archive overlap.zip has entries that overlap: pack it again.")


def test_an_encrypted_archive_is_refused(folder):
    path = pack(folder / "secret.zip", [("dog/1.png", png())])
    data = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        place = data.find(signature) + offset
        struct.pack_into("<H", data, place, struct.unpack_from("<H", data, place)[0] | 1)
    path.write_bytes(data)
    assert "secret.zip is encrypted: pack it again without a password" in refusal(path)


@pytest.mark.parametrize("content", [b"", b"PK", b"not a zip at all", b"Rar!\x1a\x07\0", png()])
def test_a_zip_that_is_none_is_refused(folder, content):
    (folder / "fake.zip").write_bytes(content)
    assert "fake.zip is not a zip archive, or it is damaged" in refusal(folder / "fake.zip")


def test_a_truncated_archive_is_refused_wherever_it_was_cut(folder):
    whole = pack(folder / "whole.zip", [(f"dog/{place}.png", png(place)) for place in range(3)])
    data = whole.read_bytes()
    cut = folder / "cut.zip"
    for length in range(1, len(data) - 1, max(1, len(data) // 60)):
        cut.write_bytes(data[:length])
        assert "damaged or cut off" in refusal(cut)


def test_an_empty_archive_holds_no_picture(folder):
    assert "There is no picture" in refusal(pack(folder / "empty.zip", []))
    assert "There is no picture" in refusal(pack(folder / "folders.zip", [("dog/", b"")]))
    assert "There is no picture" in refusal()


def test_a_table_of_contents_that_is_far_too_long_is_not_read(folder, monkeypatch):
    monkeypatch.setattr(batch_files, "MAX_CONTENTS_BYTES", 2**10)
    path = pack(folder / "long.zip", [(f"{place}.png", b"") for place in range(50)])
    assert "long.zip states a table of contents of" in refusal(path)


# The fuzz: zip64 that lies


def zip64(path, *, size=None, offset=None):
    """One picture, with a zip64 field that states `size` unpacked bytes or a header `offset`."""
    data, name = png(), b"dog/1.png"
    packed = zlib.compress(data)[2:-4]
    local = struct.pack(
        "<4s5H3I2H", b"PK\3\4", 45, 0, 8, 0, 0, zlib.crc32(data), len(packed), len(data),
        len(name), 0,
    )  # fmt: skip
    values = [value for value in (size, offset) if value is not None]
    extra = struct.pack(f"<HH{len(values)}Q", 1, 8 * len(values), *values)
    central = struct.pack(
        "<4s6H3I5H2I", b"PK\1\2", 45, 45, 0, 8, 0, 0, zlib.crc32(data), len(packed),
        len(data) if size is None else 0xFFFFFFFF, len(name), len(extra), 0, 0, 0, 0,
        0 if offset is None else 0xFFFFFFFF,
    )  # fmt: skip
    start = len(local) + len(name) + len(packed)
    contents = central + name + extra
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 1, 1, len(contents), start, 0)
    path.write_bytes(local + name + packed + contents + end)
    return path


def test_honest_zip64_is_read(folder):
    assert outcomes(zip64(folder / "fine.zip", size=len(png()))) == {"dog/1.png": "ok"}


def test_zip64_that_states_an_exabyte_is_refused(folder):
    assert "the limit is 512 MB" in refusal(zip64(folder / "huge.zip", size=2**60))


def test_zip64_that_states_too_little_is_damaged_and_unpacks_no_more_than_that(folder):
    found = outcomes(zip64(folder / "short.zip", size=20))
    assert "entry of the archive is damaged" in found["dog/1.png"]


@pytest.mark.parametrize("offset", [10**6, 2**40, 2**63 - 1, 2**64 - 1])
def test_zip64_that_points_outside_the_file_is_refused(folder, offset):
    sentence = refusal(zip64(folder / "out.zip", offset=offset))
    assert "out.zip states sizes that it does not have" in sentence


def test_a_zip64_end_with_lying_counts_is_refused(folder):
    path = pack(folder / "end.zip", [("1.png", png())])
    data = path.read_bytes()
    start, length = data.find(b"PK\1\2"), len(data) - 22 - data.find(b"PK\1\2")
    for size in (length + 10**12, length + 1000):
        end64 = struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, 45, 45, 0, 0, 2**40, 2**40, size, start)
        locator = struct.pack("<4sIQI", b"PK\6\7", 0, start + length, 1)
        lie = bytearray(data[-22:])
        struct.pack_into("<2H2I", lie, 8, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF)
        path.write_bytes(data[:-22] + end64 + locator + lie)
        assert "end.zip" in refusal(path)


# The fuzz: single entries that become rows


@pytest.mark.parametrize(
    "name",
    [
        "../evil.png",
        "dog/../../evil.png",
        "..\\evil.png",
        "/etc/evil.png",
        "\\\\server\\evil.png",
        "C:\\evil.png",
        "c:evil.png",
        "dog/..",
    ],
)
def test_a_name_that_leads_out_of_the_archive(folder, name):
    entry = zipfile.ZipInfo("x")
    entry.filename = name
    found = outcomes(pack(folder / "paths.zip", [(entry, png()), ("dog/good.png", png())]))
    assert found.pop("dog/good.png") == "ok"
    assert list(found.values()) == [
        "This entry's name leads out of the archive: give it an ordinary name."
    ]


def test_a_name_with_a_nul_in_it(folder):
    path = pack(folder / "nul.zip", [("dog/1.pngXevil", png())])
    path.write_bytes(path.read_bytes().replace(b"1.pngXevil", b"1.png\0evil"))
    (sentence,) = outcomes(path).values()
    assert "leads out of the archive" in sentence


def test_links_and_devices_are_not_followed(folder):
    entries = []
    for place, kind in enumerate((stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR)):
        entry = zipfile.ZipInfo(f"{place}.png")
        entry.create_system = 3
        entry.external_attr = (kind | 0o777) << 16
        entries.append((entry, b"/etc/passwd"))
    found = outcomes(pack(folder / "links.zip", entries))
    assert found["0.png"] == "This entry is a link, which is not followed: pack the picture itself."
    assert "not an ordinary file" in found["1.png"]
    assert "not an ordinary file" in found["2.png"]


def test_archives_inside_the_archive_stay_closed(folder):
    inner = pack(folder / "inner.zip", [("x.png", png())]).read_bytes()
    found = outcomes(
        pack(
            folder / "outer.zip",
            [("inner.zip", inner), ("x.tar.gz", b"\x1f\x8b"), ("y.png", inner)],
        )
    )
    assert "an archive inside the archive: unpack it" in found["inner.zip"]
    assert "an archive inside the archive: unpack it" in found["x.tar.gz"]
    assert "is a zip archive or an office document" in found["y.png"]


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_that_unpack_without_a_limit_are_not_used(folder, method):
    bomb = pack(folder / "bomb.zip", [("1.png", bytes(10 * 2**20))], method)
    (sentence,) = outcomes(bomb).values()
    assert "packed in an unusual way" in sentence


def test_an_entry_over_the_size_of_a_picture_is_not_unpacked_whole(folder):
    (sentence,) = outcomes(pack(folder / "big.zip", [("1.png", bytes(70 * 2**20))])).values()
    assert "over 64 MB" in sentence


def test_wrong_extensions_go_by_their_content(folder):
    found = outcomes(
        pack(
            folder / "ext.zip",
            [
                ("text.png", b"hello, world"),
                ("picture.txt", png()),
                ("page.jpg", b"<!doctype html><p>hello"),
                ("empty.png", b""),
                ("none", png()),
                ("cut.png", png()[:200]),
            ],
        )
    )
    assert found["picture.txt"] == found["none"] == "ok"
    assert "holds text" in found["text.png"]
    assert "web page" in found["page.jpg"]
    assert "empty" in found["empty.png"]
    assert "damaged" in found["cut.png"]


def test_a_small_file_that_states_a_huge_picture_is_only_a_row(folder):
    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", 40_000, 40_000, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b""))
    found = outcomes(pack(folder / "pixels.zip", [("bomb.png", bomb), ("fine.png", png())]))
    assert "too large" in found["bomb.png"]
    assert found["fine.png"] == "ok"


def test_a_damaged_entry_loses_only_itself(folder):
    path = pack(folder / "flip.zip", [("a.png", png(1)), ("b.png", png(2)), ("c.png", png(3))])
    data = bytearray(path.read_bytes())
    data[data.find(b"b.png") + 200] ^= 0xFF
    path.write_bytes(data)
    found = outcomes(path)
    assert found["a.png"] == found["c.png"] == "ok"
    assert "entry of the archive is damaged" in found["b.png"]


def test_two_entries_of_one_name_are_two_rows(folder):
    with pytest.warns(UserWarning, match="Duplicate"):
        path = pack(folder / "twice.zip", [("dog/1.png", png(1)), ("dog/1.png", png(2))])
    with open_batch([path], CLASSES) as files:
        assert [file.name for file in files] == ["dog/1.png"] * 2
        assert files[0].read().tobytes() == read_image(png(1)).tobytes()
        assert files[1].read().tobytes() == read_image(png(2)).tobytes()


def test_names_that_would_hide_their_ending_are_shown_bare(folder):
    names = ["dog/gnp\u202egpj.exe", "dog/a\u200bb.png", "dog/bell\x07.png", "dog/ünïcödé-狗.png"]
    found = outcomes(pack(folder / "unicode.zip", [(name, png()) for name in names]))
    assert list(found) == ["dog/gnp�gpj.exe", "dog/a�b.png", "dog/bell�.png", "dog/ünïcödé-狗.png"]
    assert set(found.values()) == {"ok"}


def test_a_name_that_is_no_utf8_is_refused_with_its_archive(folder):
    path = pack(folder / "bytes.zip", [("dög.png", png())])
    path.write_bytes(path.read_bytes().replace("ö".encode(), b"\xff\xfe"))
    assert "bytes.zip" in refusal(path)


def test_any_single_flipped_byte_gives_pictures_or_one_sentence(folder):
    original = pack(folder / "flip.zip", [("dog/1.png", png(1, (6, 5))), ("2.png", png(2, (6, 5)))])
    data = original.read_bytes()
    for place in range(len(data)):
        for change in (0xFF, 0x01):
            flipped = bytearray(data)
            flipped[place] ^= change
            original.write_bytes(flipped)
            try:
                found = outcomes(original)
            except BatchError as error:
                found = {"": str(error)}
            for sentence in found.values():
                assert sentence == "ok" or sentence.endswith(".")
                assert "Traceback" not in sentence


@pytest.mark.skipif(not Path("/usr/bin/zip").exists(), reason="needs the program zip")
def test_archives_by_another_program_with_a_real_password(folder):
    (folder / "a.png").write_bytes(png())
    for options, name in ((["-q"], "plain.zip"), (["-q", "-P", "secret"], "locked.zip")):
        subprocess.run(["/usr/bin/zip", *options, name, "a.png"], cwd=folder, check=True)
    assert outcomes(folder / "plain.zip") == {"a.png": "ok"}
    assert "is encrypted" in refusal(folder / "locked.zip")


# Classifying


def test_rows_say_what_the_service_says_of_each_picture(explorer, folder):
    entries = [(f"{CLASSES[place % 7]}/{place}.png", png(place)) for place in range(20)]
    entries.insert(3, ("dog/broken.png", b"junk"))
    path = pack(folder / "mine.zip", entries)
    with open_batch([path], CLASSES) as files:
        chunks = list(classify_files(explorer, files, "pacs/sketch"))
    assert [len(chunk) for chunk in chunks] == [IMAGES_AT_ONCE, IMAGES_AT_ONCE, 5]
    rows = [row for chunk in chunks for row in chunk]
    assert [row.file for row in rows] == [name for name, _ in entries]
    assert rows[3].verdicts == ()
    assert "picture" in rows[3].problem
    for row, (name, data) in zip(rows, entries, strict=True):
        if row.file == "dog/broken.png":
            continue
        assert row.label == name.split("/")[0]
        expected = explorer.classify(read_image(data), "pacs/sketch")
        assert [one.label for one in row.verdicts] == [one.label for one in expected]
        np.testing.assert_allclose(
            [one.confidence for one in row.verdicts],
            [one.confidence for one in expected],
            atol=1e-4,
        )


def test_a_picture_that_is_cut_off_is_classified_and_its_row_says_so(explorer, folder):
    buffer = io.BytesIO()
    Image.open(io.BytesIO(png(1, (160, 160)))).save(buffer, "JPEG")
    data = buffer.getvalue()
    path = pack(folder / "cut.zip", [("dog/1.jpg", data[: len(data) * 3 // 4])])
    with open_batch([path], CLASSES) as files:
        ((row,),) = classify_files(explorer, files, "pacs/sketch")
        part = files[0].read()
    expected = explorer.classify(part, "pacs/sketch")
    assert [one.label for one in row.verdicts] == [one.label for one in expected]
    assert row.problem.endswith("the answer is about the part that is there.")
    table = rows_table([row])
    assert row.problem in table
    assert 'class="problem"' not in table
    assert to_csv([row]).splitlines()[1].endswith(f'"{row.problem}",,')


def test_a_batch_of_nothing_but_broken_files_still_answers(explorer, folder):
    path = pack(folder / "bad.zip", [(f"{place}.png", b"junk") for place in range(9)])
    with open_batch([path], CLASSES) as files:
        rows = [row for chunk in classify_files(explorer, files, "pacs/sketch") for row in chunk]
    assert len(rows) == 9
    assert accuracies(rows) == {}
    assert agreements(rows) == []
    assert len(to_csv(rows).splitlines()) == 10


def test_a_batch_ends_in_time_and_says_of_which_pictures_nothing_is_known(
    explorer, folder, monkeypatch
):
    path = pack(folder / "slow.zip", [(f"{place}.png", png(place)) for place in range(17)])
    with open_batch([path], CLASSES) as files:
        answers = classify_files(explorer, files, "pacs/sketch")
        assert all(row.verdicts for row in next(answers))
        now = batch.time.monotonic()
        monkeypatch.setattr(batch.time, "monotonic", lambda: now + batch.MAX_SECONDS + 1)
        rest = [row for chunk in answers for row in chunk]
    assert [row.problem for row in rest] == [batch.TOO_LATE] * 9


@pytest.mark.thorough
def test_others_are_answered_while_a_batch_runs(explorer, folder):
    path = pack(folder / "long.zip", [(f"{place}.png", png(place)) for place in range(200)])
    visitor = read_image(png(1000))
    expected = explorer.classify(visitor, "pacs/sketch")[0].probabilities
    finished = threading.Event()

    def work():
        with open_batch([path], CLASSES) as files:
            for _ in classify_files(explorer, files, "pacs/sketch"):
                pass
        finished.set()

    worker = threading.Thread(target=work)
    worker.start()
    answered = 0
    while not finished.is_set():
        assert explorer.classify(visitor, "pacs/sketch")[0].probabilities == expected
        answered += 1
    worker.join()
    assert answered >= 200 / IMAGES_AT_ONCE / 2  # a turn at least after every other chunk


# Sums over rows, recounted by hand


def row(label, *said):
    names = (("Full precision", "erm"), ("QT-DoG", "qt-dog"), ("EoQ", "eoq"))
    verdicts = tuple(
        Answer(model, method, each, 0.5) for (model, method), each in zip(names, said, strict=True)
    )
    return Row("x.png", label, verdicts)


ROWS = [
    row("dog", "dog", "dog", "dog"),
    row("dog", "horse", "dog", "dog"),
    row("horse", "dog", "dog", "horse"),
    row("horse", "horse", "house", "horse"),
    row(None, "dog", "dog", "horse"),
    Row("broken.png", "dog", problem="This file is empty."),
]


def test_accuracy_counts_only_pictures_with_a_class_and_a_verdict():
    counts = {name: (one.correct, one.total) for name, one in accuracies(ROWS).items()}
    assert counts == {"Full precision": (2, 4), "QT-DoG": (2, 4), "EoQ": (4, 4)}


def test_confusion_counts_known_classes_down_and_answers_across():
    classes = ("dog", "horse", "house")
    assert confusion(ROWS, "Full precision", classes).tolist() == [[1, 1, 0], [1, 1, 0], [0, 0, 0]]
    assert confusion(ROWS, "QT-DoG", classes).tolist() == [[2, 0, 0], [1, 0, 1], [0, 0, 0]]
    assert confusion(ROWS, "EoQ", classes).tolist() == [[2, 0, 0], [0, 2, 0], [0, 0, 0]]


def test_confusion_and_accuracy_agree_with_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    random = np.random.default_rng(3)
    drawn = random.choice(CLASSES, (60, 4))
    rows = [row(*each) for each in drawn.tolist()]
    for place, model in enumerate(("Full precision", "QT-DoG", "EoQ"), start=1):
        ours = confusion(rows, model, CLASSES)
        theirs = metrics.confusion_matrix(drawn[:, 0], drawn[:, place], labels=CLASSES)
        np.testing.assert_array_equal(ours, theirs)
        fraction = metrics.accuracy_score(drawn[:, 0], drawn[:, place])
        assert accuracies(rows)[model].fraction == pytest.approx(fraction)


def test_agreement_is_counted_over_all_pictures_with_a_verdict():
    counts = {one.models: (one.same, one.total) for one in agreements(ROWS)}
    assert counts == {
        ("Full precision", "QT-DoG"): (3, 5),
        ("Full precision", "EoQ"): (2, 5),
        ("QT-DoG", "EoQ"): (2, 5),
        ("Full precision", "QT-DoG", "EoQ"): (1, 5),
    }


def test_the_csv_reads_back_and_runs_no_formula():
    rows = [*ROWS, Row('=HYPERLINK("evil")', None, problem="Odd, and\nbroken.")]
    text = to_csv(rows, "pacs/sketch", ("erm-seed0", "qt-dog-7bit-seed0"))
    read = list(csv.DictReader(io.StringIO(text)))
    assert len(read) == 7
    assert [one["number"] for one in read] == list("1234567")
    assert read[1] == {
        "number": "2", "held-out domain": "pacs/sketch",
        "networks": "erm-seed0 qt-dog-7bit-seed0",
        "file": "x.png", "known class": "dog", "problem": "",
        "Full precision class": "horse", "Full precision confidence": "0.500000",
        "QT-DoG class": "dog", "QT-DoG confidence": "0.500000",
        "EoQ class": "dog", "EoQ confidence": "0.500000",
    }  # fmt: skip
    assert read[4]["known class"] == ""
    assert read[5]["EoQ class"] == ""
    assert read[6]["file"] == '\'=HYPERLINK("evil")'
    assert read[6]["problem"] == "Odd, and\nbroken."
