"""The eight steps of "Learn": the texts, filled with what the lesson says."""

from dataclasses import dataclass

from qtdog.checkpoints import FULL_PRECISION_BITS
from qtdog.explorer import Lesson, Standings, standings
from qtdog.landscape import Trajectories
from qtdog.ui.learn.measured import because, limits, mean, measured_sentences
from qtdog.ui.learn.networks import accuracy, method_name, ordinal, percent, singles
from qtdog.ui.learn.words import StepText, Template, Texts, read_texts
from qtdog.ui.markup import Markup, html
from qtdog.ui.sentences import dataset_name, listed, number, plain
from qtdog.ui.train.tab import recorded

Slots = dict[str, object]
"""What a step's text is filled with, by slot. A tuple is several paragraphs, for a slot that is a
paragraph by itself."""


@dataclass(frozen=True)
class Option:
    """One answer that can be chosen, and what is said about it at once."""

    text: str
    why: str
    right: bool


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
    before: tuple[Markup, ...]
    after: tuple[Markup, ...]
    quiz: Quiz


def steps(
    lesson: Lesson,
    numbers: Standings | None = None,
    texts: Texts | None = None,
    way: Trajectories | None = None,
) -> tuple[Step, ...]:
    """All eight, for the networks at hand. `numbers` are what was measured of them and of others
    like them; by default of them alone. `texts` are read from their files by default, which raises
    TextError. `way`: the ways that the fourth step shows, if it does."""
    numbers = standings(lesson) if numbers is None else numbers
    texts = read_texts() if texts is None else texts
    slots: dict[str, Slots] = {
        "1-domains": _domains(lesson),
        "2-marks-at-home": marks_at_home(texts, lesson),
        "3-rounding": _rounding(texts, lesson),
        "4-valleys": {"way": way_sentence(texts, way)},
        "5-training": _training(texts, lesson),
        "6-eoq": _eoq(texts, lesson),
        "7-measured": _measured(texts, lesson, numbers),
        "8-going-on": _going_on(texts, lesson),
    }
    return tuple(_filled(texts.steps[name], values) for name, values in slots.items())


def _filled(said: StepText, values: Slots) -> Step:
    options = (
        Option(one.text.plain(**values), one.why.plain(**values), one.right) for one in said.answers
    )
    return Step(
        said.title,
        said.short,
        tuple(part for one in said.before for part in _paragraphs(one, values)),
        tuple(part for one in said.after for part in _paragraphs(one, values)),
        Quiz(said.question.plain(**values), tuple(options)),
    )


def _paragraphs(template: Template, values: Slots) -> tuple[Markup, ...]:
    several = values.get(template.text.strip("{}"))
    return several if isinstance(several, tuple) else (template.html(**values),)


def _domains(lesson: Lesson) -> Slots:
    sources = [plain(name) for name in lesson.target.source_domains]
    return {
        "sources": listed(sources),
        "source": sources[0],
        "things": listed([plain(name) for name in lesson.target.classes[:7]]),
        "target": plain(lesson.target.domain),
    }


def marks_at_home(texts: Texts, lesson: Lesson) -> Slots:
    """How far source validation and target accuracy are apart in full precision, and whether the
    best at home is the best abroad."""
    said, target = texts.steps["2-marks-at-home"].sentences, plain(lesson.target.domain)
    home = order = Markup()
    for network in lesson.of("erm")[:1]:
        if network.source_validation is not None:
            home = said["home"].html(
                percent=percent(network.source_validation),
                target=target,
                accuracy=accuracy(texts, network),
            )
    known = [one for one in singles(lesson) if one.source_validation is not None]
    if len(known) > 2:
        at_home = sorted(known, key=lambda one: one.source_validation or 0, reverse=True)
        abroad = sorted(known, key=lambda one: one.target.fraction, reverse=True)
        moved = max(known, key=lambda one: abs(at_home.index(one) - abroad.index(one)))
        places = at_home.index(moved), abroad.index(moved)
        if places[0] == places[1]:
            order = said["same_order"].html(count=len(known))
        else:
            order = said["other_order"].html(
                count=len(known),
                method=method_name(texts, moved),
                seed=moved.seed,
                home=ordinal(texts, places[0]),
                abroad=ordinal(texts, places[1]),
                target=target,
            )
    return {"home": home or ("" if order else said["nothing"].html()), "order": order}


def _rounding(texts: Texts, lesson: Lesson) -> Slots:
    said = texts.steps["3-rounding"].sentences
    full = next((one for one in singles(lesson) if one.bits == 32), None)
    if full is None:
        return {"how_many": ""}
    return {"how_many": said["how_many"].html(millions=f"{full.file_bytes / 4 / 1e6:.1f}")}


def way_sentence(texts: Texts, way: Trajectories | None) -> Markup:
    """What the picture of both ways shows; empty without one."""
    if way is None:
        return Markup()
    return (
        texts.steps["4-valleys"]
        .sentences["way"]
        .html(
            target=plain(way.target_domain),
            quantize_step=f"{way.quantize_step:,}",
            bits=way.arms[1].model.bits,
            held=f"{way.held:.0%}".replace("%", " %"),
        )
    )


