"""`python -m qtdog COMMAND`: the command line, each command a thin call of the package."""

import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from qtdog.atomic import write_atomically
from qtdog.cli_data import data_app
from qtdog.cli_reproduce import EXAMPLES as REPRODUCE_EXAMPLES
from qtdog.cli_reproduce import reproduce
from qtdog.cli_slurm import (
    GpusOption,
    PartitionOption,
    ScriptOption,
    TimeLimitOption,
    write_script,
)

if TYPE_CHECKING:
    from qtdog.training.config import TrainConfig

app = typer.Typer(
    help="Train, evaluate and combine quantized classifiers for domains never seen in training.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(data_app, name="data")

SplitOption = Annotated[
    Literal["ours", "domainbed"],
    typer.Option(help="Which fifth of each domain is held out: by our rule or DomainBed's."),
]

TRAIN_EXAMPLES = """
Examples:

  python -m qtdog train --data rotated_digits

      Under a minute, nothing to download: ERM and QT-DoG on rotated handwritten digits.

  python -m qtdog train --data PACS --target sketch --recipe cpu --seed 0

      MobileNetV2 at 128 px on a folder PACS/<domain>/<class>/<image>, sketch held out.

  python -m qtdog train --data PACS --target sketch

      The paper's setting: ResNet-50 at 224 px, 5,000 steps; wants a GPU.

  torchrun --nproc-per-node 4 --max-restarts 3 -m qtdog train --data PACS --target sketch

      The same run on four GPUs, each with a quarter of every domain's images. When a process is
      lost, all start again from the last evaluation.

Stop it whenever you like: the same command goes on from the last evaluation.
"""


@app.command(epilog=TRAIN_EXAMPLES)
def train(
    data: Annotated[str, typer.Option(help="'rotated_digits', or a folder domain/class/image.")],
    target: Annotated[
        str | None, typer.Option(help="The held-out domain; by default the last one.")
    ] = None,
    method: Annotated[
        Literal["both", "erm", "qt-dog", "freeze"],
        typer.Option(
            help="Full precision, quantized, or both from one shared trunk; or the control: "
            "quantized with weights and step sizes frozen."
        ),
    ] = "both",
    objective: Annotated[
        Literal[
            "erm",
            "coral",
            "mixstyle",
            "sam",
            "noise-1e-4",
            "noise-5e-5",
            "noise-1e-5",
            "noise-5e-6",
        ],
        typer.Option(help="Cross-entropy alone, or with another DG method's idea in it."),
    ] = "erm",
    averaging: Annotated[
        Literal["sma", "swad"],
        typer.Option(
            help="Of the second checkpoint: all steps since quantization, or SWAD's loss valley."
        ),
    ] = "sma",
    seed: Annotated[int, typer.Option(help="Decides splits, batches and the head's start.")] = 0,
    recipe: Annotated[
        Literal["paper", "cpu", "digits"] | None,
        typer.Option(help="Settings that go together; the following options change single ones."),
    ] = None,
    architecture: Annotated[
        str | None,
        typer.Option(help="Of torchvision ('resnet50') or timm ('timm/...'); see `layers`."),
    ] = None,
    start_weights: Annotated[
        str | None,
        typer.Option(help="'pretrained', 'none', a safetensors file, or 'hub:ORG/NAME'."),
    ] = None,
    bits: Annotated[int | None, typer.Option(help="Bit width of QT-DoG's weights, 2 to 8.")] = None,
    granularity: Annotated[
        Literal["channel", "tensor"] | None, typer.Option(help="One step size a channel or tensor.")
    ] = None,
    quantizer: Annotated[
        Literal["lsq", "lsq-fitted", "inq"] | None,
        typer.Option(
            help="How QT-DoG quantizes: all weights at once, with learned step sizes that start "
            "as LSQ's do (lsq) or at the least rounding error (lsq-fitted), or in four parts, the "
            "largest first, to powers of two (inq)."
        ),
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
    step_size_learning_rate: Annotated[
        float | None, typer.Option(help="Adam's, for the logarithms of the step sizes.")
    ] = None,
    split: SplitOption = "ours",
    out: Annotated[Path, typer.Option(help="Checkpoints go to OUT/dataset/target/.")] = Path(
        "runs/checkpoints"
    ),
    runs: Annotated[Path, typer.Option(help="Where unfinished runs are kept.")] = Path("runs"),
) -> None:
    """Train ERM and QT-DoG with one domain held out, and write their checkpoints.

    Each run gives two: the weights of one step, and "averaged", the mean of the weights over steps
    since the quantization step; source validation chooses which steps.
    """
    from qtdog.training import parallel
    from qtdog.training.config import TrainConfig, recipe_settings

    recipe = recipe or ("digits" if data == "rotated_digits" else "paper")
    chosen = {
        "seed": seed,
        "split": split,
        "objective": objective,
        "averaging": averaging,
        "architecture": architecture,
        "start_weights": start_weights,
        "bits": bits,
        "granularity": granularity,
        "quantizer": quantizer,
        "leave_out": tuple(leave_out) if leave_out else None,
        "steps": steps,
        "quantize_step": quantize_step,
        "evaluate_every": evaluate_every,
        "image_size": image_size,
        "learning_rate": learning_rate,
        "step_size_learning_rate": step_size_learning_rate,
    }
    settings = recipe_settings(recipe, chosen)
    methods = ("erm", "qt-dog") if method == "both" else (method,)
    config = TrainConfig(data=data, target_domain=target or "", **settings)
    with parallel.joined():
        _train(config, methods, recipe, runs, out)


def _train(
    config: "TrainConfig", methods: tuple[str, ...], recipe: str, runs: Path, out: Path
) -> None:
    from qtdog.checkpoints import load_config
    from qtdog.data import load
    from qtdog.progress import progress_bar
    from qtdog.training import parallel
    from qtdog.training.finish import finish
    from qtdog.training.loop import train
    from qtdog.training.run_data import load_run_data

    if not config.target_domain:
        with parallel.first_on_each_machine():
            last = load(config.data, config.image_size).domains[-1].name
        _tell(f"Held-out domain: {last} (choose another with --target).")
        config = dataclasses.replace(config, target_domain=last)
    run_data = load_run_data(config)
    for method in methods:
        config = dataclasses.replace(config, method=method)
        title = f"{config.method_name()} seed {config.seed}"
        try:
            with progress_bar(config.steps, title) as progress:
                trained = train(config, run_data, runs, progress)
        except KeyboardInterrupt:
            _tell("Stopped. The same command goes on from the last evaluation.", err=True)
            raise typer.Exit(130) from None
        for chosen in (trained.single, trained.average) if parallel.leads() else ():
            folder = finish(trained, chosen, run_data, out, recipe).folder
            result = f"{load_config(folder).target} on {config.target_domain}"
            typer.echo(f"{folder}: {result}, chosen at step {chosen.step}")


@app.command()
def sweep(
    data: Annotated[str, typer.Option(help="'rotated_digits', or a folder domain/class/image.")],
    start_weights: Annotated[
        str | None,
        typer.Option(help="'pretrained', 'none', a safetensors file, or 'hub:ORG/NAME'."),
    ] = None,
    recipe: Annotated[
        Literal["paper", "cpu", "digits"], typer.Option(help="Settings that go together.")
    ] = "cpu",
    split: SplitOption = "ours",
    records: Annotated[
        Path, typer.Option(help="Finished runs: settings, curves, results, logits.")
    ] = Path("assets/results/runs"),
    runs: Annotated[Path, typer.Option(help="Unfinished runs and all checkpoints.")] = Path("runs"),
    most: Annotated[int | None, typer.Option(help="Stop after so many runs.")] = None,
    only: Annotated[
        str, typer.Option(help="Only runs whose record's name contains this text.")
    ] = "",
    show: Annotated[bool, typer.Option("--list", help="Only say what is done.")] = False,
    slurm_script: ScriptOption = None,
    gpus: GpusOption = 1,
    time_limit: TimeLimitOption = "",
    partition: PartitionOption = "",
) -> None:
    """The whole study, run by run, the most important first; what is recorded is not done again.

    ERM, QT-DoG and the freeze control on every held-out domain and seed, then bit widths,
    granularity and the moment of quantization, then other DG methods. Start it once a core, with
    OMP_NUM_THREADS=1: the processes share the work; on a cluster, --slurm-script makes a job array
    of it. Stop it whenever you like; it goes on from the last evaluations.
    """
    from qtdog.data import load
    from qtdog.progress import sweep_progress
    from qtdog.training import parallel
    from qtdog.training.config import TrainConfig, recipe_settings
    from qtdog.training.slurm import Resources
    from qtdog.training.sweep import Sweep, plan

    settings = recipe_settings(recipe, {"start_weights": start_weights})
    base = TrainConfig(data=data, target_domain="", split=split, **settings)
    study = Sweep(recipe, runs, records, runs / "checkpoints")
    with parallel.joined():
        with parallel.first_on_each_machine():
            dataset = load(data, base.image_size)
        domains = tuple(domain.name for domain in dataset.domains)
        named = {study.record_path(dataset.name, one).stem: one for one in plan(base, domains)}
        chosen = {name: config for name, config in named.items() if only in name}
        if not chosen:
            raise ValueError(
                f"No run of the plan has '{only}' in its name: see --list without --only."
            )
        if not (show or slurm_script):
            try:
                study.run(dataset.name, list(chosen.values()), sweep_progress, most)
            except KeyboardInterrupt:
                _tell("Stopped. The same command goes on from the last evaluation.", err=True)
                raise typer.Exit(130) from None
        left = [name for name in chosen if not (records / f"{name}.json").exists()]
        _tell(f"{len(chosen) - len(left)} of {len(chosen)} runs are in {records}.")
    if show:
        for name in left:
            typer.echo(f"not yet: {name}")
    if slurm_script:
        command = ["sweep", "--data", data, "--recipe", recipe, "--split", split]
        command += ["--start-weights", start_weights] if start_weights else []
        command += ["--records", str(records), "--runs", str(runs)]
        resources = Resources(gpus, time_limit, partition)
        write_script(slurm_script, command, left, resources, runs / "slurm")


@app.command()
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
    from qtdog.measured import measured_rows
    from qtdog.member_choice import choose_members
    from qtdog.training.shipping import ship as ship_checkpoints

    kind = choose_members(measured_rows(records), bits).best
    typer.echo(f"EoQ's members: {kind.arm}")
    dataset = load(data, load_config(find(built)[0]).image_size)
    for folder in ship_checkpoints(built, kind, dataset, bits, out):
        typer.echo(f"{folder}: {load_config(folder).target}")


@app.command()
def report(
    records: Annotated[Path, typer.Option(help="Finished runs, from `sweep`.")] = Path(
        "assets/results/runs"
    ),
    out: Annotated[Path, typer.Option(help="measured.csv and REPORT.md go here.")] = Path(
        "assets/results"
    ),
    split: SplitOption = "ours",
) -> None:
    """Write measured.csv from the runs' records, and REPORT.md from measured.csv.

    Runs under the other split are left out: they are of other images.
    """
    from qtdog.measured import measured_rows, to_csv
    from qtdog.study import report_text

    rows = measured_rows(records, split)
    for name, text in (("measured.csv", to_csv(rows)), ("REPORT.md", report_text(rows, records))):
        content = text.encode()
        write_atomically(out / name, lambda handle, content=content: handle.write(content))
        typer.echo(f"Written: {out / name}")


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
        results += evaluate_checkpoint(folder.name, checkpoint, dataset, split == "domainbed")
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
def layers(
    architecture: Annotated[
        str, typer.Argument(help="Of torchvision ('resnet50') or timm ('timm/...').")
    ],
    bits: Annotated[int, typer.Option(help="Bit width, 2 to 8.")] = 7,
    granularity: Annotated[
        Literal["channel", "tensor"], typer.Option(help="One step size a channel or tensor.")
    ] = "channel",
    quantizer: Annotated[
        Literal["lsq", "lsq-fitted", "inq", "nearest"],
        typer.Option(help="What the codes stand for."),
    ] = "lsq",
    classes: Annotated[int, typer.Option(help="Of the classifier.")] = 7,
    image_size: Annotated[
        int | None, typer.Option(help="Side of the images; by default the architecture's usual.")
    ] = None,
    leave_out: Annotated[
        list[str] | None,
        typer.Option(help="A layer to keep in full precision besides the classifier."),
    ] = None,
) -> None:
    """List the weights of an architecture: which are quantized, which are not and why, and how
    large its checkpoint is in full precision and at so many bits."""
    from qtdog.layers import survey, text
    from qtdog.quantization import QUANTIZERS

    chosen = QUANTIZERS[quantizer](bits, granularity)
    typer.echo(text(survey(architecture, chosen, classes, image_size, leave_out or ())))


@app.command("calibrate-hint")
def calibrate_hint(
    checkpoints: Annotated[
        list[Path], typer.Argument(help="Checkpoint folders, or a folder that holds some.")
    ],
    data: Annotated[str, typer.Option(help="The data that the checkpoints were trained on.")],
    out: Annotated[
        Path, typer.Option(help="CSV file to write or to extend; the page reads this one.")
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
    from qtdog import unfamiliar
    from qtdog.data import load

    folders = [found for path in checkpoints for found in formats.find(path)]
    loaded = [formats.load(folder) for folder in folders]
    total = sum(1 + len(checkpoint.members) for checkpoint in loaded)
    with tqdm(total=total, desc="energies", unit="checkpoint") as bar:

        def done(name: str) -> None:
            bar.set_postfix_str(name, refresh=False)
            bar.update()

        unfamiliar.extend(out, loaded, lru_cache(partial(load, data)), done)
    typer.echo(f"Written: {out}")


@app.command()
def fetch(
    source: Annotated[str, typer.Argument(help="ORG/REPO or ORG/REPO@REVISION on the Hub.")],
    target: Annotated[
        list[str] | None, typer.Option(help="Only this held-out domain; may be repeated.")
    ] = None,
) -> None:
    """Download a published checkpoint set into the Hub client's cache, for use without a network.

    The same address then starts the page or `qtdog.load` from there.
    """
    from qtdog.hub import download_bar, fetch

    origin, folder = fetch(source, target or [], download_bar())
    typer.echo(f"{origin.name}, revision {origin.revision}, commit {origin.commit}: {folder}")


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


@app.command("benchmark-landscape")
def benchmark_landscape(
    checkpoint: Annotated[Path, typer.Option(help="The checkpoint of a single network.")] = Path(
        "checkpoints/pacs/sketch/erm-seed0"
    ),
) -> None:
    """Time of a landscape's point against the obvious loop, vmap and the loss-landscapes package
    (where it is installed), as ratios."""
    from rich.console import Console

    from qtdog.benchmark import table
    from qtdog.landscape.benchmark import measure

    Console().print(table(measure(checkpoint)))


@app.command()
def landscape(
    checkpoints: Annotated[
        list[Path], typer.Argument(help="Checkpoint folders, or a folder that holds some.")
    ],
    data: Annotated[str, typer.Option(help="'rotated_digits', or a folder domain/class/image.")],
    kind: Annotated[
        list[str] | None,
        typer.Option(
            help="flatness, plane, three-models, interpolation or curvature; by default all."
        ),
    ] = None,
    split: Annotated[
        list[str] | None, typer.Option(help="source or target; by default both.")
    ] = None,
    directions: Annotated[int, typer.Option(help="Random directions of the flatness.")] = 30,
    images: Annotated[int, typer.Option(help="Images of each split for the flatness.")] = 256,
    plane_images: Annotated[int, typer.Option(help="Images of each split for the planes.")] = 128,
    grid: Annotated[int, typer.Option(help="Points along each side of a plane.")] = 21,
    seed: Annotated[int, typer.Option(help="Decides the directions and the images.")] = 0,
    out: Annotated[Path, typer.Option(help="Results go to OUT/dataset/target/.")] = Path(
        "assets/landscapes"
    ),
    runs: Annotated[Path, typer.Option(help="Where unfinished results are kept.")] = Path(
        "runs/landscapes"
    ),
    estimate: Annotated[
        bool, typer.Option("--estimate", help="Say how long it would take, and measure nothing.")
    ] = False,
) -> None:
    """Measure flatness and loss landscapes; what is there already is not measured again.

    Perturbed are the weights as a network uses them, batch norm folded in: checkpoints hold no
    latent weights. EoQ is left out: its members are measured, each by itself. Stop it whenever you
    like: the same command goes on from there.
    """
    from qtdog import checkpoints as formats
    from qtdog.landscape.plan import KINDS, Settings
    from qtdog.landscape.precompute import command

    folders = [found for path in checkpoints for found in formats.find(path)]
    settings = Settings(
        kinds=tuple(kind or KINDS),
        splits=tuple(split or ("source", "target")),
        directions=directions,
        images=images,
        plane_images=plane_images,
        grid=grid,
        seed=seed,
    )
    if not command(folders, data, settings, out, runs, measure=not estimate):
        raise typer.Exit(130)


@app.command()
def export(
    checkpoint: Annotated[Path, typer.Argument(help="A checkpoint's folder.")],
    out: Annotated[Path, typer.Option(help="The file to write.")],
    file_format: Annotated[
        Literal["torchvision", "onnx", "numpy"],
        typer.Option("--format", help="State dict (safetensors), graph, or int8 codes (.npz)."),
    ] = "torchvision",
) -> None:
    """Write a checkpoint for other programs, checked on the sample pictures."""
    from qtdog.export import export as export_checkpoint

    written = export_checkpoint(checkpoint, file_format, out)
    typer.echo(
        f"{written.path}: {written.size_bytes / 1e6:.2f} MB; the same class on all "
        f"{written.pictures} sample pictures, logits within {written.largest_difference:.0e}"
    )


@app.command()
def publish(
    repo_id: Annotated[
        str | None, typer.Option(help="Model repository ORG/NAME for the checkpoints.")
    ] = None,
    space: Annotated[str | None, typer.Option(help="Space ORG/NAME for the page.")] = None,
    checkpoints: Annotated[
        Path, typer.Option(help="The set: a folder dataset/target/checkpoint.")
    ] = Path("checkpoints"),
    licence: Annotated[
        str, typer.Option("--license", help="The checkpoints' licence, as the Hub spells it.")
    ] = "apache-2.0",
    private: Annotated[bool, typer.Option("--private", help="Make a new repository private.")] = (
        False
    ),
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check everything and list the files, send nothing.")
    ] = False,
) -> None:
    """Publish a checkpoint set on the Hugging Face Hub, the page as a Space, or both.

    Each is one commit. With both, the Space shows the published set. It takes a token that may
    write: run `hf auth login`, or set HF_TOKEN.
    """
    from qtdog import publish as publishing
    from qtdog.checkpoint_index import make_index
    from qtdog.space import VARIABLES, space_files

    if not (repo_id or space):
        raise ValueError("Nothing to publish: give --repo-id ORG/NAME, --space ORG/NAME, or both.")
    program = Path(__file__).resolve().parents[1]
    index, commit, variables = None, "(the commit)", VARIABLES
    if repo_id:
        index = make_index(checkpoints)
        files = publishing.set_files(checkpoints, repo_id, licence)
        destination = publishing.Destination(repo_id, private=private)
        commit = _publish(destination, files, dry_run) or commit
        variables = (*variables, ("QTDOG_CHECKPOINTS", f"{repo_id}@{commit}"))
    if space:
        files = space_files(program, repo_id or "", commit, index)
        _publish(publishing.Destination(space, "space", private, variables), files, dry_run)


def _publish(destination: Any, files: Any, dry_run: bool) -> str:
    """List or upload `files`; returns the commit, or nothing."""
    from tqdm import tqdm

    from qtdog.publish import upload

    total = sum(file.size_bytes for file in files)
    if dry_run:
        for file in files:
            typer.echo(f"{file.size_bytes:>12,} B  {file.path}")
        size = f"{len(files)} files, {total / 1e6:.2f} MB"
        typer.echo(f"{destination.repo_id} ({destination.repo_type}): {size}; nothing was sent.")
        return ""
    with tqdm(total=total, desc=destination.repo_id, unit="B", unit_scale=True) as bar:
        message = f"Publish {len(files)} files with qtdog"
        commit = upload(files, destination, message, lambda done, _: bar.update(done - bar.n))
        bar.update(total - bar.n)
    typer.echo(f"{destination.repo_id}: {len(files)} files, commit {commit}")
    return commit


@app.command()
def export_site(
    out: Annotated[Path, typer.Argument(help="Folder for index.html.")],
) -> None:
    """Write the results and landscapes as one HTML page for any web server, or none."""
    from qtdog.ui.site import write_site

    path = write_site(out)
    typer.echo(f"{path}: {path.stat().st_size / 1e6:.1f} MB, open it in a browser")


app.command(epilog=REPRODUCE_EXAMPLES)(reproduce)


def _tell(text: str, err: bool = False) -> None:
    """Print a line, once for all processes of a run."""
    from qtdog.training import parallel

    if parallel.leads():
        typer.echo(text, err=err)


def main() -> None:
    """Run the command line; what the user can mend is said in one sentence, without a traceback."""
    try:
        app()
    except (ValueError, OSError) as error:
        print(f"qtdog: {error}", file=sys.stderr)
        raise SystemExit(2) from None
