"""The eight steps of "Learn": what they say and ask. Every number comes from the lesson."""

from dataclasses import dataclass
from html import escape

from qtdog.lesson import Lesson, Network
from qtdog.standings import Standing, Standings, standings
from qtdog.ui.sentences import listed, number, plain

NAMES = {"erm": "full precision", "qt-dog": "QT-DoG", "eoq": "EoQ"}
TRAIN_COMMAND = "python -m qtdog train --data rotated_digits"


@dataclass(frozen=True)
class Option:
    """One answer that can be chosen, and what is said about it at once."""

    text: str
    why: str
    right: bool = False


@dataclass(frozen=True)
class Quiz:
    """A question with exactly one right answer."""

    question: str
    options: tuple[Option, ...]


@dataclass(frozen=True)
class Step:
    """`before` and `after` are paragraphs (HTML) around the step's live part."""

    title: str
    short: str
    """The title in the row of steps."""
    before: tuple[str, ...]
    after: tuple[str, ...]
    quiz: Quiz


def steps(lesson: Lesson, numbers: Standings | None = None) -> tuple[Step, ...]:
    """All eight, for the networks at hand. `numbers` are what was measured of them and of others
    like them; by default of them alone."""
    numbers = standings(lesson) if numbers is None else numbers
    return (
        _domain(lesson),
        _source_accuracy(lesson),
        _rounding(lesson),
        _valleys(),
        _training(lesson),
        _ensemble(lesson),
        _measured(lesson, numbers),
        _going_on(lesson),
    )


def _domain(lesson: Lesson) -> Step:
    sources, target = _sources(lesson), _target(lesson)
    one = plain(lesson.target.source_domains[0])
    things = escape(listed([plain(name) for name in lesson.target.classes[:7]]))
    return Step(
        "What is a domain?",
        "Domains",
        (
            "A network learns to name pictures from examples. Ours learned from pictures of "
            f"<b>{sources}</b>. They show the same things ({things}), but each in another way. "
            f"Each such way of showing things is a <b>domain</b>: {escape(one)} is one.",
            "The domains that a network learns from are its <b>source domains</b>. The one that it "
            f"meets only later is the <b>target domain</b>. Here that is <b>{target}</b>: the "
            "networks below have never seen one. Doing well there all the same is called "
            "<b>domain generalization</b>.",
        ),
        (
            "Three kinds of networks answer: full precision, QT-DoG and EoQ. What these names mean "
            "comes in the next steps.",
        ),
        Quiz(
            "A network learns from photos and paintings. Then it must name pencil drawings, which "
            "it has never seen. What is the target domain?",
            (
                Option("Photos", "It learned from photos, so they are a source domain."),
                Option(
                    "Pencil drawings",
                    "Yes. The target domain is the one it never saw while it learned.",
                    right=True,
                ),
                Option("Dogs and houses", "Those are classes: what is shown, not how it looks."),
            ),
        ),
    )


def _source_accuracy(lesson: Lesson) -> Step:
    return Step(
        "Why good marks at home mislead",
        "Marks at home",
        (
            "To see how well a network has learned, some pictures of the source domains are put "
            "aside and it is tested on them. That is called <b>source validation</b>. It is like "
            "an exam set by one's own teacher.",
            source_sentence(lesson),
        ),
        (
            "So which network, or which moment of its training, should be kept? To choose by the "
            "target would be cheating: in real life nobody has the pictures that are still to "
            "come. Source validation is a weak guide, but an honest one: it alone made every "
            "choice on this page.",
        ),
        Quiz(
            "Network A gets 95 % in source validation, network B 93 %. Which one is better on a "
            "domain that neither has seen?",
            (
                Option("A", "Perhaps. But two points at home say little about a new domain."),
                Option("B", "Perhaps. But nothing here speaks for B either."),
                Option(
                    "These numbers do not tell",
                    "Yes. Marks at home are all there is to choose by, and they are a weak guide.",
                    right=True,
                ),
            ),
        ),
    )


