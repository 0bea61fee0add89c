"""`python -m qtdog train` and `sweep`: single runs, and the whole study."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from qtdog.cli.slurm import GpusOption, PartitionOption, ScriptOption, TimeLimitOption, write_script
from qtdog.cli.words import SplitOption, folder_of_study, folder_to_write, tell

if TYPE_CHECKING:
    from qtdog.training import TrainConfig

ReplaceOption = Annotated[
    bool, typer.Option("--replace", help="Write over checkpoints of runs with other settings.")
]

EXAMPLES = """
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


def train(
    data: Annotated[str, typer.Option(help="'rotated_digits', or a folder domain/class/image.")],
    target: Annotated[
        str | None, typer.Option(help="The held-out domain; by default the last one.")
    ] = None,
    method: Annotated[
        Literal["both", "erm", "qt-dog", "freeze", "noise"],
        typer.Option(
            help="Full precision, quantized, or both from one shared trunk; or a control: "
            "quantized with weights and step sizes frozen, or full precision with noise one step "
            "size wide in the place of rounding."
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
        Literal[
            "paper", "cpu", "cpu-small", "cpu-small-short", "cpu-small-lite0", "cpu-short", "digits"
        ]
        | None,
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
        Literal["lsq-least-error", "lsq", "lsq-fitted", "inq"] | None,
        typer.Option(
            help="How QT-DoG quantizes: all weights at once, with step sizes learned as LSQ's that "
            "start at the least rounding error (lsq-least-error, in the first study lsq-fitted) "
            "or where LSQ's do (lsq), or in four parts, the largest first, to powers of two (inq)."
        ),
    ] = None,
    averaged_weights: Annotated[
        Literal["quantized", "latent"] | None,
        typer.Option(
            help="What a quantized run averages: the weights that it computes with, or the latent "
            "ones behind them. The mean is rounded again."
        ),
    ] = None,
    leave_out: Annotated[
        list[str] | None,
        typer.Option(help="A layer to keep in full precision besides the classifier."),
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Training steps.")] = None,
    quantize_step: Annotated[
        int | None,
        typer.Option(help="Step at which to quantize; with --steps alone, at the recipe's share."),
    ] = None,
    evaluate_every: Annotated[
        int | None,
        typer.Option(help="Steps between evaluations; with --steps alone, at the recipe's share."),
    ] = None,
    image_size: Annotated[int | None, typer.Option(help="Side of the network's input.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Adam's, for the weights.")] = None,
    step_size_learning_rate: Annotated[
        float | None, typer.Option(help="Adam's, for the logarithms of the step sizes.")
    ] = None,
    split: SplitOption = "ours",
    out: Annotated[
        Path, typer.Option(help="Checkpoints go to OUT/dataset/target/.", callback=folder_to_write)
    ] = Path("runs/checkpoints"),
    runs: Annotated[
        Path, typer.Option(help="Where unfinished runs are kept.", callback=folder_to_write)
    ] = Path("runs"),
    snapshots: Annotated[
        bool,
        typer.Option(
            "--snapshots",
            help="Keep the weights of every evaluation in RUNS/snapshots: `landscape --kind "
            "trajectories` draws the way from them.",
        ),
    ] = False,
    replace: ReplaceOption = False,
) -> None:
    """Train ERM and QT-DoG with one domain held out, and write their checkpoints.

    Each run gives two: the weights of one step, and "averaged", the mean of the weights over steps
    since the quantization step; source validation chooses which steps.
    """
    from qtdog.training import TrainConfig, parallel, recipe_settings

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
        "averaged_weights": averaged_weights,
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
    config = TrainConfig(data=data, target_domain=target or "", method=methods[-1], **settings)
    with parallel.joined():
        _train(config, methods, recipe, runs, out, replace, snapshots)


def _train(
    config: "TrainConfig",
    methods: tuple[str, ...],
    recipe: str,
    runs: Path,
    out: Path,
    replace: bool,
    snapshots: bool,
) -> None:
    from qtdog.checkpoints import load_config
    from qtdog.data import domain_names, unknown_domain
    from qtdog.inference import provide_graphs
    from qtdog.training import (
        check_network,
        finish,
        load_run_data,
        parallel,
        progress_bar,
        require_free,
        train,
    )

    names = domain_names(config.data)
    if not config.target_domain:
        tell(f"Held-out domain: {names[-1]} (choose another with --target).")
        config = dataclasses.replace(config, target_domain=names[-1])
    if config.target_domain not in names:
        raise ValueError(unknown_domain(config.data, config.target_domain, names))
    check_network(config)
    run_data = load_run_data(config)
    configs = [dataclasses.replace(config, method=method) for method in methods]
    for config in () if replace else configs:
        require_free(out, config, run_data, recipe)
    for config in configs:
        title = f"{config.method_name()} seed {config.seed}"
        try:
            with progress_bar(config.steps, title) as progress:
                trained = train(config, run_data, runs, progress, snapshots)
        except KeyboardInterrupt:
            tell("Stopped. The same command goes on from the last evaluation.", err=True)
            raise typer.Exit(130) from None
        for chosen in (trained.single, trained.average) if parallel.leads() else ():
            folder = finish(trained, chosen, run_data, out, recipe).folder
            result = f"{load_config(folder).target} on {config.target_domain}"
            typer.echo(f"{folder}: {result}, chosen at step {chosen.step}")
    if parallel.leads():
        provide_graphs(out)


def sweep(
    data: Annotated[str, typer.Option(help="'rotated_digits', or a folder domain/class/image.")],
    start_weights: Annotated[
        str | None,
        typer.Option(help="'pretrained', 'none', a safetensors file, or 'hub:ORG/NAME'."),
    ] = None,
    study: Annotated[
        Literal["second", "first"],
        typer.Option(help="Whose plan: the first study's runs are done with LSQ's own start."),
    ] = "second",
    recipe: Annotated[
        Literal[
            "paper", "cpu", "cpu-small", "cpu-small-short", "cpu-small-lite0", "cpu-short", "digits"
        ]
        | None,
        typer.Option(help="Settings that go together; by default the study's own for the data."),
    ] = None,
    split: SplitOption = "ours",
    records: Annotated[
        Path | None,
        typer.Option(
            help="Finished runs: settings, curves, results, logits. By default the study's own "
            "folder, assets/results/second/runs or assets/results/first/runs.",
            callback=folder_to_write,
        ),
    ] = None,
    runs: Annotated[
        Path, typer.Option(help="Unfinished runs and all checkpoints.", callback=folder_to_write)
    ] = Path("runs"),
    replace: ReplaceOption = False,
    most: Annotated[int | None, typer.Option(help="Stop after so many runs.", min=0)] = None,
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

    ERM and QT-DoG on every held-out domain and seed, then the controls, bit widths and other DG
    methods. Start it once a core, with
    OMP_NUM_THREADS=1: the processes share the work; on a cluster, --slurm-script makes a job array
    of it. Stop it whenever you like; it goes on from the last evaluations.
    """
    from qtdog.data import load
    from qtdog.training import (
        Resources,
        Sweep,
        TrainConfig,
        check_network,
        first_plan,
        parallel,
        recipe_for,
        recipe_settings,
        second_plan,
        sweep_progress,
    )

    first = study == "first"
    usual = "cpu-short" if first else recipe_for(Path(data).resolve().name.lower())
    used = recipe or usual
    if records is None:
        records = folder_of_study(study) / "runs"
        records = records / "lite0" if used == "cpu-small-lite0" else records
    settings = recipe_settings(used, {"start_weights": start_weights})
    base = TrainConfig(data=data, target_domain="", split=split, **settings)
    resources = Resources(gpus, time_limit, partition)
    rounding = "start" if first else "least error"
    built = runs / ("checkpoints-lite0" if used == "cpu-small-lite0" else "checkpoints")
    with parallel.joined():
        if not (show or slurm_script):
            check_network(base)
        with parallel.first_on_each_machine():
            dataset = load(data, base.image_size)
        work = Sweep(
            used,
            runs,
            records,
            built,
            rounding=rounding,
            replace=replace,
            data=dataset.fingerprint(),
            sampled_data=dataset.sampled_fingerprint(),
        )
        domains = tuple(domain.name for domain in dataset.domains)
        whole = first_plan(base, domains) if first else second_plan(dataset.name, base, domains)
        named = {work.record_path(dataset.name, one).stem: one for one in whole}
        chosen = {name: config for name, config in named.items() if only in name}
        if not chosen:
            raise ValueError(
                f"No run of the plan has '{only}' in its name: see --list without --only."
            )
        others = [other for one in chosen.values() if (other := work.other(dataset.name, one))]
        if others:
            tell(
                f"{len(others)} records in {records} are of other runs, with {others[0]}: they "
                "stay, and the runs of this sweep get names of their own beside them."
            )
        if not (show or slurm_script):
            try:
                work.run(dataset.name, list(chosen.values()), sweep_progress, most)
            except KeyboardInterrupt:
                tell("Stopped. The same command goes on from the last evaluation.", err=True)
                raise typer.Exit(130) from None
        left = [name for name in chosen if not (records / f"{name}.json").exists()]
        tell(f"{len(chosen) - len(left)} of {len(chosen)} runs are in {records}.")
    if show:
        for name in left:
            typer.echo(f"not yet: {name}")
    if slurm_script:
        command = ["sweep", "--data", data, "--study", study, "--recipe", used]
        command += ["--split", split]
        command += ["--start-weights", start_weights] if start_weights else []
        command += ["--records", str(records), "--runs", str(runs)]
        write_script(slurm_script, command, left, resources, runs / "slurm")
