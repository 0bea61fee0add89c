"""The report's ablations: bit widths, the moment of quantization, other DG methods."""

from itertools import product
from typing import cast

import pandas as pd

from qtdog.method_names import AVERAGINGS, OBJECTIVES, method_name
from qtdog.study.arms import ENDINGS, difference_sentence, mean_in_words, rows_where
from qtdog.study.markdown import plain, row, section, table_head
from qtdog.study.pairs import against


def bit_widths(table: pd.DataFrame) -> str:
    """Every bit width over the same seeds: those trained at other widths than most networks, or,
    where none was, those whose full precision was rounded to other widths."""
    quantized = rows_where(table, (table.method == "QT-DoG") & (table.granularity == "channel"))
    quantized = rows_where(quantized, quantized.quantize_step.isin(quantized.quantize_step.mode()))
    rounded = rows_where(table, table.method == "Post-training")
    others = [
        rows_where(arm, ~arm.bits.isin(quantized.bits.mode())) for arm in (quantized, rounded)
    ]
    if all(arm.empty for arm in others):
        return ""
    trained = pd.concat([rows_where(table, table.method == "ERM"), quantized])
    lines = table_head(["domain, seeds", "bits", "trained", "averaged", "post-training"])
    for domain in sorted(set(pd.concat(others).domain)):
        seeds = next(found for arm in others if (found := set(arm[arm.domain == domain].seed)))
        place = f"{plain(domain)}, {', '.join(str(int(seed)) for seed in sorted(seeds))}"
        same = [
            rows_where(arm, (arm.domain == domain) & arm.seed.isin(seeds))
            for arm in (
                rows_where(trained, trained.averaged == "no"),
                rows_where(trained, trained.averaged == "yes"),
                rounded,
            )
        ]
        for bits in sorted(set(pd.concat(same).bits), reverse=True):
            cells = [mean_in_words(rows_where(arm, arm.bits == bits).accuracy) for arm in same]
            lines.append(row([place, str(bits), *cells]))
    return section(
        "Bit widths",
        "Percent on the held-out domain, mean ± standard error over seeds; 32 bits is ERM. "
        "Post-training: ERM's weights of one step rounded to nearest, with the step sizes that "
        "QT-DoG starts from.",
        lines,
    )


def moments(table: pd.DataFrame) -> str:
    quantized = table[(table.method == "QT-DoG") & (table.averaged == "no") & (table.bits == 7)]
    kinds = quantized.groupby(["granularity", "quantize_step"])
    if kinds.ngroups < 2:
        return ""
    lines = table_head(["step sizes", "quantized at step", "domain", "accuracy"])
    for kind, group in kinds:
        granularity, step = cast(tuple, kind)
        for domain, values in group.groupby("domain"):
            cells = [f"one a {granularity}", f"{step:.0f}", plain(str(domain))]
            lines.append(row([*cells, mean_in_words(values.accuracy)]))
    return section("Granularity and the moment of quantization", "Percent, 7 bits.", lines)


def other_methods(table: pd.DataFrame) -> str:
    """Each other DG method alone and with QT-DoG, and the pairs that tell what either adds."""
    accuracies, pairs, said = [], [], []
    for parts in list(product(OBJECTIVES, AVERAGINGS))[1:]:  # the first is ERM with the average
        alone, together = method_name("erm", *parts), method_name("qt-dog", *parts)
        others = table[table.method.isin([alone, together])]
        for domain, group in others.groupby("domain"):
            seeds = sorted(set(group.seed))
            same = rows_where(table, (table.domain == domain) & table.seed.isin(seeds))
            where = f"{plain(str(domain))}, {', '.join(f'{seed:.0f}' for seed in seeds)}"
            for name in ("ERM", "QT-DoG", alone, together):
                cells = [
                    mean_in_words(rows_where(same, same.arm == name + kind).accuracy)
                    for kind in ENDINGS
                ]
                accuracies.append(row([where, name, *cells]))
        for base, kind in product((alone, "QT-DoG"), ENDINGS):
            if found := against(table, together + kind, base + kind):
                pairs.append(row([f"{together + kind} – {base + kind}", str(found["all"])]))
                said.append(difference_sentence(together + kind, base + kind, found["all"]))
    if not accuracies:
        return ""
    rows = dict.fromkeys(accuracies)  # ERM and QT-DoG once for all methods of the same seeds
    lines = [*table_head(["domain, seeds", "", "one step", "averaged"]), *rows]
    if pairs:
        lines += ["", *table_head(["", "paired difference"]), *pairs, "", *said]
    return section(
        "With other DG methods",
        "Percent on the held-out domain, mean ± standard error over the seeds for which the method "
        "was run, beside ERM and QT-DoG of the same seeds; then differences in points between "
        "networks of the same held-out domain and seed.",
        lines,
    )
