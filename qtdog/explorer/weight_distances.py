"""Weights of two networks with the same architecture, set against each other layer by layer."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from qtdog.explorer.rounding import WEIGHT_BINS

if TYPE_CHECKING:
    from qtdog.quantization import Levels

MOST_POINTS = 1500
"""Weights that are drawn one by one; more of them are counted in cells."""
CELLS = 48
SHOWN_SHARE = 0.999
MOST_CHANNELS = 8

Pair = tuple[float, float]


def nearest_codes(weight: np.ndarray, step_size: np.ndarray, levels: Levels) -> np.ndarray:
    """The codes, int8, that a weight (out, ...) takes when it is rounded to these levels."""
    import torch  # the page opens without it

    steps = torch.from_numpy(_positive(step_size))
    return levels.codes(torch.from_numpy(weight), steps).numpy()


def _positive(step_size: np.ndarray) -> np.ndarray:
    return np.where(step_size == 0, np.float32(1), step_size)


@dataclass(frozen=True)
class Codes:
    """A quantized weight as it is stored: `codes` (out, ...) int8, `step_size` (out,) or (1,)."""

    codes: np.ndarray
    step_size: np.ndarray
    levels: Levels

    @property
    def along_channels(self) -> np.ndarray:
        """The step sizes, shaped to be multiplied with the weight; 1 for one of 0, which makes
        every weight of its channel 0."""
        return _positive(self.step_size).reshape(-1, *[1] * (self.codes.ndim - 1))

    def of(self, weight: np.ndarray) -> np.ndarray:
        """The codes that a weight (out, ...) takes when it is rounded to these levels."""
        return nearest_codes(weight, self.step_size, self.levels)

    def values(self, codes: np.ndarray) -> np.ndarray:
        """The weights (out, ...) that codes of the same shape stand for."""
        import torch

        return self.levels.values(torch.from_numpy(codes), torch.from_numpy(self.step_size)).numpy()

    @property
    def all_levels(self) -> np.ndarray:
        """Every level in step sizes, from the smallest."""
        import torch

        smallest, largest = self.levels.code_range
        return self.levels.values(torch.arange(smallest, largest + 1), torch.ones(1)).numpy()


@dataclass(frozen=True)
class LayerWeights:
    """One layer's weight (out, ...) float32, batch norm folded; its codes if it is quantized."""

    kind: str
    """In words: "depthwise 3×3 convolution"."""
    values: np.ndarray
    quantized: Codes | None = None


@dataclass(frozen=True)
class LayerDistance:
    """How far a layer of one network is from the same layer of another."""

    name: str
    kind: str
    shape: tuple[int, ...]
    norms: Pair
    """Root of the summed squares, of the first and the second."""
    distance: float | None
    """Norm of the difference over the first's norm; None where that is 0."""
    cosine: float | None
    """Between the two as vectors, -1..1; None where one is 0."""
    codes_used: tuple[int | None, int | None]
    """How many different codes the first and the second have; None in full precision."""
    codes_possible: tuple[int | None, int | None]
    step_sizes: tuple[float | None, float | None]
    """Medians over the channels, by magnitude; None in full precision."""
    rounding: float | None
    """What rounding the other network to the levels of the quantized one would move it by, over
    its norm. None where both are in full precision."""
    changed: int | None
    """Weights of the other network that, rounded to the levels of the quantized one, take another
    code than the quantized one has there; None where both are in full precision."""

    @property
    def weights(self) -> int:
        """How many."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class NotCommon:
    """A layer that only one has, or that has another shape in each; None where it is missing."""

    name: str
    shapes: tuple[tuple[int, ...] | None, tuple[int, ...] | None]


@dataclass(frozen=True)
class Whole:
    """All common layers as one vector; see `LayerDistance`. `changed`: of `quantized` weights."""

    distance: float | None
    cosine: float | None
    rounding: float | None
    changed: int
    quantized: int


@dataclass(frozen=True)
class ChannelDistance:
    """One output channel, by its place from 1."""

    channel: int
    norms: Pair
    distance: float | None
    cosine: float | None


@dataclass(frozen=True)
class Cell:
    """`count` weights are about `first` in one network and about `second` in the other."""

    first: float
    second: float
    count: int


@dataclass(frozen=True)
class LayerPair:
    """One layer of both, in the unit that their levels share."""

    layer: LayerDistance
    by_channel: bool
    """Channels have different levels. Weights are divided by a unit of their own channel: the step
    size, or, of powers of two, the largest level; else they are the weights themselves."""
    uniform: bool
    grid: tuple[float, ...]
    """The levels, in that unit; none where both are in full precision."""
    edges: tuple[float, ...]
    counts: tuple[tuple[int, ...], tuple[int, ...]]
    """Histograms of the first and the second over `edges`, which end about where the scatter does:
    of many weights, a few lie farther out."""
    channels: tuple[ChannelDistance, ...]
    """Those that differ most, the farthest first."""
    reach: float
    """The scatter goes from minus this to this, in the unit."""
    cells: tuple[Cell, ...]
    """Cells of `reach` / 24 a side that hold weights; or, of few weights, each of them."""
    single: bool
    """Whether the cells are single weights."""
    outside: int
    """Weights beyond `reach`, which no cell holds."""


def distances(
    first: Mapping[str, LayerWeights], second: Mapping[str, LayerWeights]
) -> tuple[tuple[LayerDistance, ...], tuple[NotCommon, ...]]:
    """The layers that both have, in the first's order, and those that are not common."""
    names = [*first, *(name for name in second if name not in first)]
    common, others = [], []
    for name in names:
        one, other = (of[name].values.shape if name in of else None for of in (first, second))
        if one == other:
            common.append(distance(name, first[name], second[name]))
        else:
            others.append(NotCommon(name, (one, other)))
    return tuple(common), tuple(others)


