"""The Try it tab's question, answers and notes: pure functions, predictions in, text out."""

from collections.abc import Sequence

from qtdog.checkpoints import Target
from qtdog.explorer import DIGITS, SOURCE, TARGET, Flagged, Prediction
from qtdog.ui.figures import ballot, card, more_numbers, summary_line
from qtdog.ui.markup import Markup, html, join
from qtdog.ui.sentences import listed, plain, summary, tenths, truth, unfamiliar, votes

MOST_BARS = 10
LOOK = html(
    '<p class="look-here"><button type="button" data-presses="#look input" data-shows="#looking">'
    "Where does each model look?</button></p>"
)
"""By the cards, what the box below them does: page.js presses it and goes to the maps."""
NO_MODEL = summary_line("Choose a model to show.")
NOTES = html(
    '<div class="foot"><p>Held-out accuracy: on all images of the held-out domain, measured '
    "with these very checkpoints, each chosen on the source domains alone. Disagreement: the "
    "mutual information between class and member (Depeweg et al., 2018). The first three of our "
    "pictures are there because the models disagree about them; most of our others they all read "
    "rightly.</p></div>"
)


def question(target: Target) -> Markup:
    """One sentence that says what is asked here, for a held-out domain."""
    sources = listed([plain(name) for name in target.source_domains])
    return html(
        '<p class="question">They learned from <b>{}</b> and never saw the domain <b>{}</b>: what '
        "do they make of your picture?</p>",
        sources,
        plain(target.domain),
    )


def results(predictions: Sequence[Prediction], known: str | None = None) -> Markup:
    """The sentence, one card a model and EoQ's members; before all of them the hint that it may be
    none of the classes. `known` is the picture's class if known."""
    if known not in predictions[0].classes:
        known = None
    asides = [truth(predictions, known)] if known else []
    asides += [said for said in map(votes, predictions) if said]
    classes = classes_shown(predictions, known)
    cards = join(card(one, known, classes) for one in predictions)
    ballots = join(ballot(one) for one in predictions if one.members)
    hint = unfamiliar(predictions)
    hinted = (
        html('<div class="notice hint"><p>{}</p>{}</div>', hint, hint_table(predictions))
        if hint
        else ""
    )
    return html(
        '{}{}<div class="cards">{}</div>{}{}{}',
        hinted,
        summary_line(summary(predictions), " ".join(asides)),
        cards,
        LOOK,
        ballots,
        more_numbers(predictions),
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


def hint_table(predictions: Sequence[Prediction]) -> Markup:
    """How often each model's hint comes, by kind of images, folded away."""
    hints = [(one.model, one.hint) for one in predictions if one.hint]
    heads = join(html('<th scope="col">{}</th>', model) for model, _ in hints)
    kinds = {
        SOURCE: "validation pictures of the learned domains, which show the classes",
        TARGET: "all pictures of the held-out domain, which show the classes",
        DIGITS: "scikit-learn's handwritten digits, which do not",
    }
    rows = join(
        html('<tr><th scope="row">{}</th>', kind)
        + join(html("<td>{}</td>", _flagged(hint.on(images))) for _, hint in hints)
        + html("</tr>")
        for images, kind in kinds.items()
    )
    return html(
        "<details><summary>How often does this hint come?</summary><table><thead><tr>"
        '<th scope="col">pictures</th>{}</tr></thead><tbody>{}</tbody></table></details>',
        heads,
        rows,
    )


def _flagged(flagged: Flagged | None) -> str:
    if flagged is None:
        return "not measured"
    counts = f"{flagged.flagged:,} of {flagged.total:,}"
    return html('{}<span class="counts">{}</span>', tenths(flagged.share), counts)
