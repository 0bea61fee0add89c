"""measured.csv: the records of all runs in long form, ensembles computed from the members' logits.

One row a network and target domain, with the columns of the paper's table first.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
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
from qtdog.training import Outcome, RunRecord, load_logits, load_record

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
    """The records below assets/results/runs/, separated by ";"."""


# What runs of one study differ in; tables and ensembles tell them apart by it.
ARMS_DIFFER_IN = ("target_domain", "seed", "method", "objective", "averaging")
ARMS_DIFFER_IN += ("bits", "granularity", "quantizer", "quantize_step")


def measured_rows(
    folder: Path, split_rule: SplitRule = "ours", recipe: str | None = None
) -> list[MeasuredRow]:
    """Every row that the records in `folder` of runs under one split, and if given of one recipe,
    give, single networks first.

    Of a run with SWAD only the averaged weights: those of one step are the same run's without it.
    Averages whose step sizes were fitted anew stay in the records.

    Raises ValueError naming a file that is not a record, and where records on one dataset are of
    studies that no mean may mix.
    """
    records = study_records(folder, split_rule, recipe)
    full_size = {
        (record.dataset, record.config.architecture): outcome.size_bytes
        for record in records.values()
        for outcome in record.outcomes
        if outcome.bits == 32
    }
    rows = [
        _row(path, record, outcome, full_size[record.dataset, record.config.architecture])
        for path, record in records.items()
        for outcome in record.outcomes
        if (record.dataset, record.config.architecture) in full_size
        and (outcome.averaged or record.config.averaging == "sma")
        and not outcome.refitted
    ]
    return rows + list(_ensembles(records, full_size))


def study_records(
    folder: Path, split_rule: SplitRule = "ours", recipe: str | None = None
) -> dict[Path, RunRecord]:
    """The records in `folder` of runs under one split, and if given of one recipe, by path.

    Raises ValueError as `measured_rows` does.
    """
    records = {path: load_record(path) for path in sorted(Path(folder).glob("*.json"))}
    records = {
        path: record
        for path, record in records.items()
        if record.config.split == split_rule and recipe in (None, record.recipe)
    }
    require_one_study(records)
    return records


def require_one_study(records: Mapping[Path, RunRecord]) -> None:
    """Raises ValueError that names two records, on one dataset and of one architecture, of runs
    that differ in more than a study's arms do."""
    first: dict[tuple[str, str, RunIdentity], Path] = {}
    for path, record in records.items():
        common = record.identity.without(*ARMS_DIFFER_IN)
        first.setdefault((record.dataset, record.config.architecture, common), path)
    for ((*what, one), path), ((*other_what, other), other_path) in combinations(first.items(), 2):
        if what == other_what and (differing := one.difference(other)):
            raise ValueError(
                f"{path.name} and {other_path.name} are of different studies, with {differing}: no "
                "mean may mix them. Choose the records of one --recipe, or keep them apart."
            )


def measured_csv(rows: Sequence[MeasuredRow]) -> str:
    """The text of measured.csv."""
    return records_csv(MeasuredRow, rows)


def _row(path: Path, record: RunRecord, outcome: Outcome, full_size: int) -> MeasuredRow:
    config = record.config
    dataset, domain = paper_names(record)
    quantized = outcome.method != "erm"
    return MeasuredRow(
        table=None,
        backbone=NAMES.get(config.architecture, config.architecture),
        method=method_name(outcome.method, config.objective, config.averaging, config.quantizer)
        + (" (least error)" if outcome.rule == "least error" else ""),
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
        run=path.name,
    )


def _ensembles(
    records: dict[Path, RunRecord], full_size: dict[tuple[str, str], int]
) -> Iterable[MeasuredRow]:
    """The mean of the logits of the members with seeds 0 to 4, where all of them are there."""
    groups: dict[tuple, list[Path]] = defaultdict(list)
    for path, record in records.items():
        config = record.config
        if config.method in ENSEMBLES:
            settings = (config.bits, config.granularity, config.quantize_step, config.steps)
            what = (record.dataset, config.architecture, config.target_domain)
            how = (config.method, config.objective, config.averaging, config.quantizer)
            groups[what + how + settings].append(path)
    for paths in groups.values():
        members = {records[path].config.seed: path for path in paths}
        if not set(range(MEMBERS)) <= members.keys():
            continue
        chosen = [members[seed] for seed in range(MEMBERS)]
        averaging = records[chosen[0]].config.averaging
        for name in ("single", "averaged") if averaging == "sma" else ("averaged",):
            yield _ensemble(name, chosen, records, full_size)


def _ensemble(
    name: str,
    paths: list[Path],
    records: dict[Path, RunRecord],
    full_size: dict[tuple[str, str], int],
) -> MeasuredRow:
    first = records[paths[0]]
    config = first.config
    dataset, domain = paper_names(first)
    tensors = [load_logits(path) for path in paths]
    labels = tensors[0]["labels/target"]
    logits = np.mean([each[f"{name}/target"] for each in tensors], axis=0)
    accuracy = Accuracy(int((logits.argmax(1) == labels).sum()), len(labels))
    members = [
        outcome for path in paths for outcome in records[path].outcomes if outcome.name == name
    ]
    size = sum(member.size_bytes for member in members)
    return MeasuredRow(
        table=None,
        backbone=NAMES.get(config.architecture, config.architecture),
        method=ensemble_name(config.method, config.objective, config.averaging, config.quantizer),
        bits=members[0].bits,
        models_trained=len(paths),
        relative_size=round(size / full_size[first.dataset, config.architecture], 4),
        dataset=dataset,
        domain=domain,
        split="target",
        accuracy=_percent(accuracy),
        error=None,
        source="measured",
        note=None,
        averaged="yes" if name == "averaged" else "no",
        granularity=config.granularity if config.quantized else None,
        quantize_step=config.quantize_step if config.quantized else None,
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
        run=";".join(path.name for path in paths),
    )


def paper_names(record: RunRecord) -> tuple[str, str]:
    """Dataset and held-out domain as the paper calls them, whose folders have other names."""
    target = record.config.target_domain
    benchmark = benchmarks.find(record.dataset)
    if benchmark is None:
        return record.dataset.upper(), target
    known = benchmark.domain(target)
    return benchmark.name, known.name if known else target


def _percent(accuracy: Accuracy) -> float:
    return round(100 * accuracy.fraction, 4)
