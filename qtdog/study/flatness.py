"""The report's part about flatness: is what was trained in few bits flatter, and by how much?"""

from collections.abc import Sequence

import numpy as np

from qtdog.landscape import (
    DIRECTION_KINDS,
    IMAGE_SETS,
    Curvature,
    FlatnessVerdict,
    ModelReference,
    Record,
    mean_and_error,
    order,
    verdicts,
)
from qtdog.study.markdown import plain, row, section, table_head

DISTANCES = {"filter": "relative to each filter", "whole": "of the whole vector"}
IMAGES = {"source": "source domains", "target": "held-out domain"}


def flatness_sections(records: Sequence[Record]) -> list[str]:
    """Flatness and curvature of the networks that were measured; empty without records."""
    return [text for text in (_flatness(records), _curvature(records)) if text]


def _flatness(records: Sequence[Record]) -> str:
    found = verdicts(records)
    if not found:
        return ""
    head = ["held out", "images of the", "distance", "ERM", "ERM, averaged", "QT-DoG"]
    lines = table_head([*head, "QT-DoG – ERM", "verdict"])
    for one in found:
        outcome = one.outcome
        lines.append(
            row(
                [
                    plain(one.target_domain),
                    IMAGES[one.split],
                    DISTANCES[one.distance],
                    *(
                        "–" if rise is None else f"{rise:.3f}"
                        for rise in (one.single, one.averaged)
                    ),
                    f"{outcome.other:.3f}",
                    f"{outcome.difference:+.3f} ± {outcome.error:.3f}",
                    outcome.verdict,
                ]
            )
        )
    said = [
        sentence
        for distance in DIRECTION_KINDS
        for image_set in IMAGE_SETS
        if (
            sentence := _count(
                [one for one in found if (one.distance, one.split) == (distance, image_set)]
            )
        )
    ]
    first = found[0].outcome
    return section(
        "Flatness",
        "Mean rise of the loss in nats over all radii (F of QT-DoG's Eq. 5, averaged over its "
        "radius), of the networks that come with the program: ERM of one seed, single and "
        f"averaged, and {first.networks} seeds of QT-DoG, in {first.directions} random directions, "
        "the same for all. After ±: the standard error over directions; it knows nothing of other "
        "seeds of ERM or of other images. Undecided: less than twice that, or QT-DoG's seeds do "
        "not agree.",
        [*lines, "", *said],
    )


def _count(found: Sequence[FlatnessVerdict]) -> str:
    """On how many held-out domains QT-DoG is flatter, on these images, by this distance."""
    if not found:
        return ""
    said = [one.outcome.verdict for one in found]
    counts = ", ".join(
        f"{word} on {said.count(word)}" for word in ("flatter", "sharper", "undecided")
    )
    where, how = IMAGES[found[0].split], DISTANCES[found[0].distance]
    whose = "its images" if found[0].split == "target" else f"images of the {where}"
    return f"- {how.capitalize()}, {whose}, of {len(said)} held-out domains QT-DoG is {counts}."


def _curvature(records: Sequence[Record]) -> str:
    found = [one for one in records if isinstance(one, Curvature) and one.scale == "filter"]
    if not found:
        return ""
    head = ["held out", "images of the", "network", "largest eigenvalue", "trace"]
    lines = table_head(head)
    for one in sorted(
        found, key=lambda one: (one.target_domain, one.images.split, order(one.model))
    ):
        mean, error = mean_and_error(np.array(one.traces)[:, None])
        lines.append(
            row(
                [
                    plain(one.target_domain),
                    IMAGES[one.images.split],
                    _name(one.model),
                    f"{one.eigenvalue:,.1f}",
                    f"{mean[0]:,.0f} ± {error[0]:,.0f}",
                ]
            )
        )
    return section(
        "Curvature",
        f"Hessian of the mean cross-entropy of {found[0].images.count} images, in units of each "
        "filter's root mean square weight; after ± the standard error over random probes.",
        lines,
    )


def _name(model: ModelReference) -> str:
    name = {"erm": "ERM", "qt-dog": "QT-DoG"}.get(model.method, model.method)
    name += " (refitted)" if model.refitted else ""
    name += f", {model.bits} bits" if model.method == "qt-dog" else ""
    return f"{name}{', averaged' if model.averaged else ''}, seed {model.seed}"
