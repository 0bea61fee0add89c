"""Commands that measure checkpoints and networks, and train nothing."""

import io
from pathlib import Path
from typing import Annotated, Literal, cast

import typer

from qtdog.cli.words import file_to_write, folder_of_study, folder_to_read, folder_to_write
from qtdog.files import write_atomically
from qtdog.places import LANDSCAPES, SHOWN_STUDY

ON_THE_PAGE = folder_of_study(SHOWN_STUDY.name) / LANDSCAPES.name
"""Whence a clone's page takes its landscapes."""


def evaluate(
    checkpoints: Annotated[
        list[Path], typer.Argument(help="Checkpoint folders, or a folder that holds some.")
    ],
    data: Annotated[str, typer.Option(help="'rotated_digits', or a folder domain/class/image.")],
    out: Annotated[
        Path | None,
        typer.Option(help="Also write the table to this CSV file.", callback=file_to_write),
    ] = None,
    split: Annotated[
        Literal["ours", "domainbed"] | None,
        typer.Option(
            help="'domainbed': also the accuracy on the target's 80 % that DomainBed reports. "
            "Source domains always count with the images that training held out."
        ),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Fail unless every figure is the one in the config.")
    ] = False,
) -> None:
    """Accuracy by domain and class, with counts.

    A held-out or foreign domain counts with all its images, a source domain with the validation
    split of the checkpoint's seed. What was trained on is known by its images, not by its name.
    """
    from rich.console import Console
    from tqdm import tqdm

    from qtdog import checkpoints as formats
    from qtdog.csv_file import csv_bytes
    from qtdog.data import load
    from qtdog.evaluation import evaluate as evaluate_checkpoint
    from qtdog.evaluation import (
        evaluation_csv,
        evaluation_tables,
        known_domains,
        misleading_names,
        network_names,
        training_of,
    )
    from qtdog.inference import open_stored
    from qtdog.memory import keep_freed_memory

    keep_freed_memory()
    found = {one.resolve(): one for path in checkpoints for one in formats.find(path)}
    folders = list(found.values())  # each once
    results, notices = [], {}
    classes: tuple[str, ...] = ()
    named = zip(folders, network_names(folders), strict=True)
    for folder, name in tqdm(named, desc="evaluating", unit="checkpoint", total=len(folders)):
        checkpoint = open_stored(folder)
        if classes not in ((), checkpoint.config.classes):
            raise ValueError(f"{folder} has other classes than {folders[0]}: evaluate it apart.")
        classes = checkpoint.config.classes
        dataset = load(data, checkpoint.config.image_size, fewest=1)
        results += evaluate_checkpoint(name, checkpoint, dataset, split == "domainbed")
        known = known_domains(checkpoint.config, training_of(checkpoint), dataset)
        notices[misleading_names(checkpoint.config, dataset, known)] = None
    for text in filter(None, notices):
        typer.echo(text, err=True)
    Console().print(*evaluation_tables(results, classes), sep="\n")
    if out is not None:
        content = csv_bytes(evaluation_csv(results, classes))
        write_atomically(out, lambda handle: handle.write(content))
        typer.echo(f"Written: {out}")
    if check:
        compared = [result for result in results if result.stated is not None]
        wrong = [result for result in compared if result.stated != result.overall]
        for result in wrong:
            figures = f"measured {result.overall}, stated {result.stated}"
            typer.echo(f"{result.model} on {result.domain}: {figures}", err=True)
        typer.echo(f"{len(compared) - len(wrong)} of {len(compared)} figures are as stated.")
        if not compared:
            typer.echo(
                "Nothing could be checked: these are not the images that the checkpoints were "
                "trained on and tested with.",
                err=True,
            )
        if wrong or not compared:
            raise typer.Exit(1)


