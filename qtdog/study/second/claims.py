"""The pairs of arms that the second study's questions ask about, and the answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from qtdog.paired import Paired
from qtdog.study.markdown import section, signed
from qtdog.study.members import MemberKind
from qtdog.study.second.comparing import compared, interval_text, verdict
from qtdog.study.second.networks import Part, arm_name

ROUNDED, ENSEMBLE_OF_ROUNDED = "Post-training (least error)", "EoPTQ (least error)"
NOISE = "Noise of one step size"
QUESTIONS = {
    "a": "Is QT-DoG better than full precision, single and averaged?",
    "b": "Is training better than rounding after training, in as many bytes?",
    "c": "Is EoQ at 5 bits better than one full-precision network?",
    "d": "Is it the noise? (Flatness has a section of its own once it is measured.)",
    "": "Beside the questions",
}


@dataclass(frozen=True)
class Claim:
    """That one arm is better than another; `question` is a key of QUESTIONS."""

    question: str
    arm: str
    base: str


def claims(ending: MemberKind) -> list[Claim]:
    """All that are compared, with quantized averages of that `ending`."""
    fit = ending.method.removeprefix("QT-DoG")
    erm, averaged = "ERM", arm_name("ERM", averaged=True)
    found = []
    for bits in (7, 5):
        single, mean = arm_name("QT-DoG", bits), arm_name(f"QT-DoG{fit}", bits, True)
        found += [Claim("a", single, erm), Claim("a", mean, averaged)]
    for bits in (7, 5):
        for one, method, ensemble in (
            (False, "QT-DoG", "EoQ"),
            (True, f"QT-DoG{fit}", f"EoQ{fit}"),
        ):
            rounded = arm_name(ROUNDED, bits, one), arm_name(ENSEMBLE_OF_ROUNDED, bits, one)
            found.append(Claim("b", arm_name(method, bits, one), rounded[0]))
            found.append(Claim("b", arm_name(ensemble, bits, one), rounded[1]))
    eoq, eoq_averaged = arm_name("EoQ", 5), arm_name(f"EoQ{fit}", 5, True)
    five, five_averaged = "ERM ensemble", arm_name("ERM ensemble", averaged=True)
    found += [Claim("c", eoq, erm), Claim("c", eoq, averaged), Claim("c", eoq_averaged, averaged)]
    found += [Claim("c", eoq, five), Claim("c", eoq_averaged, five_averaged)]
    noisy = arm_name(NOISE), arm_name(NOISE, averaged=True)
    found += [Claim("d", noisy[0], erm), Claim("d", noisy[1], averaged)]
    found += [Claim("d", arm_name("QT-DoG", 5), noisy[0])]
    frozen = arm_name("Freeze", 7)
    found += [Claim("", averaged, erm), Claim("", frozen, erm)]
    found += [Claim("", arm_name("QT-DoG", 7), frozen)]
    for bits in (7, 5):
        other = " (refitted)" if not fit else ""
        found.append(Claim("", arm_name(f"QT-DoG{other}", bits, True), averaged))
        found.append(Claim("", arm_name(ROUNDED, bits), erm))
        found.append(Claim("", arm_name(ROUNDED, bits, True), averaged))
        both = [arm_name(f"QT-DoG{kind}", bits, True) for kind in (" (refitted)", "")]
        found.append(Claim("", both[0], both[1]))
    return found


def answers(part: Part, ending: MemberKind, whole: bool) -> str:
    """Every question of the plan with its claims' verdicts; without `whole` it is said that they
    may change."""
    lines = []
    for question, asked in QUESTIONS.items():
        about = [one for one in claims(ending) if one.question == question and question]
        said = [line for one in about if (line := _answer(part, one))]
        if said and question == "c":
            said.append(_bytes(part))
        if said:
            lines += [f"- ({question}) {asked}", *(f"  - {line}" for line in said)]
    if not lines:
        return ""
    so_far = "" if whole else "The plan is not finished: this is what its runs say so far. "
    return section(
        f"Answers, {part.title}",
        f'{so_far}"Supported": the 95 % interval for these domains lies above zero; "not '
        'supported": below; else "not decided". In brackets: the difference in points, its '
        "interval for these domains; with the domains as a sample; the pairs of domain and seed.",
        lines,
    )


def same_signs(parts: Sequence[Part], ending: MemberKind) -> str:
    """Whether the other data and networks say the same as the first of `parts`."""
    lines = []
    for one in claims(ending):
        first, *others = [(part, compared(part, one.arm, one.base)) for part in parts]
        usual = first[1]
        signs = [
            f"{part.title} {signed(found.mean)} ({interval_text(found.here)}), "
            + ("the same sign" if found.mean * usual.mean > 0 else "another sign")
            for part, found in others
            if usual and found
        ]
        if usual and signs and one.question:
            lines.append(f"- {one.arm} – {one.base}: {signed(usual.mean)}; {'; '.join(signs)}.")
    if not lines:
        return ""
    title = f"(e) Do other data and networks say the same as {parts[0].title}?"
    return section(title, "Points, with the interval for these domains.", lines)


def _bytes(part: Part) -> str:
    """What the compared ones take."""
    arms = [arm_name("EoQ", 5), "ERM", "ERM ensemble"]
    sizes = {arm: [one.size_bytes for one in part.by_arm.get(arm, {}).values()] for arm in arms}
    told = [f"{arm} {fmean(values) / 1e6:.2f} MB" for arm, values in sizes.items() if values]
    return f"on disk: {', '.join(told)}"


def _answer(part: Part, claim: Claim) -> str:
    found = compared(part, claim.arm, claim.base)
    if not found:
        return ""
    return f"{claim.arm} above {claim.base}: **{verdict(found)}** ({_numbers(found)})"


def _numbers(found: Paired) -> str:
    domains = len(found.domains)
    where = f"{found.pairs} pairs on {domains} domain{'' if domains == 1 else 's'}"
    intervals = [interval_text(one) for one in (found.here, found.elsewhere)]
    return "; ".join([signed(found.mean), *intervals, where])
