"""What a visitor hands in for a batch: pictures and zip archives, read one entry at a time.

Nothing is unpacked to disk: an entry's bytes go from the archive into memory. What makes an archive
dangerous as a whole (size, overlapping entries, encryption) refuses it before anything is unpacked;
what is wrong with one entry is told when that entry is read.
"""

import io
import re
import stat
import unicodedata
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from PIL import Image

from qtdog.explorer import zip_names
from qtdog.images import MAX_BYTES, ImageError, read_image
from qtdog.system_files import is_systems

MAX_FILES = 2_000  # handed in or inside archives, all together
MAX_UNPACKED_BYTES = 512 * 2**20  # all archives together, once unpacked
MAX_CONTENTS_BYTES = 4 * 2**20  # an archive's table of contents

# bzip2 and LZMA unpack a whole block in one go: a few bytes could fill the memory.
_READABLE = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 0x1 | 0x40 | 0x2000  # flags of a zip entry: password, strong encryption, hidden names
_HEADER_BYTES = 30  # before each entry's data, at least
_ARCHIVES = {".zip", ".7z", ".rar", ".tar", ".gz", ".tgz", ".bz2", ".xz"}


class BatchError(ValueError):
    """The batch cannot be used; the message is one sentence: what is wrong and what to do."""


@dataclass(frozen=True)
class BatchFile:
    """One picture, or what claims to be one."""

    name: str
    """As shown: the path inside the archive, or the file's name."""
    label: str | None
    """Its class, from the nearest folder that is named like one."""
    read: Callable[[], Image.Image]
    """The RGB image; raises ImageError with one sentence, and nothing else."""


@contextmanager
def open_batch(paths: Sequence[str | Path], classes: Sequence[str]) -> Iterator[list[BatchFile]]:
    """The pictures of the files at `paths` and of the zip archives among them, in that order.

    They can be read inside the `with` only. Raises BatchError if there is nothing to read or too
    much, or if an archive is damaged, encrypted or a bomb.
    """
    with ExitStack() as opened:
        files: list[BatchFile] = []
        unpacked = 0
        given = [path for path in map(Path, paths) if not is_systems([path.name])]
        for path in given:
            if path.suffix.lower() != ".zip":
                files.append(_loose(path))
            else:
                archive = _open(path, opened)
                entries = _entries(archive, shown(path.name))
                unpacked += sum(entry.info.file_size for entry in entries)
                prefix = f"{path.name}/" if len(given) > 1 else ""
                files += [_packed(archive, entry, prefix, classes) for entry in entries]
            _check_limits(len(files), unpacked)
        if not files:
            raise BatchError("There is no picture in this: choose pictures or a zip of pictures.")
        yield files


def class_of(name: str, classes: Sequence[str]) -> str | None:
    """The class that the nearest folder on the path `name` is called, in any case, with spaces,
    hyphens or underscores: "Art/Polar Bear/1.png" -> "polar_bear"."""
    known = {_plain(label): label for label in classes}
    folders = [_plain(part) for part in PurePosixPath(name.replace("\\", "/")).parts[:-1]]
    return next((known[folder] for folder in reversed(folders) if folder in known), None)


def shown(name: str) -> str:
    """A file's name without characters that hide or reorder others (controls, text direction)."""
    return "".join(
        "\N{REPLACEMENT CHARACTER}" if unicodedata.category(letter)[0] == "C" else letter
        for letter in name
    )


class _InPieces(io.FileIO):
    """A file that is not read in one piece larger than an honest table of contents.

    `zipfile` reads the table at once, as long as the archive says it is, and makes an object of
    each 46 bytes.
    """

    def read(self, size: int | None = -1) -> bytes:
        if size is not None and size > MAX_CONTENTS_BYTES:
            name = shown(Path(str(self.name)).name)
            raise BatchError(
                f"The archive {name} states a table of contents of {_megabytes(size)}, more than "
                f"{MAX_FILES:,} files need: pack it again or send fewer."
            )
        return super().read(size)


