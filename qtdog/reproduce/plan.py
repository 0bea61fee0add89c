"""From a table's cells to training runs, each once, and where their records are."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from qtdog.data import ROTATED_DIGITS, Benchmark, SplitRule, Tree, benchmark_named, load
from qtdog.reproduce.cells import BACKBONES, Cell
from qtdog.training import StepProgress, Sweep, TrainConfig, parallel, recipe_settings

PAPER_STEPS = 5000  # of which a method's `start` counts


@dataclass(frozen=True)
class Setting:
    """How the cells are run: as in the paper, or smaller to see that they run."""

    data: str
    """What `train` takes: a folder domain/class/image, or "rotated_digits"."""
    dataset: str
    """The name in the records: the benchmark's, or that of other data that stand in for it."""
    images: Mapping[str, int]
    """In each domain."""
    classes: int
    targets: tuple[str, ...]
    """Of the domains, those to hold out now, each in turn."""
    recipe: str = "paper"
    """Other recipes replace the network, the image size and the schedule of the paper."""
    steps: int | None = None
    """Instead of the recipe's; quantization begins at the same share of them."""
    trials: int | None = None
    """Instead of the paper's three seeds, and at most so many members of an ensemble."""
    split: SplitRule = "domainbed"
    start_weights: str | None = None

    @property
    def domains(self) -> tuple[str, ...]:
        """All of them."""
        return tuple(self.images)


def make_setting(
    benchmark: Benchmark, data: str | None, targets: Sequence[str], **chosen: Any
) -> Setting:
    """For cells of a benchmark, on its folder or on other data in its place.

    Without data the benchmark's published counts serve to plan. Raises ValueError for a folder that
    does not exist and a target that it does not have.
    """
    if data is None:
        images = {one.folder: one.images for one in benchmark.domains if one.images is not None}
        if len(images) < len(benchmark.domains):
            raise ValueError(
                f"How many images {benchmark.name} has in each domain is not published: give its "
                "folder with --data."
            )
        name, classes = benchmark.name, benchmark.class_count
    elif data == ROTATED_DIGITS:
        digits = load(data, 8)
        images = {one.name: len(one) for one in digits.domains}
        name, classes = digits.name, len(digits.classes)
    else:
        if not Path(data).is_dir():
            raise ValueError(f"The data folder {data} does not exist.")
        tree = Tree.of(Path(data))
        images = {domain: sum(map(len, labels.values())) for domain, labels in tree.images.items()}
        whole = len(images) == len(benchmark.domains) and all(map(benchmark.domain, images))
        name = benchmark.name if whole else Path(data).resolve().name.lower()
        classes = len(tree.classes())
    if unknown := [one for one in targets if one not in images]:
        raise ValueError(f"{name} has no domain '{unknown[0]}'. There are: {', '.join(images)}.")
    return Setting(
        data or benchmark.folder, name, images, classes, tuple(targets or images), **chosen
    )


def seeds(cell: Cell, setting: Setting) -> range:
    """Seeds of a cell's runs: its trials, or the members of its ensemble."""
    return range(min(len(cell.seeds), setting.trials or len(cell.seeds)))


def config(cell: Cell, setting: Setting, target: str, seed: int) -> TrainConfig:
    """One run of a cell."""
    how, backbone = cell.how, BACKBONES[cell.backbone]
    benchmark = benchmark_named(cell.dataset)
    values: dict[str, Any] = {
        "architecture": backbone.architecture,
        "start_weights": backbone.start_weights,
        "steps": benchmark.steps,
        "quantize_step": benchmark.quantize_step,
        "evaluate_every": benchmark.evaluate_every,
        "image_size": benchmark.image_size,
        "images_per_domain": benchmark.images_per_domain,
    }
    if setting.recipe != "paper":
        changed = {"start_weights": setting.start_weights}
        values |= {"start_weights": TrainConfig.start_weights}
        values |= recipe_settings(setting.recipe, changed)
    usual = values["quantize_step"] / values["steps"]
    share = usual if how.start is None else how.start / PAPER_STEPS
    steps, every = _whole_evaluations(setting.steps or values["steps"], values["evaluate_every"])
    start = min(max(every, round(share * steps / every) * every), steps - every)
    values |= {"steps": steps, "evaluate_every": every, "quantize_step": start}
    if setting.start_weights is not None:
        values["start_weights"] = setting.start_weights
    for name in ("method", "objective", "averaging", "quantizer", "granularity"):
        values[name] = getattr(how, name)
    if cell.bits is not None:
        values["bits"] = cell.bits
    return TrainConfig(
        data=setting.data, target_domain=target, seed=seed, split=setting.split, **values
    )


def planned_runs(cells: Sequence[Cell], setting: Setting) -> list[TrainConfig]:
    """Every run of the cells once, first all of the first seed; runs that share data or their first
    steps come one after the other."""
    count = max(len(seeds(cell, setting)) for cell in cells)
    found = (
        config(cell, setting, target, seed)
        for seed in range(count)
        for target in setting.targets
        for cell in cells
        if seed in seeds(cell, setting)
    )
    return list(dict.fromkeys(found))


def study(one: TrainConfig, setting: Setting, root: Path) -> Sweep:
    """The sweep that does a run and keeps its record: one for each network, image size and number
    of steps below `root`, so that records of different sizes never meet."""
    network = one.architecture.replace("/", "-")
    place = Path(network, f"{one.image_size}px-{one.steps}steps")
    names = ("runs", "records", "checkpoints")
    places = [root / name / place for name in names]
    return Sweep(setting.recipe, *places, keep_states=False)


def run_name(one: TrainConfig, setting: Setting) -> str:
    """What tells a run from all others: its network, image size, steps, and its record's name."""
    place = study(one, setting, Path())
    return str(place.record_path(setting.dataset, one).relative_to("records").with_suffix(""))


def runs_left(plan: Sequence[TrainConfig], setting: Setting, root: Path) -> list[TrainConfig]:
    """The runs of a plan without a record."""
    return [
        one
        for one in plan
        if not study(one, setting, root).record_path(setting.dataset, one).exists()
    ]


def train_runs(
    plan: Sequence[TrainConfig],
    setting: Setting,
    root: Path,
    progress: Callable[[TrainConfig], StepProgress],
    most: int | None = None,
) -> None:
    """Train what is not recorded and not being trained by another process, `most` runs if given.

    Raises ValueError where a run of the plan is recorded that was on other images.
    """
    for place, group in groupby(plan, lambda one: study(one, setting, root)):
        group = list(group)
        with parallel.first_on_each_machine():
            images = load(setting.data, group[0].image_size)
        place = dataclasses.replace(
            place, data=images.fingerprint(), sampled_data=images.sampled_fingerprint()
        )
        for one in group:
            if differing := place.other(setting.dataset, one):
                name = run_name(one, setting)
                raise ValueError(
                    f"{root}/records/{name}.json is of another run, with {differing}: choose "
                    "another --out."
                )
        done = place.run(setting.dataset, group, progress, most)
        most = None if most is None else most - len(done)


def _whole_evaluations(steps: int, every: int) -> tuple[int, int]:
    """Steps as a multiple of the steps between evaluations, of which there are at least two."""
    every = min(every, max(1, steps // 2))
    return max(2, round(steps / every)) * every, every