def distance(name: str, first: LayerWeights, second: LayerWeights) -> LayerDistance:
    """How far two weights of the same shape are apart."""
    gap, norms, cosine = _apart(first.values, second.values)
    both = (first.quantized, second.quantized)
    rounding, changed = _rounded(first, second)
    return LayerDistance(
        name=name,
        kind=first.kind,
        shape=first.values.shape,
        norms=norms,
        distance=gap,
        cosine=cosine,
        codes_used=_of_both(both, lambda one: len(np.unique(one.codes))),
        codes_possible=_of_both(both, lambda one: len(one.all_levels)),
        step_sizes=_of_both(both, lambda one: float(np.median(np.abs(one.step_size)))),
        rounding=rounding,
        changed=changed,
    )


def whole(layers: Sequence[LayerDistance]) -> Whole:
    """All layers taken together."""
    squares = [sum(one.norms[side] ** 2 for one in layers) for side in (0, 1)]
    apart = sum(((one.distance or 0) * one.norms[0]) ** 2 for one in layers)
    along = sum((one.cosine or 0) * one.norms[0] * one.norms[1] for one in layers)
    quantized = [one for one in layers if one.changed is not None]
    rounded_from = 0 if _second_has_levels(quantized) else 1
    moved = sum(((one.rounding or 0) * one.norms[rounded_from]) ** 2 for one in quantized)
    of = sum(one.norms[rounded_from] ** 2 for one in quantized)
    return Whole(
        distance=_ratio(math.sqrt(apart), math.sqrt(squares[0])),
        cosine=_ratio(along, math.sqrt(squares[0] * squares[1])),
        rounding=_ratio(math.sqrt(moved), math.sqrt(of)),
        changed=sum(one.changed or 0 for one in quantized),
        quantized=sum(one.weights for one in quantized),
    )


