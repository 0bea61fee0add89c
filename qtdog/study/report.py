"""REPORT.md: what the measured rows say, and what they do not."""

from collections.abc import Sequence
from dataclasses import asdict
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from qtdog.landscape.records import Record
from qtdog.method_names import AVERAGINGS, OBJECTIVES, added_methods, method_name
from qtdog.study.flatness import flatness_sections
from qtdog.study.markdown import plain, row, rule, section
from qtdog.study.members import choose_members
from qtdog.study.pairs import Difference, against
from qtdog.study.rows import MEMBERS, MeasuredRow
from qtdog.training.records import RunRecord, load_record

FITTED = (
    '"Fitted" are step sizes that start at the least squared rounding error instead of by '
    "LSQ's formula, which at 7 bits leaves most codes unused."
)
KINDS = ("", ", averaged")
"""Endings of an arm: the weights of one step, and the averaged ones."""
ARMS = ("ERM", "QT-DoG", "QT-DoG (fitted)", "QT-DoG (INQ)", "Freeze", "Post-training")
ARMS += ("ERM ensemble", "EoQ", "EoQ (fitted)")


def report_text(
    rows: Sequence[MeasuredRow],
    records: Path,
    judgement: str = "",
    landscapes: Sequence[Record] = (),
) -> str:
    """The report as Markdown, with a person's `judgement` of the tables before them and what the
    stored `landscapes` say of flatness behind them. Raises ValueError where nothing is measured."""
    if not rows:
        raise ValueError(f"There is no record of a run in {records}: run the sweep first.")
    names = sorted({name for row in rows for name in row.run.split(";")})
    runs = [load_record(records / name) for name in names]
    table = pd.DataFrame([asdict(row) for row in rows])
    table["arm"] = np.where(table.averaged == "yes", table.method + ", averaged", table.method)
    usual = table[_usual(table)]
    parts = [
        _head(table, runs),
        f"## Judgement\n\n{judgement.strip()}\n" if judgement.strip() else "",
        _accuracies(usual),
        _differences(usual),
        _ensembles(usual),
        _members(usual, rows),
        _bits(table),
        _moments(table),
        _other_methods(usual),
        _stability(runs),
        _calibration(usual),
        *flatness_sections(landscapes),
    ]
    return "\n".join(part for part in parts if part).rstrip() + "\n"


def _usual(table: pd.DataFrame) -> pd.Series:
    """The rows of the main comparison: full precision, or the bit width, granularity and moment
    that the members of EoQ have."""
    quantized = table[table.method == "QT-DoG"]
    if quantized.empty:
        return table.bits == 32
    usual = quantized.groupby(["bits", "granularity", "quantize_step"]).size().idxmax()
    same = [table[name] == value for name, value in zip(usual_columns(), usual, strict=True)]
    return (table.bits == 32) | np.logical_and.reduce(same)


def usual_columns() -> tuple[str, str, str]:
    """What the main comparison keeps fixed."""
    return ("bits", "granularity", "quantize_step")


def _arms(table: pd.DataFrame) -> list[str]:
    """The arms that exist, in order of presentation."""
    wanted = [arm + kind for arm in ARMS for kind in KINDS]
    return [arm for arm in wanted if (table.arm == arm).any()]


def _head(table: pd.DataFrame, runs: Sequence[RunRecord]) -> str:
    first = runs[0]
    config = first.config
    hours = sum(run.seconds for run in runs) / 3600
    done = sorted({(run.config.target_domain, run.config.seed) for run in runs})
    by_domain: dict[str, list[str]] = {}
    for domain, seed in done:
        by_domain.setdefault(domain, []).append(str(seed))
    cells = "; ".join(f"{domain}: {', '.join(seeds)}" for domain, seeds in by_domain.items())
    return f"""# What was measured

Written by `python -m qtdog report` from the {len(runs)} records in `assets/results/runs/`; the
numbers as a table: `measured.csv`. Recipe `{first.recipe}`: {config.architecture} at
{config.image_size} px, {config.images_per_domain} images a source domain and step, {config.steps:,}
steps, quantized at {config.quantize_step}; {hours:.1f} hours of wall time, shared trunks counted
once a run, on {", ".join(sorted({run.hardware for run in runs}))}. Every choice is made on source
validation; the target accuracy is over all images of the held-out domain.

Seeds recorded so far, by held-out domain: {cells}. What is not here has not been measured.
"averaged" is the mean of the weights of every step since the quantization step (for quantized
networks of latent weights and step sizes, quantized afterwards).
"""


