"""Domain/class/image folders, as DomainBed lays them out, decoded once into memory."""

import hashlib
import json
import math
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from tqdm import tqdm

from qtdog.atomic import write_atomically
from qtdog.data.domains import Domain, DomainDataset
from qtdog.images import ImageError, read_image
from qtdog.models import resize

CACHE_VERSION = 1
IMAGE_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".heic"}


class DataError(ValueError):
    """One sentence that says what is wrong with a data folder."""


def cache_folder() -> Path:
    """Where decoded images are kept: `QTDOG_CACHE`, or qtdog in the user's cache folder."""
    if "QTDOG_CACHE" in os.environ:
        return Path(os.environ["QTDOG_CACHE"])
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "qtdog"


def load_folder(root: Path, image_size: int, name: str | None = None) -> DomainDataset:
    """Read `root`/domain/class/image at `image_size` squared.

    The dataset's name is `name`, or the folder's in lower case. Unreadable images are left out
    and named in `skipped`. Raises DataError for a folder without domains, a domain that lacks a
    class, or a class without a readable image.
    """
    root = Path(root)
    if not root.is_dir():
        raise DataError(f"The data folder {root} does not exist.")
    domain_folders = _folders(root)
    if len(domain_folders) < 2:
        raise DataError(
            f"{root} holds {len(domain_folders)} domain folders: it takes at least two, "
            "laid out as domain/class/image."
        )
    classes = sorted({folder.name for domain in domain_folders for folder in _folders(domain)})
    if len(classes) < 2:
        raise DataError(
            f"{root} holds {len(classes)} classes: it takes at least two, as domain/class/image."
        )
    domains, skipped = [], []
    for folder in domain_folders:
        present = {child.name for child in _folders(folder)}
        if absent := [label for label in classes if label not in present]:
            raise DataError(
                f"The domain {folder.name} lacks the class {', '.join(absent)}: "
                f"add a folder {folder / absent[0]} or remove the class from the other domains."
            )
        domain, unreadable = _load_domain(folder, classes, image_size)
        domains.append(domain)
        skipped += [f"{folder.name}/{line}" for line in unreadable]
        for label, count in enumerate(np.bincount(domain.labels, minlength=len(classes))):
            if count == 0:
                raise DataError(
                    f"The class folder {folder / classes[label]} has no readable image."
                )
    if skipped:
        print(f"Skipped {len(skipped)} unreadable images:", file=sys.stderr)
        for line in skipped:
            print(f"  {line}", file=sys.stderr)
    return DomainDataset(
        name or root.resolve().name.lower(), tuple(classes), tuple(domains), tuple(skipped)
    )


@dataclass(frozen=True)
class _ImageFile:
    path: Path
    name: str  # class/file
    label: int


def _folders(parent: Path) -> list[Path]:
    return sorted(
        (child for child in parent.iterdir() if child.is_dir() and child.name[0] != "."),
        key=lambda child: child.name,
    )


def _image_files(folder: Path, classes: Sequence[str]) -> list[_ImageFile]:
    return [
        _ImageFile(path, f"{name}/{path.name}", label)
        for label, name in enumerate(classes)
        for path in sorted((folder / name).iterdir(), key=lambda path: path.name)
        if path.is_file() and path.suffix.lower() in IMAGE_SUFFIXES
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
        content = json.dumps(problems).encode()
        write_atomically(record, lambda handle: handle.write(content))
    problems = json.loads(record.read_text())
    unreadable = {name for name, _ in problems}
    readable = [file for file in files if file.name not in unreadable]
    images = np.load(pixels, mmap_mode="r", allow_pickle=False)[: len(readable)]
    labels = np.array([file.label for file in readable], np.int64)
    domain = Domain(folder.name, images, labels, tuple(file.name for file in readable))
    return domain, [f"{name}: {reason}" for name, reason in problems]


def _cache_key(folder: Path, files: Sequence[_ImageFile], image_size: int) -> str:
    """Changes with any file's name, size or time of change, the image size, or this version."""
    digest = hashlib.sha256(f"{CACHE_VERSION}:{image_size}:{folder.resolve()}".encode())
    for file in files:
        status = file.path.stat()
        digest.update(f"{file.name}:{status.st_size}:{status.st_mtime_ns}\n".encode())
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
    with ThreadPoolExecutor(os.cpu_count()) as pool:
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
