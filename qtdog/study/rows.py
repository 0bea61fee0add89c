"""measured.csv: the records of all runs in long form, ensembles computed from the members' logits.

One row a network and target domain, with the columns of the paper's table first.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from qtdog.accuracy import Accuracy
from qtdog.checkpoints import RunIdentity
from qtdog.csv_file import records_csv
from qtdog.data import SplitRule, benchmarks
from qtdog.evaluation import expected_calibration_error, negative_log_likelihood
from qtdog.method_names import ENSEMBLES, ensemble_name, method_name
from qtdog.training import Outcome, RunRecord, TrainConfig, load_logits, load_record

MEMBERS = 5
NAMES = {
    "mobilenet_v2": "MobileNetV2",
    "mobilenet_v3_small": "MobileNetV3-Small",
    "mobilenet_v3_large": "MobileNetV3-Large",
    "resnet18": "ResNet-18",
    "resnet50": "ResNet-50",
    "resnext50_32x4d": "ResNeXt-50 32x4d",
    "convnext_tiny": "ConvNeXt-Tiny",
    "vit_b_16": "ViT-B/16",
    "timm/tf_efficientnet_lite0": "EfficientNet-Lite0",
    "timm/deit_small_patch16_224": "DeiT-Small",
    "timm/deit_small_patch16_224.fb_in1k": "DeiT-Small",
    "timm/vit_base_patch16_clip_quickgelu_224.openai": "CLIP ViT-B/16",
}


@dataclass(frozen=True)
class MeasuredRow:
    """One line of measured.csv. Accuracies are percent; what does not apply is None."""

    table: str | None
    backbone: str
    method: str
    bits: int
    models_trained: int
    relative_size: float
    """Bytes of the weights' files over those of one full-precision network of the same run."""
    dataset: str
    domain: str
    split: str
    accuracy: float
    error: float | None
    source: str
    note: str | None
    averaged: str
    """"yes" or "no"."""
    granularity: str | None
    quantize_step: int | None
    seed: int | None
    source_validation: float | None
    """Mean over the source domains; None for ensembles, whose members have different splits."""
    correct: int
    total: int
    steps: int
    chosen_step: int | None
    seconds: float | None
    hardware: str
    commit: str
    sha256: str | None
    nll: float
    ece: float
    source_nll: float | None
    source_ece: float | None
    run: str
    """The records in the study's folder `runs`, separated by ";"."""


# What runs of one study differ in; tables and ensembles tell them apart by it.
ARMS_DIFFER_IN = ("target_domain", "seed", "method", "objective", "averaging")
ARMS_DIFFER_IN += ("bits", "granularity", "quantizer", "quantize_step")


def measured_rows(
    folder: Path, split_rule: SplitRule = "ours", recipe: str | None = None
) -> list[MeasuredRow]:
    """Every row that the records in `folder` of runs under one split, and if given of one recipe,
    give, single networks first. Averages whose step sizes were fitted anew stay in the records: the
    first study compares none.

    Raises ValueError naming a file that is not a record, and where records on one dataset are of
    studies that no mean may mix.
    """
    found = {path.name: load_record(path) for path in sorted(Path(folder).glob("*.json"))}
    return rows_of(folder, under(found, split_rule, recipe), refitted=False)


def under(
    records: Mapping[str, RunRecord], split_rule: SplitRule, recipe: str | None
) -> dict[str, RunRecord]:
    """Those of runs under one split and, if given, one recipe."""
    return {
        name: record
        for name, record in records.items()
        if record.config.split == split_rule and recipe in (None, record.recipe)
    }


def rows_of(
    folder: Path, records: Mapping[str, RunRecord], refitted: bool = True, ensembles: bool = True
) -> list[MeasuredRow]:
    """The rows of records, by their files' names below `folder`, where their logits lie: only
    `ensembles` need these.

    Of a run with SWAD only the averaged weights: those of one step are the same run's without it.
    Raises ValueError as `measured_rows` does.
    """
    require_one_study(records)
    full_size = {
        (record.dataset, record.config.architecture): outcome.size_bytes
        for record in records.values()
        for outcome in record.outcomes
        if outcome.bits == 32
    }
    records = {
        name: record
        for name, record in records.items()
        if (record.dataset, record.config.architecture) in full_size
    }
    rows = [
        _row(name, record, outcome, full_size[record.dataset, record.config.architecture])
        for name, record in records.items()
        for outcome in record.outcomes
        if (outcome.averaged or record.config.averaging == "sma")
        and (refitted or not outcome.refitted)
    ]
    return rows + (list(_ensembles(folder, records, full_size, refitted)) if ensembles else [])


def require_one_study(records: Mapping[str, RunRecord]) -> None:
    """Raises ValueError that names two records, on one dataset and of one architecture, of runs
    that differ in more than a study's arms do."""
    first: dict[tuple[str, str, RunIdentity], str] = {}
    for name, record in records.items():
        common = record.identity.without(*ARMS_DIFFER_IN)
        first.setdefault((record.dataset, record.config.architecture, common), name)
    for ((*what, one), name), ((*other_what, other), other_name) in combinations(first.items(), 2):
        if what == other_what and (differing := one.difference(other)):
            raise ValueError(
                f"{name} and {other_name} are of different studies, with {differing}: no "
                "mean may mix them. Choose the records of one --recipe, or keep them apart."
            )


def measured_csv(rows: Sequence[MeasuredRow]) -> str:
    """The text of measured.csv."""
    return records_csv(MeasuredRow, rows)


