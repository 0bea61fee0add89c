"""Predictions as HTML: pure functions, records in, text out."""

from collections.abc import Sequence
from html import escape

from qtdog.explorer import Prediction, Target
from qtdog.ui.sentences import listed, member_labels, summary, truth, votes
from qtdog.ui.theme import METHOD_STYLES

PAPER = "https://arxiv.org/abs/2410.06020"


def head(target: Target) -> str:
    """Title and one sentence that says what this page is, for a held-out domain."""
    sources = escape(listed([plain(name) for name in target.source_domains]))
    return (
        '<div class="head"><h1>QT-DoG Explorer</h1>'
        "<p>One picture, three classifiers. They learned from "
        f"<b>{sources}</b> images and have never seen a <b>{escape(plain(target.domain))}</b>. "
        "What does each of them say to your picture? "
        f'The method: <a href="{PAPER}" target="_blank" rel="noopener">QT-DoG, ICML 2025</a>.</p>'
        "</div>"
    )


def results(predictions: Sequence[Prediction], known: str | None = None) -> str:
    """The sentence, one card a model and EoQ's votes. `known` is the picture's class if known."""
    asides = [truth(predictions, known)] if known else []
    asides += [said for said in map(votes, predictions) if said]
    aside = f'<span class="aside">{escape(" ".join(asides))}</span>' if asides else ""
    cards = "".join(card(one, known) for one in predictions)
    ballots = "".join(ballot(one) for one in predictions if one.members)
    return (
        f'<p class="summary" role="status">{escape(summary(predictions))}{aside}</p>'
        f'<div class="cards">{cards}</div>{ballots}'
    )


def card(prediction: Prediction, known: str | None = None) -> str:
    """One model: chosen class, a bar a class on a scale of 0 to 100 %, size, bits, time."""
    style = METHOD_STYLES[prediction.method]
    name = escape(prediction.model)
    bars = "".join(
        _bar(label, probability, label == prediction.label, label == known)
        for label, probability in zip(prediction.classes, prediction.probabilities, strict=True)
    )
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
        f'<h3><span class="marker" aria-hidden="true">{style.marker}</span>{name}</h3>'
        f'<p class="kind">{kind}</p>'
        f'<p class="verdict"><strong>{escape(prediction.label)}</strong>'
        f"<span>{_percent(prediction.confidence)}</span></p>"
        f'<ul class="bars" aria-label="Probability of each class, {name}">{bars}</ul>'
        f'<dl class="facts">{listing}</dl></section>'
    )


def ballot(prediction: Prediction) -> str:
    """EoQ's members, each with its class and how sure it is."""
    labels = member_labels(prediction)
    chips = "".join(
        f'<li class="{"agrees" if label == prediction.label else "dissents"}">'
        f'<span class="who">member {place}</span><span class="class">{escape(label)}</span>'
        f'<span class="sure">{_percent(max(member))}</span></li>'
        for place, (label, member) in enumerate(
            zip(labels, prediction.members, strict=True), start=1
        )
    )
    title = f"{escape(prediction.model)}'s members, one vote each"
    return f'<section class="votes"><h4>{title}</h4><ol aria-label="{title}">{chips}</ol></section>'


def foot(dataset: str) -> str:
    """What the numbers are and what happens to pictures."""
    return (
        '<div class="foot"><p>Accuracy, held out: on all images of the held-out domain in '
        f"{escape(dataset.upper())}, measured in this project with the bundled checkpoints, each "
        "chosen on source domains alone. Time: the forward passes of this picture on this "
        "machine.</p><p>Your pictures go through the networks and are deleted; nothing is "
        "kept.</p></div>"
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
