"""memory.csv: accuracy against bytes of every kind of network and number of members, from the
stored logits."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from qtdog.csv_file import records_csv
from qtdog.data import SplitRule
from qtdog.method_names import method_name
from qtdog.study.rows import MEMBERS, NAMES, paper_names, require_one_study, under
from qtdog.training import Outcome, RunRecord, load_logits, load_record


@dataclass(frozen=True)
class MemoryRow:
    """One kind of network on one held-out domain, alone or as the mean of so many members' logits.

    Seeds differ: the accuracy is the mean over all choices of so many of them.
    """

    backbone: str
    dataset: str
    domain: str
    method: str
    """Of a member, as the tables call it."""
    averaged: str
    """"yes" or "no": the weights."""
    bits: int
    """Of a weight, 32 in full precision."""
    members: int
    size_bytes: int
    """Of the members' files together, mean over the choices."""
    accuracy: float
    """Percent of the held-out domain's images, mean over the choices."""
    spread: float | None
    """Standard deviation over the choices, in points; None for one choice."""
    choices: int
    """How many sets of seeds the mean is over."""
    run: str
    """The records in the study's folder `runs`, separated by ";"."""


@dataclass(frozen=True)
class _Kind:
    """What networks have in common of which an ensemble can be made."""

    architecture: str
    dataset: str
    domain: str
    method: str
    averaged: bool
    bits: int
    outcome: str
    """The name of the outcome in its run's record."""


@dataclass(frozen=True)
class _Member:
    path: Path
    accuracy: float
    """Percent, alone."""
    labels: np.ndarray
    """(n,) of the held-out domain's images."""
    logits: np.ndarray | None
    """(n, classes); None where an older record kept none."""
    size_bytes: int


def memory_rows(
    folder: Path, split_rule: SplitRule = "ours", recipe: str | None = None
) -> list[MemoryRow]:
    """Every kind in the records in `folder` of one split and recipe, of one member and up to
    `MEMBERS`: training by cross-entropy, one step size a channel, quantized where most runs of the
    data set were.

    Raises ValueError as `measured_rows` does.
    """
    found = {path.name: load_record(path) for path in sorted(Path(folder).glob("*.json"))}
    records = under(found, split_rule, recipe)
    require_one_study(records)
    usual = _usual_steps(records.values())
    kinds: dict[_Kind, dict[int, _Member]] = defaultdict(dict)
    for name, record in records.items():
        path = Path(folder) / name
        if _is_main(record, usual):
            tensors = load_logits(path) if path.with_suffix(".safetensors").exists() else {}
            for outcome in record.outcomes:
                member = _member(path, tensors, outcome)
                kinds[_kind(record, outcome)][record.config.seed] = member
    return [row for kind, members in kinds.items() for row in _rows(kind, members)]


def memory_csv(rows: Sequence[MemoryRow]) -> str:
    """The text of memory.csv."""
    return records_csv(MemoryRow, rows)


def _usual_steps(records: Iterable[RunRecord]) -> dict[str, int]:
    """By data set the quantization step of most of its runs."""
    counts: dict[str, Counter[int]] = defaultdict(Counter)
    for record in records:
        counts[record.dataset][record.config.quantize_step] += 1
    return {dataset: count.most_common(1)[0][0] for dataset, count in counts.items()}


def _is_main(record: RunRecord, usual: Mapping[str, int]) -> bool:
    config = record.config
    plain = (config.objective, config.averaging, config.granularity) == ("erm", "sma", "channel")
    return plain and config.quantize_step == usual[record.dataset]


def _kind(record: RunRecord, outcome: Outcome) -> _Kind:
    dataset, domain = paper_names(record)
    quantizer, refitted = record.config.quantizer, outcome.refitted
    name = method_name(outcome.method, quantizer=quantizer, refitted=refitted)
    name += " (least error)" if outcome.rule == "least error" else ""
    return _Kind(
        *(record.config.architecture, dataset, domain, name),
        *(outcome.averaged, outcome.bits, outcome.name),
    )


def _member(path: Path, tensors: Mapping[str, np.ndarray], outcome: Outcome) -> _Member:
    logits = tensors.get(f"{outcome.name}/target")
    accuracy = 100 * outcome.target.fraction
    return _Member(path, accuracy, tensors["labels/target"], logits, outcome.size_bytes)


def _rows(kind: _Kind, members: Mapping[int, _Member]) -> Iterator[MemoryRow]:
    of_seed = [members[seed] for seed in sorted(members)][:MEMBERS]
    together = all(one.logits is not None for one in of_seed)
    for count in range(1, len(of_seed) + 1 if together else 2):
        chosen = [*combinations(of_seed, count)]
        accuracies = [_accuracy(each) for each in chosen]
        sizes = [sum(one.size_bytes for one in each) for each in chosen]
        yield MemoryRow(
            backbone=NAMES.get(kind.architecture, kind.architecture),
            dataset=kind.dataset,
            domain=kind.domain,
            method=kind.method,
            averaged="yes" if kind.averaged else "no",
            bits=kind.bits,
            members=count,
            size_bytes=round(float(np.mean(sizes))),
            accuracy=round(float(np.mean(accuracies)), 4),
            spread=round(float(np.std(accuracies, ddof=1)), 4) if len(chosen) > 1 else None,
            choices=len(chosen),
            run=";".join(one.path.name for one in of_seed),
        )


def _accuracy(members: Sequence[_Member]) -> float:
    """Percent, of the mean of the members' logits."""
    if len(members) == 1:
        return members[0].accuracy
    logits = np.mean([one.logits for one in members if one.logits is not None], axis=0)
    return 100 * float((logits.argmax(1) == members[0].labels).mean())