def _row(name: str, record: RunRecord, outcome: Outcome, full_size: int) -> MeasuredRow:
    config = record.config
    dataset, domain = paper_names(record)
    quantized = outcome.method != "erm"
    return MeasuredRow(
        table=None,
        backbone=NAMES.get(config.architecture, config.architecture),
        method=_named(method_name, config, outcome),
        bits=outcome.bits,
        models_trained=1,
        relative_size=round(outcome.size_bytes / full_size, 4),
        dataset=dataset,
        domain=domain,
        split="target",
        accuracy=_percent(outcome.target),
        error=None,
        source="measured",
        note=None,
        averaged="yes" if outcome.averaged else "no",
        granularity=config.granularity if quantized else None,
        quantize_step=config.quantize_step if quantized else None,
        seed=config.seed,
        source_validation=round(
            float(np.mean([100 * one.fraction for one in outcome.source_validation])), 4
        ),
        correct=outcome.target.correct,
        total=outcome.target.total,
        steps=config.steps,
        chosen_step=outcome.chosen_step,
        seconds=record.seconds,
        hardware=record.hardware,
        commit=record.commit,
        sha256=outcome.sha256,
        nll=round(outcome.nll, 6),
        ece=round(outcome.ece, 6),
        source_nll=round(outcome.source_nll, 6),
        source_ece=round(outcome.source_ece, 6),
        run=name,
    )


def _named(name: Callable[..., str], config: TrainConfig, outcome: Outcome) -> str:
    """The name of an outcome's method, or of an ensemble of such networks."""
    how = (outcome.method, config.objective, config.averaging, config.quantizer)
    least_error = outcome.rule == "least error"
    return name(*how, outcome.refitted) + (" (least error)" if least_error else "")


def _ensembles(
    folder: Path,
    records: Mapping[str, RunRecord],
    full_size: dict[tuple[str, str], int],
    refitted: bool,
) -> Iterable[MeasuredRow]:
    """The mean of the logits of the members with seeds 0 to 4, where all of them are there."""
    groups: dict[tuple, list[str]] = defaultdict(list)
    for name, record in records.items():
        config = record.config
        if config.method in ENSEMBLES:
            settings = (config.bits, config.granularity, config.quantize_step, config.steps)
            what = (record.dataset, config.architecture, config.target_domain)
            how = (config.method, config.objective, config.averaging, config.quantizer)
            groups[what + how + settings].append(name)
    for names in groups.values():
        members = {records[name].config.seed: name for name in names}
        if not set(range(MEMBERS)) <= members.keys():
            continue
        chosen = {members[seed]: records[members[seed]] for seed in range(MEMBERS)}
        logits = [load_logits(folder / name) for name in chosen]
        first = next(iter(chosen.values()))
        for outcome in first.outcomes:
            wanted = (refitted or not outcome.refitted) and f"{outcome.name}/target" in logits[0]
            if wanted and (outcome.averaged or first.config.averaging == "sma"):
                size = full_size[first.dataset, first.config.architecture]
                yield _ensemble(outcome, chosen, logits, size)


def _ensemble(
    outcome: Outcome,
    members: Mapping[str, RunRecord],
    tensors: Sequence[Mapping[str, np.ndarray]],
    full_size: int,
) -> MeasuredRow:
    """Of the members' outcomes of that name, the first member's being `outcome`."""
    first = next(iter(members.values()))
    config = first.config
    dataset, domain = paper_names(first)
    labels = tensors[0]["labels/target"]
    logits = np.mean([each[f"{outcome.name}/target"] for each in tensors], axis=0)
    accuracy = Accuracy(int((logits.argmax(1) == labels).sum()), len(labels))
    size = sum(
        one.size_bytes
        for record in members.values()
        for one in record.outcomes
        if one.name == outcome.name
    )
    quantized = outcome.method != "erm"
    return MeasuredRow(
        table=None,
        backbone=NAMES.get(config.architecture, config.architecture),
        method=_named(ensemble_name, config, outcome),
        bits=outcome.bits,
        models_trained=len(members),
        relative_size=round(size / full_size, 4),
        dataset=dataset,
        domain=domain,
        split="target",
        accuracy=_percent(accuracy),
        error=None,
        source="measured",
        note=None,
        averaged="yes" if outcome.averaged else "no",
        granularity=config.granularity if quantized else None,
        quantize_step=config.quantize_step if quantized else None,
        seed=None,
        source_validation=None,
        correct=accuracy.correct,
        total=accuracy.total,
        steps=config.steps,
        chosen_step=None,
        seconds=None,
        hardware=first.hardware,
        commit=first.commit,
        sha256=None,
        nll=round(negative_log_likelihood(logits, labels), 6),
        ece=round(expected_calibration_error(logits, labels), 6),
        source_nll=None,
        source_ece=None,
        run=";".join(members),
    )


def paper_names(record: RunRecord) -> tuple[str, str]:
    """Dataset and held-out domain as the paper calls them, whose folders have other names."""
    benchmark = benchmarks.find(record.dataset)
    dataset = benchmark.name if benchmark else record.dataset.upper()
    return dataset, domain_name(record.dataset, record.config.target_domain)


def domain_name(dataset: str, folder: str) -> str:
    """A domain as the paper calls it; its folder's name where it does not."""
    benchmark = benchmarks.find(dataset)
    known = benchmark.domain(folder) if benchmark else None
    return known.name if known else folder


def _percent(accuracy: Accuracy) -> float:
    return round(100 * accuracy.fraction, 4)
