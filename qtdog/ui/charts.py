"""Small charts as SVG: pure functions, numbers in, text out.

For charts that follow a slider: a text field updates without a flicker, the page's own colours
reach into it in light and dark, and it prints.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape

WIDTH = 480
LEFT, RIGHT, TOP, BOTTOM = 62, 12, 10, 46

Point = tuple[float, float]


@dataclass(frozen=True)
class Axis:
    """From `low` to `high`; `ticks` are (value, text), by default round numbers."""

    low: float
    high: float
    label: str
    ticks: tuple[tuple[float, str], ...] = ()

    def marks(self) -> tuple[tuple[float, str], ...]:
        """The ticks."""
        return self.ticks or tuple((tick, number(tick)) for tick in round_ticks(self))


@dataclass
class Chart:
    """Draw with the methods, in order from back to front, then take `svg`.

    `ink` is a CSS colour everywhere, mostly a variable such as "var(--erm)".
    """

    x: Axis
    y: Axis
    description: str
    """What it shows, for those who cannot see it."""
    height: int = 250
    _parts: list[str] = field(default_factory=list)

    def bars(self, edges: Sequence[float], heights: Sequence[float], ink: str) -> None:
        """A bar for each pair of neighbouring edges; its numbers appear under the mouse."""
        for left, right, value in zip(edges, edges[1:], heights, strict=False):
            if not value:
                continue
            x, end, top = self._x(left), self._x(right), self._y(value)
            title = f"{number(left)} to {number(right)}: {number(value)}"
            self._add(
                f'<rect x="{x:.1f}" y="{top:.1f}" width="{max(end - x - 0.4, 0.6):.1f}" height="'
                f'{self._y(self.y.low) - top:.1f}" fill="{ink}"><title>{title}</title></rect>'
            )

    def line(self, points: Iterable[Point], ink: str, style: str = "", width: float = 2.2) -> None:
        """Through the points, in order. `style`: "dashed", "dotted" or ""."""
        dash = {"dashed": "7 5", "dotted": "2 4"}.get(style, "")
        path = " ".join(f"{self._x(x):.1f},{self._y(y):.1f}" for x, y in points)
        self._add(
            f'<polyline points="{path}" fill="none" stroke="{ink}" stroke-width="{width}" '
            f'stroke-dasharray="{dash}" stroke-linejoin="round"/>'
        )

    def markers(self, points: Iterable[Point], ink: str, marker: str) -> None:
        """A character at each point, named under the mouse."""
        for x, y in points:
            self._add(
                f'<text class="marker" x="{self._x(x):.1f}" y="{self._y(y) + 5:.1f}" '
                f'fill="{ink}">{marker}<title>{number(x)}: {number(y)}</title></text>'
            )

    def verticals(self, places: Iterable[float], ink: str, width: float = 1) -> None:
        """Lines from bottom to top; those outside the chart are left out."""
        lines = "".join(
            f"M{self._x(x):.1f} {TOP}V{self.height - BOTTOM}"
            for x in places
            if self.x.low <= x <= self.x.high
        )
        self._add(f'<path d="{lines}" stroke="{ink}" stroke-width="{width}"/>')

    def band(self, low: float, high: float, ink: str) -> None:
        """A shaded stretch of the x axis, cut at the chart's ends."""
        low, high = max(low, self.x.low), min(high, self.x.high)
        if low < high:
            self._add(
                f'<rect x="{self._x(low):.1f}" y="{TOP}" fill="{ink}" width="'
                f'{self._x(high) - self._x(low):.1f}" height="{self.height - BOTTOM - TOP}"/>'
            )

    def text(self, x: float, y: float, words: str, ink: str, anchor: str = "start") -> None:
        """A label in the chart."""
        self._add(
            f'<text class="note" x="{self._x(x):.1f}" y="{self._y(y):.1f}" fill="{ink}" '
            f'text-anchor="{anchor}">{escape(words)}</text>'
        )

    def svg(self) -> str:
        """The chart as an `<svg>`, as wide as its place."""
        bottom, middle = self.height - BOTTOM, (TOP + self.height - BOTTOM) / 2
        axes = [f'<path class="axis" d="M{LEFT} {bottom}H{WIDTH - RIGHT}"/>']
        for value, words in self.x.marks():
            axes.append(
                f'<text class="tick" x="{self._x(value):.1f}" y="{bottom + 17}" '
                f'text-anchor="middle">{escape(words)}</text>'
            )
        for value, words in self.y.marks():
            axes.append(
                f'<path class="rule" d="M{LEFT} {self._y(value):.1f}H{WIDTH - RIGHT}"/>'
                f'<text class="tick" x="{LEFT - 7}" y="{self._y(value) + 4.5:.1f}" '
                f'text-anchor="end">{escape(words)}</text>'
            )
        axes.append(
            f'<text class="label" x="{(LEFT + WIDTH - RIGHT) / 2}" y="{self.height - 8}" '
            f'text-anchor="middle">{escape(self.x.label)}</text>'
            f'<text class="label" transform="translate(14 {middle}) rotate(-90)" '
            f'text-anchor="middle">{escape(self.y.label)}</text>'
        )
        return (
            f'<svg class="chart" viewBox="0 0 {WIDTH} {self.height}" role="img" '
            f'aria-label="{escape(self.description)}">{"".join(axes)}{"".join(self._parts)}</svg>'
        )

    def _add(self, part: str) -> None:
        self._parts.append(part)

    def _x(self, value: float) -> float:
        share = (value - self.x.low) / (self.x.high - self.x.low)
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def _y(self, value: float) -> float:
        share = (value - self.y.low) / (self.y.high - self.y.low)
        return self.height - BOTTOM - share * (self.height - BOTTOM - TOP)


