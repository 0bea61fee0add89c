"""The report's main comparison: accuracies, paired differences, ensembles, EoQ's members."""

from collections.abc import Sequence
from itertools import product

import numpy as np
import pandas as pd

from qtdog.study.arms import ENDINGS, arms_of, difference_sentence, mean_in_words
from qtdog.study.markdown import plain, row, section, table_head
from qtdog.study.members import choose_members
from qtdog.study.pairs import against
from qtdog.study.rows import MEMBERS, MeasuredRow

FITTED = (
    '"Fitted" are step sizes that start at the least squared rounding error instead of by '
    "LSQ's formula, which at 7 bits leaves most codes unused."
)


def accuracies(table: pd.DataFrame) -> str:
    """Mean and standard error over seeds; the last column only where all domains are there."""
    domains = sorted(table.domain.unique())
    lines = table_head(["", *map(plain, domains), "mean"])
    for arm in arms_of(table):
        cells, means = [], []
        for domain in domains:
            values = table[(table.arm == arm) & (table.domain == domain)].accuracy
            cells.append(mean_in_words(values))
            means.append(values.mean())
        complete = not np.isnan(means).any() and len(domains) > 1
        lines.append(row([arm, *cells, f"{np.mean(means):.1f}" if complete else "–"]))
    return section(
        "Accuracy on the held-out domain",
        "Percent, mean ± standard error over seeds (their number in brackets). Arms with different "
        "seeds or domains do not compare here: the next section pairs them.",
        lines,
    )


def differences(table: pd.DataFrame) -> str:
    lines = table_head(["", "by held-out domain", "all"])
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
        said.append(difference_sentence(arm, base, found["all"]))
    if not said:
        return ""
    return section(
        "Paired differences",
        "Points of target accuracy between networks of the same held-out domain and seed, which "
        "share their steps up to quantization; mean and 95 % confidence interval. Over all domains "
        "every domain counts alike and the interval is stratified by domain; it says nothing of "
        "other domains.",
        [*lines, "", *said],
    )


def ensembles(table: pd.DataFrame) -> str:
    lines = table_head(["", "domains", "mean of members", "ensemble", "ensemble – mean"])
    means: dict[str, dict[str, float]] = {}
    for ensemble, member in (
        ("ERM ensemble", "ERM"),
        ("EoQ", "QT-DoG"),
        ("EoQ (fitted)", "QT-DoG (fitted)"),
    ):
        for suffix in ENDINGS:
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
    for eoq, suffix in product(("EoQ", "EoQ (fitted)"), ENDINGS):
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


def members_chosen(table: pd.DataFrame, rows: Sequence[MeasuredRow]) -> str:
    """Which weights become EoQ's members: source validation decides."""
    quantized = table[table.method == "QT-DoG"]
    if quantized.empty:
        return ""
    choice = choose_members(rows, int(quantized.bits.iloc[0]))
    if len(choice.candidates) < 2:
        return ""
    shared = f"source validation, the {choice.shared_runs} runs of all"
    lines = table_head(["", "runs", shared, "source validation, all runs"])
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
