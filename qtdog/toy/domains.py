"""Two moons in three source domains and a held-out one, for many seeds at once."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from qtdog.toy.draws import ANGLES, SCATTER, THIRD, normal, uniform
from qtdog.toy.settings import Settings

SOURCES = 3
MOST_POINTS = 4096
"""Room for a domain's points in the streams."""
THIRD_SPREAD = 0.3
"""Deviation of the third input from -1 or 1."""


@dataclass(frozen=True)
class Points:
    """Of some domains, for every seed."""

    inputs: Tensor  # (seeds, points, 2 or 3)
    labels: Tensor  # (points,), 0 or 1 in turn: the same for every seed


def domains(seeds: NDArray[np.integer], settings: Settings) -> tuple[Points, Points]:
    """The points of the three source domains together, and of the held-out one."""
    parts = [_domain(seeds, settings, place, settings.points) for place in range(SOURCES)]
    labels = torch.arange(settings.points).remainder(2).repeat(SOURCES)
    held_out = _domain(seeds, settings, SOURCES, SOURCES * settings.points)
    return (
        Points(torch.from_numpy(np.concatenate(parts, 1)), labels),
        Points(torch.from_numpy(held_out), torch.arange(held_out.shape[1]).remainder(2)),
    )


def _domain(
    seeds: NDArray[np.integer], settings: Settings, domain: int, count: int
) -> NDArray[np.float64]:
    """(seeds, count, 2 or 3): one domain's points, the two classes in turn."""
    places = domain * MOST_POINTS + np.arange(count)
    second = np.arange(count) % 2 == 1
    angle = np.pi * uniform(seeds, ANGLES, places)
    x = np.where(second, 1 - np.cos(angle), np.cos(angle)) - 0.5
    y = np.where(second, 0.5 - np.sin(angle), np.sin(angle)) - 0.25
    noise = settings.noise * _times(settings, "noise", domain)
    x = x + noise * normal(seeds, SCATTER, 2 * places)
    y = y + noise * normal(seeds, SCATTER, 2 * places + 1)
    turn = np.deg2rad(_from_middle(settings, "rotation", domain))
    size = _times(settings, "scale", domain)
    moved = _from_middle(settings, "displacement", domain)
    columns = [
        size * (x * np.cos(turn) - y * np.sin(turn)) + moved,
        size * (x * np.sin(turn) + y * np.cos(turn)),
    ]
    if settings.shift == "correlation":
        # In the held-out domain it tells nothing; in one source less than in the one before.
        tells = 0.5 if domain == SOURCES else settings.strength - 0.05 * domain
        agrees = uniform(seeds, THIRD, 3 * places) < tells
        spread = THIRD_SPREAD * normal(seeds, THIRD, 3 * places + MOST_POINTS * 32)
        columns.append(np.where(agrees == second, 1.0, -1.0) + spread)
    return np.stack(columns, -1)


def _from_middle(settings: Settings, shift: str, domain: int) -> float:
    """The held-out domain has the whole strength, the sources minus a half of it, 0 and a half."""
    if settings.shift != shift:
        return 0.0
    return settings.strength * (-0.5, 0.0, 0.5, 1.0)[domain]


def _times(settings: Settings, shift: str, domain: int) -> float:
    """The same around 1, with a third: a factor must not become negative."""
    if settings.shift != shift:
        return 1.0
    return 1 + (settings.strength - 1) * (-1 / 3, 0.0, 1 / 3, 1.0)[domain]
