"""The words of the Landscape tab."""

from collections.abc import Sequence

from qtdog.landscape import LATENT, ROUNDED, WEIGHTS, Record
from qtdog.ui.markup import Markup, html
from qtdog.ui.sentences import plain

QUESTION = html(
    '<p class="question">Does training with quantized weights end in a flatter valley of the loss? '
    "Measured around these very networks.</p>"
)
PICK = html(
    '<span class="made">Turn one and all turn. Click a point to read it in all of them.</span>'
)
NOTHING = html(
    '<p class="nothing" role="status">No landscape of these checkpoints is stored. Measure one '
    "yourself, below, on a few pictures.</p>"
)
LIVE = html(
    '<h2 class="section">On your pictures, now</h2><p class="section">The flatness of these '
    "networks on a few pictures whose class you know: coarse at once, then finer with every "
    "direction.</p>"
)
MODELS = "Models"
ROUND_AGAIN = "Round quantized weights again after every move"
ROUND_AGAIN_INFO = (
    "They snap back to the values that they can take: small moves change nothing, and the "
    "landscape becomes a staircase. Full precision has no such values and stays as it is."
)
LIVE_WAITING = html('<p class="news" role="status">Nothing is measured yet.</p>')
LIVE_QUEUED = html('<p class="news" role="status">Waiting for the measurement before yours …</p>')
LIVE_CANCELLED = html(
    '<p class="news" role="status">Cancelled. What you see is what was measured.</p>'
)
LIVE_NOTE = html(
    '<p class="made">Few pictures: what holds for them need not hold for a domain. The directions '
    "are those of the stored curves (seed 0); the error bars are over directions, not pictures.</p>"
)
MEASURES = {
    "plane": "A plane around each model",
    "flatness": "Flatness",
    "three-models": "The plane through three models",
    "interpolation": "The line between two models",
    "trajectories": "The way there",
    "curvature": "Curvature",
}
AGAIN = {WEIGHTS: "", LATENT: ", latent weights", ROUNDED: ", rounded again"}
"""What a record's name says of what was perturbed."""
IMAGES = {"target": "Held-out domain", "source": "Source domains"}
DIRECTIONS = {"filter": "Relative to each filter", "whole": "Of the whole vector (the paper)"}
MOVED = {
    "filter": "every filter is moved in proportion to its size",
    "whole": "all weights are moved by one length, as in the paper",
}
RADIUS = {
    "filter": "radius, as a part of each filter's norm",
    "whole": "radius, length of the change to all weights",
}
_READ = {
    "flatness": (
        "Every weight is moved a given distance in a random direction, the same for every model, "
        "and the loss is measured again. A curve that rises later belongs to a flatter valley. The "
        "bars are one standard error over the directions."
    ),
    "plane": (
        "The middle is the model. To the right and upwards its weights are moved in two random "
        "directions, the same for every model; the unit is the size of the change as a part of "
        "each filter's norm. A wide floor is a flat valley. All have one scale of heights and "
        "colours; what is higher is cut off. EoQ's members move at once, each in directions of its "
        "own, and their logits are averaged."
    ),
    "three-models": (
        "Three networks span a plane. Each is marked; the distances are those between their "
        "weights. Between two networks the colour says whether a wall separates their valleys."
    ),
    "interpolation": (
        "On the way from one network to the other every weight is mixed in proportion: 0 is the "
        "first, 1 the second. A bump in between is a wall between two valleys."
    ),
    "trajectories": (
        "Full precision and QT-DoG are one run up to the step at which QT-DoG begins to round its "
        "weights; from there each goes on by itself, on the same batches. Every dot is an "
        "evaluation, seen from above the plane: to the right, towards full precision's end, and "
        "upwards, towards QT-DoG's, whose first leap is rounding itself. The accuracies are those "
        "that training logged: on the source domains' held-out images, and on a sample of the "
        "domain that it never saw."
    ),
    "curvature": (
        "The largest eigenvalue is the curvature in the steepest direction, the trace the sum over "
        "all directions. Smaller is flatter. The trace also predicts the flatness at a small "
        "radius r: r² × trace / 2 in units of the filters, r² × trace / (2 × parameters) of the "
        "weights as they are."
    ),
}
_NOT = {
    "flatness": (
        "An average over directions hides the few steep ones. Flatness depends on the scale of "
        "the weights: with the length of the whole vector, layers with small weights suffer most, "
        "and rescaling a network without changing its answers changes the curve. Measured "
        "relative to each filter, it does not. Flat does not prove that a network generalizes."
    ),
    "plane": (
        "A random plane is two directions out of millions and can look smooth where others are "
        "not. Biases are not moved. Trust the flatness over many directions first."
    ),
    "three-models": (
        "What lies outside this plane. A wall on the straight way does not mean that there is no "
        "other way around. Networks are compared with batch norm folded into their weights."
    ),
    "interpolation": (
        "What lies beside the straight line. The weights are mixed with batch norm folded in, "
        "which is not the mix of the networks before folding."
    ),
    "trajectories": (
        "What lies beside the plane: only three dots are in it, the others above or below, so that "
        "the colour under them is not their own loss. The table has both, and how far each is from "
        "the plane. Batch norm is folded into the weights. It is one run of one seed: another "
        "would go another way."
    ),
    "curvature": (
        "What happens further away: the Hessian describes the loss in the smallest neighbourhood. "
        "In units of the weights as they are it depends on their scale; in units of the filters "
        "it does not. ReLU networks bend where a unit switches, which no Hessian sees."
    ),
}
# The paper draws these curves without a table: their order is all that can be repeated.
_PAPER = {
    "flatness": (
        "Figure 3, from flattest to sharpest: SWAD, QT-DoG, SWA, SAM, ERM. That is ResNet-50, 100 "
        "directions of the whole vector with lengths from 0 to 60, the mean over held-out domains. "
        "Lengths do not compare with ours: another network has other weights. Its values are "
        "drawn, not printed."
    ),
}