def _open(path: Path, opened: ExitStack) -> zipfile.ZipFile:
    name = shown(path.name)
    # Archives are hostile input, and zipfile lets out what its parser meets: struct.error,
    # UnicodeDecodeError, NotImplementedError, OverflowError and more.
    try:
        return opened.enter_context(zipfile.ZipFile(opened.enter_context(_InPieces(path))))
    except BatchError:
        raise
    except Exception:
        raise BatchError(
            f"{name} is not a zip archive, or it is damaged or cut off: pack it again."
        ) from None


@dataclass(frozen=True)
class _Entry:
    info: zipfile.ZipInfo
    name: str
    """As it was meant, with slashes; `info` has it in the encoding that zipfile assumed."""


def _entries(archive: zipfile.ZipFile, name: str) -> list[_Entry]:
    """The archive's files, without folders and what operating systems add."""
    entries = archive.infolist()
    if any(entry.flag_bits & _ENCRYPTED for entry in entries):
        raise BatchError(
            f"The archive {name} is encrypted: pack it again without a password, or send the "
            "pictures."
        )
    end = 0
    for entry in sorted(entries, key=lambda entry: entry.header_offset):
        if entry.header_offset < end:  # the trick of zip bombs: many names for the same bytes
            raise BatchError(f"The archive {name} has entries that overlap: pack it again.")
        end = entry.header_offset + _HEADER_BYTES + entry.compress_size
    if end > archive.start_dir:
        raise BatchError(f"The archive {name} states sizes that it does not have: pack it again.")
    named = [
        _Entry(entry, meant.replace("\\", "/"))
        for entry, meant in zip(entries, zip_names.names(entries), strict=True)
    ]
    return [one for one in named if not (one.name.endswith("/") or is_systems(one.name.split("/")))]


def _check_limits(files: int, unpacked: int) -> None:
    if files > MAX_FILES:
        raise BatchError(
            f"This has {files:,} files, and the limit is {MAX_FILES:,}: send them in several "
            "batches."
        )
    if unpacked > MAX_UNPACKED_BYTES:
        raise BatchError(
            f"Unpacked, this would be {_megabytes(unpacked)}, and the limit is "
            f"{_megabytes(MAX_UNPACKED_BYTES)}: shrink the pictures or send fewer."
        )


def _loose(path: Path) -> BatchFile:
    return BatchFile(shown(path.name), None, lambda: read_image(path, accept_partial=True))


def _packed(
    archive: zipfile.ZipFile, entry: _Entry, prefix: str, classes: Sequence[str]
) -> BatchFile:
    label = class_of(entry.name, classes)
    return BatchFile(shown(prefix + entry.name), label, lambda: _read_entry(archive, entry))


def _read_entry(archive: zipfile.ZipFile, entry: _Entry) -> Image.Image:
    if reason := _why_not(entry):
        raise ImageError(reason)
    try:
        with archive.open(entry.info) as file:
            data = file.read(MAX_BYTES + 1)
    except Exception:  # as in _open; also zlib.error and a checksum that does not fit
        raise ImageError("This entry of the archive is damaged: pack the picture again.") from None
    return read_image(data, accept_partial=True)


def _why_not(entry: _Entry) -> str:
    """Why an entry is not even unpacked; empty if it may be."""
    name = entry.name
    kind = stat.S_IFMT(entry.info.external_attr >> 16)
    if ".." in name.split("/") or "\0" in name or re.match(r"/|[A-Za-z]:", name):
        return "This entry's name leads out of the archive: give it an ordinary name."
    if kind == stat.S_IFLNK:
        return "This entry is a link, which is not followed: pack the picture itself."
    if kind not in (0, stat.S_IFREG):
        return "This entry is not an ordinary file: pack the picture itself."
    if PurePosixPath(name).suffix.lower() in _ARCHIVES:
        return "This is an archive inside the archive: unpack it and pack its pictures."
    if entry.info.compress_type not in _READABLE:
        return "This entry is packed in an unusual way: pack it again with the usual one (deflate)."
    return ""


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", "", unicodedata.normalize("NFKC", name)).casefold()


def _megabytes(size: int) -> str:
    return f"{size / 2**20:,.0f} MB"
