"""`python -m qtdog COMMAND`: the command line, each command a thin call of the package."""

import sys
from typing import Annotated

import typer

from qtdog import __version__
from qtdog.cli import measuring, page, reproduce, sharing, study, toy, training
from qtdog.cli.data import data_app

EXPLORE, TRAIN, MEASURE, SHARE = "Explore", "Train", "Measure", "Share"


def _say_version(asked: bool) -> None:
    if asked:
        typer.echo(f"qtdog {__version__}")
        raise typer.Exit


app = typer.Typer(
    help="Train, evaluate and combine quantized classifiers for domains never seen in training.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command(rich_help_panel=EXPLORE)(page.app)
app.command(epilog=training.EXAMPLES, rich_help_panel=TRAIN)(training.train)
app.command(rich_help_panel=TRAIN)(training.sweep)
app.command(epilog=reproduce.EXAMPLES, rich_help_panel=TRAIN)(reproduce.reproduce)
app.command(rich_help_panel=TRAIN)(study.ensemble)
app.command(rich_help_panel=TRAIN)(study.ship)
app.command(rich_help_panel=TRAIN)(study.report)
app.add_typer(data_app, name="data", rich_help_panel=TRAIN)
app.command(rich_help_panel=MEASURE)(measuring.evaluate)
app.command(rich_help_panel=MEASURE)(measuring.landscape)
app.command(rich_help_panel=MEASURE)(measuring.layers)
app.command(rich_help_panel=MEASURE)(measuring.calibrate_hint)
app.command(rich_help_panel=MEASURE)(toy.toy)
app.command(rich_help_panel=MEASURE)(measuring.benchmark)
app.command(rich_help_panel=MEASURE)(measuring.benchmark_landscape)
app.command(rich_help_panel=SHARE)(sharing.fetch)
app.command(rich_help_panel=SHARE)(sharing.publish)
app.command(rich_help_panel=SHARE)(sharing.export)
app.command(rich_help_panel=SHARE)(sharing.export_site)


page_alone = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
page_alone.command()(page.app)


@app.callback()
def whole_program(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Say which version this is.", callback=_say_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Options before the command."""


def main() -> None:
    """Run the command line."""
    _run(app, "qtdog")


def start_page() -> None:
    """Run `python app.py`: the command `app` as a program of its own."""
    _run(page_alone, "app.py")


def _run(program: typer.Typer, name: str) -> None:
    """What the user can mend is said in one sentence, without a traceback."""
    try:
        program(obj=name)
    except (ValueError, OSError) as error:
        text = str(error)
        if isinstance(error, OSError) and error.filename and error.strerror:
            text = f"{error.filename} cannot be read or written: {error.strerror}."
        print(f"{name}: {text}", file=sys.stderr)
        raise SystemExit(2) from None
