"""`python -m qtdog ship`, `report` and `ensemble`: from finished runs to what is shown of them."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from qtdog.cli.words import SplitOption, folder_of_study, folder_to_write
from qtdog.files import write_atomically

if TYPE_CHECKING:
    from qtdog.data import SplitRule
    from qtdog.landscape import Record

RecipeOption = Annotated[
    str | None, typer.Option(help="Only runs under this recipe, where there are several.")
]


StudyOption = Annotated[
    Literal["first", "second"],
    typer.Option(help="Whose records: the first study's, or the second's (docs/study.md)."),
]
RecordsOption = Annotated[
    Path | None,
    typer.Option(
        help="Finished runs, from `sweep`. By default the study's own, assets/results/first/runs "
        "or assets/results/second/runs."
    ),
]
BuiltOption = Annotated[Path, typer.Option(help="All checkpoints, from `sweep`.")]


def ship(
    data: Annotated[str, typer.Option(help="The data that the sweep was trained on.")],
    study: StudyOption = "first",
    built: BuiltOption = Path("runs/checkpoints"),
    records: RecordsOption = None,
    recipe: RecipeOption = None,
    bits: Annotated[
        int | None,
        typer.Option(
            help="Bit width of EoQ's members. By default 7 in the first study, and in the second "
            "what source validation decides."
        ),
    ] = None,
    out: Annotated[
        Path, typer.Option(help="The set that the page shows.", callback=folder_to_write)
    ] = Path("checkpoints"),
    replace: Annotated[
        bool,
        typer.Option(
            "--replace", help="Write over checkpoints of other runs and kinds of members."
        ),
    ] = False,
) -> None:
    """Copy a sweep's checkpoints into the set that the page shows, and make its EoQs.

    Source validation in the runs' records decides which weights the members have: in the first
    study LSQ's or those with fitted step sizes, of one step or averaged; in the second those of
    one step or averaged, with which step sizes, and of which width, for all data alike.
    """
    from qtdog.checkpoints import find, load_config
    from qtdog.data import load
    from qtdog.inference import provide_graphs
    from qtdog.study import choose_members, choose_second, load_study, measured_rows
    from qtdog.study import ship as ship_checkpoints

    records = records or folder_of_study(study) / "runs"
    if study == "second":
        kind, width = choose_second(load_study(records), bits)
    else:
        width = bits or 7
        kind = choose_members(measured_rows(records, recipe=recipe), width).best
    typer.echo(f"EoQ's members: {kind.arm}, {width} bits")
    dataset = load(data, load_config(find(built)[0]).image_size)
    for folder in ship_checkpoints(built, kind, dataset, width, out, replace):
        typer.echo(f"{folder}: {load_config(folder).target}")
    provide_graphs(out)


def report(
    study: StudyOption = "first",
    records: RecordsOption = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="measured.csv, memory.csv and REPORT.md go here. By default where the study's "
            "are, assets/results/first or assets/results/second.",
            callback=folder_to_write,
        ),
    ] = None,
    landscapes: Annotated[
        Path | None,
        typer.Option(
            help="Stored landscapes, from `landscape`. By default the study's own, "
            "assets/results/first/landscapes or assets/results/second/landscapes."
        ),
    ] = None,
    split: SplitOption = "ours",
    recipe: RecipeOption = None,
    built: BuiltOption = Path("runs/checkpoints"),
) -> None:
    """Write measured.csv and memory.csv from the runs' records, and REPORT.md from them and the
    landscapes.

    What a person makes of the tables stands in judgement.md beside them and becomes part of the
    report. Runs under the other split are left out: they are of other images. Records of runs that
    differ in more than a study's arms are never put into one mean. The second study's report
    names the runs that its plan still lacks; how many of their codes networks use is counted in the
    checkpoints of --built, where there are any, and kept in code_use.csv.
    """
    from qtdog.landscape import store

    if study == "second" and (recipe or split != "ours"):
        raise ValueError("The second study has its recipes and our split: leave out the options.")
    records = records or folder_of_study(study) / "runs"
    out = out or folder_of_study(study)
    judged = out / "judgement.md"
    judgement = judged.read_text(encoding="utf-8") if judged.exists() else ""
    measured, problems = store.load_all(landscapes or folder_of_study(study) / "landscapes")
    for problem in problems:
        typer.echo(problem, err=True)
    write = _second_report if study == "second" else partial(_first_report, split, recipe)
    for name, content in write(records, out, built, judgement, measured).items():
        write_atomically(out / name, lambda handle, content=content: handle.write(content))
        typer.echo(f"Written: {out / name}")


def _first_report(
    split: "SplitRule",
    recipe: str | None,
    records: Path,
    out: Path,
    built: Path,
    judgement: str,
    measured: "Sequence[Record]",
) -> dict[str, bytes]:
    from qtdog.csv_file import csv_bytes
    from qtdog.study import measured_csv, measured_rows, memory_csv, memory_rows, report_text

    rows = measured_rows(records, split, recipe)
    text = report_text(rows, records, judgement, measured)
    return {
        "measured.csv": csv_bytes(measured_csv(rows)),
        "memory.csv": csv_bytes(memory_csv(memory_rows(records, split, recipe))),
        "REPORT.md": text.encode(),
    }


def _second_report(
    records: Path, out: Path, built: Path, judgement: str, measured: "Sequence[Record]"
) -> dict[str, bytes]:
    from qtdog.csv_file import csv_bytes
    from qtdog.study import (
        CODE_USE,
        code_uses_csv,
        count_codes,
        load_study,
        measured_csv,
        memory_csv,
        memory_rows,
        quantized_hashes,
        read_code_uses,
        second_report_text,
    )

    found = load_study(records)
    uses = read_code_uses(out / CODE_USE)
    uses += count_codes(built, quantized_hashes(found) - {one.sha256 for one in uses})
    files = {
        "measured.csv": csv_bytes(measured_csv(found.rows)),
        "memory.csv": csv_bytes(memory_csv(memory_rows(records))),
    }
    files |= {CODE_USE: csv_bytes(code_uses_csv(uses))} if uses else {}
    text = second_report_text(found, judgement, measured, uses)
    return files | {"REPORT.md": text.encode()}


def ensemble(
    members: Annotated[list[Path], typer.Argument(help="QT-DoG checkpoint folders, in order.")],
    data: Annotated[str, typer.Option(help="The data that the members were trained on.")],
    out: Annotated[
        Path,
        typer.Option(help="Folder of the ensemble, beside its members.", callback=folder_to_write),
    ],
    replace: Annotated[
        bool, typer.Option("--replace", help="Write over an ensemble of other members.")
    ] = False,
) -> None:
    """Make an EoQ checkpoint: QT-DoG checkpoints that answer by the mean of their logits."""
    from qtdog.data import load
    from qtdog.inference import provide_graph, set_root
    from qtdog.training import check_members, combine

    dataset = load(data, check_members(members).image_size)
    config = combine(members, dataset, out, replace)
    typer.echo(f"{out}: {config.target} on {config.target_domain}, {len(members)} members")
    if root := set_root(out):
        provide_graph(config.architecture, config.image_size, root)
