"""Options and words of the commands that make a SLURM array of their runs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qtdog.cli.words import file_to_write
from qtdog.files import write_atomically

if TYPE_CHECKING:
    from qtdog.training import Resources

ScriptOption = Annotated[
    Path | None,
    typer.Option(
        "--slurm-script",
        help="Train nothing: write a script for SLURM's sbatch, a task for every run that is left.",
        callback=file_to_write,
    ),
]
GpusOption = Annotated[int, typer.Option(help="With --slurm-script: GPUs of a run.", min=0)]
TimeLimitOption = Annotated[
    str, typer.Option(help='With --slurm-script: a task\'s time limit, as "12:00:00".')
]
PartitionOption = Annotated[str, typer.Option(help="With --slurm-script: the partition.")]


def write_script(
    path: Path, command: list[str], runs: list[str], resources: "Resources", logs: Path
) -> None:
    """Write the script that does `runs`, and say how to submit it."""
    from qtdog.training import array_script

    text = array_script(command, runs, resources, Path.cwd(), logs)
    logs.mkdir(parents=True, exist_ok=True)  # SLURM fails without a word where it is missing
    write_atomically(path, lambda handle: handle.write(text.encode()))
    typer.echo(f"Written: {path}, {len(runs)} runs. Submit them with: sbatch {path}")