def layer_pair(name: str, first: LayerWeights, second: LayerWeights) -> LayerPair:
    """One layer of both in detail."""
    layer = distance(name, first, second)
    shared = second.quantized or first.quantized
    values = [one.values.astype(np.float64) for one in (first, second)]
    by_channel = shared is not None and len(shared.step_size) > 1
    uniform = shared is None or shared.levels.ends[0] == shared.levels.code_range[0]
    levels = shared.all_levels.astype(np.float64) if shared else np.empty(0)
    if shared is not None:
        unit = 1.0 if uniform else levels[-1]
        steps = shared.along_channels.astype(np.float64)
        values = [one / (steps * unit) for one in values]
        levels = levels / unit
        if not by_channel:
            scale = float(steps.reshape(-1)[0]) * unit
            values, levels = [one * scale for one in values], levels * scale
    reach, cells, single, outside = _scatter(values[0].ravel(), values[1].ravel())
    edges = _edges(values, levels if uniform else np.empty(0), reach)
    counts = tuple(tuple(np.histogram(one, edges)[0].tolist()) for one in values)
    return LayerPair(
        layer=layer,
        by_channel=by_channel,
        uniform=uniform,
        grid=tuple(sorted(levels.tolist())),
        edges=tuple(edges.tolist()),
        counts=(counts[0], counts[1]),
        channels=_farthest_channels(first.values, second.values),
        reach=reach,
        cells=cells,
        single=single,
        outside=outside,
    )


def _second_has_levels(layers: Sequence[LayerDistance]) -> bool:
    return any(one.codes_used[1] is not None for one in layers)


def _rounded(first: LayerWeights, second: LayerWeights) -> tuple[float | None, int | None]:
    """The other network on the levels of the quantized one, the second where both are."""
    other, quantized = (first, second) if second.quantized else (second, first)
    if (levels := quantized.quantized) is None:
        return None, None
    codes = levels.of(other.values)
    moved, *_ = _apart(other.values, levels.values(codes))
    return moved, int((codes != levels.codes).sum())


def _apart(first: np.ndarray, second: np.ndarray) -> tuple[float | None, Pair, float | None]:
    """Relative distance, norms, cosine."""
    a, b = first.astype(np.float64).ravel(), second.astype(np.float64).ravel()
    norms = float(np.linalg.norm(a)), float(np.linalg.norm(b))
    gap = _ratio(float(np.linalg.norm(a - b)), norms[0])
    return gap, norms, _ratio(float(a @ b), norms[0] * norms[1])


def _farthest_channels(first: np.ndarray, second: np.ndarray) -> tuple[ChannelDistance, ...]:
    found = [
        ChannelDistance(place, norms, gap, cosine)
        for place, (gap, norms, cosine) in enumerate(map(_apart, first, second), start=1)
    ]
    return tuple(sorted(found, key=lambda one: -(one.distance or 0))[:MOST_CHANNELS])


def _edges(values: Sequence[np.ndarray], levels: np.ndarray, reach: float) -> np.ndarray:
    """Of bins that have the evenly spaced levels in the middle of every, every third or every fifth
    of them; without such levels, of equal bins. They begin and end within `reach` of 0."""
    low = max(min(float(one.min()) for one in values), -reach)
    high = min(max(float(one.max()) for one in values), reach)
    if len(levels) < 2:
        return np.linspace(low, high if high > low else low + 1, WEIGHT_BINS + 1)
    gap = abs(levels[1] - levels[0])
    first, last = math.floor(low / gap), math.ceil(high / gap)
    finer = next(parts for parts, most in ((5, 12), (3, 40), (1, math.inf)) if last - first <= most)
    return (np.arange((last - first + 1) * finer + 1) / finer + first - 0.5) * gap


def _scatter(first: np.ndarray, second: np.ndarray) -> tuple[float, tuple[Cell, ...], bool, int]:
    """Few weights one by one, many counted in cells; a thousandth of many lies outside."""
    single = len(first) <= MOST_POINTS
    farther = np.maximum(np.abs(first), np.abs(second))
    reach = float(farther.max() if single else np.quantile(farther, SHOWN_SHARE)) or 1.0
    if single:
        cells = (Cell(float(x), float(y), 1) for x, y in zip(first, second, strict=True))
        return reach, tuple(cells), True, 0
    counts, edges, _ = np.histogram2d(first, second, CELLS, [[-reach, reach]] * 2)
    middles = (edges[1:] + edges[:-1]) / 2
    cells = (
        Cell(float(middles[x]), float(middles[y]), int(counts[x, y]))
        for x, y in np.argwhere(counts)
    )
    return reach, tuple(cells), False, len(first) - int(counts.sum())


def _of_both(both: Sequence[Codes | None], measure) -> tuple:
    return tuple(None if one is None else measure(one) for one in both)


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None