def source_sentence(lesson: Lesson) -> str:
    """How far source validation and target accuracy are apart in full precision, and whether the
    best at home is the best abroad."""
    said = []
    for network in lesson.of("erm")[:1]:
        if network.source_validation is not None:
            said.append(
                f"Our network in full precision names {_percent(network.source_validation)} of "
                f"those pictures rightly. On {_target(lesson)}: <b>{_accuracy(network)}</b>."
            )
    singles = [one for one in _singles(lesson) if one.source_validation is not None]
    if len(singles) > 2:
        home = sorted(singles, key=lambda one: one.source_validation or 0, reverse=True)
        abroad = sorted(singles, key=lambda one: one.target.fraction, reverse=True)
        moved = max(singles, key=lambda one: abs(home.index(one) - abroad.index(one)))
        places = [1 + order.index(moved) for order in (home, abroad)]
        if places[0] == places[1]:
            said.append(
                f"The {len(singles)} networks below come in the same order in both, this time."
            )
        else:
            said.append(
                f"And the order changes: of the {len(singles)} networks below, "
                f"{NAMES[moved.method]} with seed {moved.seed} is {_ordinal(places[0])} at home "
                f"and {_ordinal(places[1])} on {_target(lesson)}. (Networks with different seeds "
                "were trained alike, but with other random numbers.)"
            )
    return " ".join(said) or "No network here has both numbers."


def _rounding(lesson: Lesson) -> Step:
    singles = _singles(lesson)
    full = next((one for one in singles if one.bits == 32), None)
    count = f"Ours has about {full.file_bytes / 4 / 1e6:.1f} million of them. " if full else ""
    return Step(
        "What rounding a weight does",
        "Rounding",
        (
            f"Inside, a network is a long list of numbers, its <b>weights</b>. {count}In full "
            "precision each one takes 32 bits of memory.",
            "To <b>quantize</b> means to round: with 4 bits a weight can only take 2 × 2 × 2 × 2 = "
            "16 values. They lie evenly spaced, like the marks on a ruler. The distance between "
            "two marks is the <b>step size</b>. Move the slider: every point of the curve goes to "
            "the nearest mark, as every weight would.",
        ),
        (
            "Rounding moves a value by half a step at most, sometimes up, sometimes down. Over "
            "thousands of weights that looks like small random noise. The tab <b>Quantize</b> "
            "shows it for the weights of a real network.",
        ),
        Quiz(
            "The marks are 0.1 apart. How far can rounding move a weight that lies between two?",
            (
                Option(
                    "0.05 at most",
                    "Yes. From the middle between two marks it is half a step to either.",
                    right=True,
                ),
                Option("0.1 at most", "That is a whole step: the next mark would be nearer."),
                Option(
                    "That depends on the bits",
                    "More bits allow finer marks. But once the marks are 0.1 apart, that decides.",
                ),
            ),
        ),
    )


def _valleys() -> Step:
    return Step(
        "Why noise prefers wide valleys",
        "Valleys",
        (
            "While it learns, a network changes its weights so that its mistakes, the "
            "<b>loss</b>, get smaller. Think of walking downhill into a valley: where you stand "
            "are the weights, how high you stand is the loss. There are many valleys, narrow ones "
            "and wide ones.",
            "Now shake the weights a little, as rounding does. In a narrow valley the smallest "
            "shake carries you up its wall. In a wide one you hardly notice. Add noise and see "
            "which valley is the better place.",
        ),
        (
            "This is the idea behind QT-DoG: <b>a network that learns while it is shaken should "
            "end in a wide valley</b>. And wide valleys may help with new domains: there the "
            "whole landscape is a little different, as if shifted, and a shift costs little where "
            "the ground is flat.",
            "It is an argument, not a proof. Real networks have millions of weights, not one. The "
            "tab <b>Landscape</b> measures how flat the ground around ours is.",
        ),
        Quiz(
            "Rounding shakes a weight equally far in a narrow and in a wide valley. Where does the "
            "loss rise more?",
            (
                Option(
                    "In the narrow valley",
                    "Yes. Its walls are steep, so the same shake costs more.",
                    right=True,
                ),
                Option("In the wide valley", "There the ground is nearly level around the bottom."),
                Option("Equally in both", "The shake is equal; what it costs is not."),
            ),
        ),
    )


