"""The Shift it tab's filmstrip, chart and sentences: pure functions, predictions in, text out."""

import base64
import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from PIL import Image

from qtdog.predictions import Prediction
from qtdog.shifts import MAX_SIDE, MOST_SEVERE, SEVERITIES, Shift
from qtdog.ui import charts
from qtdog.ui.charts import Axis, Chart
from qtdog.ui.sentences import listed, percent, plain
from qtdog.ui.theme import METHOD_STYLES

FRAME_SIDE = 200  # px of a picture in the filmstrip
NOTES = (
    f'<div class="foot"><p>Pictures over {MAX_SIDE} px are shrunk to that first, so that a shift '
    "is as strong in a large picture as in a small one. The strengths are ours: severity 3 of two "
    "different shifts need not be equally hard. One picture is an example, "
    "not a measurement; measured accuracies are on the Results tab.</p></div>"
)

Steps = Sequence[tuple[Prediction, ...]]
"""The models' predictions at each of `SEVERITIES`."""


@dataclass(frozen=True)
class Break:
    """Where one model first says another class than the chosen one."""

    model: str
    severity: int | None
    """None: never up to the most severe."""
    says: str
    """What it says there; empty without a break."""
    recovers: int | None
    """The first severity after that at which it says the chosen class again, if any."""


def breaks(steps: Steps, label: str) -> list[Break]:
    """One record a model, in the service's order."""
    found = []
    for series in zip(*steps, strict=True):
        said = [one.label for one in series]
        first = next((place for place, each in enumerate(said) if each != label), None)
        again = None
        if first is not None and label in said[first:]:
            again = SEVERITIES[said.index(label, first)]
        severity = None if first is None else SEVERITIES[first]
        found.append(Break(series[0].model, severity, "" if first is None else said[first], again))
    return found


def sentence(steps: Steps, label: str) -> str:
    """Which model breaks first, as HTML."""
    found = breaks(steps, label)
    broken = [one for one in found if one.severity is not None]
    firm = [one.model for one in found if one.severity is None]
    name = plain(label)
    if not broken:
        none = "none of them breaks" if len(firm) > 1 else "it does not break"
        return _summary(f"{listed(firm)} {_say(firm)} {name} at every severity: {none}.", "")
    first = min(one.severity for one in broken)
    earliest = [one for one in broken if one.severity == first]
    models = [one.model for one in earliest]
    says = listed(list(dict.fromkeys(plain(one.says) for one in earliest)))
    if first == 0:
        lead = f"{listed(models)} {_say(models)} {says} and not {name}, even unchanged."
    else:
        verb = "breaks" if len(models) == 1 else "break"
        lead = f"{listed(models)} {verb} first, at severity {first}, and {_say(models)} {says}."
    asides = [
        f"{one.model} follows at severity {one.severity} ({plain(one.says)})."
        for one in sorted(broken, key=lambda one: one.severity)
        if one.severity != first
    ]
    if firm:
        asides.append(f"{listed(firm)} {_say(firm)} {name} up to severity {MOST_SEVERE}.")
    asides += [
        f"{one.model} says {name} again at severity {one.recovers}."
        for one in broken
        if one.recovers is not None
    ]
    return _summary(lead, " ".join(asides))


def filmstrip(images: Sequence[Image.Image], steps: Steps, label: str, shift: Shift) -> str:
    """Six pictures, each with what every model says."""
    frames = "".join(
        f'<li><img src="{_small(image)}" alt="{escape(shift.title)}, severity {severity}">'
        f'<p class="at">severity {severity}</p>{verdicts(predictions, label)}</li>'
        for severity, image, predictions in zip(SEVERITIES, images, steps, strict=True)
    )
    return f'<ol class="filmstrip" aria-label="{escape(shift.title)} in six steps">{frames}</ol>'


def verdicts(predictions: Sequence[Prediction], label: str, names: bool = False) -> str:
    """Each model's marker, class and probability; another class than `label` is marked."""
    rows = "".join(
        f'<li class="{"agrees" if one.label == label else "dissents"}" '
        f'style="--ink: var(--{one.method})" title="{escape(one.model)}">'
        f'<span class="marker" aria-hidden="true">{METHOD_STYLES[one.method].marker}</span>'
        f'<span class="{"who" if names else "spoken"}">{escape(one.model)}: </span>'
        f'<span class="class">{escape(plain(one.label))}</span>'
        f'<span class="sure">{percent(one.confidence)}</span></li>'
        for one in predictions
    )
    return f'<ul class="verdicts">{rows}</ul>'


