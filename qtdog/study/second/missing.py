"""What of the second study's plan has no record yet."""

from collections.abc import Iterator, Mapping

from qtdog.data import benchmarks
from qtdog.method_names import method_name
from qtdog.study.markdown import plain
from qtdog.study.second.networks import arm_name
from qtdog.training import RunRecord, TrainConfig, recipe_settings, second_plan

PLANNED = (
    ("pacs", "cpu-small"),
    ("pacs", "cpu-small-lite0"),
    ("office_caltech", "cpu-small-short"),
)
"""Data set and recipe of the study's three plans."""
Cell = tuple[str, str, str, str, int]
"""Data set, architecture, arm, held-out domain, seed."""


def missing(records: Mapping[str, RunRecord]) -> list[str]:
    """A line for every arm with runs that are planned and not recorded. Records of other data than
    the study's have its plan by themselves."""
    there = {_cell(record.dataset, record.config) for record in records.values()}
    recorded = {(record.dataset, record.recipe) for record in records.values()}
    plans = PLANNED if any(one in recorded for one in PLANNED) else tuple(sorted(recorded))
    lines = []
    for dataset, recipe in plans:
        domains = _domains(records, dataset)
        if not domains:
            lines.append(f"{dataset.upper()}, recipe `{recipe}`: everything")
        left: dict[tuple[str, str, str], dict[str, list[str]]] = {}
        for cell in _planned(dataset, recipe, domains):
            if cell not in there:
                left.setdefault(cell[:3], {}).setdefault(cell[3], []).append(str(cell[4]))
        lines += [
            f"{data.upper()}, {architecture}: {arm} on "
            + "; ".join(f"{plain(of)} {', '.join(by[of])}" for of in sorted(by))
            for (data, architecture, arm), by in left.items()
        ]
    return lines


def _planned(dataset: str, recipe: str, domains: tuple[str, ...]) -> Iterator[Cell]:
    base = TrainConfig(data=dataset, target_domain="", **recipe_settings(recipe, {}))
    for config in second_plan(dataset, base, domains) if domains else ():
        yield _cell(dataset, config)


def _cell(dataset: str, config: TrainConfig) -> Cell:
    name = method_name(config.method, config.objective, config.averaging, config.quantizer)
    arm = arm_name(name, config.bits if config.quantized else 32)
    return dataset, config.architecture, arm, config.target_domain, config.seed


def _domains(records: Mapping[str, RunRecord], dataset: str) -> tuple[str, ...]:
    for record in records.values():
        if record.dataset == dataset:
            return tuple(sorted({*record.source_domains, record.config.target_domain}))
    known = benchmarks.find(dataset)
    return tuple(domain.folder for domain in known.domains) if known else ()
