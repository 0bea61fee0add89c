"""Which code, on which machine: what stands beside every measured number."""

import platform
import subprocess
from pathlib import Path

from qtdog import __version__, cores
from qtdog.places import INSTALLED, PACKAGE


def code_version() -> str:
    """The commit of this code, "+changes" if files differ from it, "unknown" outside git. Of an
    installed package its version: a repository that it lies in is not its own."""
    if INSTALLED:
        return f"version {__version__}"
    try:
        commit = _git("rev-parse", "HEAD")
        changes = _git("status", "--porcelain", "--", str(PACKAGE))
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return commit + ("+changes" if changes else "")


def processor(processes: int = 1) -> str:
    """The GPU's name, or the processor's and how many threads torch uses; how many processes."""
    one = _one_processor()
    return one if processes == 1 else f"{processes} processes: each {one}"


def cpu() -> str:
    """The processor's name; without torch."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if "model name" in line)
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def _one_processor() -> str:
    import torch  # the page tells its version, and waits for no torch

    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"{cpu()}, {torch.get_num_threads()} of {cores.count()} cores"


def _git(*words: str) -> str:
    result = subprocess.run(
        ["git", *words], cwd=PACKAGE, capture_output=True, text=True, check=True
    )
    return result.stdout.strip()