def round_ticks(axis: Axis, about: int = 5) -> list[float]:
    """Some `about` multiples of 1, 2 or 5 times a power of ten within an axis."""
    rough = (axis.high - axis.low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
    first = math.ceil(axis.low / step - 1e-9)
    last = math.floor(axis.high / step + 1e-9)
    return [place * step for place in range(first, last + 1)]


def number(value: float) -> str:
    """Three digits that matter: 1,234, 12.3, 0.0123; never "-0"."""
    if value == round(value) and abs(value) < 1e15:
        return f"{abs(value) if value == 0 else value:,.0f}"
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]], caption: str) -> str:
    """A plain table; the first cell of a row is its heading."""
    heads = "".join(f'<th scope="col">{escape(each)}</th>' for each in head)
    body = "".join(
        f'<tr><th scope="row">{escape(row[0])}</th>'
        + "".join(f"<td>{escape(cell)}</td>" for cell in row[1:])
        + "</tr>"
        for row in rows
    )
    return (
        f'<table class="numbers"><caption>{escape(caption)}</caption>'
        f"<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"
    )


def folded(summary: str, content: str) -> str:
    """Content that opens on demand."""
    return (
        f'<details class="folded"><summary>{escape(summary)}</summary>'
        f'<div class="scroll" tabindex="0">{content}</div></details>'
    )


def figure(title: str, chart: str, legend: str = "", table: str = "") -> str:
    """A chart under its title, with a legend and its numbers as a table that opens."""
    below = folded("The same as a table", table) if table else ""
    return f'<figure class="plot"><figcaption>{title}{legend}</figcaption>{chart}{below}</figure>'


def legend(entries: Iterable[tuple[str, str, str]]) -> str:
    """(marker, ink, words) in one line."""
    parts = "".join(
        f'<span><b style="color:{ink}" aria-hidden="true">{marker}</b> {escape(words)}</span>'
        for marker, ink, words in entries
    )
    return f'<span class="legend">{parts}</span>'
