"""Two toys for "Learn": a curve that is rounded, and noise in two valleys. Illustrations with exact
numbers, not measurements."""

import math
from dataclasses import dataclass

from qtdog.ui import charts
from qtdog.ui.charts import Axis, Chart, number
from qtdog.ui.markup import Markup, html

TOY_NOTE = html('<p class="toy-note">An illustration with a made-up curve, not a measurement.</p>')
SUPERSCRIPT = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
POINTS = 241  # of a drawn curve
# No model is meant, so no model's colour is used.
FAINT, STRONG = "var(--toy)", "currentColor"


@dataclass(frozen=True)
class RoundedCurve:
    """A curve from -1 to 1 on 2^b evenly spaced levels, the outermost half a step from its ends, so
    that nothing is cut off and one bit shows both of its levels: step size = 2 / 2^b."""

    bits: int
    levels: int
    step_size: float
    largest_error: float
    """Half a step size."""
    typical_error: float
    """Step size / sqrt(12): the root mean square of errors that are uniform within half a step."""
    curve: tuple[tuple[float, float], ...]
    rounded: tuple[tuple[float, float], ...]


def rounded_curve(bits: int) -> RoundedCurve:
    """The curve at 1 to 8 bits."""
    step = 2 / 2**bits
    places = [place / (POINTS - 1) for place in range(POINTS)]
    curve = [(x, math.sin(2 * math.pi * x) * (1 - 0.35 * x)) for x in places]
    rounded = [(x, level_of(min(math.floor((y + 1) / step), 2**bits - 1), step)) for x, y in curve]
    return RoundedCurve(
        bits, 2**bits, step, step / 2, step / math.sqrt(12), tuple(curve), tuple(rounded)
    )


def level_of(code: int, step: float) -> float:
    """The value of a level, counted from the lowest: 0."""
    return -1 + (code + 0.5) * step


def rounding_toy(bits: int) -> Markup:
    """The curve, its rounded self, and the numbers."""
    toy = rounded_curve(bits)
    chart = Chart(
        Axis(0, 1, "place on the curve", ((0, ""), (1, ""))),
        Axis(-1.1, 1.1, "value", ((-1, "-1"), (0, "0"), (1, "1"))),
        f"A smooth curve and the same curve rounded to {toy.levels} levels",
        height=240,
    )
    if toy.levels <= 32:
        for code in range(toy.levels):
            level = level_of(code, toy.step_size)
            chart.line([(0, level), (1, level)], "var(--line)", width=1)
    chart.line(toy.curve, FAINT, width=2.6)
    chart.line(toy.rounded, STRONG, width=2)
    legend = charts.legend([("━", FAINT, "the curve"), ("━", STRONG, "rounded")])
    facts = charts.table(
        ("", f"{bits} {'bit' if bits == 1 else 'bits'}"),
        [
            ("levels", f"2{str(bits).translate(SUPERSCRIPT)} = {toy.levels}"),
            ("step size", number(toy.step_size)),
            ("largest error (half a step)", number(toy.largest_error)),
            ("typical error (step ÷ √12)", number(toy.typical_error)),
            ("memory of a million weights", f"{number(bits / 8)} MB instead of 4 MB"),
        ],
        "In numbers",
    )
    title = f"A curve with {toy.levels} levels"
    return html(
        '<div class="toy">{}<div>{}{}</div></div>',
        charts.figure(title, chart.svg(), legend),
        facts,
        TOY_NOTE,
    )


@dataclass(frozen=True)
class Valley:
    """A loss with one minimum: loss(w) = floor + curvature * (w - bottom)^2 / 2."""

    name: str
    bottom: float
    floor: float
    curvature: float

    def loss(self, weight: float) -> float:
        """Without noise."""
        return self.floor + self.curvature * (weight - self.bottom) ** 2 / 2

    def expected_loss(self, step_size: float) -> float:
        """At the bottom, with rounding noise uniform in -s/2..s/2, whose variance is s^2 / 12:
        floor + curvature * s^2 / 24. Exact, since the loss is a parabola."""
        return self.floor + self.curvature * step_size**2 / 24


NARROW = Valley("narrow valley", -1.2, 0.1, 24.0)
WIDE = Valley("wide valley", 1.2, 0.25, 1.5)


def even_step_size() -> float:
    """The step size at which both valleys are equally good."""
    return math.sqrt(24 * (WIDE.floor - NARROW.floor) / (NARROW.curvature - WIDE.curvature))


def valley_toy(step_size: float) -> Markup:
    """Both valleys, how far the noise reaches in each, and the expected losses."""
    top = 1.6
    chart = Chart(
        Axis(-3, 3, "a weight", ((-1.2, "narrow"), (1.2, "wide"))),
        Axis(0, top, "loss (small is good)", ((0, "0"), (0.5, "0.5"), (1, "1"), (1.5, "1.5"))),
        f"Two valleys of a loss; noise of step size {number(step_size)} reaches as far as shaded",
        height=260,
    )
    inks = {NARROW: FAINT, WIDE: STRONG}
    for valley, ink in inks.items():
        half = step_size / 2
        chart.band(valley.bottom - half, valley.bottom + half, "var(--noise-reach)")
        reach = math.sqrt(2 * (top - valley.floor) / valley.curvature)
        # The curves end where they meet, at the foot of the hill between them.
        low, high = max(-3, valley.bottom - reach), min(3, valley.bottom + reach)
        points = [low + (high - low) * place / (POINTS - 1) for place in range(POINTS)]
        chart.line([(w, valley.loss(w)) for w in points], ink, width=2.6)
        expected = valley.expected_loss(step_size)
        if expected <= top:
            left, right = valley.bottom - 0.55, valley.bottom + 0.55
            chart.line([(left, expected), (right, expected)], ink, "dashed", 2)
    marks = charts.legend(
        [
            ("━", FAINT, NARROW.name),
            ("━", STRONG, WIDE.name),
            ("■", "var(--noise-reach)", "where noise takes the weight"),
            ("┄", "currentColor", "expected loss"),
        ]
    )
    table = charts.table(
        ("", NARROW.name, WIDE.name),
        [
            ("loss without noise", f"{NARROW.floor:.3f}", f"{WIDE.floor:.3f}"),
            (
                "expected loss with noise",
                f"{NARROW.expected_loss(step_size):.3f}",
                f"{WIDE.expected_loss(step_size):.3f}",
            ),
            (
                "of which noise adds",
                f"{NARROW.expected_loss(step_size) - NARROW.floor:.3f}",
                f"{WIDE.expected_loss(step_size) - WIDE.floor:.3f}",
            ),
        ],
        "In numbers",
    )
    said = html('<p class="toy-said" role="status">{}</p>', valley_sentence(step_size))
    title = f"Noise with a step size of {number(step_size)}"
    return html(
        '<div class="toy">{}<div>{}{}{}</div></div>',
        charts.figure(title, chart.svg(), marks),
        said,
        table,
        TOY_NOTE,
    )


def valley_sentence(step_size: float) -> str:
    """Which valley is the better place at this noise."""
    narrow, wide = NARROW.expected_loss(step_size), WIDE.expected_loss(step_size)
    turn = f"They change places at a step size of {even_step_size():.2f}."
    if step_size == 0:
        return f"Without noise the narrow valley is better: it is deeper. {turn}"
    if narrow < wide:
        return f"The narrow valley is still better, though noise has raised it more. {turn}"
    return f"Now the wide valley is better: noise costs little there. {turn}"