def landscape(
    checkpoints: Annotated[
        list[Path], typer.Argument(help="Checkpoint folders, or a folder that holds some.")
    ],
    data: Annotated[str, typer.Option(help="'rotated_digits', or a folder domain/class/image.")],
    kind: Annotated[
        list[str] | None,
        typer.Option(
            help="flatness, plane, three-models, interpolation or curvature; by default all these. "
            "Or trajectories: the ways of two runs that were trained with --snapshots."
        ),
    ] = None,
    split: Annotated[
        list[str] | None, typer.Option(help="source or target; by default both.")
    ] = None,
    distance: Annotated[
        list[str] | None,
        typer.Option(
            help="How far flatness and curvature reckon: filter (relative to each filter) or whole "
            "(of the whole vector); by default both."
        ),
    ] = None,
    directions: Annotated[int, typer.Option(help="Random directions of the flatness.")] = 30,
    images: Annotated[int, typer.Option(help="Images of each split for the flatness.")] = 256,
    plane_images: Annotated[int, typer.Option(help="Images of each split for the planes.")] = 128,
    grid: Annotated[int, typer.Option(help="Points along each side of a plane.")] = 21,
    round_again: Annotated[
        bool,
        typer.Option(
            "--round-again",
            help="Only quantized networks' flatness and planes: after every move the weights are "
            "rounded again to the values that they can take, which makes a staircase.",
        ),
    ] = False,
    seed: Annotated[int, typer.Option(help="Decides the directions and the images.", min=0)] = 0,
    out: Annotated[
        Path, typer.Option(help="Results go to OUT/dataset/target/.", callback=folder_to_write)
    ] = ON_THE_PAGE,
    runs: Annotated[
        Path, typer.Option(help="Where unfinished results are kept.", callback=folder_to_write)
    ] = Path("runs/landscapes"),
    snapshots: Annotated[
        Path | None,
        typer.Option(
            help="Of trajectories: the folder that training had as --runs, by default runs."
        ),
    ] = None,
    estimate: Annotated[
        bool, typer.Option("--estimate", help="Say how long it would take, and measure nothing.")
    ] = False,
    replace: Annotated[
        bool,
        typer.Option("--replace", help="Write over results of other settings, images or networks."),
    ] = False,
) -> None:
    """Measure flatness and loss landscapes; what is there already is not measured again.

    Perturbed are the weights as a network uses them, batch norm folded in. Of EoQ a plane is
    measured, in which every member moves its own way; all else of its members, each by itself.
    Stop it whenever you like: the same command goes on from there.
    """
    from qtdog import checkpoints as formats
    from qtdog.landscape import DIRECTION_KINDS as DISTANCES
    from qtdog.landscape import (
        IMAGE_SETS,
        MEASUREMENTS,
        DirectionKind,
        Settings,
        measure_landscapes,
    )

    folders = [found for path in checkpoints for found in formats.find(path)]
    settings = Settings(
        # Settings refuses words that are none of these.
        kinds=tuple(kind or MEASUREMENTS),
        image_sets=tuple(split or IMAGE_SETS),
        direction_kinds=cast(tuple[DirectionKind, ...], tuple(distance or DISTANCES)),
        directions=directions,
        images=images,
        plane_images=plane_images,
        grid=grid,
        round_again=round_again,
        seed=seed,
        snapshots=folder_to_read(snapshots, "--snapshots") if snapshots else Path("runs"),
    )
    if not measure_landscapes(folders, data, settings, out, runs, not estimate, replace):
        raise typer.Exit(130)


