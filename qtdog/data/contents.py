"""Hashes of image files' content, kept beside the decoded images so that they are read once."""

import hashlib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from qtdog.files import write_atomically

READERS = 8
"""Threads: they wait for the disk, and hashing leaves the interpreter to others."""

CHUNK_BYTES = 2**20


def content_hash(files: Iterable[tuple[str, Path]], kept: Path) -> str:
    """BLAKE2b, 32 hexadecimal digits, of all files' names, sizes and bytes, in their order.

    `kept` is a file whose name changes with any file's path, size or time of change: where it is
    there, it holds the answer.
    """
    if kept.exists():
        return kept.read_text(encoding="ascii")
    named = list(files)
    digest = hashlib.blake2b(digest_size=16)
    with ThreadPoolExecutor(READERS) as pool:
        for (name, _), content in zip(named, pool.map(_digest, named), strict=True):
            digest.update(f"{name}:".encode(errors="surrogateescape") + content)
    answer = digest.hexdigest()
    write_atomically(kept, lambda handle: handle.write(answer.encode("ascii")))
    return answer


def _digest(file: tuple[str, Path]) -> bytes:
    try:
        with file[1].open("rb") as handle:
            digest = hashlib.blake2b()
            while chunk := handle.read(CHUNK_BYTES):
                digest.update(chunk)
            return f"{handle.tell()}:".encode() + digest.digest()
    except OSError:  # it is not among the images either
        return b"unreadable"
