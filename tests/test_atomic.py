"""Files and folders that many write at once: each is one writer's, whole."""

import os
import stat
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from processes import end_of

from qtdog.files import LEFT_BEHIND_SECONDS, write_atomically, write_folder_atomically
from qtdog.ui.downloads import MOST_FILES, Downloads

WRITERS, TIMES = 6, 50
SIZE = 50_000  # bytes, more than one call writes


def write_file(path: Path, writer: int) -> None:
    for _ in range(TIMES):
        write_atomically(path, lambda handle: handle.write(bytes([writer]) * SIZE))


def write_folder(folder: Path, writer: int) -> None:
    def fill(new: Path) -> None:
        for name in ("model", "config"):
            (new / name).write_text(str(writer))

    for _ in range(TIMES):
        write_folder_atomically(folder, fill)


def file_writer(content: bytes) -> int:
    assert len(content) == SIZE
    (writer,) = set(content)
    return writer


def folder_writer(folder: Path) -> int:
    model, config = ((folder / name).read_text() for name in ("model", "config"))
    assert model == config
    return int(model)


def test_threads_that_write_one_file_fail_never_and_readers_see_whole_ones(tmp_path):
    path = tmp_path / "numbers.csv"
    write_file(path, 0)
    done = threading.Event()

    def read() -> int:
        times = 0
        while not done.is_set():
            file_writer(path.read_bytes())
            times += 1
        return times

    with ThreadPoolExecutor(WRITERS + 1) as threads:
        reader = threads.submit(read)
        writers = [threads.submit(write_file, path, writer) for writer in range(WRITERS)]
        try:
            for one in writers:
                one.result()
        finally:
            done.set()
        assert reader.result() > TIMES
    assert list(tmp_path.iterdir()) == [path]


def test_threads_that_write_one_folder_leave_one_of_theirs(tmp_path):
    folder = tmp_path / "checkpoint"
    with ThreadPoolExecutor(WRITERS) as threads:
        for one in [threads.submit(write_folder, folder, writer) for writer in range(WRITERS)]:
            one.result()
    assert folder_writer(folder) in range(WRITERS)
    assert list(tmp_path.iterdir()) == [folder]


@pytest.mark.thorough
@pytest.mark.parametrize("write", [write_file, write_folder])
def test_processes_that_write_the_same_leave_one_of_theirs(write, start, tmp_path):
    place = tmp_path / "shared"
    writers = [start(write, place, writer) for writer in range(WRITERS)]
    assert [end_of(one) for one in writers] == [0] * WRITERS
    (left,) = tmp_path.iterdir()
    read = folder_writer(left) if left.is_dir() else file_writer(left.read_bytes())
    assert read in range(WRITERS)


def test_a_written_file_is_for_whom_a_new_file_is(tmp_path):
    before = os.umask(0o027)
    try:
        write_atomically(tmp_path / "shared.csv", lambda handle: handle.write(b"1"))
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "shared.csv").stat().st_mode) == 0o640


def test_a_writer_that_fails_changes_nothing_and_leaves_nothing(tmp_path):
    write_folder(tmp_path / "one", 1)

    def fail(new: Path) -> None:
        (new / "model").write_text("2")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_folder_atomically(tmp_path / "one", fail)
    assert folder_writer(tmp_path / "one") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["one"]


def test_what_a_killed_process_left_goes_and_what_another_fills_now_stays(tmp_path):
    left, filling = tmp_path / ".[one].new", tmp_path / ".[one].1f2e.new"
    for folder in (left, filling):
        folder.mkdir()
    old = time.time() - LEFT_BEHIND_SECONDS - 60
    os.utime(left, (old, old))
    write_folder(tmp_path / "[one]", 1)
    assert {path.name for path in tmp_path.iterdir()} == {"[one]", filling.name}


def test_files_for_download_are_bounded_and_what_was_offered_last_is_there():
    downloads = Downloads()
    first = downloads.offer("0.csv", b"first")
    paths = [downloads.offer("numbers.csv", b"%d" % n) for n in range(MOST_FILES + 20)]
    assert not first.exists()
    assert [path.read_bytes() for path in paths[20:]] == [
        b"%d" % n for n in range(20, MOST_FILES + 20)
    ]
    assert len(list(first.parent.parent.iterdir())) == MOST_FILES
    assert downloads.offer("0.csv", b"first").read_bytes() == b"first"


def test_threads_that_offer_the_same_download_get_the_whole_of_it():
    downloads, content = Downloads(), bytes(SIZE)
    begin = threading.Barrier(WRITERS)

    def offer(_: int) -> list[int]:
        begin.wait()
        return [len(downloads.offer(f"{n}.csv", content).read_bytes()) for n in range(TIMES)]

    with ThreadPoolExecutor(WRITERS) as threads:
        assert list(threads.map(offer, range(WRITERS))) == [[SIZE] * TIMES] * WRITERS