def notes(kind: str) -> Markup:
    """How to read a kind, what it does not show, and what the paper has of it."""
    paper = html("<p><b>In the paper.</b> {}</p>", _PAPER[kind]) if kind in _PAPER else ""
    return html(
        '<div class="reading"><p><b>How to read this.</b> {}</p>'
        "<p><b>What it does not show.</b> {}</p>{}</div>",
        _READ[kind],
        _NOT[kind],
        paper,
    )


def provenance(records: Sequence[Record]) -> Markup:
    """Where the numbers come from."""
    first = records[0]
    directions = getattr(first, "directions", None)
    how = f" {directions.recipe} Seed {directions.seed}." if directions else ""
    domains = ", ".join(plain(domain) for domain in first.images.domains)
    images = f"{first.images.count} images of {domains}" if domains else "your pictures"
    seen = ""
    if first.images.split == "source":
        seen = " About four in five of them were in the models' training splits."
    return html(
        '<p class="made">Measured on {}.{}{} Code {}, {}; {}.</p>',
        images,
        seen,
        how,
        ", ".join(dict.fromkeys(one.made.commit[:10] for one in records)),
        first.made.hardware,
        first.made.versions,
    )


def live_news(done: int, total: int, seconds: float, finished: bool) -> Markup:
    """How far a measurement has come."""
    if finished and done == total:
        text = f"Done: {total} directions in {seconds:.1f} s."
    elif finished:
        text = (
            f"Stopped after {done} of {total} directions: the machine is busy, and {seconds:.0f} s "
            "are over. Measure again for all of them."
        )
    else:
        left = seconds / done * (total - done)
        text = f"{done} of {total} directions, about {left:.0f} s left."
    return html(
        '<p class="news" role="status">{}</p>'
        '<progress max="{}" value="{}" aria-label="directions measured"></progress>',
        text,
        total,
        done,
    )
