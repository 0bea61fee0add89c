"""`python -m qtdog COMMAND`: the command line, each command a thin call of the package."""

import sys

import typer

from qtdog.cli import measuring, reproduce, sharing, study, training
from qtdog.cli.data import data_app

TRAIN, MEASURE, SHARE = "Train", "Measure", "Share"

app = typer.Typer(
    help="Train, evaluate and combine quantized classifiers for domains never seen in training.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
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
app.command(rich_help_panel=MEASURE)(measuring.benchmark)
app.command(rich_help_panel=MEASURE)(measuring.benchmark_landscape)
app.command(rich_help_panel=SHARE)(sharing.fetch)
app.command(rich_help_panel=SHARE)(sharing.publish)
app.command(rich_help_panel=SHARE)(sharing.export)
app.command(rich_help_panel=SHARE)(sharing.export_site)


def main() -> None:
    """Run the command line; what the user can mend is said in one sentence, without a traceback."""
    try:
        app()
    except (ValueError, OSError) as error:
        print(f"qtdog: {error}", file=sys.stderr)
        raise SystemExit(2) from None
