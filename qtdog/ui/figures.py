"""Predictions as HTML: pure functions, records in, text out."""

from collections.abc import Sequence

from qtdog.explorer import Prediction
from qtdog.ui.appearance import METHOD_STYLES
from qtdog.ui.markup import Markup, html, join
from qtdog.ui.sentences import (
    disagreement,
    megabytes,
    member_labels,
    minus,
    plain,
    tenths,
    uncertainty,
)

PAPER = "https://arxiv.org/abs/2410.06020"


def head(more: str = "") -> Markup:
    """The page's title and what it is; `more` stands beside the title."""
    return html(
        '<div class="head"><a class="skip" href="#tabs">Skip to the tabs</a><div class="title">'
        "<h1>QT-DoG Explorer</h1>{}</div>"
        "<p>Networks that meet a domain they have never seen: in full precision, quantized "
        '(<a href="{}" target="_blank" rel="noopener">QT-DoG, ICML 2025</a>), and five quantized '
        "ones together (EoQ).</p></div>",
        more,
        PAPER,
    )


HEAD = head(html('<button type="button" id="show-me">Show me in a minute</button>'))
FOOT = html(
    '<div class="foot"><p>Your pictures go through the networks and are deleted within two hours; '
    "nothing else is kept.</p></div>"
)


def summary_line(lead: str, aside: str = "") -> Markup:
    """What a tab has to say first of all, and in smaller type more of it."""
    more = html('<span class="aside">{}</span>', aside) if aside else ""
    return html('<p class="summary" role="status">{}{}</p>', lead, more)


LOADING = summary_line("Loading the models …")
NO_PICTURE = summary_line("Choose a picture.")
LEFT_BEHIND = summary_line(
    "No picture came with this link: one of somebody's own does not travel in it.",
    "Choose one of yours, or one of ours.",
)


def notices(problems: Sequence[str]) -> Markup:
    """Checkpoints that could not be read, for the visitor to know that something is missing."""
    return join(html('<p class="notice" role="alert">{}</p>', problem) for problem in problems)


def card(
    prediction: Prediction, known: str | None = None, classes: Sequence[str] | None = None
) -> Markup:
    """One model: chosen class, a bar for each of `classes` (default: all) on a scale of 0 to
    100 % and one for the others together, size, measured accuracy. A class of which the model
    doubts that the picture shows any is not said aloud."""
    name = prediction.model
    of = dict(zip(prediction.classes, prediction.probabilities, strict=True))
    bars = join(
        _bar(plain(label), of[label], label == prediction.label, label == known)
        for label in classes or of
    )
    if classes and len(classes) < len(of):
        others = [probability for label, probability in of.items() if label not in classes]
        bars += _bar(f"{len(others)} others", sum(others), False, False)
    count = len(prediction.members)
    kind = (
        f"{count} networks of {prediction.bits} bits"
        if count
        else precision_words(prediction.bits, prediction.averaged)
    )
    doubted = prediction.hint is not None and prediction.hint.unfamiliar
    facts = [
        ("on disk", megabytes(prediction.size_bytes)),
        (
            "held-out accuracy",
            tenths(prediction.measured.fraction)
            + html(
                '<span class="counts">{:,} of {:,}</span>',
                prediction.measured.correct,
                prediction.measured.total,
            ),
        ),
    ]
    listing = join(html("<div><dt>{}</dt><dd>{}</dd></div>", term, value) for term, value in facts)
    return html(
        '<section class="card" aria-label="{}" style="--ink: var(--{})">'
        '{}<p class="kind">{}</p>'
        '<p class="verdict{}">{}<strong>{}</strong>'
        "<span>{}</span></p>"
        '<ul class="bars" aria-label="Probability of each class, {}">{}</ul>'
        '<dl class="facts">{}</dl></section>',
        name,
        prediction.method,
        model_heading(prediction.method, name),
        kind,
        " doubted" if doubted else "",
        html("<em>perhaps none of these; likeliest</em>") if doubted else "",
        plain(prediction.label),
        tenths(prediction.confidence),
        name,
        bars,
        listing,
    )


