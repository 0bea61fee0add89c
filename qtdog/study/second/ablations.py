"""The second study's other tables: every bit width, other DG methods, calibration, time."""

import statistics
from collections.abc import Mapping

from qtdog.method_names import OBJECTIVES, method_name
from qtdog.study.markdown import plain, row, section, signed, table_head
from qtdog.study.members import MemberKind
from qtdog.study.second.claims import ENSEMBLE_OF_ROUNDED, ROUNDED
from qtdog.study.second.comparing import compared, interval_text
from qtdog.study.second.networks import MAIN_BITS, Part, arm_name
from qtdog.study.second.tables import mean_text
from qtdog.training import RunRecord

WIDTHS = (8, 7, 6, 5, 4, 3, 2)


def rounding(part: Part) -> str:
    """Full precision rounded after training at every width, single and five together."""
    heads = ["ERM", "ERM, averaged", "five of ERM", "five of ERM, averaged"]
    lines = table_head(["bits", *heads])
    for bits in (32, *WIDTHS):
        names = ("ERM", "ERM ensemble") if bits == 32 else (ROUNDED, ENSEMBLE_OF_ROUNDED)
        arms = [arm_name(name, bits, averaged) for name in names for averaged in (False, True)]
        if any(arm in part.by_arm for arm in arms):
            lines.append(row([str(bits), *(_mean_over_domains(part, arm) for arm in arms)]))
    return section(
        f"Rounding after training, {part.title}",
        "Percent on the held-out domain, mean over domains of the mean over seeds; the step sizes "
        "are those of least squared error, nothing is trained or calibrated. 32 bits: not rounded.",
        lines,
    )


def bit_widths(part: Part, ending: MemberKind) -> str:
    """Every width that was trained, over the seeds of the widths that few domains have."""
    kinds = {
        "trained": ("QT-DoG", False),
        "trained, averaged": (ending.method, True),
        "rounded after training": (ROUNDED, False),
        "averaged, rounded after training": (ROUNDED, True),
    }
    places: dict[str, set[int | None]] = {}
    for one in part.networks:
        if one.row.method == "QT-DoG" and one.row.bits not in MAIN_BITS:
            places.setdefault(one.row.domain, set()).add(one.row.seed)
    lines = table_head(["domain, seeds", "bits", *kinds])
    for domain, seeds in sorted(places.items()):
        known = sorted(seeds, key=str)
        place = f"{plain(domain)}, {', '.join(map(str, known))}"
        full = {"trained": ("ERM", False), "trained, averaged": ("ERM", True)}
        for bits in (32, *WIDTHS):
            cells = [place, str(bits)]
            for title, kind in kinds.items():
                method, averaged = full.get(title, ("", False)) if bits == 32 else kind
                of = part.by_arm.get(arm_name(method, bits, averaged), {})
                values = [of[domain, s].row.accuracy for s in known if (domain, s) in of]
                cells.append(mean_text(values))
            lines.append(row(cells))
    if not places:
        return ""
    return section(
        f"Bit widths, {part.title}",
        "Percent on the held-out domain, mean ± standard error over the seeds that were trained "
        "at other widths than 7 and 5; 32 bits is ERM.",
        lines,
    )


def other_methods(part: Part) -> str:
    """CORAL and SAM, each alone and with QT-DoG, in pairs."""
    lines = table_head(["", "mean", "for these domains", "domains as a sample", "pairs"])
    head = len(lines)
    for objective in [name for name in OBJECTIVES if name != "erm"]:
        alone, together = (method_name(method, objective) for method in ("erm", "qt-dog"))
        for averaged in (False, True):
            base = arm_name("ERM", averaged=averaged)
            quantized = arm_name(together, 5, averaged)
            other = arm_name(alone, averaged=averaged)
            pairs = [(other, base), (quantized, other)]
            pairs.append((quantized, arm_name("QT-DoG", 5, averaged)))
            for arm, against in pairs:
                if found := compared(part, arm, against):
                    cells = [f"{arm} – {against}", signed(found.mean)]
                    cells += [interval_text(one) for one in (found.here, found.elsewhere)]
                    lines.append(row([*cells, str(found.pairs)]))
    if len(lines) == head:
        return ""
    return section(
        f"With other DG methods, {part.title}",
        "Paired differences in points, as above; averages with their mean step sizes.",
        lines,
    )


def calibration(part: Part) -> str:
    """ECE and NLL of every arm."""
    columns = ("ece", "nll", "source_ece", "source_nll")
    heads = ["ECE, target", "NLL, target", "ECE, source", "NLL, source"]
    lines = table_head(["", *heads])
    for arm in part.arms():
        rows = [one.row for one in part.by_arm[arm].values()]
        cells = []
        for name in columns:
            values = [value for one in rows if (value := getattr(one, name)) is not None]
            cells.append(f"{statistics.fmean(values):.3f}" if values else "–")
        lines.append(row([arm, *cells]))
    return section(
        f"Calibration, {part.title}",
        "Expected calibration error (15 bins, 0 is best) and negative log-likelihood (nats), mean "
        "over all runs of the arm; source is the validation splits of the source domains.",
        lines,
    )


def time(records: Mapping[str, RunRecord]) -> str:
    """Wall time a step of each kind of run, evaluations included."""
    seconds: dict[tuple[str, str], list[float]] = {}
    for record in records.values():
        config = record.config
        name = method_name(config.method, config.objective, config.averaging, config.quantizer)
        arm = arm_name(name, config.bits if config.quantized else 32)
        seconds.setdefault((config.architecture, arm), []).append(record.seconds / config.steps)
    lines = table_head(["network", "", "runs", "seconds a step, median", "least", "most"])
    for (architecture, arm), values in seconds.items():
        numbers = [statistics.median(values), min(values), max(values)]
        cells = [architecture, arm, str(len(values)), *(f"{one:.2f}" for one in numbers)]
        lines.append(row(cells))
    return section(
        "Time",
        "Wall time a step, evaluations and the shared trunk included. The machine did other work "
        "beside it, more at some times than at others.",
        lines,
    )


def _mean_over_domains(part: Part, arm: str) -> str:
    by_domain: dict[str, list[float]] = {}
    for (domain, _), one in part.by_arm.get(arm, {}).items():
        by_domain.setdefault(domain, []).append(one.row.accuracy)
    if len(by_domain) < len(part.domains):
        return "–"
    return f"{statistics.fmean(map(statistics.fmean, by_domain.values())):.1f}"
