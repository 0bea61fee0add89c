"""`python -m qtdog ship`, `report` and `ensemble`: from finished runs to what is shown of them."""

from pathlib import Path
from typing import Annotated

import typer

from qtdog.cli.words import SplitOption, folder_to_write
from qtdog.files import write_atomically

RecipeOption = Annotated[
    str | None, typer.Option(help="Only runs under this recipe, where there are several.")
]


def ship(
    data: Annotated[str, typer.Option(help="The data that the sweep was trained on.")],
    built: Annotated[Path, typer.Option(help="All checkpoints, from `sweep`.")] = Path(
        "runs/checkpoints"
    ),
    records: Annotated[Path, typer.Option(help="Finished runs, from `sweep`.")] = Path(
        "assets/results/runs"
    ),
    recipe: RecipeOption = None,
    bits: Annotated[int, typer.Option(help="Bit width of EoQ's members.")] = 7,
    out: Annotated[
        Path, typer.Option(help="The set that the page shows.", callback=folder_to_write)
    ] = Path("checkpoints"),
) -> None:
    """Copy a sweep's checkpoints into the set that the page shows, and make its EoQs.

    Source validation in the runs' records decides which weights the members have: LSQ's or those
    with fitted step sizes, of one step or averaged.
    """
    from qtdog.checkpoints import find, load_config
    from qtdog.data import load
    from qtdog.inference import provide_graphs
    from qtdog.study import choose_members, measured_rows
    from qtdog.study import ship as ship_checkpoints

    kind = choose_members(measured_rows(records, recipe=recipe), bits).best
    typer.echo(f"EoQ's members: {kind.arm}")
    dataset = load(data, load_config(find(built)[0]).image_size)
    for folder in ship_checkpoints(built, kind, dataset, bits, out):
        typer.echo(f"{folder}: {load_config(folder).target}")
    provide_graphs(out)


def report(
    records: Annotated[Path, typer.Option(help="Finished runs, from `sweep`.")] = Path(
        "assets/results/runs"
    ),
    out: Annotated[
        Path,
        typer.Option(
            help="measured.csv, memory.csv and REPORT.md go here.", callback=folder_to_write
        ),
    ] = Path("assets/results"),
    landscapes: Annotated[Path, typer.Option(help="Stored landscapes, from `landscape`.")] = Path(
        "assets/landscapes"
    ),
    split: SplitOption = "ours",
    recipe: RecipeOption = None,
) -> None:
    """Write measured.csv and memory.csv from the runs' records, and REPORT.md from them and the
    landscapes.

    What a person makes of the tables stands in judgement.md beside them and becomes part of the
    report. Runs under the other split are left out: they are of other images. Records of runs that
    differ in more than a study's arms are never put into one mean.
    """
    from qtdog.csv_file import csv_bytes
    from qtdog.landscape import store
    from qtdog.study import measured_csv, measured_rows, memory_csv, memory_rows, report_text

    rows = measured_rows(records, split, recipe)
    judged = out / "judgement.md"
    judgement = judged.read_text(encoding="utf-8") if judged.exists() else ""
    measured, problems = store.load_all(landscapes)
    for problem in problems:
        typer.echo(problem, err=True)
    for name, content in (
        ("measured.csv", csv_bytes(measured_csv(rows))),
        ("memory.csv", csv_bytes(memory_csv(memory_rows(records, split, recipe)))),
        ("REPORT.md", report_text(rows, records, judgement, measured).encode()),
    ):
        write_atomically(out / name, lambda handle, content=content: handle.write(content))
        typer.echo(f"Written: {out / name}")


def ensemble(
    members: Annotated[list[Path], typer.Argument(help="QT-DoG checkpoint folders, in order.")],
    data: Annotated[str, typer.Option(help="The data that the members were trained on.")],
    out: Annotated[
        Path,
        typer.Option(help="Folder of the ensemble, beside its members.", callback=folder_to_write),
    ],
) -> None:
    """Make an EoQ checkpoint: QT-DoG checkpoints that answer by the mean of their logits."""
    from qtdog import checkpoints
    from qtdog.data import load
    from qtdog.inference import provide_graph, set_root
    from qtdog.training import combine

    dataset = load(data, checkpoints.load_config(members[0]).image_size)
    config = combine(members, dataset, out)
    typer.echo(f"{out}: {config.target} on {config.target_domain}, {len(members)} members")
    if root := set_root(out):
        provide_graph(config.architecture, config.image_size, root)
