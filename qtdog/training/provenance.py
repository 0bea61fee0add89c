"""Which code, on which machine: what stands beside every measured number."""

import os
import platform
import subprocess
from pathlib import Path

import torch

from qtdog.training import parallel


def code_version() -> str:
    """The commit of this code, "+changes" if files differ from it, "unknown" outside git."""
    folder = Path(__file__).resolve().parents[1]
    try:
        commit = _git(folder, "rev-parse", "HEAD")
        changes = _git(folder, "status", "--porcelain", "--", str(folder))
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return commit + ("+changes" if changes else "")


def processor() -> str:
    """The GPU's name, or the processor's and how many threads torch uses; how many processes."""
    one = _one_processor()
    return one if parallel.processes() == 1 else f"{parallel.processes()} processes: each {one}"


def _one_processor() -> str:
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    name = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next(line.partition(":")[2].strip() for line in lines if "model name" in line)
    except (OSError, StopIteration):
        pass
    return f"{name}, {torch.get_num_threads()} of {os.cpu_count()} cores"


def _git(folder: Path, *words: str) -> str:
    result = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=True)
    return result.stdout.strip()
