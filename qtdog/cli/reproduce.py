"""`python -m qtdog reproduce`: a table of the paper, from its plan to its numbers."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from qtdog.cli.slurm import GpusOption, PartitionOption, ScriptOption, TimeLimitOption, write_script
from qtdog.cli.words import folder_to_write

EXAMPLES = """
Examples:

  python -m qtdog reproduce --table 1 --list

      What Table 1 takes: runs, operations, hours, memory, disk. Nothing is trained.

  python -m qtdog reproduce --table 2 --dataset PACS --data PACS

      Train what is not recorded yet, then show the numbers beside the paper's. Wants a GPU.

  python -m qtdog reproduce --table 2 --dataset PACS --data rotated_digits --recipe digits \\
      --target 75-degrees --trials 1

      The same plan in a few minutes on digits, to see that it runs.

  python -m qtdog reproduce --table 2 --dataset PACS --data PACS --slurm-script table2.sh

      Write a job array for a SLURM cluster, a task for every run that is left.

Stop it whenever you like: the same command goes on. Start it on several GPUs or machines that share
the folder --out: they share the runs. With torchrun, as for `train`, several GPUs share each run.
"""


def reproduce(
    table: Annotated[str, typer.Option(help="1, 2, or 4 to 15.")],
    dataset: Annotated[
        str | None, typer.Option(help="A benchmark of the table; needed to train.")
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(help="The benchmark's folder domain/class/image, or 'rotated_digits'."),
    ] = None,
    show: Annotated[bool, typer.Option("--list", help="Only show plan, cost and results.")] = False,
    recipe: Annotated[
        Literal["paper", "cpu", "cpu-small", "cpu-short", "digits"],
        typer.Option(help="Other than 'paper': a smaller network and schedule, as for `train`."),
    ] = "paper",
    steps: Annotated[
        int | None, typer.Option(help="Fewer training steps, for a trial.", min=2)
    ] = None,
    target: Annotated[
        list[str] | None, typer.Option(help="Only this held-out domain; may be repeated.")
    ] = None,
    trials: Annotated[
        int | None, typer.Option(help="Fewer than three seeds, and members of an ensemble.", min=1)
    ] = None,
    split: Annotated[
        Literal["ours", "domainbed"], typer.Option(help="The rule of the held-out fifth.")
    ] = "domainbed",
    start_weights: Annotated[
        str | None, typer.Option(help="Instead of the table's: as for `train`.")
    ] = None,
    out: Annotated[
        Path,
        typer.Option(help="Records, unfinished runs and checkpoints.", callback=folder_to_write),
    ] = Path("runs/reproduce"),
    most: Annotated[int | None, typer.Option(help="Stop after so many runs.", min=0)] = None,
    only: Annotated[str, typer.Option(help="Only runs whose name contains this text.")] = "",
    slurm_script: ScriptOption = None,
    gpus: GpusOption = 1,
    time_limit: TimeLimitOption = "",
    partition: PartitionOption = "",
    gpu: Annotated[
        Literal["T4", "V100", "L4", "A100", "H100"], typer.Option(help="For the hours on paper.")
    ] = "A100",
    utilisation: Annotated[
        float, typer.Option(help="Share of the GPU's peak that is assumed.", min=0.01, max=1)
    ] = 0.2,
    measure: Annotated[
        bool, typer.Option(help="Time a few steps on this machine for its hours.")
    ] = True,
) -> None:
    """Run a table of the paper, cell by cell, and show its numbers beside the paper's.

    Each run is done once, also where several cells or tables need it. Rows of methods that this
    package does not implement stay the paper's alone and are named.
    """
    from rich.console import Console

    from qtdog.data import benchmark_named
    from qtdog.reproduce import (
        GPUS,
        Assumption,
        make_setting,
        outcomes,
        planned_runs,
        report,
        run_name,
        runs_left,
        train_runs,
    )
    from qtdog.reproduce import cells as tables
    from qtdog.training import Resources, check_network, parallel, sweep_progress

    name = benchmark_named(dataset).name if dataset else None
    cells = tables.cells(table, name)
    resources = Resources(gpus, time_limit, partition)
    if not (show and not slurm_script) and not (name and data):
        raise ValueError("To train, give --dataset and --data; to see the plan alone, --list.")
    chosen = {
        "recipe": recipe,
        "steps": steps,
        "trials": trials,
        "split": split,
        "start_weights": start_weights,
    }
    settings = {
        one: make_setting(benchmark_named(one), data, tuple(target or ()), **chosen)
        for one in dict.fromkeys(cell.dataset for cell in cells)
    }
    plans = {}
    for one, setting in settings.items():
        whole = planned_runs([cell for cell in cells if cell.dataset == one], setting)
        if plan := [run for run in whole if only in run_name(run, setting)]:
            plans[one] = plan
    if not plans:
        raise ValueError(f"No run of the plan has '{only}' in its name.")
    trained = next(iter(plans))  # the only one wherever something is trained
    assumed = Assumption(gpu, GPUS[gpu], utilisation)
    if slurm_script:
        to_do = [
            run_name(one, settings[trained])
            for one in runs_left(plans[trained], settings[trained], out)
        ]
        options = [("table", table), ("dataset", name), ("data", data), ("out", out)]
        options += [("target", one) for one in target or ()]
        options += [(key, value) for key, value in chosen.items() if value is not None]
        words = [f"--{key.replace('_', '-')}={value}" for key, value in options]
        command = ["reproduce", *words, "--no-measure"]
        write_script(slurm_script, command, to_do, resources, out / "slurm")
        return
    with parallel.joined():
        if not show:
            check_network(plans[trained][0])
        console = Console(quiet=not parallel.leads())
        console.print(*report.plan_report(table, cells, settings), sep="\n")
        to_do = {one: runs_left(plan, settings[one], out) for one, plan in plans.items()}
        alone = parallel.processes() == 1  # a step for measurement would wait for the others
        costs = report.cost_report(plans, to_do, settings, assumed, measure and alone)
        console.print(*costs, sep="\n")
        if not show:
            try:
                train_runs(plans[trained], settings[trained], out, sweep_progress, most)
            except KeyboardInterrupt:
                stopped = "Stopped. The same command goes on from the last evaluation."
                typer.echo(stopped, err=True)
                raise typer.Exit(130) from None
        found = outcomes(table, cells, settings, out)
        console.print(*report.outcome_report(found, settings), sep="\n")