def _accuracies(table: pd.DataFrame) -> str:
    """Mean and standard error over seeds; the last column only where all domains are there."""
    domains = sorted(table.domain.unique())
    lines = [row(["", *map(plain, domains), "mean"]), rule(len(domains) + 2)]
    for arm in _arms(table):
        cells, means = [], []
        for domain in domains:
            values = table[(table.arm == arm) & (table.domain == domain)].accuracy
            cells.append(_mean_and_error(values))
            means.append(values.mean())
        complete = not np.isnan(means).any() and len(domains) > 1
        lines.append(row([arm, *cells, f"{np.mean(means):.1f}" if complete else "–"]))
    return section(
        "Accuracy on the held-out domain",
        "Percent, mean ± standard error over seeds (their number in brackets). Arms with different "
        "seeds or domains do not compare here: the next section pairs them.",
        lines,
    )


def _differences(table: pd.DataFrame) -> str:
    lines = [row(["", "by held-out domain", "all"]), rule(3)]
    said = []
    for arm, base in (
        ("QT-DoG", "ERM"),
        ("QT-DoG, averaged", "ERM, averaged"),
        ("QT-DoG, averaged", "ERM"),
        ("ERM, averaged", "ERM"),
        ("QT-DoG, averaged", "QT-DoG"),
        ("QT-DoG (fitted)", "ERM"),
        ("QT-DoG (fitted), averaged", "ERM, averaged"),
        ("QT-DoG (fitted)", "QT-DoG"),
        ("QT-DoG (fitted), averaged", "QT-DoG"),
        ("Freeze", "ERM"),
        ("QT-DoG", "Freeze"),
        ("Post-training", "ERM"),
        ("QT-DoG", "Post-training"),
    ):
        found = against(table, arm, base)
        if not found:
            continue
        by_domain = "; ".join(
            f"{plain(domain)} {one}" for domain, one in found.items() if domain != "all"
        )
        lines.append(row([f"{arm} – {base}", by_domain, str(found["all"])]))
        said.append(_sentence(arm, base, found["all"]))
    if not said:
        return ""
    return section(
        "Paired differences",
        "Points of target accuracy between networks of the same held-out domain and seed, which "
        "share their steps up to quantization; mean and 95 % confidence interval. The interval "
        "over all domains takes every pair as independent and says nothing of other datasets.",
        [*lines, "", *said],
    )


def _sentence(arm: str, base: str, difference: Difference) -> str:
    if difference.pairs < 3:
        return f"- {arm} against {base}: too few pairs ({difference.pairs}) to say anything."
    if difference.verdict == "not told apart":
        return (
            f"- {arm} and {base} are not told apart ({difference}): what difference there is lies "
            "within what the choice of the seed does."
        )
    return f"- {arm} is {difference.verdict} than {base} ({difference})."


def _ensembles(table: pd.DataFrame) -> str:
    lines = [row(["", "domains", "mean of members", "ensemble", "ensemble – mean"]), rule(5)]
    means: dict[str, dict[str, float]] = {}
    for ensemble, member in (
        ("ERM ensemble", "ERM"),
        ("EoQ", "QT-DoG"),
        ("EoQ (fitted)", "QT-DoG (fitted)"),
    ):
        for suffix in KINDS:
            together = table[table.arm == ensemble + suffix].set_index("domain").accuracy
            if together.empty:
                continue
            alone = table[(table.arm == member + suffix) & (table.seed < MEMBERS)]
            alone = alone.groupby("domain").accuracy.mean()[together.index]
            means[ensemble + suffix] = together.to_dict()
            gain = float((together - alone).mean())
            lines.append(
                row(
                    [
                        ensemble + suffix,
                        ", ".join(map(plain, together.index)),
                        f"{alone.mean():.1f}",
                        f"{together.mean():.1f}",
                        f"{gain:+.1f}",
                    ]
                )
            )
    if not means:
        return ""
    said = []
    for eoq, suffix in product(("EoQ", "EoQ (fitted)"), KINDS):
        ours, theirs = means.get(eoq + suffix), means.get("ERM ensemble" + suffix)
        if ours and theirs and (common := sorted(ours.keys() & theirs.keys())):
            gaps = ", ".join(f"{plain(name)} {ours[name] - theirs[name]:+.1f}" for name in common)
            mean = np.mean([ours[name] - theirs[name] for name in common])
            said.append(
                f"- {eoq}{suffix} against the ERM ensemble{suffix} of as many members, in points: "
                f"{gaps}; mean {mean:+.1f}. EoQ takes less than a quarter of its memory."
            )
    return section(
        "Ensembles of five",
        "Mean of the members' logits, seeds 0 to 4.",
        [*lines, "", *said],
    )


