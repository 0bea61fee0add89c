"""Predictions as HTML: pure functions, records in, text out."""

from collections.abc import Sequence
from html import escape

from qtdog.explorer import Prediction, Target
from qtdog.ui.sentences import listed, member_labels, summary, truth, votes
from qtdog.ui.theme import METHOD_STYLES

PAPER = "https://arxiv.org/abs/2410.06020"
MOST_BARS = 10
LOADING = '<p class="summary" role="status">Loading the models …</p>'
NO_PICTURE = '<p class="summary" role="status">Choose a picture.</p>'


def head(target: Target) -> str:
    """Title and one sentence that says what this page is, for a held-out domain."""
    sources = escape(listed([plain(name) for name in target.source_domains]))
    return (
        '<div class="head"><h1>QT-DoG Explorer</h1>'
        "<p>One picture, three classifiers. They learned from the domains "
        f"<b>{sources}</b> and have never seen the domain <b>{escape(plain(target.domain))}</b>. "
        "What does each of them make of your picture? "
        f'The method: <a href="{PAPER}" target="_blank" rel="noopener">QT-DoG, ICML 2025</a>.</p>'
        "</div>"
    )


def results(predictions: Sequence[Prediction], known: str | None = None) -> str:
    """The sentence, one card a model and EoQ's votes. `known` is the picture's class if known."""
    if known not in predictions[0].classes:
        known = None
    asides = [truth(predictions, known)] if known else []
    asides += [said for said in map(votes, predictions) if said]
    aside = f'<span class="aside">{escape(" ".join(asides))}</span>' if asides else ""
    classes = classes_shown(predictions, known)
    cards = "".join(card(one, known, classes) for one in predictions)
    ballots = "".join(ballot(one) for one in predictions if one.members)
    return (
        f'<p class="summary" role="status">{escape(summary(predictions))}{aside}</p>'
        f'<div class="cards">{cards}</div>{ballots}'
    )


def classes_shown(predictions: Sequence[Prediction], known: str | None = None) -> tuple[str, ...]:
    """The classes that get a bar, the same on every card: all, or of many those that some model
    finds likeliest and the picture's own."""
    classes = predictions[0].classes
    if len(classes) <= MOST_BARS:
        return classes
    highest = [max(each) for each in zip(*(one.probabilities for one in predictions), strict=True)]
    order = sorted(range(len(classes)), key=lambda i: (classes[i] != known, -highest[i]))
    return tuple(classes[i] for i in sorted(order[: MOST_BARS - 1]))


def card(
    prediction: Prediction, known: str | None = None, classes: Sequence[str] | None = None
) -> str:
    """One model: chosen class, a bar for each of `classes` (default: all) on a scale of 0 to
    100 % and one for the others together, size, bits, time, measured accuracy."""
    style = METHOD_STYLES[prediction.method]
    name = escape(prediction.model)
    of = dict(zip(prediction.classes, prediction.probabilities, strict=True))
    bars = "".join(
        _bar(plain(label), of[label], label == prediction.label, label == known)
        for label in classes or of
    )
    if classes and len(classes) < len(of):
        others = [probability for label, probability in of.items() if label not in classes]
        bars += _bar(f"{len(others)} others", sum(others), False, False)
    count = len(prediction.members)
    kind = f"{count} networks of {prediction.bits} bits" if count else kind_of(prediction.bits)
    facts = [
        ("on disk", f"{prediction.size_bytes / 1e6:.1f} MB"),
        ("bits a weight", f"{prediction.bits_per_weight:.1f}" + (f" × {count}" if count else "")),
        ("time", f"{prediction.milliseconds:.1f} ms"),
        (
            "accuracy, held out",
            f"{prediction.measured.fraction:.1%}".replace("%", " %")
            + f'<span class="counts">{prediction.measured.correct:,} of '
            f"{prediction.measured.total:,}</span>",
        ),
    ]
    listing = "".join(f"<dt>{term}</dt><dd>{value}</dd>" for term, value in facts)
    return (
        f'<section class="card" aria-label="{name}" style="--ink: var(--{prediction.method})">'
        f'<h2><span class="marker" aria-hidden="true">{style.marker}</span>{name}</h2>'
        f'<p class="kind">{kind}</p>'
        f'<p class="verdict"><strong>{escape(plain(prediction.label))}</strong>'
        f"<span>{_percent(prediction.confidence)}</span></p>"
        f'<ul class="bars" aria-label="Probability of each class, {name}">{bars}</ul>'
        f'<dl class="facts">{listing}</dl></section>'
    )


def ballot(prediction: Prediction) -> str:
    """EoQ's members, each with its class and how sure it is."""
    labels = member_labels(prediction)
    chips = "".join(
        f'<li class="{"agrees" if label == prediction.label else "dissents"}">'
        f'<span class="who">member {place}</span><span class="class">{escape(plain(label))}</span>'
        f'<span class="sure">{_percent(max(member))}</span></li>'
        for place, (label, member) in enumerate(
            zip(labels, prediction.members, strict=True), start=1
        )
    )
    title = f"{escape(prediction.model)}'s members, one vote each"
    return f'<section class="votes"><h2>{title}</h2><ol aria-label="{title}">{chips}</ol></section>'


def foot() -> str:
    """What the numbers are and what happens to pictures."""
    return (
        '<div class="foot"><p>Accuracy, held out: on all images of the held-out domain, measured '
        "with these very checkpoints, each chosen on the source domains alone. Time: the forward "
        "passes of this picture on this machine.</p><p>Your pictures go through the networks and "
        "are deleted within two hours; nothing else is kept.</p></div>"
    )


def notices(problems: Sequence[str]) -> str:
    """Checkpoints that could not be read, for the visitor to know that something is missing."""
    return "".join(f'<p class="notice" role="alert">{escape(problem)}</p>' for problem in problems)


def kind_of(bits: int) -> str:
    """ "full precision, 32 bits" or "quantized, 7 bits"."""
    return "full precision, 32 bits" if bits == 32 else f"quantized, {bits} bits"


def plain(name: str) -> str:
    """A folder's name as words: "art_painting" -> "art painting"."""
    return name.replace("_", " ")


def _bar(label: str, probability: float, chosen: bool, known: bool) -> str:
    marks = " ".join(mark for mark, on in (("chosen", chosen), ("truth", known)) if on)
    return (
        f'<li class="{marks}"><span class="name">{escape(label)}</span>'
        f'<span class="track" aria-hidden="true">'
        f'<span class="fill" style="width:{probability * 100:.2f}%"></span></span>'
        f'<span class="value">{_percent(probability)}</span></li>'
    )


def _percent(fraction: float) -> str:
    return f"{fraction * 100:.1f} %"