def _training(lesson: Lesson) -> Step:
    network = next(iter(lesson.of("qt-dog")), None)
    when = (
        f"for the first {network.quantize_step:,} of {network.steps:,} steps"
        if network and network.steps
        else "for a while"
    )
    bits = f"to {network.bits} bits" if network else ""
    return Step(
        "How QT-DoG trains",
        "Training",
        (
            f"<b>First</b> it trains as usual, in full precision, {when}. <b>Then</b> it starts to "
            f"round: in every step all weights but the last layer's are rounded {bits}, and the "
            "network answers with the rounded ones.",
            "A rounded weight cannot be changed a little: it sits on a mark. So training keeps an "
            "unrounded copy of every weight, corrects the copy, and rounds it anew in each step. "
            "The step sizes are learned too. In the end only the rounded weights are stored.",
        ),
        (curve_sentence(lesson),),
        Quiz(
            "QT-DoG answers with rounded weights. What does training correct?",
            (
                Option("The rounded weights", "They sit on marks and cannot move a little."),
                Option(
                    "An unrounded copy of the weights, and the step sizes",
                    "Yes. The copy moves a little; now and then a weight jumps to the next mark.",
                    right=True,
                ),
                Option("Nothing: rounding is the end", "That is rounding after training."),
            ),
        ),
    )


def curve_sentence(lesson: Lesson) -> str:
    """How much the target accuracy wandered after the quantization step, by method."""
    spreads = []
    for method, words in (("erm", "in full precision"), ("qt-dog", "with QT-DoG")):
        network = next(iter(lesson.of(method)), None)
        if network is None or network.quantize_step is None:
            continue
        late = [one.target for one in network.curve if one.step > network.quantize_step]
        if late:
            spreads.append(f"between {_percent(min(late))} and {_percent(max(late))} {words}")
    if not spreads:
        return "No training curve is stored with these networks."
    return (
        "The paper says that the target's curve gets steadier and higher after quantization. Judge "
        "for yourself: here, from that step to the end, accuracy on a sample of the target was "
        f"{listed(spreads)} ({'one run each' if len(spreads) > 1 else 'one run'})."
    )


def _ensemble(lesson: Lesson) -> Step:
    eoq = next(iter(lesson.of("eoq")), None)
    members = lesson.of("qt-dog")
    count = len(members) if eoq else 5
    bits = eoq.bits if eoq else 7
    return Step(
        "What EoQ adds for the same memory",
        "EoQ",
        (
            f"Train QT-DoG {number(count)} times, each time with other random numbers (another "
            f"<b>seed</b>). You get {number(count)} networks that make different mistakes. Let all "
            "of them look at the picture and take the mean of their scores. That is <b>EoQ</b>, an "
            "ensemble of quantized networks.",
            f"The point is memory. A weight of {bits} bits takes {bits}/32 of one in full "
            f"precision, so {number(count)} such networks take {count} × {bits} = {count * bits} "
            "bits where a single one in full precision takes 32: about as much.",
        ),
        (ensemble_sentence(lesson),),
        Quiz(
            "Five networks of 7 bits a weight take about as much memory as … in full precision.",
            (
                Option("five networks", "Each weight takes only 7 bits instead of 32."),
                Option("one network", "Yes: 5 × 7 = 35 bits a weight, against 32.", right=True),
                Option("a fifth of a network", "One alone takes 7/32, all five about 1.1."),
            ),
        ),
    )


def ensemble_sentence(lesson: Lesson) -> str:
    """The members' accuracies against EoQ's."""
    eoq, members = next(iter(lesson.of("eoq")), None), lesson.of("qt-dog")
    if eoq is None or not members:
        return "There is no EoQ among these networks."
    accuracies = [one.target.fraction for one in members]
    mean = sum(accuracies) / len(accuracies)
    better = sum(eoq.target.fraction > one for one in accuracies)
    return (
        f"Measured on {_target(lesson)}: its members alone reach {_percent(min(accuracies))} to "
        f"{_percent(max(accuracies))}, {_percent(mean)} on average; together they reach "
        f"<b>{_accuracy(eoq)}</b>. That is better than {_of_all(better, len(members))}."
    )


