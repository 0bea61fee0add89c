"""Domain/class/image folders, as DomainBed lays them out, decoded once into memory."""

import hashlib
import json
import math
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from tqdm import tqdm

from qtdog import cores
from qtdog.data.contents import content_hash
from qtdog.data.domains import Domain, DomainDataset
from qtdog.files import write_atomically
from qtdog.images import ImageError, read_image
from qtdog.models import resize
from qtdog.places import cache_folder
from qtdog.system_files import is_system_file, is_system_folder

CACHE_VERSION = 2
IMAGE_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".heic"}
IMAGE_SUFFIXES |= {".jpe", ".jfif", ".heif", ".avif", ".ppm"}
"""Outside class folders a file is taken for an image by its name."""


class DataError(ValueError):
    """One sentence that says what is wrong with a data folder."""


def load_folder(
    root: Path, image_size: int, name: str | None = None, fewest: int = 2
) -> DomainDataset:
    """Read `root`/domain/class/image at `image_size` squared.

    The dataset's name is `name`, or the folder's in lower case. A domain may lack classes. Every
    file in a class folder counts as an image, whatever it is called, but for those that systems
    add; the unreadable ones are left out and named in `skipped`. Raises DataError for a folder with
    fewer than `fewest` domains or classes (training takes two of each), and for a domain without a
    readable image.
    """
    root = Path(root)
    domain_folders = [root / name for name in folder_domains(root, fewest)]
    classes = sorted({folder.name for domain in domain_folders for folder in _folders(domain)})
    if len(classes) < fewest:
        raise DataError(
            f"{root} holds {len(classes)} classes: it takes {_least(fewest)}, "
            "as domain/class/image."
        )
    domains, skipped = [], []
    for folder in domain_folders:
        domain, unreadable = _load_domain(folder, classes, image_size)
        domains.append(domain)
        skipped += [f"{folder.name}/{line}" for line in unreadable]
        if not len(domain):
            raise DataError(f"The domain folder {folder} has no readable image in a class folder.")
    if skipped:
        print(f"Skipped {len(skipped)} unreadable images:", file=sys.stderr)
        for line in skipped:
            print(f"  {readable_name(line)}", file=sys.stderr)
    return DomainDataset(
        name or root.resolve().name.lower(), tuple(classes), tuple(domains), tuple(skipped)
    )


def folder_domains(root: Path, fewest: int = 2) -> tuple[str, ...]:
    """The domains below `root`, by their folders. Raises DataError where there is no such folder
    or it has fewer."""
    if not root.is_dir():
        raise DataError(f"The data folder {root} does not exist.")
    names = tuple(folder.name for folder in _folders(root))
    if len(names) < fewest:
        raise DataError(
            f"{root} holds {len(names)} domain folders: it takes {_least(fewest)}, "
            "laid out as domain/class/image."
        )
    return names


def _least(fewest: int) -> str:
    return "at least two" if fewest == 2 else "at least one"


@dataclass(frozen=True)
class _ImageFile:
    path: Path
    name: str  # class/file
    label: int


def readable_name(name: str) -> str:
    """A file's name as it can be printed: what is not UTF-8 in it as "\\xe9"."""
    return name.encode(errors="surrogateescape").decode(errors="backslashreplace")


def _folders(parent: Path) -> list[Path]:
    """Its folders, but for those that systems add and links back to a folder above.

    Raises DataError for a name that is not UTF-8: domains and classes are written into files.
    """
    above = {parent.resolve(), *parent.resolve().parents}
    found = [
        child
        for child in parent.iterdir()
        if child.is_dir() and not is_system_folder(child.name) and child.resolve() not in above
    ]
    for folder in found:
        if (shown := readable_name(folder.name)) != folder.name:
            raise DataError(f"The name of the folder {shown} is not UTF-8: rename it.")
    return sorted(found, key=lambda child: child.name)


def _image_files(folder: Path, classes: Sequence[str]) -> list[_ImageFile]:
    return [
        _ImageFile(path, f"{name}/{path.name}", label)
        for label, name in enumerate(classes)
        if (folder / name).is_dir()
        for path in sorted((folder / name).iterdir(), key=lambda path: path.name)
        if (path.is_file() or path.is_symlink()) and not path.is_dir()  # a link may lead nowhere
        if not is_system_file(path.name)
    ]


def _load_domain(folder: Path, classes: Sequence[str], image_size: int) -> tuple[Domain, list[str]]:
    files = _image_files(folder, classes)
    cached = cache_folder() / "decoded" / _cache_key(folder, files, image_size)
    record, pixels = cached.with_suffix(".json"), cached.with_suffix(".npy")
    # The record is written after the pixels, so where it is, the pixels are whole.
    if not record.exists():
        problems: list[tuple[str, str]] = []
        write_atomically(
            pixels, lambda handle: problems.extend(_decode(files, image_size, folder.name, handle))
        )
        noted = json.dumps(problems).encode()
        write_atomically(record, lambda handle: handle.write(noted))
    problems = json.loads(record.read_text())
    unreadable = {name for name, _ in problems}
    readable = [file for file in files if file.name not in unreadable]
    images = np.load(pixels, mmap_mode="r", allow_pickle=False)[: len(readable)]
    labels = np.array([file.label for file in readable], np.int64)
    names = tuple(file.name for file in readable)
    kept = cache_folder() / "contents" / _cache_key(folder, files)
    content = content_hash(((file.name, file.path) for file in files), kept)
    domain = Domain(folder.name, images, labels, names, content)
    return domain, [f"{name}: {reason}" for name, reason in problems]


def _cache_key(folder: Path, files: Sequence[_ImageFile], image_size: int | None = None) -> str:
    """Changes with any file's name, size or time of change, the image size, or this version."""
    digest = hashlib.sha256(f"{CACHE_VERSION}:{image_size}:{folder.resolve()}".encode())
    for file in files:
        status = file.path.stat() if file.path.exists() else file.path.lstat()
        line = f"{file.name}:{status.st_size}:{status.st_mtime_ns}\n"
        digest.update(line.encode(errors="surrogateescape"))
    return digest.hexdigest()[:32]


def _decode(
    files: Sequence[_ImageFile], image_size: int, title: str, handle: BinaryIO
) -> list[tuple[str, str]]:
    """Write the images to a .npy file, one by one, for a domain may be larger than memory.

    Returns the names of the unreadable ones, with the reasons; the file ends in as many rows that
    nothing is written to.
    """

    def one(file: _ImageFile) -> np.ndarray | str:
        try:
            return resize(read_image(file.path), image_size)
        except ImageError as error:
            return str(error)

    shape = (len(files), image_size, image_size, 3)
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(handle, header)
    end = handle.tell() + math.prod(shape)
    problems = []
    with ThreadPoolExecutor(cores.count()) as pool:
        results = tqdm(
            pool.map(one, files), total=len(files), desc=f"reading {title}", unit="image"
        )
        for file, result in zip(files, results, strict=True):
            if isinstance(result, str):
                problems.append((file.name, result))
            else:
                handle.write(result.tobytes())
    handle.truncate(end)
    return problems
