"""EfficientNet-Lite0 on a machine with one GPU and no network: ERM and QT-DoG at 7 and 5 bits.

Where the data is, cut it into parts of less than 64 MiB:

    python scripts/gpu_study.py pack PACS parts

On the other machine, beside this repository, the parts, the start weights and, where Python lacks
the packages, a folder of their wheels (`pip download -d wheels -r requirements.txt timm`):

    python scripts/gpu_study.py run parts efficientnet_lite0.safetensors --wheels wheels \\
        --work work --records OUT --minutes 14 --side-by-side 6

It stops by itself; the same command with the same `work` goes on from the last evaluations.
One seed of every held-out domain comes first. OUT gets a small record and the logits of each run.
"""

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import tarfile
import time
import venv
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
PART_BYTES = 60 * 2**20  # of a part, with room for tar's headers below 64 MiB
FILE_OVERHEAD = 2048  # of a file in a tar
STOP_SECONDS = 20.0  # to leave after being told
BITS = (7, 5)


def pack(data: Path, parts: Path, most: int = PART_BYTES) -> list[Path]:
    """Write all files of `data` (domain/class/image) into tars of at most `most` bytes of content;
    each part is sound by itself. Raises ValueError for a folder without files."""
    files = sorted(path for path in data.rglob("*") if path.is_file())
    if not files:
        raise ValueError(f"{data} holds no files.")
    parts.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    waiting, size = [], 0
    for path in [*files, None]:
        cost = path.stat().st_size + FILE_OVERHEAD if path else 0
        if waiting and (path is None or size + cost > most):
            written.append(parts / f"part-{len(written):03}.tar")
            with tarfile.open(written[-1], "w") as archive:
                for one in waiting:
                    archive.add(one, f"{data.name}/{one.relative_to(data)}")
            waiting, size = [], 0
        waiting, size = [*waiting, path], size + cost
    return written


def unpack(parts: Path, work: Path) -> Path:
    """The data folder below `work` from all parts; once. Raises ValueError without parts."""
    done, found = work / "unpacked", sorted(parts.glob("part-*.tar"))
    if not found:
        raise ValueError(f"{parts} holds no part-*.tar: see `pack`.")
    with tarfile.open(found[0]) as archive:
        name = Path(archive.next().name).parts[0]
    if not done.exists():
        for part in found:
            with tarfile.open(part) as archive:
                archive.extractall(work / "data", filter="data")
        done.touch()
    return work / "data" / name


def python_of(wheels: Path | None, work: Path) -> str:
    """The Python to train with: this one, or one in `work` with the packages of `wheels`."""
    if wheels is None:
        return sys.executable
    folder, done = work / "venv", work / "installed"
    python = str(folder / "bin" / "python")
    if not done.exists():
        venv.create(folder, with_pip=True, system_site_packages=True)
        install = [python, "-m", "pip", "install", "-q", "--no-index", "--find-links", str(wheels)]
        needed = str(ROOT / "requirements.txt")
        subprocess.run([*install, "-r", needed, "timm"], check=True)
        done.touch()
    return python


def side_by_side(command: Sequence[str], count: int, seconds: float) -> int:
    """Run `command` so many times at once; after `seconds` they are interrupted, which loses what
    came after the last evaluation. Returns 0, or the exit code of one that failed."""
    deadline = time.monotonic() + seconds
    started = [subprocess.Popen(command) for _ in range(count)]
    for process in started:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, deadline - time.monotonic()))
    for process in started:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
    for process in started:
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    stopped = (0, 130, -signal.SIGINT, -signal.SIGKILL)
    return next((one.returncode for one in started if one.returncode not in stopped), 0)


def work_through(options: argparse.Namespace) -> None:
    """One process's share of the runs: what is recorded or claimed by another is passed over."""
    from qtdog import cores

    cores.share(max(1, cores.count() // options.side_by_side))
    from qtdog.training import sweep_progress
    from qtdog.training.config import TrainConfig, recipe_settings
    from qtdog.training.sweep import Sweep

    changed = {
        "architecture": "timm/tf_efficientnet_lite0",
        "start_weights": str(options.start_weights),
        "steps": options.steps,
        "quantize_step": options.quantize_step,
        "evaluate_every": options.evaluate_every,
        "image_size": options.image_size,
    }
    settings = recipe_settings("paper", changed)
    data = options.parts  # unpacked
    targets = sorted(folder.name for folder in data.iterdir() if folder.is_dir())
    runs = [
        TrainConfig(str(data), target, method, seed=seed, bits=bits, **settings)
        for seed in range(options.seeds)
        for target in targets
        for method, bits in [("erm", BITS[0]), *(("qt-dog", bits) for bits in BITS)]
    ]
    study = Sweep("paper", options.work / "runs", options.records, options.work / "checkpoints")
    with contextlib.suppress(KeyboardInterrupt):
        study.run(data.name.lower(), runs, sweep_progress)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    packing = commands.add_parser("pack", help="cut a data folder into parts")
    packing.add_argument("data", type=Path)
    packing.add_argument("parts", type=Path)
    for name in ("run", "work"):
        running = commands.add_parser(name, help="all runs" if name == "run" else "one process")
        running.add_argument("parts", type=Path)
        running.add_argument("start_weights", type=Path)
        running.add_argument("--wheels", type=Path)
        running.add_argument("--work", type=Path, default=Path("work"))
        running.add_argument("--records", type=Path, default=Path("OUT"))
        running.add_argument("--minutes", type=float, default=14)
        running.add_argument("--side-by-side", type=int, default=6)
        running.add_argument("--seeds", type=int, default=3)
        running.add_argument("--steps", type=int, default=5000)
        running.add_argument("--quantize-step", type=int, default=2000)
        running.add_argument("--evaluate-every", type=int, default=200)
        running.add_argument("--image-size", type=int, default=224)
    options = parser.parse_args()
    try:
        if options.command == "pack":
            print(f"{len(pack(options.data, options.parts))} parts are in {options.parts}.")
        elif options.command == "work":
            work_through(options)
        else:
            end = time.monotonic() + options.minutes * 60 - STOP_SECONDS
            options.work.mkdir(parents=True, exist_ok=True)
            data = unpack(options.parts, options.work)
            python = python_of(options.wheels, options.work)
            words = [python, __file__, "work", str(data), *sys.argv[3:]]
            os.environ.setdefault("QTDOG_CACHE", str(options.work.resolve() / "cache"))
            code = side_by_side(words, options.side_by_side, end - time.monotonic())
            print(f"{len(list(options.records.glob('*.json')))} runs are in {options.records}.")
            raise SystemExit(code)
    except (ValueError, OSError, subprocess.CalledProcessError) as error:
        print(f"gpu_study: {error}", file=sys.stderr)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
