"""A plan, its cost and its outcome as tables and sentences for a terminal."""

import math
from collections.abc import Mapping, Sequence

from rich.table import Table

from qtdog.models import short_name
from qtdog.reproduce.cells import BACKBONES, TITLES, Cell, missing
from qtdog.reproduce.outcome import Reproduced
from qtdog.reproduce.plan import Setting, config, seeds
from qtdog.reproduce.plan_cost import Assumption, PlanCost, image_memory, plan_cost
from qtdog.reproduce.step_cost import step_cost, step_memory
from qtdog.results import Result
from qtdog.training import TrainConfig

PREFIXES = ("", "k", "M", "G", "T", "P", "E")


def plan_report(
    table: str, cells: Sequence[Cell], settings: Mapping[str, Setting]
) -> list[Table | str]:
    """What is run for each row, and which rows stay the paper's alone."""
    shown = Table(title=f"Table {table}: {TITLES[table]}", title_justify="left")
    for name in ("row", "backbone", "trained as", "from step", "seeds", "benchmarks"):
        shown.add_column(name)
    rows: dict[tuple, list[Cell]] = {}
    for cell in cells:
        rows.setdefault((cell.name, cell.bits, cell.backbone), []).append(cell)
    for (name, bits, backbone), of_row in rows.items():
        first, setting = of_row[0], settings[of_row[0].dataset]
        starts = {
            str(_example(cell, settings[cell.dataset]).quantize_step): None for cell in of_row
        }
        many = len(seeds(first, setting))
        shown.add_row(
            name + (f", {bits} bits" if bits else ""),
            backbone,
            trained_as(first),
            "/".join(starts),
            f"{many} members" if first.how.members > 1 else str(many),
            "all" if len(of_row) == len(settings) > 1 else ", ".join(c.dataset for c in of_row),
        )
    return [shown, *_stand_ins(cells, settings), *_missing(table)]


def trained_as(cell: Cell) -> str:
    """In the words of `train`'s options; what is usual goes without saying."""
    how = cell.how
    words = [how.method if cell.bits is None else f"{how.method}, {cell.bits} bits"]
    words += [how.objective] if how.objective != "erm" else []
    words += [how.quantizer] if how.quantizer != "lsq" else []
    words += ["a step size a layer"] if how.granularity == "tensor" else []
    words += [f"averaged ({how.averaging})"] if how.averaged else []
    return ", ".join(words)


def cost_report(
    plans: Mapping[str, Sequence[TrainConfig]],
    to_do: Mapping[str, Sequence[TrainConfig]],
    settings: Mapping[str, Setting],
    assumed: Assumption,
    measure: bool,
) -> list[Table | str]:
    """What remains to be done takes, by benchmark and in all, and one step's speed and memory."""
    costs = {
        name: plan_cost(runs, settings[name].images, settings[name].classes, measure)
        for name, runs in to_do.items()
    }
    table = Table(title="What is left to train", title_justify="left")
    table.add_column("benchmark")
    on_paper = f"hours, {assumed.name} at {assumed.utilisation:.0%}*"
    for name in ("runs", "recorded", "steps", "operations", on_paper, "hours here", "disk"):
        table.add_column(name, justify="right")
    for name, cost in costs.items():
        table.add_row(name, *_cost_cells(cost, len(plans[name]) - cost.runs, assumed))
    if len(costs) > 1:
        table.add_section()
        done = sum(len(plans[name]) - cost.runs for name, cost in costs.items())
        table.add_row("all", *_cost_cells(_sum(list(costs.values())), done, assumed))
    first = next(iter(plans))
    quantized = [run for runs in plans.values() for run in runs if run.quantized]
    example = quantized[0] if quantized else plans[first][0]
    name = next(one for one, runs in plans.items() if example in runs)
    return [table, *_step_report(example, settings[name], assumed)]


def outcome_report(
    found: Sequence[Reproduced], settings: Mapping[str, Setting]
) -> list[Table | str]:
    """The paper's numbers and below each ours: a line a row of the table, a column a benchmark or
    held-out domain."""
    columns = dict.fromkeys(_column(one) for one in found)
    table = Table(show_lines=True)
    table.add_column("row")
    for dataset, domain, split in columns:
        inside = "\nin-domain" if split == "in-domain" else ""
        table.add_column(f"{dataset}\n{domain}{inside}", justify="right")
    rows: dict[str, dict[tuple, Reproduced]] = {}
    for one in found:
        rows.setdefault(_row_name(one.paper), {})[_column(one)] = one
    for name, cells in rows.items():
        table.add_row(name, *(_cell(cells.get(column)) for column in columns))
    done = sum(one.accuracy is not None for one in found)
    heading = "The paper's numbers and, below, those here (difference), in percent"
    lines: list[Table | str] = [heading, table, f"{done} of {len(found)} numbers are there."]
    if any(one.paper.split == "in-domain" for one in found):
        lines.append(
            "In-domain: the mean over the source domains' held-out fifths, by which the checkpoint "
            "was chosen too."
        )
    if any(setting.split == "domainbed" for setting in settings.values()):
        lines.append(
            "Target accuracy is on DomainBed's 80 % of the held-out domain, an ensemble's on all "
            "of it: its members' seeds split it differently."
        )
    return lines


