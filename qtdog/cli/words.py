"""What commands share: an option, and lines that are printed once for all processes."""

from typing import Annotated, Literal

import typer

SplitOption = Annotated[
    Literal["ours", "domainbed"],
    typer.Option(help="Which fifth of each domain is held out: by our rule or DomainBed's."),
]


def tell(text: str, err: bool = False) -> None:
    """Print a line, once for all processes of a run."""
    from qtdog.training import parallel

    if parallel.leads():
        typer.echo(text, err=err)
