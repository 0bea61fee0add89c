"""The second study's REPORT.md, from its records alone."""

from collections.abc import Mapping, Sequence

from qtdog.landscape import Record
from qtdog.study.markdown import section
from qtdog.study.members import MEANS, MemberKind
from qtdog.study.second import ablations, tables
from qtdog.study.second.claims import answers, same_signs
from qtdog.study.second.code_use import CodeUseRow, code_use_section
from qtdog.study.second.decisions import decide
from qtdog.study.second.flatness import flatness_section
from qtdog.study.second.missing import missing
from qtdog.study.second.networks import Part, Study
from qtdog.training import RunRecord


def second_report_text(
    study: Study,
    judgement: str = "",
    landscapes: Sequence[Record] = (),
    code_uses: Sequence[CodeUseRow] = (),
) -> str:
    """The report as Markdown. `landscapes` of networks that are not of this study are left out.

    What the decisions need is taken from the largest part: the data set on which they are made.
    """
    left = missing(study.records)
    decided = decide([one.row for one in study.parts[0].networks])
    ending = decided.ending if decided else MEANS
    parts = [
        _head(study.records, left),
        f"## Judgement\n\n{judgement.strip()}\n" if judgement.strip() else "",
        answers(study.parts[0], ending, whole=not left),
        same_signs(study.parts, ending),
        tables.decision(decided, study.parts[0]) if decided else "",
    ]
    for part in study.parts:
        parts += [*_of_part(part, ending), flatness_section(part, ending, landscapes)]
    parts += [
        code_use_section(study, code_uses),
        ablations.time(study.records),
    ]
    return "\n".join(part for part in parts if part).rstrip() + "\n"


def _of_part(part: Part, ending: MemberKind) -> list[str]:
    return [
        tables.accuracies(part),
        tables.differences(part, ending),
        tables.late_differences(part, ending),
        tables.chosen_steps(part),
        ablations.rounding(part),
        ablations.bit_widths(part, ending),
        ablations.other_methods(part),
        ablations.calibration(part),
    ]


def _head(records: Mapping[str, RunRecord], left: Sequence[str]) -> str:
    recipes = {(record.dataset, record.recipe): record.config for record in records.values()}
    lines = [
        f"- {dataset.upper()}, recipe `{recipe}`: {config.architecture} at {config.image_size} px, "
        f"{config.images_per_domain} images a source domain and step, {config.steps:,} steps, "
        f"quantized at {config.quantize_step:,}, evaluated every {config.evaluate_every}."
        for (dataset, recipe), config in sorted(recipes.items())
    ]
    hours = sum(record.seconds for record in records.values()) / 3600
    hardware = ", ".join(sorted({record.hardware for record in records.values()}))
    head = (
        "# The second study: what was measured\n\n"
        f"Written by `python -m qtdog report --study second` from the {len(records)} records in "
        "`assets/results/second/runs/`; the numbers as a table: `measured.csv`. The plan, written "
        "before the runs: `docs/study.md`. Every choice is made on source validation; the accuracy "
        "is over all images of the held-out domain. "
        f"{hours:.1f} hours of wall time, shared trunks counted once a run, on {hardware}.\n\n"
        + "\n".join(lines)
        + "\n"
    )
    if not left:
        return head + "\nEvery run of the plan is recorded.\n"
    text = "Planned and not recorded when this was written; nothing here rests on it."
    return head + "\n" + section("What is missing", text, [f"- {line}." for line in left])