def layers(
    architecture: Annotated[
        str, typer.Argument(help="Of torchvision ('resnet50') or timm ('timm/...').")
    ],
    bits: Annotated[int, typer.Option(help="Bit width, 2 to 8.")] = 7,
    granularity: Annotated[
        Literal["channel", "tensor"], typer.Option(help="One step size a channel or tensor.")
    ] = "channel",
    quantizer: Annotated[
        Literal["lsq-least-error", "lsq", "lsq-fitted", "inq", "nearest"],
        typer.Option(help="What the codes stand for."),
    ] = "lsq-least-error",
    classes: Annotated[int, typer.Option(help="Of the classifier.", min=2)] = 7,
    image_size: Annotated[
        int | None,
        typer.Option(help="Side of the images; by default the architecture's usual.", min=1),
    ] = None,
    leave_out: Annotated[
        list[str] | None,
        typer.Option(help="A layer to keep in full precision besides the classifier."),
    ] = None,
) -> None:
    """List the weights of an architecture: which are quantized, which are not and why, and how
    large its checkpoint is in full precision and at so many bits."""
    from qtdog.checkpoints import survey_layers, survey_text
    from qtdog.quantization import QUANTIZERS

    chosen = QUANTIZERS[quantizer](bits, granularity)
    typer.echo(
        survey_text(survey_layers(architecture, chosen, classes, image_size, leave_out or ()))
    )


def calibrate_hint(
    checkpoints: Annotated[
        list[Path], typer.Argument(help="Checkpoint folders, or a folder that holds some.")
    ],
    data: Annotated[str, typer.Option(help="The data that the checkpoints were trained on.")],
    out: Annotated[
        Path,
        typer.Option(
            help="CSV file to write or to extend; a clone's page reads this one.",
            callback=file_to_write,
        ),
    ] = Path("assets/results/energy.csv"),
) -> None:
    """Set the energy threshold of the page's hint "none of the known classes", and count how often
    it comes on images of the source and target domains and on handwritten digits.

    Checkpoints that are in the file already are skipped; an ensemble brings its members. Stop it
    whenever you like: the same command goes on with the checkpoint it was at.
    """
    from functools import lru_cache, partial

    from tqdm import tqdm

    from qtdog import checkpoints as formats
    from qtdog.data import load
    from qtdog.explorer import unfamiliar
    from qtdog.memory import keep_freed_memory

    keep_freed_memory()
    folders = [found for path in checkpoints for found in formats.find(path)]
    loaded = [formats.load(folder) for folder in folders]
    total = sum(1 + len(checkpoint.members) for checkpoint in loaded)
    with tqdm(total=total, desc="energies", unit="checkpoint") as bar:

        def done(name: str) -> None:
            bar.set_postfix_str(name, refresh=False)
            bar.update()

        unfamiliar.extend(out, loaded, lru_cache(partial(load, data)), done)
    typer.echo(f"Written: {out}")


def benchmark(
    checkpoints: Annotated[
        Path, typer.Option(help="A folder with the checkpoints of one held-out domain.")
    ] = Path("checkpoints/pacs/sketch"),
    out: Annotated[
        Path | None,
        typer.Option(help="Also write the table to this text file.", callback=file_to_write),
    ] = None,
) -> None:
    """Time, size and memory against plain torchvision in eager mode, all in one run, as ratios.

    It takes some minutes; other work on the machine makes it worthless.
    """
    folder_to_read(checkpoints, "--checkpoints")
    from rich.console import Console

    from qtdog.benchmark import measure_speed, speed_table
    from qtdog.provenance import code_version

    table = speed_table(measure_speed(checkpoints.resolve()))
    Console().print(table)
    if out is not None:
        shown = io.StringIO()
        Console(width=120, file=shown).print(table)
        text = f"python -m qtdog benchmark\ncommit {code_version()}\n\n{shown.getvalue()}"
        write_atomically(out, lambda handle: handle.write(text.encode()))
        typer.echo(f"Written: {out}")


def benchmark_landscape(
    checkpoint: Annotated[Path, typer.Option(help="The checkpoint of a single network.")] = Path(
        "checkpoints/pacs/sketch/erm-seed0"
    ),
) -> None:
    """Time of a landscape's point against the obvious loop, vmap and the loss-landscapes package
    (where it is installed), as ratios."""
    folder_to_read(checkpoint, "--checkpoint")
    from rich.console import Console

    from qtdog.benchmark import measure_landscape_speed, speed_table

    Console().print(speed_table(measure_landscape_speed(checkpoint)))
