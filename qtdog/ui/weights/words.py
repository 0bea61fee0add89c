"""Two networks compared, in words: pure functions, records in, text out."""

from collections.abc import Sequence

import numpy as np

from qtdog.checkpoints import CHECKPOINT_NAMES, FULL_PRECISION_BITS, CheckpointConfig
from qtdog.explorer import Compared, LayerDistance
from qtdog.method_names import quantizer_suffix
from qtdog.ui.markup import Markup, html
from qtdog.ui.sentences import domain_name, listed

MOST_NAMED = 3
# How much of a distance is rounding, by its part of it; more than all where it goes another way.
ROUNDING_PARTS = (
    ("nearly all of it", 0.9),
    ("most of it", 0.5),
    ("a smaller part of it", 0.1),
    ("little of it", 0.0),
)


def network_name(config: CheckpointConfig) -> str:
    """ "QT-DoG (7 bits), seed 0" or "Full precision, averaged weights, seed 0"."""
    return ", ".join(filter(None, (kind(config), seed(config))))


def choice_name(config: CheckpointConfig) -> str:
    """The same with the held-out domain: "sketch (PACS): QT-DoG (7 bits), seed 0"."""
    key = f"{config.dataset}/{config.target_domain}"
    return f"{domain_name(key)}: {network_name(config)}"


def names(compared: Compared) -> tuple[str, str]:
    """What to call the two: without the seed and the domain where these are the same."""
    first, second = compared.first, compared.second
    name = kind if seed(first) == seed(second) else network_name
    if (first.dataset, first.target_domain) != (second.dataset, second.target_domain):
        name = choice_name
    one, other = name(first), name(second)
    return (one, other) if one != other else (f"{one} (1)", f"{other} (2)")


def comparison(compared: Compared) -> Markup:
    """What the comparison shows, in one sentence, and more about it."""
    first, second = names(compared)
    whole = compared.whole
    if not compared.layers:
        return html(
            '<p class="summary" role="status">{} and {} have no layer in common.</p>',
            *(first, second),
        )
    if whole.distance == 0:
        lead = f"{first} and {second} have the same weights."
    else:
        lead = f"{first} and {second} are {share(whole.distance)} of the weights' size apart"
        lead += _because(compared, first, second)
    return html(
        '<p class="summary" id="weights-said" role="status">{}<span class="aside">{}</span></p>',
        lead,
        " ".join(_aside(compared)),
    )


def layer_sentence(layer: LayerDistance, first: str, second: str) -> str:
    """One layer's numbers in a sentence; its name stands above."""
    said = (
        f"Its {layer.weights:,} weights are {share(layer.distance)} apart, cosine "
        f"{cosine(layer.cosine)}"
    )
    if layer.changed is not None:
        said += (
            f"; {share(layer.changed / layer.weights)} of the weights take another level than "
            "rounding would give them"
        )
    used = [
        f"{name} uses {count} of {possible} codes"
        for name, count, possible in zip(
            (first, second), layer.codes_used, layer.codes_possible, strict=True
        )
        if count is not None
    ]
    return f"{said}. {listed(used)}." if used else f"{said}. Neither has codes."


def share(part: float | None) -> str:
    """ "6.7 %", "0.02 %", "52 %"; "undefined" where there is nothing to be a share of."""
    if part is None:
        return "undefined"
    percent = part * 100
    if percent and abs(percent) < 0.1:
        return f"{percent:.1g} %"
    return f"{percent:.1f} %" if percent < 20 else f"{percent:.0f} %"


def cosine(value: float | None) -> str:
    """Four digits: they are near 1."""
    return "undefined" if value is None else f"{value:.4f}"


def _because(compared: Compared, first: str, second: str) -> str:
    """How much of the distance rounding alone explains."""
    whole = compared.whole
    if whole.rounding is None:
        return f" (cosine {cosine(whole.cosine)}). Both are in full precision: there is no grid."
    other, quantized = (first, second) if compared.second.quantizer else (second, first)
    part = whole.rounding / (whole.distance or 1)
    much = next(words for words, least in ROUNDING_PARTS if part >= least)
    return (
        f", {much} rounding: to the levels of {quantized}, {other} would move by "
        f"{share(whole.rounding)}. {share(whole.changed / whole.quantized)} of the weights lie on "
        "another level than rounding alone would give them."
    )


def _aside(compared: Compared) -> list[str]:
    layers = [
        (place, one)
        for place, one in enumerate(compared.layers, start=1)
        if one.distance is not None
    ]
    gaps = [(one.distance or 0, place) for place, one in layers]
    said = []
    if gaps:
        middle = float(np.median([gap for gap, _ in gaps]))
        (least, lowest), (most, highest) = min(gaps), max(gaps)
        said.append(
            f"Layer by layer {share(least)} (layer {lowest}) to {share(most)} (layer {highest}), "
            f"median {share(middle)}."
        )
    beyond = max(
        (
            ((one.distance or 0) - (one.rounding or 0), -place, one)
            for place, one in layers
            if one.rounding is not None
        ),
        default=None,
    )
    if beyond is not None and beyond[0] > 0:
        _, place, one = beyond
        said.append(
            "Farthest beyond what rounding does, of the quantized ones: "
            f"layer {-place} of {len(compared.layers)} "
            f"({one.kind}), {share(one.distance)} against {share(one.rounding)}."
        )
    said.append(f"Cosine of all weights together {cosine(compared.whole.cosine)}.")
    return [*said, *not_common(compared)]


def not_common(compared: Compared) -> list[str]:
    """Which layers are not compared, and why; nothing where all are common."""
    if not compared.not_common:
        return []
    told = [_why(one.name, one.shapes) for one in compared.not_common[:MOST_NAMED]]
    more = len(compared.not_common) - len(told)
    told += [f"{more} more"] if more else []
    count = len(compared.not_common)
    noun = "layer is" if count == 1 else "layers are"
    return [f"{count} {noun} not common and left out: {listed(told)}."]


def _why(name: str, shapes: Sequence[tuple[int, ...] | None]) -> str:
    sizes = ["×".join(map(str, one)) if one else "" for one in shapes]
    if all(sizes):
        return f"{name} ({sizes[0]} against {sizes[1]})"
    return f"{name} (only in the {'first' if sizes[0] else 'second'})"


def kind(config: CheckpointConfig) -> str:
    """All but the seed and the domain."""
    title = CHECKPOINT_NAMES.get(config.method, config.method)
    title += quantizer_suffix(config.method, config.quantizer, config.refitted)
    if config.bits != FULL_PRECISION_BITS:
        title += f" ({config.bits} bits)"
    averaged = ["averaged weights"] if config.averaged else []
    return ", ".join([title, *config.added_methods, *averaged])


def seed(config: CheckpointConfig) -> str:
    """ "seed 0"; empty where it is not known."""
    return f"seed {config.training.seed}" if config.training else ""