def _training(texts: Texts, lesson: Lesson) -> Slots:
    said = texts.steps["5-training"].sentences
    network = next(iter(lesson.of("qt-dog")), None)
    when, rounded = said["a_while"].html(), said["rounded"].html()
    if network:
        rounded = said["rounded_to"].html(bits=network.bits)
        if network.steps and network.quantize_step is not None:
            when = said["first_steps"].html(
                quantize_step=f"{network.quantize_step:,}", steps=f"{network.steps:,}"
            )
    return {
        "when": when,
        "rounded": rounded,
        "kept": said["kept_mean" if network and network.averaged else "kept_step"].html(),
        "toy": toy_sentence(texts),
        "curves": curve_sentence(texts, lesson),
    }


def toy_sentence(texts: Texts) -> Markup:
    """How much flatter the toy networks' valleys are."""
    record = recorded()
    if record is None:
        return Markup()
    rotation = record.shifts[0]
    return (
        texts.steps["5-training"]
        .sentences["toy"]
        .html(
            seeds=record.seeds,
            full=f"{rotation.of('full-precision').rise.mean:.2f}",
            quantized=f"{rotation.of('qt-dog', 3).rise.mean:.2f}",
            train_it=html('<a href="?tab=train">Train it</a>'),
        )
    )


def curve_sentence(texts: Texts, lesson: Lesson) -> Markup:
    """How much the target accuracy wandered after the quantization step, by method."""
    said = texts.steps["5-training"].sentences
    spreads = []
    for method, name in (("erm", "full_precision"), ("qt-dog", "qt_dog")):
        network = next(iter(lesson.of(method)), None)
        if network is None or network.quantize_step is None:
            continue
        late = [one.target for one in network.curve if one.step > network.quantize_step]
        if late:
            ends = {"lowest": percent(min(late)), "highest": percent(max(late))}
            spreads.append(said[name].plain(**ends))
    if not spreads:
        return said["no_curves"].html()
    runs = said["one_run_each" if len(spreads) > 1 else "one_run"].plain()
    return said["curves"].html(spreads=listed(spreads), runs=runs)


def _eoq(texts: Texts, lesson: Lesson) -> Slots:
    eoq = next(iter(lesson.of("eoq")), None)
    count = len(lesson.of("qt-dog")) if eoq else 5
    bits = eoq.bits if eoq else 7
    together = count * bits
    share = together / FULL_PRECISION_BITS
    compared = "less" if share < 0.8 else "about_as_much" if share < 1.25 else "more"
    return {
        "number": number(count),
        "count": count,
        "bits": bits,
        "together": together,
        "compared": texts.steps["6-eoq"].sentences[compared].plain(),
        "measured": ensemble_sentence(texts, lesson),
    }


def ensemble_sentence(texts: Texts, lesson: Lesson) -> Markup:
    """The members' accuracies against EoQ's."""
    said = texts.steps["6-eoq"].sentences
    eoq, members = next(iter(lesson.of("eoq")), None), lesson.of("qt-dog")
    if eoq is None or not members:
        return said["nothing"].html()
    accuracies = [one.target.fraction for one in members]
    better = sum(eoq.target.fraction > one for one in accuracies)
    count = number(len(members))
    return said["measured"].html(
        target=plain(lesson.target.domain),
        lowest=percent(min(accuracies)),
        highest=percent(max(accuracies)),
        mean=percent(sum(accuracies) / len(accuracies)),
        accuracy=accuracy(texts, eoq),
        members=(
            said["every_member"].plain(number=count)
            if better == len(members)
            else said["some_members"].plain(better=number(better), number=count)
        ),
    )


def _measured(texts: Texts, lesson: Lesson, numbers: Standings) -> Slots:
    said = texts.steps["7-measured"].sentences
    gaps = numbers.gaps("eoq")
    ahead = bool(gaps) and mean(gaps) > 0
    return {
        "measured": measured_sentences(texts, numbers),
        "limits": limits(texts, lesson, numbers),
        "architecture": lesson.architecture,
        "pixels": lesson.image_size,
        "dataset": dataset_name(lesson.target.dataset),
        "case": said["eoq_ahead" if ahead else "eoq_not_ahead"].plain(),
        "because": because(texts, numbers),
    }


def _going_on(texts: Texts, lesson: Lesson) -> Slots:
    said = texts.steps["8-going-on"].sentences
    shown = next(iter(lesson.of("eoq")), None) or singles(lesson)[0]
    return {
        "who": said["eoq" if shown.method == "eoq" else "network"].plain(),
        "target": plain(lesson.target.domain),
        "accuracy": accuracy(texts, shown),
        "right": f"{shown.target.correct:,}",
        "total": f"{shown.target.total:,}",
        "percent": f"{shown.target.fraction:.0%}".replace("%", " %"),
    }
