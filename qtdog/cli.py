"""`python -m qtdog train | evaluate | ensemble | benchmark`."""

import dataclasses
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from qtdog.atomic import write_atomically

app = typer.Typer(
    help="Train, evaluate and combine quantized classifiers for domains never seen in training.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

TRAIN_EXAMPLES = """
Examples:

  python -m qtdog train --data rotated_digits

      Under a minute, nothing to download: ERM and QT-DoG on rotated handwritten digits.

  python -m qtdog train --data PACS --target sketch --recipe cpu --seed 0

      MobileNetV2 at 128 px on a folder PACS/<domain>/<class>/<image>, sketch held out.

  python -m qtdog train --data PACS --target sketch

      The paper's setting: ResNet-50 at 224 px, 5,000 steps; wants a GPU.

Stop it whenever you like: the same command goes on from the last evaluation.
"""


@app.command(epilog=TRAIN_EXAMPLES)
def train(
    data: Annotated[str, typer.Option(help="'rotated_digits', or a folder domain/class/image.")],
    target: Annotated[
        str | None, typer.Option(help="The held-out domain; by default the last one.")
    ] = None,
    method: Annotated[
        Literal["both", "erm", "qt-dog"],
        typer.Option(help="Full precision, quantized, or both from one shared trunk."),
    ] = "both",
    seed: Annotated[int, typer.Option(help="Decides splits, batches and the head's start.")] = 0,
    recipe: Annotated[
        Literal["paper", "cpu", "digits"] | None,
        typer.Option(help="Settings that go together; the following options change single ones."),
    ] = None,
    architecture: Annotated[
        str | None, typer.Option(help="A torchvision classification network.")
    ] = None,
    start_weights: Annotated[
        str | None, typer.Option(help="'torchvision', 'none', or a safetensors file.")
    ] = None,
    bits: Annotated[int | None, typer.Option(help="Bit width of QT-DoG's weights, 2 to 8.")] = None,
    granularity: Annotated[
        Literal["channel", "tensor"] | None, typer.Option(help="One step size a channel or tensor.")
    ] = None,
    leave_out: Annotated[
        list[str] | None,
        typer.Option(help="A layer to keep in full precision besides the classifier."),
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Training steps.")] = None,
    quantize_step: Annotated[int | None, typer.Option(help="Step at which to quantize.")] = None,
    evaluate_every: Annotated[int | None, typer.Option(help="Steps between evaluations.")] = None,
    image_size: Annotated[int | None, typer.Option(help="Side of the network's input.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Adam's, for the weights.")] = None,
    out: Annotated[Path, typer.Option(help="Checkpoints go to OUT/dataset/target/.")] = Path(
        "runs/checkpoints"
    ),
    runs: Annotated[Path, typer.Option(help="Where unfinished runs are kept.")] = Path("runs"),
) -> None:
    """Train ERM and QT-DoG with one domain held out, and write their checkpoints."""
    from qtdog.checkpoints import load_config
    from qtdog.data import load
    from qtdog.training.config import RECIPES, TrainConfig
    from qtdog.training.finish import finish
    from qtdog.training.loop import load_run_data
    from qtdog.training.loop import train as train_run

    recipe = recipe or ("digits" if data == "rotated_digits" else "paper")
    settings: dict[str, Any] = {**RECIPES[recipe], "seed": seed}
    chosen = {
        "architecture": architecture,
        "start_weights": start_weights,
        "bits": bits,
        "granularity": granularity,
        "leave_out": tuple(leave_out) if leave_out else None,
        "steps": steps,
        "quantize_step": quantize_step,
        "evaluate_every": evaluate_every,
        "image_size": image_size,
        "learning_rate": learning_rate,
    }
    settings |= {name: value for name, value in chosen.items() if value is not None}
    methods = ("erm", "qt-dog") if method == "both" else (method,)
    config = TrainConfig(data=data, target_domain=target or "", **settings)
    if target is None:
        target = load(data, config.image_size).domains[-1].name
        typer.echo(f"Held-out domain: {target} (choose another with --target).")
        config = dataclasses.replace(config, target_domain=target)
    run_data = load_run_data(config)
    for one in methods:
        config = dataclasses.replace(config, method=one)
        try:
            with _progress_bar(config.steps, f"{one} seed {seed}") as progress:
                trained = train_run(config, run_data, runs, progress)
        except KeyboardInterrupt:
            typer.echo("Stopped. The same command goes on from the last evaluation.", err=True)
            raise typer.Exit(130) from None
        folder = finish(trained, run_data, out, recipe)
        outcome = load_config(folder)
        typer.echo(f"{folder}: {outcome.target} on {target}, chosen at step {trained.chosen_step}")


@app.command()
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


@app.command()
def evaluate(
    checkpoints: Annotated[
        list[Path], typer.Argument(help="Checkpoint folders, or a folder that holds some.")
    ],
    data: Annotated[str, typer.Option(help="'rotated_digits', or a folder domain/class/image.")],
    out: Annotated[Path | None, typer.Option(help="Also write the table to this CSV file.")] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Fail unless every figure is the one in the config.")
    ] = False,
) -> None:
    """Accuracy by domain and class, with counts.

    A held-out or foreign domain counts with all its images, a source domain with the validation
    split of the checkpoint's seed.
    """
    from rich.console import Console
    from tqdm import tqdm

    from qtdog import checkpoints as formats
    from qtdog.data import load
    from qtdog.evaluation import evaluate as evaluate_checkpoint
    from qtdog.report import evaluation_csv, evaluation_tables

    folders = [found for path in checkpoints for found in formats.find(path)]
    results, classes = [], None
    for folder in tqdm(folders, desc="evaluating", unit="checkpoint"):
        checkpoint = formats.load(folder)
        if classes not in (None, checkpoint.config.classes):
            raise ValueError(f"{folder} has other classes than {folders[0]}: evaluate it apart.")
        classes = checkpoint.config.classes
        dataset = load(data, checkpoint.config.image_size)
        results += evaluate_checkpoint(folder.name, checkpoint, dataset)
    Console().print(*evaluation_tables(results, classes), sep="\n")
    if out is not None:
        content = evaluation_csv(results, classes).encode()
        write_atomically(out, lambda handle: handle.write(content))
        typer.echo(f"Written: {out}")
    if check:
        compared = [result for result in results if result.stated is not None]
        wrong = [result for result in compared if result.stated != result.overall]
        for result in wrong:
            figures = f"measured {result.overall}, stated {result.stated}"
            typer.echo(f"{result.model} on {result.domain}: {figures}", err=True)
        typer.echo(f"{len(compared) - len(wrong)} of {len(compared)} figures are as stated.")
        if wrong:
            raise typer.Exit(1)


@app.command()
def benchmark(
    checkpoints: Annotated[
        Path, typer.Option(help="A folder with the checkpoints of one held-out domain.")
    ] = Path("checkpoints/pacs/sketch"),
) -> None:
    """Time and size against plain torchvision in eager mode, all in one run, as ratios."""
    from rich.console import Console

    from qtdog.benchmark import measure, table

    Console().print(table(measure(checkpoints)))


@contextmanager
def _progress_bar(steps: int, title: str) -> Iterator[Callable[[int, str], None]]:
    """A bar with the time left; it starts where an interrupted run goes on."""
    from tqdm import tqdm

    with tqdm(total=steps, desc=title, unit="step") as bar:

        def show(step: int, text: str) -> None:
            if bar.n == 0 and step > 1:
                bar.initial = bar.n = step - 1
                bar.refresh()
            bar.set_postfix_str(text, refresh=False)
            bar.update(step - bar.n)

        yield show


def main() -> None:
    """Run the command line; what the user can mend is said in one sentence, without a traceback."""
    try:
        app()
    except (ValueError, OSError) as error:
        print(f"qtdog: {error}", file=sys.stderr)
        raise SystemExit(2) from None
