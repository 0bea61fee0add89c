"""`python -m qtdog ship`, `report` and `ensemble`: from finished runs to what is shown of them."""

from pathlib import Path
from typing import Annotated

import typer

from qtdog.atomic import write_atomically
from qtdog.cli.words import SplitOption


def ship(
    data: Annotated[str, typer.Option(help="The data that the sweep was trained on.")],
    built: Annotated[Path, typer.Option(help="All checkpoints, from `sweep`.")] = Path(
        "runs/checkpoints"
    ),
    records: Annotated[Path, typer.Option(help="Finished runs, from `sweep`.")] = Path(
        "assets/results/runs"
    ),
    bits: Annotated[int, typer.Option(help="Bit width of EoQ's members.")] = 7,
    out: Annotated[Path, typer.Option(help="The set that the page shows.")] = Path("checkpoints"),
) -> None:
    """Copy a sweep's checkpoints into the set that the page shows, and make its EoQs.

    Source validation in the runs' records decides which weights the members have: LSQ's or those
    with fitted step sizes, of one step or averaged.
    """
    from qtdog.checkpoints import find, load_config
    from qtdog.data import load
    from qtdog.study.members import choose_members
    from qtdog.study.rows import measured_rows
    from qtdog.study.shipping import ship as ship_checkpoints

    kind = choose_members(measured_rows(records), bits).best
    typer.echo(f"EoQ's members: {kind.arm}")
    dataset = load(data, load_config(find(built)[0]).image_size)
    for folder in ship_checkpoints(built, kind, dataset, bits, out):
        typer.echo(f"{folder}: {load_config(folder).target}")


def report(
    records: Annotated[Path, typer.Option(help="Finished runs, from `sweep`.")] = Path(
        "assets/results/runs"
    ),
    out: Annotated[Path, typer.Option(help="measured.csv and REPORT.md go here.")] = Path(
        "assets/results"
    ),
    landscapes: Annotated[Path, typer.Option(help="Stored landscapes, from `landscape`.")] = Path(
        "assets/landscapes"
    ),
    split: SplitOption = "ours",
) -> None:
    """Write measured.csv from the runs' records, and REPORT.md from it and the landscapes.

    What a person makes of the tables stands in judgement.md beside them and becomes part of the
    report. Runs under the other split are left out: they are of other images.
    """
    from qtdog.landscape import store
    from qtdog.study.report import report_text
    from qtdog.study.rows import measured_rows, to_csv

    rows = measured_rows(records, split)
    judged = out / "judgement.md"
    judgement = judged.read_text(encoding="utf-8") if judged.exists() else ""
    measured, problems = store.load_all(landscapes)
    for problem in problems:
        typer.echo(problem, err=True)
    for name, text in (
        ("measured.csv", to_csv(rows)),
        ("REPORT.md", report_text(rows, records, judgement, measured)),
    ):
        content = text.encode()
        write_atomically(out / name, lambda handle, content=content: handle.write(content))
        typer.echo(f"Written: {out / name}")


def ensemble(
    members: Annotated[list[Path], typer.Argument(help="QT-DoG checkpoint folders, in order.")],
    data: Annotated[str, typer.Option(help="The data that the members were trained on.")],
    out: Annotated[Path, typer.Option(help="Folder of the ensemble, beside its members.")],
) -> None:
    """Make an EoQ checkpoint: QT-DoG checkpoints that answer by the mean of their logits."""
    from qtdog import checkpoints
    from qtdog.data import load
    from qtdog.training.combine import combine

    dataset = load(data, checkpoints.load_config(members[0]).image_size)
    config = combine(members, dataset, out)
    typer.echo(f"{out}: {config.target} on {config.target_domain}, {len(members)} members")
