"""Memory that training frees and needs again in the next step stays with the process."""

import ctypes
import sys

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4


def keep_freed_memory() -> None:
    """Tell glibc not to hand freed memory back between steps.

    Otherwise every activation of every step is mapped afresh and its pages are cleared by the
    kernel, which takes a good part of a small network's step. Elsewhere it does nothing.
    """
    if not sys.platform.startswith("linux"):
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library than glibc
        return
    mallopt(M_MMAP_MAX, 0)
    mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
