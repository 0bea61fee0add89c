"""How many cores this process may use, and how its threads share them with other processes.

Imports no torch: what OpenMP reads from the environment it reads once, when torch is loaded.
"""

import math
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

_one_at_a_time = threading.Lock()
_threads_by_default: str | None = None
"""What `share` has set where the user had set nothing."""


def count(root: Path = Path("/")) -> int:
    """Cores that this process may use: those of its affinity, at most what its control groups
    (Linux, version 1 and 2) and all groups above them allow, part of a core counted as one.

    root: where /proc and /sys are found.
    """
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS or Windows
        cores = os.cpu_count() or 1
    return max(1, min([cores, *(math.ceil(limit) for limit in _limits(root))]))


def share(threads: int | None = None) -> None:
    """Let this process's threads leave the cores to others while they wait. Before torch is loaded.

    By default a waiting OpenMP thread spins, which two processes with a thread a core each pay
    for with most of their speed; and torch makes a thread for each core of the machine, whatever
    the control groups allow. What the user has set stays; of two calls the later one counts.

    threads: that one operation is divided among; by default `count()`, which suits training. One
    suits single images: waking a second thread takes as long as it saves.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    global _threads_by_default
    if os.environ.get("OMP_NUM_THREADS") in (None, _threads_by_default):
        _threads_by_default = os.environ["OMP_NUM_THREADS"] = str(threads or count())


def pool(workers: int, name: str) -> ThreadPoolExecutor:
    """Workers whose torch operations take one thread each; all other threads keep their number."""
    return ThreadPoolExecutor(workers, name, _one_thread)


def _one_thread() -> None:
    """For the calling thread alone.

    `torch.set_num_threads` also sets what threads get that have not used torch yet; another
    thread, which ends with it, sets that back.
    """
    import torch

    with _one_at_a_time:
        others = torch.get_num_threads()  # and this thread has its number now, not at its first use
        torch.set_num_threads(1)
        back = threading.Thread(target=torch.set_num_threads, args=(others,))
        back.start()
        back.join()


def _limits(root: Path) -> Iterator[float]:
    """The cores that each control group of this process allows, where it sets a limit."""
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, controllers, group = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        mounts = [controllers, "cpu"] if controllers else ["", "unified"]
        for mount in mounts:
            top = root / "sys/fs/cgroup" / mount
            # In a container the group's path may be the host's: then only `top` is there.
            for place in (Path(group.lstrip("/")), *Path(group.lstrip("/")).parents):
                if controllers:
                    quota = _text(top / place / "cpu.cfs_quota_us").strip()
                    period = _text(top / place / "cpu.cfs_period_us").strip()
                else:
                    quota, _, period = _text(top / place / "cpu.max").strip().partition(" ")
                if quota.isdigit() and period.isdigit() and int(quota) and int(period):
                    yield int(quota) / int(period)


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:  # not on Linux, or no such group
        return ""
