"""The second study's main tables: accuracies, bytes, late means, pairs, chosen steps."""

import statistics
from collections.abc import Callable, Sequence

from qtdog.paired import paired
from qtdog.study.markdown import plain, row, section, signed, table_head
from qtdog.study.members import MemberKind
from qtdog.study.second.claims import claims
from qtdog.study.second.comparing import (
    difference,
    interval_text,
    late_difference,
    verdict,
)
from qtdog.study.second.decisions import Decision
from qtdog.study.second.networks import Part, StudyNetwork


def accuracies(part: Part) -> str:
    """Every arm on every held-out domain, its bytes, and its late mean."""
    domains = part.domains
    lines = table_head(["", *map(plain, domains), "mean", "late mean", "MB"])
    for arm in part.arms():
        networks = list(part.by_arm[arm].values())
        cells = [_cell(networks, domain, _accuracy) for domain in domains]
        means = [_mean(networks, domains, of) for of in (_accuracy, _late_mean)]
        size = statistics.fmean(one.size_bytes for one in networks) / 1e6
        lines.append(row([arm, *cells, *means, f"{size:.2f}"]))
    return section(
        f"Accuracy on the held-out domain, {part.title}",
        "Percent, mean ± standard error over seeds (their number in brackets; an ensemble of five "
        "is one). The mean is over domains, where all are there. Late mean: the accuracy on a "
        "sample of the held-out domain over the evaluations of the last half of the steps, a "
        'description that chose nothing. MB: the weights\' files, of all members. "Averaged": the '
        'mean over steps, of the weights that the network computes with; "(refitted)": rounded '
        "with step sizes fitted anew to it, instead of with their mean. Arms with other seeds do "
        "not compare here: the next table pairs them.",
        lines,
    )


def differences(part: Part, ending: MemberKind) -> str:
    """Accuracy at the chosen step, paired, with both intervals."""
    lines = _pairs(part, ending, difference)
    if not lines:
        return ""
    return section(
        f"Paired differences, {part.title}",
        "Points of accuracy on the held-out domain between networks of the same domain and seed, "
        "which share their steps up to quantization; the mean counts every domain alike. 95 % "
        "intervals: for these domains (Student's, stratified by domain), and with the domains as a "
        "sample of others. An ensemble counts with all its seeds; its interval is the jackknife's. "
        'The verdict is on "the first is better", by the first interval.',
        lines,
    )


def late_differences(part: Part, ending: MemberKind) -> str:
    """The same of late means: less noise, and no choice."""
    lines = _pairs(part, ending, late_difference)
    if not lines:
        return ""
    return section(
        f"Paired differences of late means, {part.title}",
        "The same of late means. They describe and decide nothing. Quantized averages are "
        "evaluated in training with their mean step sizes alone.",
        lines,
    )


def chosen_steps(part: Part) -> str:
    """Where source validation's choice lies."""
    lines = table_head(["", "runs", "earliest", "median", "latest", "at the last step"])
    for arm in part.arms():
        rows = [one.row for one in part.by_arm[arm].values()]
        steps = sorted(one.chosen_step for one in rows if one.chosen_step is not None)
        if not steps or arm.startswith("Post-training"):
            continue
        last = sum(one.chosen_step == one.steps for one in rows)
        cells = [len(steps), steps[0], int(statistics.median_low(steps)), steps[-1]]
        lines.append(row([arm, *(f"{cell:,}" for cell in cells), f"{last} of {len(rows)}"]))
    return section(
        f"Where the chosen steps lie, {part.title}",
        "Of an average: the last step in it. Source validation chooses.",
        lines,
    )


def decision(found: Decision, part: Part) -> str:
    """Which ending, width and weights source validation chose."""
    lines = table_head(["", "source validation"])
    lines += [row([one.arm, f"{one.source_validation:.2f}"]) for one in found.endings]
    runs = found.chosen.runs
    ending = "fitted anew to the mean weights" if found.ending.refitted else "means"
    lines += ["", f"- So the step sizes of an average are {ending}.", ""]
    lines += table_head(["", "source validation"])
    lines += [row([one.arm, f"{one.source_validation:.2f}"]) for one in found.members]
    lines += ["", f"- So what is shipped has {found.chosen.bits} bits: {found.chosen.arm}."]
    return section(
        f"What source validation decides, {part.title}",
        "Percent on the 20 % of the source domains that training held out, mean over the "
        f"{runs} held-out domains and seeds that all of these have. One decision for all held-out "
        "domains; the held-out domains decide nothing.",
        lines,
    )


def _pairs(
    part: Part, ending: MemberKind, of: Callable[[Part, str, str], dict[str, list[float]]]
) -> list[str]:
    head = ["", "by held-out domain", "mean", "for these domains", "domains as a sample"]
    lines = []
    for claim in claims(ending):
        if not (values := of(part, claim.arm, claim.base)):
            continue
        found = paired(values)
        by_domain = "; ".join(
            f"{plain(domain)} {signed(statistics.fmean(ones))} ({len(ones)})"
            for domain, ones in values.items()
        )
        intervals = [interval_text(one) for one in (found.here, found.elsewhere)]
        cells = [f"{claim.arm} – {claim.base}", by_domain, signed(found.mean), *intervals]
        lines.append(row([*cells, str(found.pairs), verdict(found)]))
    return [*table_head([*head, "pairs", "verdict"]), *lines] if lines else []


def _accuracy(network: StudyNetwork) -> float | None:
    return network.row.accuracy


def _late_mean(network: StudyNetwork) -> float | None:
    return network.late_mean


def _values(
    networks: Sequence[StudyNetwork], domain: str, of: Callable[[StudyNetwork], float | None]
) -> list[float]:
    found = [of(one) for one in networks if one.row.domain == domain]
    return [value for value in found if value is not None]


def _cell(
    networks: Sequence[StudyNetwork], domain: str, of: Callable[[StudyNetwork], float | None]
) -> str:
    return mean_text(_values(networks, domain, of))


def mean_text(values: Sequence[float]) -> str:
    """ "72.6 ± 0.4 (5)"."""
    if not values:
        return "–"
    if len(values) == 1:
        return f"{values[0]:.1f} (1)"
    error = statistics.stdev(values) / len(values) ** 0.5
    return f"{statistics.fmean(values):.1f} ± {error:.1f} ({len(values)})"


def _mean(
    networks: Sequence[StudyNetwork],
    domains: Sequence[str],
    of: Callable[[StudyNetwork], float | None],
) -> str:
    values = [_values(networks, domain, of) for domain in domains]
    return f"{statistics.fmean(map(statistics.fmean, values)):.1f}" if all(values) else "–"