def _step_report(run: TrainConfig, setting: Setting, assumed: Assumption) -> list[Table | str]:
    """Speed and memory of one training step of a run."""
    images = run.images_per_domain * (len(setting.images) - 1)
    cost = step_cost(run.architecture, setting.classes, run.image_size)
    memory = step_memory(run.architecture, setting.classes, run.image_size, images, run.quantized)
    table = Table(
        title=f"One step on paper: {run.architecture}, {images} images of {run.image_size} px",
        title_justify="left",
        show_header=False,
    )
    table.add_column("what")
    table.add_column("how much", justify="right")
    speed = assumed.speed / cost.step_flops
    table.add_row("operations an image, forward", _scaled(cost.forward_flops, "FLOP"))
    table.add_row("forward and backward", _scaled(cost.step_flops, "FLOP"))
    table.add_row("images a second*", f"{speed:,.0f}")
    table.add_row("steps a second*", f"{speed / images:,.1f}")
    table.add_section()
    for what, size in memory.items():
        table.add_row(what, _scaled(size, "B"))
    table.add_row("in all", _scaled(sum(memory.values()), "B"))
    held, on_disk = image_memory(run, setting.images)
    table.add_row(f"and the training images, decoded at {run.stored_size} px", _scaled(held, "B"))
    if on_disk:
        table.add_row("and those that are read from disk", _scaled(on_disk, "B"))
    return [
        table,
        f"* On paper, not measured: {assumed.utilisation:.0%} of the {assumed.name}'s "
        f"{assumed.gpu.peak / 1e12:,.0f} TFLOP/s in bfloat16, an assumption, and images that are "
        "there in time. Operations are those of convolutions and matrix products, an evaluation's "
        "included; steps that runs share count once.",
    ]


def _cost_cells(cost: PlanCost, recorded: int, assumed: Assumption) -> list[str]:
    return [
        str(cost.runs),
        str(recorded),
        f"{cost.steps:,}",
        _scaled(cost.flops, "FLOP"),
        _hours(cost.flops / assumed.speed / 3600),
        "–" if cost.seconds_here is None else _hours(cost.seconds_here / 3600),
        _scaled(sum(cost.disk_bytes.values()), "B"),
    ]


def _sum(costs: Sequence[PlanCost]) -> PlanCost:
    here = [cost.seconds_here for cost in costs if cost.seconds_here is not None]
    disk: dict[str, int] = {}
    for cost in costs:
        for name, size in cost.disk_bytes.items():
            disk[name] = disk.get(name, 0) + size
    return PlanCost(
        runs=sum(cost.runs for cost in costs),
        steps=sum(cost.steps for cost in costs),
        trained_images=sum(cost.trained_images for cost in costs),
        evaluated_images=sum(cost.evaluated_images for cost in costs),
        flops=sum(cost.flops for cost in costs),
        seconds_here=sum(here) if len(here) == len(costs) else None,
        disk_bytes=disk,
    )


def _column(one: Reproduced) -> tuple[str, str, str]:
    return one.paper.dataset, one.paper.domain, one.paper.split


def _row_name(printed: Result) -> str:
    return printed.method + (f", {printed.bits} bits" if printed.bits else "")


def _cell(one: Reproduced | None) -> str:
    if one is None:
        return ""
    printed = _with_error(one.paper.accuracy, one.paper.error)
    if one.accuracy is None:
        return f"{printed}\n–"
    some = f", {one.trials} of {one.wanted} trials" if one.trials < one.wanted else ""
    ours = _with_error(one.accuracy, one.error)
    return f"{printed}\n{ours} ({one.difference:+.1f}){some}"


def _with_error(value: float, error: float | None) -> str:
    return f"{value:.1f}" + ("" if error is None else f" ± {error:.1f}")


def _stand_ins(cells: Sequence[Cell], settings: Mapping[str, Setting]) -> list[str]:
    """In what the runs are not those of the paper, in one sentence."""
    cell = cells[0]
    setting = settings[cell.dataset]
    run, backbone = _example(cell, setting), BACKBONES[cell.backbone]
    said = []
    if setting.dataset != cell.dataset:
        said.append(f"the data are {setting.dataset}")
    if run.architecture != backbone.architecture:
        said.append(f"the network is {run.architecture} at {run.image_size} px")
    if run.start_weights != backbone.start_weights:
        said.append(f"the start weights are {short_name(run.start_weights)}")
    if setting.recipe != "paper" or setting.steps:
        said.append(f"there are {run.steps:,} steps of {run.images_per_domain} images a domain")
    if set(setting.targets) != set(setting.domains):
        said.append(f"held out is only {', then '.join(setting.targets)}")
    if setting.trials:
        said.append("there is 1 trial" if setting.trials == 1 else f"{setting.trials} trials")
    if setting.split != "domainbed":
        said.append("the split is not DomainBed's")
    if not said:
        return []
    return [f"Not as in the paper: {'; '.join(said)}. Differences from its numbers mean nothing."]


def _missing(table: str) -> list[str]:
    by_reason: dict[str, list[str]] = {}
    for one in missing(table):
        by_reason.setdefault(one.reason, []).append(one.name)
    return [
        f"The paper's numbers only: {', '.join(names)} ({reason})."
        for reason, names in by_reason.items()
    ]


def _example(cell: Cell, setting: Setting) -> TrainConfig:
    return config(cell, setting, setting.targets[0], 0)


def _hours(hours: float) -> str:
    if 0 < hours < 0.1:
        return "under 0.1"
    return f"{hours:,.1f}" if hours < 100 else f"{hours:,.0f}"


def _scaled(value: float, unit: str) -> str:
    """ "8.17 GFLOP": three digits with the prefix that fits."""
    power = min(int(math.log10(max(value, 1)) // 3), len(PREFIXES) - 1)
    return f"{value / 1000**power:.3g} {PREFIXES[power]}{unit}"