def _measured(lesson: Lesson, numbers: Standings) -> Step:
    gaps = numbers.gaps("eoq")
    ahead = bool(gaps) and _mean(gaps) > 0
    many = numbers.gaps("eoq", "erm-ensemble")
    because = (
        f"five networks in full precision together were measured too, and EoQ is "
        f"{_points(_mean(many))} them{_on_average(many)}"
        if many
        else "nobody measured an ensemble of full-precision networks here, which may gain as much"
    )
    question = (
        "EoQ beats one network in full precision here. Does that show that quantization is what "
        "helped?"
        if ahead
        else "Suppose that EoQ beats one network in full precision. Does that show that "
        "quantization is what helped?"
    )
    return Step(
        "What was measured, and what was not shown",
        "Measured",
        (
            "Numbers only count with their limits. This is what the networks on this page, and "
            "others trained in the same way, reach on domains that they have never seen, counted "
            "on all pictures at hand.",
            *measured_sentences(numbers),
        ),
        limits(lesson, numbers),
        Quiz(
            question,
            (
                Option("Yes", "Five networks may beat one, quantized or not."),
                Option(
                    "No: any five networks together might",
                    f"Right: {because}.",
                    right=True,
                ),
                Option("No: EoQ takes much more memory", "It takes about the same."),
            ),
        ),
    )


def measured_sentences(numbers: Standings) -> tuple[str, ...]:
    """QT-DoG and EoQ against full precision: for each of one or two held-out domains, else over
    all of them."""
    domains = list(dict.fromkeys(one.domain for one in numbers))
    if len(domains) > 2:
        return tuple(
            f"Over <b>{number(len(gaps))} held-out domains</b>, {who} is {_points(_mean(gaps))} "
            f"full precision on average: {_sides(gaps)}."
            for who, method in (("a single QT-DoG network", "qt-dog"), ("EoQ", "eoq"))
            if len(gaps := numbers.gaps(method)) > 1
        )
    said = []
    for domain in domains:
        full, single = numbers.of("erm", domain), numbers.of("qt-dog", domain)
        parts = []
        if full and single:
            parts.append(
                f"a single QT-DoG network is {_points(single.mean - full.mean)} full precision "
                f"({_runs(single)} against {_runs(full)})"
            )
        if (gap := numbers.gaps("eoq").get(domain)) is not None:
            parts.append(f"EoQ is {_points(gap)} full precision")
        if parts:
            said.append(f"On <b>{escape(plain(domain))}</b>, {', and '.join(parts)}.")
    return tuple(said)


def limits(lesson: Lesson, numbers: Standings) -> tuple[str, ...]:
    """What these numbers do not show."""
    said = []
    if len(lesson.domains) == 1:
        said.append(
            f"<b>One held-out domain</b>, {_target(lesson)}. Others may come out differently."
        )
    seeds = {one.domain: len(one.accuracies) for one in numbers if one.method == "erm"}
    apart = max(
        (max(one.accuracies) - min(one.accuracies) for one in numbers if one.method == "qt-dog"),
        default=0.0,
    )
    if apart:
        fewest = min(seeds.values(), default=0)
        fewer = [plain(domain) for domain, count in seeds.items() if count == fewest]
        where = f" for {listed(fewer)}" if fewer else ""
        few = f"Full precision was trained {_times(fewest)}{where}. " if fewest < 3 else ""
        said.append(
            f"<b>{'Few seeds' if few else 'Luck'}.</b> {few}QT-DoG networks that differ in nothing "
            f"but their seed are up to {apart:.1f} points apart, so a difference up to that size "
            "between two networks can be luck."
        )
    ensembles = [one for one in numbers if one.method == "erm-ensemble"]
    if ensembles:
        words = listed([f"{one.mean:.1f} % on {plain(one.domain)}" for one in ensembles])
        said.append(
            f"<b>Is it quantization, or the ensemble?</b> Five networks in full precision together "
            f"reach {escape(words)}, in five times the memory."
        )
    else:
        said.append(
            "<b>Is it quantization, or the ensemble?</b> Any ensemble may gain. One of "
            "full-precision networks has not been measured here."
        )
    said.append(
        f"<b>One network and one data set</b>: {escape(lesson.architecture)} at "
        f"{lesson.image_size} px, {escape(lesson.target.dataset.upper())}. The paper uses "
        "ResNet-50 at 224 px and five data sets; the tab <b>Results</b> has its numbers beside "
        "these."
    )
    said.append(
        "<b>Flatness is a claim to measure.</b> That quantized networks lie in wider valleys is "
        "not assumed here: see the tab <b>Landscape</b>."
    )
    return tuple(said)