def _members(table: pd.DataFrame, rows: Sequence[MeasuredRow]) -> str:
    """Which weights become EoQ's members: source validation decides."""
    quantized = table[table.method == "QT-DoG"]
    if quantized.empty:
        return ""
    choice = choose_members(rows, int(quantized.bits.iloc[0]))
    if len(choice.candidates) < 2:
        return ""
    shared = f"source validation, the {choice.shared_runs} runs of all"
    lines = [row(["", "runs", shared, "source validation, all runs"]), rule(4)]
    lines += [
        row(
            [
                one.kind.arm,
                str(one.runs),
                f"{one.over_shared:.2f}",
                "–" if one.over_all is None else f"{one.over_all:.2f}",
            ]
        )
        for one in choice.candidates
    ]
    said = [f"- So `ship` makes EoQ of the weights of {choice.best.arm}."]
    if partial := [one.kind.arm for one in choice.candidates if one.over_all is None]:
        said.append(
            f"- Not measured everywhere, and so not to be chosen: {'; '.join(partial)}. The "
            "members would differ in kind from domain to domain."
        )
    return section("Which weights are shipped", f"Percent. {FITTED}", [*lines, "", *said])


def _bits(table: pd.DataFrame) -> str:
    """Every bit width over the same seeds: those trained at other widths than most networks, or,
    where none was, those whose full precision was rounded to other widths."""
    quantized = table[(table.method == "QT-DoG") & (table.granularity == "channel")]
    quantized = quantized[quantized.quantize_step.isin(quantized.quantize_step.mode())]
    rounded = table[table.method == "Post-training"]
    others = [arm[~arm.bits.isin(quantized.bits.mode())] for arm in (quantized, rounded)]
    if all(arm.empty for arm in others):
        return ""
    trained = pd.concat([table[table.method == "ERM"], quantized])
    lines = [row(["domain, seeds", "bits", "trained", "averaged", "post-training"]), rule(5)]
    for domain in sorted(set(pd.concat(others).domain)):
        seeds = next(found for arm in others if (found := set(arm[arm.domain == domain].seed)))
        place = f"{plain(domain)}, {', '.join(str(int(seed)) for seed in sorted(seeds))}"
        arms = [
            arm[(arm.domain == domain) & arm.seed.isin(seeds)]
            for arm in (trained[trained.averaged == "no"], trained[trained.averaged == "yes"])
        ] + [rounded[(rounded.domain == domain) & rounded.seed.isin(seeds)]]
        for bits in sorted(set(pd.concat(arms).bits), reverse=True):
            cells = [_mean_and_error(arm[arm.bits == bits].accuracy) for arm in arms]
            lines.append(row([place, str(bits), *cells]))
    return section(
        "Bit widths",
        "Percent on the held-out domain, mean ± standard error over seeds; 32 bits is ERM. "
        "Post-training: ERM's weights of one step rounded to nearest, with the step sizes that "
        "QT-DoG starts from.",
        lines,
    )


def _moments(table: pd.DataFrame) -> str:
    quantized = table[(table.method == "QT-DoG") & (table.averaged == "no") & (table.bits == 7)]
    kinds = quantized.groupby(["granularity", "quantize_step"])
    if kinds.ngroups < 2:
        return ""
    lines = [row(["step sizes", "quantized at step", "domain", "accuracy"]), rule(4)]
    for (granularity, step), group in kinds:
        for domain, values in group.groupby("domain"):
            cells = [f"one a {granularity}", f"{step:.0f}", plain(domain)]
            lines.append(row([*cells, _mean_and_error(values.accuracy)]))
    return section("Granularity and the moment of quantization", "Percent, 7 bits.", lines)