def model_heading(method: str, name: str) -> Markup:
    """A card's first line."""
    marker = METHOD_STYLES[method].marker
    return html('<h2><span class="marker" aria-hidden="true">{}</span>{}</h2>', marker, name)


MEANINGS = {
    "uncertainty": "the entropy of the probabilities, 0 bits when certain",
    "energy": "minus the log of the summed exponentials of the logits (Liu et al., 2020); where it "
    "is higher than for all but 5 % of the source domains' validation images, the hint comes that "
    "the picture shows none of the classes",
    "bits a weight": "in the file, step sizes included",
    "time": "one pass of this picture on this machine; rounded weights are computed with as 32-bit "
    "numbers, so a single network takes as long rounded as in full precision",
}


def more_numbers(predictions: Sequence[Prediction]) -> Markup:
    """Of each answer what few look for, with each term's meaning beside it, folded away."""
    heads = join(html('<th scope="col">{}</th>', one.model) for one in predictions)
    rows = join(
        html(
            '<tr><th scope="row">{}<span class="counts">{}</span></th>{}</tr>',
            term,
            meaning,
            join(html("<td>{}</td>", _measure(term, one)) for one in predictions),
        )
        for term, meaning in MEANINGS.items()
        if term != "energy" or any(one.hint for one in predictions)
    )
    return html(
        '<details class="more"><summary>Uncertainty, energy, bits, time</summary>'
        '<div class="scroll wide" tabindex="0"><table class="numbers"><thead><tr><td></td>{}</tr>'
        "</thead><tbody>{}</tbody></table></div></details>",
        heads,
        rows,
    )


def _measure(term: str, prediction: Prediction) -> Markup | str:
    count = len(prediction.members)
    if term == "uncertainty":
        return html('{}<span class="counts">{}</span>', *uncertainty(prediction))
    if term == "energy":
        return _energy(prediction)
    if term == "time":
        return f"{prediction.milliseconds:.1f} ms"
    return f"{prediction.bits_per_weight:.1f}" + (f" × {count}" if count else "")


def ballot(prediction: Prediction) -> Markup:
    """EoQ's members, each with its class and how sure it is."""
    labels = member_labels(prediction)
    chips = join(
        html(
            '<li class="{}">'
            '<span class="who">member {}</span><span class="class">{}</span>'
            '<span class="sure">{}</span></li>',
            "agrees" if label == prediction.label else "dissents",
            place,
            plain(label),
            tenths(max(member)),
        )
        for place, (label, member) in enumerate(
            zip(labels, prediction.members, strict=True), start=1
        )
    )
    title = f"{prediction.model}'s members, each by itself; the mean of their logits decides"
    return html(
        '<section class="votes"><h2>{}</h2><ol aria-label="{}">{}</ol>'
        '<p class="apart">{}</p></section>',
        title,
        title,
        chips,
        disagreement(prediction),
    )


def precision_words(bits: int, averaged: bool = False) -> str:
    """ "full precision, 32 bits" or "quantized, 7 bits, averaged weights"."""
    width = "full precision, 32 bits" if bits == 32 else f"quantized, {bits} bits"
    return f"{width}, averaged weights" if averaged else width


def _energy(prediction: Prediction) -> Markup | str:
    """What the hint is decided by."""
    hint = prediction.hint
    if hint is None:
        return "no hint"
    pairs = list(zip(hint.energies, hint.thresholds, strict=True))
    if len(pairs) == 1:
        [(energy, limit)] = pairs
        value, note = minus(f"{energy:.1f}"), f"hint above {minus(f'{limit:.1f}')}"
    else:
        above = sum(energy > limit for energy, limit in pairs)
        value, note = f"{above} of {len(pairs)}", "above their limit"
    return html('{}<span class="counts">{}</span>', value, note)


def _bar(label: str, probability: float, chosen: bool, known: bool) -> Markup:
    marks = " ".join(mark for mark, on in (("chosen", chosen), ("truth", known)) if on)
    return html(
        '<li class="{}"><span class="name">{}</span>'
        '<span class="track" aria-hidden="true">'
        '<span class="fill" style="width:{:.2f}%"></span></span>'
        '<span class="value">{}</span></li>',
        marks,
        label,
        probability * 100,
        tenths(probability),
    )
