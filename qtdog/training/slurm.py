"""Many runs on a cluster: a script for `sbatch`, a SLURM array with one task a run.

SLURM queues, starts, requeues and logs; a run that is begun again goes on from its last evaluation.
Every task has a run of its own, so that one that fails holds up no other.
"""

import re
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

NOTICE = 120  # seconds before the time limit at which a task goes back into the queue
# Minutes, minutes:seconds, hours:minutes:seconds, or days-hours with up to two more parts.
TIME_LIMIT = re.compile(r"\d+(:\d+){0,2}|\d+-\d+(:\d+){0,2}")
RESTARTS = 3  # of a run on several GPUs, after the loss of a process


@dataclass(frozen=True)
class Resources:
    """What every task asks the cluster for; what is empty is left to the cluster."""

    gpus: int = 1
    """Of one machine; with more than one, a run is shared by as many processes. 0: processors."""
    time_limit: str = ""
    """As SLURM writes it: "12:00:00", "2-00:00"."""
    partition: str = ""

    def __post_init__(self) -> None:
        if self.time_limit and not TIME_LIMIT.fullmatch(self.time_limit):
            raise ValueError(
                f"'{self.time_limit}' is no time limit: give hours, minutes and seconds as "
                '"12:00:00", or days and hours as "2-00:00".'
            )
        if len(self.partition.split()) > 1:
            raise ValueError(f"SLURM's partition takes one word, not '{self.partition}'.")


def array_script(
    command: Sequence[str], runs: Sequence[str], resources: Resources, folder: Path, logs: Path
) -> str:
    """The text of the script. `command`: the words after `python -m qtdog`, to which `--only NAME`
    is added for each of `runs`; `folder`: where it runs. Raises ValueError without runs, or for a
    setting that is more than one word.
    """
    if not runs:
        raise ValueError("There is nothing to submit: all runs are done.")
    options = {
        "job-name": f"qtdog-{command[0]}",
        "array": f"0-{len(runs) - 1}",
        "gres": f"gpu:{resources.gpus}" if resources.gpus else "",
        "time": resources.time_limit,
        "partition": resources.partition,
        "output": str(folder / logs / "%A_%a.log"),
        "open-mode": "append",
        "signal": f"B:USR1@{NOTICE}",
    }
    for name, value in options.items():
        if len(value.split()) > 1:
            raise ValueError(f"SLURM's {name} takes one word, not '{value}'.")
    sbatch = "\n".join(f"#SBATCH --{name}={value}" for name, value in options.items() if value)
    names = "\n".join(f"    {shlex.quote(name)}" for name in runs)
    return f"""#!/bin/bash
# Each task of this array does one run. Options that are given to sbatch itself count more than
# these, for instance --array=0-9, or --array=0-99%8 for eight at a time.
{sbatch}
#SBATCH --requeue
runs=(
{names}
)
run=${{runs[SLURM_ARRAY_TASK_ID]}}
cd {shlex.quote(str(folder))} || exit
# Before the time limit the task goes back into the queue; there the run goes on.
trap 'scontrol requeue "$SLURM_JOB_ID"' USR1
{_start(resources.gpus)} {shlex.join(command)} --only "$run" &
wait $! || wait $!  # the signal ends the first
"""


def _start(gpus: int) -> str:
    """The program, on one GPU or several of a machine."""
    python = shlex.quote(sys.executable)
    if gpus < 2:
        return f"{python} -m qtdog"
    processes = f"--standalone --nproc-per-node {gpus} --max-restarts {RESTARTS}"
    return f"{python} -m torch.distributed.run {processes} -m qtdog"  # which is torchrun