def shifted(
    image: Image.Image,
    predictions: Sequence[Prediction],
    label: str,
    shift: Shift,
    severity: float,
) -> str:
    """The picture at the slider's severity, with verdicts and a link to save it as PNG."""
    name = f"{shift.name}-{severity:g}.png"
    title = f"{shift.title}, severity {severity:g}"
    # The link takes the picture's own data: sending it twice would make the slider slow.
    save = "this.href = this.closest('figure').querySelector('img').src"
    return (
        f'<figure class="shifted"><img src="{_png(image)}" alt="{escape(title)}">'
        f"<figcaption><b>{escape(title)}</b>{verdicts(predictions, label, names=True)}"
        f'<a class="save" href="#" download="{escape(name)}" onclick="{save}">'
        "Save this picture (PNG)</a></figcaption></figure>"
    )


def chart(
    steps: Steps, label: str, shift: Shift, severity: float, here: Sequence[Prediction]
) -> str:
    """Each model's probability of `label` against severity; the slider's place is a line.

    `here`: the predictions at `severity`.
    """
    name = plain(label)
    ticks = tuple((float(each), str(each)) for each in SEVERITIES)
    drawn = Chart(
        Axis(-0.15, MOST_SEVERE + 0.15, f"severity of: {shift.title.lower()}", ticks),
        Axis(-3, 103, f"probability of {name}, %", tuple((v, str(v)) for v in range(0, 101, 25))),
        f"Each model's probability of {name} at severities 0 to {MOST_SEVERE}; the table has the "
        "numbers",
        height=320,
    )
    drawn.verticals([severity], "var(--focus)", 1.5)
    for one in here:
        drawn.markers([(severity, 100 * _of(one, label))], "var(--focus)", "–")
    # EoQ behind, so that the lines it covers stay visible.
    for series in reversed(list(zip(*steps, strict=True))):
        ink = f"var(--{series[0].method})"
        points = [(at, 100 * _of(one, label)) for at, one in zip(SEVERITIES, series, strict=True)]
        drawn.line(points, ink)
        drawn.markers(points, ink, METHOD_STYLES[series[0].method].marker)
    legend = charts.legend(
        (METHOD_STYLES[one.method].marker, f"var(--{one.method})", one.model) for one in steps[0]
    )
    return charts.figure(f"Probability of {escape(name)}", drawn.svg(), legend)


def table(steps: Steps, label: str, shift: Shift) -> str:
    """The chart's numbers and each model's class, with a link to save them as CSV."""
    models = [one.model for one in steps[0]]
    rows = [
        [
            str(severity),
            *(f"{_exact(_of(one, label))} · {plain(one.label)}" for one in predictions),
        ]
        for severity, predictions in zip(SEVERITIES, steps, strict=True)
    ]
    caption = f"Probability of {plain(label)} · the class that the model says"
    listing = charts.table(["severity", *models], rows, caption)
    return (
        f'<div class="scroll wide" tabindex="0">{listing}</div>'
        f"<p>{csv_link(to_csv(steps, label, shift), f'{shift.name}.csv')}</p>"
    )


def to_csv(steps: Steps, label: str, shift: Shift) -> str:
    """One line a severity and model: what it says, and the probability of every class (0..1)."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    head = ["shift", "severity", "model", "says", "chosen class", "its probability"]
    writer.writerow([*head, *steps[0][0].classes])
    for severity, predictions in zip(SEVERITIES, steps, strict=True):
        for one in predictions:
            cells = [shift.name, severity, one.model, one.label, label, f"{_of(one, label):.6f}"]
            writer.writerow([*cells, *(f"{each:.6f}" for each in one.probabilities)])
    return text.getvalue()


def csv_link(text: str, name: str) -> str:
    """A link that saves `text`; it is in the page itself, nothing is kept on the server."""
    content = base64.b64encode(text.encode()).decode()
    return (
        f'<a class="save" download="{escape(name)}" href="data:text/csv;charset=utf-8;base64,'
        f'{content}">Save the numbers (CSV)</a>'
    )


def _of(prediction: Prediction, label: str) -> float:
    return prediction.probabilities[prediction.classes.index(label)]


def _exact(probability: float) -> str:
    """With one digit after the point, but never 0 or 100 % for what is only nearly so."""
    if 0.9995 <= probability < 1:
        return ">99.9 %"
    if 0 < probability < 0.0005:
        return "<0.1 %"
    return f"{100 * probability:.1f} %"


def _summary(lead: str, aside: str) -> str:
    more = f'<span class="aside">{escape(aside)}</span>' if aside else ""
    return f'<p class="summary" role="status">{escape(lead)}{more}</p>'


def _say(models: Sequence[str]) -> str:
    return "says" if len(models) == 1 else "say"


def _small(image: Image.Image) -> str:
    frame = image.copy()
    frame.thumbnail((FRAME_SIDE, FRAME_SIDE))
    return _data_uri(frame, "webp", quality=85)


def _png(image: Image.Image) -> str:
    return _data_uri(image, "png", compress_level=3)


def _data_uri(image: Image.Image, kind: str, **options: int) -> str:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return f"data:image/{kind};base64,{base64.b64encode(file.getvalue()).decode()}"