def _other_methods(table: pd.DataFrame) -> str:
    """Each other DG method alone and with QT-DoG, and the pairs that tell what either adds."""
    accuracies, pairs, said = [], [], []
    for parts in list(product(OBJECTIVES, AVERAGINGS))[1:]:  # the first is ERM with the average
        alone, together = method_name("erm", *parts), method_name("qt-dog", *parts)
        others = table[table.method.isin([alone, together])]
        for domain, group in others.groupby("domain"):
            seeds = sorted(set(group.seed))
            same = table[(table.domain == domain) & table.seed.isin(seeds)]
            where = f"{plain(domain)}, {', '.join(f'{seed:.0f}' for seed in seeds)}"
            for name in ("ERM", "QT-DoG", alone, together):
                cells = [_mean_and_error(same[same.arm == name + kind].accuracy) for kind in KINDS]
                accuracies.append(row([where, name, *cells]))
        for base, kind in product((alone, "QT-DoG"), KINDS):
            if found := against(table, together + kind, base + kind):
                pairs.append(row([f"{together + kind} – {base + kind}", str(found["all"])]))
                said.append(_sentence(together + kind, base + kind, found["all"]))
    if not accuracies:
        return ""
    rows = dict.fromkeys(accuracies)  # ERM and QT-DoG once for all methods of the same seeds
    lines = [row(["domain, seeds", "", "one step", "averaged"]), rule(4), *rows]
    if pairs:
        lines += ["", row(["", "paired difference"]), rule(2), *pairs, "", *said]
    return section(
        "With other DG methods",
        "Percent on the held-out domain, mean ± standard error over the seeds for which the method "
        "was run, beside ERM and QT-DoG of the same seeds; then differences in points between "
        "networks of the same held-out domain and seed.",
        lines,
    )


def _stability(runs: Sequence[RunRecord]) -> str:
    """The paper's Fig. 4: does the target accuracy wander less after quantization?"""
    spreads: dict[str, list[float]] = {}
    for record in runs:
        config = record.config
        if added_methods(config.objective, config.averaging):
            continue
        if config.method == "qt-dog" and config.bits != 7:
            continue
        name = method_name(config.method, quantizer=config.quantizer)
        later = [p for p in record.points if p.step > config.quantize_step]
        last = later[len(later) // 2 :]
        for arm, values in (
            (name, [p.target for p in last]),
            (f"{name}, averaged", [p.averaged_target for p in last]),
        ):
            spreads.setdefault(arm, []).append(100 * float(np.std(values, ddof=1)))
    lines = [row(["", "runs", "standard deviation, points"]), rule(3)]
    for arm, values in sorted(spreads.items()):
        lines.append(row([arm, str(len(values)), _mean_and_error(pd.Series(values), count=False)]))
    return section(
        "Steadiness",
        "Standard deviation of the target accuracy over the evaluations in the last half of the "
        "steps after quantization, on a fixed sample of 1,000 images; mean ± standard error over "
        "runs. The paper's Fig. 4 claims that quantization steadies it.",
        lines,
    )


def _calibration(table: pd.DataFrame) -> str:
    columns = ("ece", "nll", "source_ece", "source_nll")
    heads = ["ECE, target", "NLL, target", "ECE, source", "NLL, source"]
    lines = [row(["", *heads]), rule(5)]
    for arm in _arms(table):
        of = table[table.arm == arm]
        cells = [f"{of[name].mean():.3f}" if of[name].notna().any() else "–" for name in columns]
        lines.append(row([arm, *cells]))
    return section(
        "Calibration",
        "Expected calibration error (15 bins, 0 is best) and negative log-likelihood (nats), mean "
        "over all runs of the arm; source is the validation splits of the source domains.",
        lines,
    )


def _mean_and_error(values: pd.Series, count: bool = True) -> str:
    number = f" ({len(values)})" if count else ""
    if len(values) == 0:
        return "–"
    if len(values) == 1:
        return f"{values.mean():.1f}{number}"
    return f"{values.mean():.1f} ± {values.sem():.1f}{number}"
