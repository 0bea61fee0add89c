"""What commands share: options, and lines that are printed once for all processes."""

import tempfile
from pathlib import Path
from typing import Annotated, Literal

import typer

SplitOption = Annotated[
    Literal["ours", "domainbed"],
    typer.Option(help="Which fifth of each domain is held out: by our rule or DomainBed's."),
]


def folder_of_study(name: str) -> Path:
    """Where a clone has the records, tables, report and landscapes of the "first" or "second"."""
    return Path("assets/results") / name


def folder_to_write(path: Path | None) -> Path | None:
    """Callback of an option for a folder that is written to later. Raises ValueError where that
    cannot be."""
    if path is not None:
        _try_to_write(path.absolute(), path)
    return path


def file_to_write(path: Path | None) -> Path | None:
    """The same for a file."""
    if path is not None:
        if path.is_dir():
            raise ValueError(f"{path} is a folder: give the name of a file.")
        _try_to_write(path.absolute().parent, path)
    return path


def folder_to_read(path: Path, option: str) -> Path:
    """`path`, which may be an option's default: in a clone it is there. Raises ValueError."""
    if not path.is_dir():
        raise ValueError(f"There is no folder {path}: name one with {option}.")
    return path


def _try_to_write(folder: Path, path: Path) -> None:
    """In `folder` or, as it will be made, the nearest folder above that is there. To ask for
    permissions would not do: neither a full disk nor /proc is told by them."""
    try:
        while not folder.exists():
            folder = folder.parent
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ValueError(
            f"{path} cannot be written ({error.strerror}): choose another place."
        ) from None


def tell(text: str, err: bool = False) -> None:
    """Print a line, once for all processes of a run."""
    from qtdog.training import parallel

    if parallel.leads():
        typer.echo(text, err=err)
