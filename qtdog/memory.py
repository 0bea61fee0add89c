"""What becomes of freed memory: training and measuring keep it, the page gives it back."""

import ctypes
import sys
from functools import lru_cache

from qtdog import cores

M_TRIM_THRESHOLD, M_MMAP_MAX, M_ARENA_MAX = -1, -4, -8


def keep_freed_memory() -> None:
    """Tell glibc not to hand freed memory back between steps.

    Otherwise every activation of every training step is mapped afresh and its pages are cleared by
    the kernel, which takes a good part of a small network's step. Elsewhere it does nothing.
    """
    if library := _glibc():
        library.mallopt(M_MMAP_MAX, 0)
        library.mallopt(M_TRIM_THRESHOLD, 2**31 - 1)


def share_memory_among_threads() -> None:
    """Tell glibc to let threads take memory from the same few pools, one a core, two at least.

    Otherwise every thread gets a pool of its own, up to eight a core, and what one freed the others
    cannot use: the page grows with the number of visitors at once (`tests/test_load.py`). Before
    threads are started. Elsewhere it does nothing.
    """
    if library := _glibc():
        library.mallopt(M_ARENA_MAX, max(2, cores.count()))


def give_back_freed_memory() -> None:
    """Have glibc hand back what was freed, after a job that needed much.

    Otherwise it stays in pieces with the thread that freed it, and the page grows with every such
    job. Takes some milliseconds. Elsewhere it does nothing.
    """
    if library := _glibc():
        library.malloc_trim(0)


@lru_cache
def _glibc() -> ctypes.CDLL | None:
    """None with another C library."""
    if not sys.platform.startswith("linux"):
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "malloc_trim") and hasattr(library, "mallopt") else None
