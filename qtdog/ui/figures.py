"""Predictions as HTML: pure functions, records in, text out."""

from collections.abc import Sequence
from html import escape

from qtdog.catalogue import Target
from qtdog.predictions import Prediction
from qtdog.ui.sentences import (
    disagreement,
    listed,
    member_labels,
    plain,
    summary,
    truth,
    uncertainty,
    unfamiliar,
    votes,
)
from qtdog.ui.theme import METHOD_STYLES
from qtdog.unfamiliar import DIGITS, SOURCE, TARGET, Flagged

PAPER = "https://arxiv.org/abs/2410.06020"
MOST_BARS = 10
LOADING = '<p class="summary" role="status">Loading the models …</p>'
NO_MODEL = '<p class="summary" role="status">Choose a model to show.</p>'
NO_PICTURE = '<p class="summary" role="status">Choose a picture.</p>'


HEAD = (
    '<div class="head"><h1>QT-DoG Explorer</h1>'
    "<p>Networks that meet a domain they have never seen: in full precision, quantized "
    f'(<a href="{PAPER}" target="_blank" rel="noopener">QT-DoG, ICML 2025</a>), and five quantized '
    "ones together (EoQ).</p></div>"
)
FOOT = (
    '<div class="foot"><p>Your pictures go through the networks and are deleted within two hours; '
    "nothing else is kept.</p></div>"
)


def question(target: Target) -> str:
    """One sentence that says what is asked here, for a held-out domain."""
    sources = escape(listed([plain(name) for name in target.source_domains]))
    return (
        f'<p class="question">They learned from the domains <b>{sources}</b> and have never seen '
        f"the domain <b>{escape(plain(target.domain))}</b>. What does each of them make of your "
        "picture?</p>"
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
    hint = unfamiliar(predictions)
    hinted = (
        f'<div class="notice hint"><p>{escape(hint)}</p>{hint_table(predictions)}</div>'
        if hint
        else ""
    )
    return (
        f'<p class="summary" role="status">{escape(summary(predictions))}{aside}</p>{hinted}'
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
    entropy, share = uncertainty(prediction)
    facts = [
        ("uncertainty", f'{entropy}<span class="counts">{share}</span>'),
        *_energy(prediction),
        ("on disk", f"{prediction.size_bytes / 1e6:.1f} MB"),
        ("bits a weight", f"{prediction.bits_per_weight:.1f}" + (f" × {count}" if count else "")),
        ("time", f"{prediction.milliseconds:.1f} ms"),
        (
            "held-out accuracy",
            f"{prediction.measured.fraction:.1%}".replace("%", " %")
            + f'<span class="counts">{prediction.measured.correct:,} of '
            f"{prediction.measured.total:,}</span>",
        ),
    ]
    listing = "".join(f"<div><dt>{term}</dt><dd>{value}</dd></div>" for term, value in facts)
    return (
        f'<section class="card" aria-label="{name}" style="--ink: var(--{prediction.method})">'
        f'<h2><span class="marker" aria-hidden="true">{style.marker}</span>{name}</h2>'
        f'<p class="kind">{kind}</p>'
        f'<p class="verdict"><strong>{escape(plain(prediction.label))}</strong>'
        f"<span>{_percent(prediction.confidence)}</span></p>"
        f'<ul class="bars" aria-label="Probability of each class, {name}">{bars}</ul>'
        f'<dl class="facts">{listing}</dl></section>'
    )


def hint_table(predictions: Sequence[Prediction]) -> str:
    """How often each model's hint comes, by kind of images, folded away."""
    having = [one for one in predictions if one.hint]
    heads = "".join(f'<th scope="col">{escape(one.model)}</th>' for one in having)
    kinds = {
        SOURCE: "validation pictures of the learned domains, which show the classes",
        TARGET: "all pictures of the held-out domain, which show the classes",
        DIGITS: "scikit-learn's handwritten digits, which do not",
    }
    rows = "".join(
        f'<tr><th scope="row">{kind}</th>'
        + "".join(f"<td>{_flagged(one.hint.on(images))}</td>" for one in having)
        + "</tr>"
        for images, kind in kinds.items()
    )
    return (
        "<details><summary>How often does this hint come?</summary><table><thead><tr>"
        f'<th scope="col">pictures</th>{heads}</tr></thead><tbody>{rows}</tbody></table></details>'
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
    return (
        f'<section class="votes"><h2>{title}</h2><ol aria-label="{title}">{chips}</ol>'
        f'<p class="apart">{escape(disagreement(prediction))}</p></section>'
    )


NOTES = (
    '<div class="foot"><p>Held-out accuracy: on all images of the held-out domain, measured '
    "with these very checkpoints, each chosen on the source domains alone. Uncertainty: the "
    "entropy of the probabilities, 0 bits when certain. Energy: minus the log of the summed "
    "exponentials of the logits (Liu et al., 2020); where it is higher than for all but 5 % of the "
    "source domains' validation images, the page hints that the picture shows none of the classes. "
    "Disagreement: the mutual information between class and member (Depeweg et al., 2018). Time: "
    "the forward passes of this picture on this machine. The first three of our pictures are there "
    "because the models disagree about them; most of our others they all read rightly.</p></div>"
)


def notices(problems: Sequence[str]) -> str:
    """Checkpoints that could not be read, for the visitor to know that something is missing."""
    return "".join(f'<p class="notice" role="alert">{escape(problem)}</p>' for problem in problems)


def kind_of(bits: int) -> str:
    """ "full precision, 32 bits" or "quantized, 7 bits"."""
    return "full precision, 32 bits" if bits == 32 else f"quantized, {bits} bits"


def _energy(prediction: Prediction) -> list[tuple[str, str]]:
    """What the hint is decided by; nothing without a threshold."""
    hint = prediction.hint
    if hint is None:
        return []
    if len(hint.energies) > 1:
        above = sum(one > limit for one, limit in zip(hint.energies, hint.thresholds, strict=True))
        value, note = f"{above} of {len(hint.energies)}", "above their limit"
    else:
        value, note = _signed(hint.energies[0]), f"hint above {_signed(hint.thresholds[0])}"
    return [("energy", f'{value}<span class="counts">{note}</span>')]


def _bar(label: str, probability: float, chosen: bool, known: bool) -> str:
    marks = " ".join(mark for mark, on in (("chosen", chosen), ("truth", known)) if on)
    return (
        f'<li class="{marks}"><span class="name">{escape(label)}</span>'
        f'<span class="track" aria-hidden="true">'
        f'<span class="fill" style="width:{probability * 100:.2f}%"></span></span>'
        f'<span class="value">{_percent(probability)}</span></li>'
    )


def _flagged(flagged: Flagged | None) -> str:
    if flagged is None:
        return "not measured"
    counts = f"{flagged.flagged:,} of {flagged.total:,}"
    return f'{_percent(flagged.share)}<span class="counts">{counts}</span>'


def _signed(value: float) -> str:
    return f"{value:.1f}".replace("-", "\N{MINUS SIGN}")


def _percent(fraction: float) -> str:
    return f"{fraction * 100:.1f} %"