def _going_on(lesson: Lesson) -> Step:
    eoq = next(iter(lesson.of("eoq")), None) or _singles(lesson)[0]
    who = "EoQ" if eoq.method == "eoq" else "A network"
    right, total = f"{eoq.target.correct:,}", f"{eoq.target.total:,}"
    return Step(
        "How to read the tabs, and go on",
        "Going on",
        (
            "<b>Try it</b>: your own picture through all three. Look at how sure each is, and at "
            "EoQ's votes. A probability near 100 % is no proof: networks are often sure and wrong.",
            "<b>Shift it</b>: change one picture bit by bit. Which network gives up first? "
            "<b>Batch</b>: many pictures at once, with a table of right and wrong.",
            "<b>Results</b>: every number with its source. Check how many pictures and seeds stand "
            "behind it before you believe a difference.",
            "<b>Landscape</b>: how flat is the ground? <b>Quantize</b>: at how many bits does "
            "a network fall apart when it is rounded after training?",
        ),
        (
            "To go on: read the paper "
            '(<a href="https://arxiv.org/abs/2410.06020" target="_blank" rel="noopener">Javed, Le '
            "and Salzmann, ICML 2025</a>). Or train one yourself: "
            f"<code>{TRAIN_COMMAND}</code> takes about a minute, needs no download, and "
            "leaves networks that this page can open.",
        ),
        Quiz(
            f"You read: {who}, {_target(lesson)}, {_percent(eoq.target.fraction)} ({right} of "
            f"{total}). What does it say?",
            (
                Option(
                    f"It named {right} of {total} pictures of that domain rightly",
                    "Yes. That is a count, on those pictures. The rest is up to you to judge.",
                    right=True,
                ),
                Option(
                    f"It will be right on {eoq.target.fraction:.0%}".replace("%", " %")
                    + " of my drawings",
                    "Your drawings are not those pictures. It may do better or worse.",
                ),
                Option(
                    "It is the best method there is",
                    "One number on one domain cannot say that.",
                ),
            ),
        ),
    )


def _singles(lesson: Lesson) -> tuple[Network, ...]:
    return (*lesson.of("erm"), *lesson.of("qt-dog"))


def _sources(lesson: Lesson) -> str:
    return escape(listed([plain(name) for name in lesson.target.source_domains]))


def _target(lesson: Lesson) -> str:
    return escape(plain(lesson.target.domain))


def _accuracy(network: Network) -> str:
    one = network.target
    return f"{_percent(one.fraction)} ({one.correct:,} of {one.total:,})"


def _percent(fraction: float) -> str:
    return f"{fraction * 100:.1f} %"


def _mean(gaps: dict[str, float]) -> float:
    return sum(gaps.values()) / len(gaps)


def _on_average(gaps: dict[str, float]) -> str:
    return " on average" if len(gaps) > 1 else ""


def _sides(gaps: dict[str, float]) -> str:
    """ "above on three, below on one", of the domains."""
    above = sum(round(gap, 1) > 0 for gap in gaps.values())
    below = sum(round(gap, 1) < 0 for gap in gaps.values())
    if len(gaps) in (above, below):
        return f"{'above' if above else 'below'} on each of them"
    parts = [f"{side} on {number(n)}" for n, side in ((above, "above"), (below, "below")) if n]
    level = len(gaps) - above - below
    return ", ".join(parts + ([f"level on {number(level)}"] if level else []))


def _runs(one: Standing) -> str:
    if len(one.accuracies) == 1:
        return f"{one.mean:.1f} %, one seed"
    return f"{one.mean:.1f} %, mean of {number(len(one.accuracies))} seeds"


def _points(gap: float) -> str:
    points = round(abs(gap), 1)
    if points == 0:
        return "level with"
    return f"{points:.1f} {'point' if points == 1 else 'points'} {'above' if gap > 0 else 'below'}"


def _ordinal(place: int) -> str:
    names = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth")
    return names[place - 1] if place <= len(names) else f"number {place}"


def _of_all(better: int, count: int) -> str:
    if better == count:
        return f"every one of them ({number(count)})"
    return f"{number(better)} of the {number(count)}"


def _times(count: int) -> str:
    return {0: "not at all", 1: "once", 2: "twice"}.get(count, f"{number(count)} times")
