"""Runs the jobs of a plan: how long they will take, one after the other, resumable."""

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tqdm import tqdm

from qtdog.claims import claimed
from qtdog.landscape import store
from qtdog.landscape.measured_networks import EOQ, ensembles, subjects
from qtdog.landscape.meter import LossMeter
from qtdog.landscape.plan import Job, Settings, plan
from qtdog.landscape.records import Record, fingerprint, load, settings_of
from qtdog.memory import keep_freed_memory

TRIAL_POINTS, TRIAL_IMAGES = 4, 64
NO_TRUNK = (
    "planes and lines through several networks need ERM and QT-DoG of one seed, and the plane also "
    "ERM's averaged weights."
)
OF_ENSEMBLE = "of an ensemble, random planes alone: give --kind plane, or single networks."
NOT_ROUNDED = "only flatness and planes of quantized networks can be rounded again."


def measure_landscapes(
    folders: Sequence[Path],
    data: str,
    settings: Settings,
    root: Path,
    journals: Path,
    measure: bool,
    replace: bool = False,
) -> bool:
    """Plan, say how long it will take, and measure with a progress bar. False when interrupted.

    Raises ValueError for what the user can mend, and where `root` has records of other settings,
    images or networks in the places of what is to be measured; with `replace` they are written
    over.
    """
    found = [*subjects(folders), *ensembles(folders)]
    if not found:
        raise ValueError("There is no network among these checkpoints.")
    jobs = plan(found, data, settings)
    if not jobs:
        why = NOT_ROUNDED if settings.round_again else NO_TRUNK
        why = OF_ENSEMBLE if all(one.model.method == EOQ for one in found) else why
        raise ValueError(f"Nothing to measure: {why}")
    left = missing(jobs, root)
    results, networks = _count(len(jobs), "result"), _count(len(found), "network")
    print(f"{results} of {networks}, {len(jobs) - len(left)} there already.")
    if not left:
        return True
    if measure and not replace:
        _require_free(left, root)
    speed, work = seconds_an_image(left[0]), sum(job.work for job in left)
    print(
        f"About {duration(work * speed)}: {work:,} images through a network at "
        f"{speed * 1e3:.2f} ms each on this machine as busy as it is now."
    )
    if not measure:
        return True
    with tqdm(total=work, unit="image", unit_scale=True) as bar:

        def show(done: int, name: str) -> None:
            bar.set_postfix_str(name, refresh=False)
            bar.update(done - bar.n)

        try:
            run_all(left, root, journals, show)
        except KeyboardInterrupt:
            print("Stopped. The same command goes on from there.", file=sys.stderr)
            return False
    if elsewhere := missing(left, root):
        print(f"Another process is measuring what is left: {len(elsewhere)} of {len(left)}.")
    return True


def duration(seconds: float) -> str:
    """ "40 seconds", "12 minutes" or "3.4 hours"."""
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"


def missing(jobs: Sequence[Job], root: Path) -> list[Job]:
    """The jobs whose record is not below `root`, or was measured with other settings there."""
    return [job for job in jobs if not _is_there(job.record, store.path_of(root, job.record))]


def seconds_an_image(job: Job) -> float:
    """Seconds that one image takes through a network with all cores at work, by a short trial."""
    keep_freed_memory()
    inputs, point = job.inputs, job.network
    images, labels = inputs.images.images[:TRIAL_IMAGES], inputs.images.labels[:TRIAL_IMAGES]
    with LossMeter(point, images, labels, inputs.mean, inputs.std) as meter:

        def seconds() -> float:
            started = time.monotonic()
            list(meter.read([lambda: point.vector] * TRIAL_POINTS))
            return time.monotonic() - started

        seconds()  # the first time warms up
        return seconds() / (TRIAL_POINTS * len(labels))


def run_all(
    jobs: Sequence[Job], root: Path, journals: Path, progress: Callable[[int, str], None]
) -> None:
    """Measure one job after the other and write each record to its file when it is whole.

    What a job has read so far is in a file in `journals`; what another process with the same
    folder is measuring is left to it. `progress` gets the work done so far, in images passed
    through a network, and what is being measured.
    """
    keep_freed_memory()
    before = 0
    for job in jobs:
        name = store.path_of(root, job.record).stem
        key = f"{name}-{fingerprint(job.record)}"
        journal = journals / f"{key}.txt"

        def show(done: int, before: int = before, name: str = name) -> None:
            progress(before + done, name)

        with claimed(journals / "claims" / f"{key}.lock") as mine:
            if mine and missing([job], root):
                store.save(root, job.measure(journal, show))
                journal.unlink(missing_ok=True)
        before += job.work


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _is_there(record: Record, path: Path) -> bool:
    return _difference(record, path) == ""


def _require_free(jobs: Sequence[Job], root: Path) -> None:
    for job in jobs:
        path = store.path_of(root, job.record)
        if name := _difference(job.record, path):
            raise ValueError(
                f"{path} holds another measurement, which differs in its {name.replace('_', ' ')}: "
                "give --replace to write over it, or another --out."
            )


def _difference(record: Record, path: Path) -> str | None:
    """The first setting in which the record of a file differs, "" if in none; None without one."""
    try:
        there = settings_of(load(path))
    except ValueError:
        return None
    wanted = settings_of(record)
    return next((name for name in wanted if there.get(name) != wanted[name]), "")
