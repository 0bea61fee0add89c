"""A lock on an open file, which goes with the process that holds it."""

import errno
from typing import IO

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

CAN_LOCK = fcntl is not None


def lock(file: IO) -> bool:
    """Hold the lock on a file until it is closed; False where another process holds it.

    On NFS it holds between machines, unless that is mounted with `nolock` or `local_lock`. Raises
    OSError where files cannot be locked.
    """
    if fcntl is None:
        raise OSError(errno.ENOTSUP, "this system has no such locks")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
