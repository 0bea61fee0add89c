"""The command that trains the toy networks of the tab "Train it" by the hundred."""

from pathlib import Path
from typing import Annotated

import typer

from qtdog.cli.words import file_to_write
from qtdog.files import write_atomically


def toy(
    seeds: Annotated[
        int, typer.Option(help="Networks of each arm and kind of shift.", min=2)
    ] = 500,
    out: Annotated[Path, typer.Option(help="JSON file to write.", callback=file_to_write)] = Path(
        "assets/results/toy.json"
    ),
) -> None:
    """Train two moons' toy networks in every arm on five kinds of shift, and write what the tab
    "Train it" claims. It says how far it is."""
    from qtdog.toy import FORMAT, toy_study

    record = toy_study(seeds, f"python -m qtdog toy --seeds {seeds} --out {out}", typer.echo)
    content = FORMAT.content(record)
    write_atomically(out, lambda handle: handle.write(content))
    typer.echo(f"Written: {out}")
