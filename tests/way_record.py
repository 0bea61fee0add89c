"""A record of two ways, made by hand: for the page's figure and words, which measure nothing."""

import math

from qtdog.landscape import Arm, ModelReference, PathPoint, Trajectories
from qtdog.landscape.records import ImageSample, Provenance, Reading

STEPS = tuple(range(80, 1201, 80))
QUANTIZED = 480


def way_record(split: str = "target") -> Trajectories:
    """A bent trunk and two arms that part, over a bowl."""

    def point(step: int, away: float) -> PathPoint:
        x = (step - QUANTIZED) / 100
        y = away * max(x, 0.0) - 0.02 * min(x, 0.0) ** 2
        seen = 0.9 + step / 20_000 + away / 100, 0.5 + step / 10_000 + away / 10
        reading = Reading(round(2 - step / 1000 - away / 7, 6), 60 + step // 100)
        return PathPoint(step, x, y, abs(x) / 7, *seen, reading)

    def arm(name: str, method: str, bits: int, away: float) -> Arm:
        return Arm(
            ModelReference(name, method, bits, False, 0, "0" * 64),
            1120,
            f"python -m qtdog train --data pacs --target sketch --method {method}",
            "0123456789abcdef",
            "fedcba9876543210",
            1234.5,
            "a machine",
            "Python 3",
            tuple(point(step, away) for step in STEPS if step > QUANTIZED),
        )

    axis = tuple(float(place) for place in range(-6, 10, 3))
    return Trajectories(
        "sketch",
        ImageSample("pacs", ("sketch",), split, 128, 0, "some", "1" * 64),
        "weights",
        QUANTIZED,
        1200,
        0.62,
        (0.5, 0.2, 0.1, 0.05, 0.04),
        axis,
        axis,
        tuple(point(step, 0.0) for step in STEPS if step <= QUANTIZED),
        (arm("erm-seed0", "erm", 32, 0.0), arm("qt-dog-7bit-seed0", "qt-dog", 7, 0.8)),
        Provenance("0123456789abcdef", "a machine", "Python 3"),
        tuple(
            tuple(Reading(round(math.hypot(x - 5, y - 3), 6), int(abs(x))) for x in axis)
            for y in axis
        ),
    )
