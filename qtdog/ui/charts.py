"""Small charts as SVG: pure functions, numbers in, text out.

For charts that follow a slider: a text field updates without a flicker, the page's own colours
reach into it in light and dark, and it prints.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from qtdog.ui.markup import Markup, html, join

WIDTH = 480
LEFT, RIGHT, TOP, BOTTOM = 76, 12, 10, 46

Point = tuple[float, float]

TOOLS = html(
    '<div class="figure-tools" role="group" aria-label="This figure">'
    '<button type="button" data-figure="picture">Copy picture</button>'
    '<button type="button" data-figure="csv">CSV</button>'
    '<button type="button" data-figure="link">Link</button></div>'
)
"""What goes with a figure, for the modules in qtdog/web/figures: hidden where they are not."""


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
                html(
                    '<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="'
                    '{:.1f}" fill="{}"><title>{}</title></rect>',
                    x,
                    top,
                    max(end - x - 0.4, 0.6),
                    self._y(self.y.low) - top,
                    ink,
                    title,
                )
            )

    def line(self, points: Iterable[Point], ink: str, style: str = "", width: float = 2.2) -> None:
        """Through the points, in order. `style`: "dashed", "dotted" or ""."""
        dash = {"dashed": "7 5", "dotted": "2 4"}.get(style, "")
        path = " ".join(f"{self._x(x):.1f},{self._y(y):.1f}" for x, y in points)
        self._add(
            html(
                '<polyline points="{}" fill="none" stroke="{}" stroke-width="{}" '
                'stroke-dasharray="{}" stroke-linejoin="round"/>',
                path,
                ink,
                width,
                dash,
            )
        )

    def markers(self, points: Iterable[Point], ink: str, marker: str) -> None:
        """A character at each point, named under the mouse."""
        for x, y in points:
            self._add(
                html(
                    '<text class="marker" x="{:.1f}" y="{:.1f}" '
                    'fill="{}">{}<title>{}: {}</title></text>',
                    self._x(x),
                    self._y(y) + 5,
                    ink,
                    marker,
                    number(x),
                    number(y),
                )
            )

    @contextmanager
    def series(self) -> Iterator[None]:
        """What is drawn meanwhile is one element, which a script can hide."""
        before, self._parts = self._parts, []
        yield
        self._parts = [*before, html('<g class="series">{}</g>', join(self._parts))]

    def verticals(self, places: Iterable[float], ink: str, width: float = 1) -> None:
        """Lines from bottom to top; those outside the chart are left out."""
        lines = "".join(
            f"M{self._x(x):.1f} {TOP}V{self.height - BOTTOM}"
            for x in places
            if self.x.low <= x <= self.x.high
        )
        self._add(html('<path d="{}" stroke="{}" stroke-width="{}"/>', lines, ink, width))

    def band(self, low: float, high: float, ink: str) -> None:
        """A shaded stretch of the x axis, cut at the chart's ends."""
        low, high = max(low, self.x.low), min(high, self.x.high)
        if low < high:
            self._add(
                html(
                    '<rect x="{:.1f}" y="{}" fill="{}" width="{:.1f}" height="{}"/>',
                    self._x(low),
                    TOP,
                    ink,
                    self._x(high) - self._x(low),
                    self.height - BOTTOM - TOP,
                )
            )

    def box(
        self, x: tuple[float, float], y: tuple[float, float], ink: str, title: str, **look: str
    ) -> None:
        """A rectangle from corner to corner, named under the mouse. `look`: further attributes, "_"
        for "-" in their names."""
        left, right, low, high = self._x(x[0]), self._x(x[1]), self._y(y[0]), self._y(y[1])
        more = join(html(' {}="{}"', name.replace("_", "-"), value) for name, value in look.items())
        self._add(
            html(
                '<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" fill="{}"{}>'
                "<title>{}</title></rect>",
                *(left, high, right - left, low - high, ink, more, title),
            )
        )

    def dots(self, points: Iterable[Point], ink: str, opacity: float) -> None:
        """A small disc at each point."""
        discs = join(
            html('<circle cx="{:.1f}" cy="{:.1f}" r="2.4"/>', self._x(x), self._y(y))
            for x, y in points
        )
        self._add(html('<g fill="{}" fill-opacity="{}">{}</g>', ink, opacity, discs))

    def text(self, x: float, y: float, words: str, ink: str, anchor: str = "start") -> None:
        """A label in the chart."""
        self._add(
            html(
                '<text class="note" x="{:.1f}" y="{:.1f}" fill="{}" text-anchor="{}">{}</text>',
                self._x(x),
                self._y(y),
                ink,
                anchor,
                words,
            )
        )

    def svg(self) -> Markup:
        """The chart as an `<svg>`, as wide as its place."""
        bottom, middle = self.height - BOTTOM, (TOP + self.height - BOTTOM) / 2
        axes = [html('<path class="axis" d="M{} {}H{}"/>', LEFT, bottom, WIDTH - RIGHT)]
        for value, words in self.x.marks():
            axes.append(
                html(
                    '<text class="tick" x="{:.1f}" y="{}" text-anchor="middle">{}</text>',
                    self._x(value),
                    bottom + 17,
                    words,
                )
            )
        for value, words in self.y.marks():
            axes.append(
                html(
                    '<path class="rule" d="M{} {:.1f}H{}"/>'
                    '<text class="tick" x="{}" y="{:.1f}" '
                    'text-anchor="end">{}</text>',
                    LEFT,
                    self._y(value),
                    WIDTH - RIGHT,
                    LEFT - 7,
                    self._y(value) + 4.5,
                    words,
                )
            )
        axes.append(
            html(
                '<text class="label" x="{}" y="{}" '
                'text-anchor="middle">{}</text>'
                '<text class="label" transform="translate(14 {}) rotate(-90)" '
                'text-anchor="middle">{}</text>',
                (LEFT + WIDTH - RIGHT) / 2,
                self.height - 8,
                self.x.label,
                middle,
                self.y.label,
            )
        )
        return html(
            '<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}{}</svg>',
            WIDTH,
            self.height,
            self.description,
            join(axes),
            join(self._parts),
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


def table(head: Sequence[str], rows: Iterable[Sequence[str]], caption: str) -> Markup:
    """A plain table; the first cell of a row is its heading."""
    heads = join(html('<th scope="col">{}</th>', each) for each in head)
    body = join(
        html('<tr><th scope="row">{}</th>', row[0])
        + join(html("<td>{}</td>", cell) for cell in row[1:])
        + html("</tr>")
        for row in rows
    )
    return html(
        '<table class="numbers"><caption>{}</caption>'
        "<thead><tr>{}</tr></thead><tbody>{}</tbody></table>",
        caption,
        heads,
        body,
    )


def folded(summary: str, content: str) -> Markup:
    """Content that opens on demand."""
    return html(
        '<details class="folded"><summary>{}</summary>'
        '<div class="scroll" tabindex="0">{}</div></details>',
        summary,
        content,
    )


def figure(title: str, chart: str, legend: str = "", table: str = "", csv: str = "") -> Markup:
    """A chart under its title, with a legend and its numbers as a table that opens. `csv`: the
    numbers as a file, where no table in the figure or beside it has them."""
    below = folded("The same as a table", table) if table else ""
    numbers = html('<span data-csv="{}" hidden></span>', csv) if csv else ""
    return html(
        '<figure class="plot"><figcaption>{}{}</figcaption>{}{}{}{}</figure>',
        title,
        legend,
        chart,
        below,
        numbers,
        TOOLS,
    )


def legend(entries: Iterable[tuple[str, str, str]]) -> Markup:
    """(marker, ink, words) in one line."""
    parts = join(
        html('<span><b style="color:{}" aria-hidden="true">{}</b> {}</span>', ink, marker, words)
        for marker, ink, words in entries
    )
    return html('<span class="legend">{}</span>', parts)
