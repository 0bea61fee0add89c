"""The Shift it tab's filmstrip, chart and sentences: pure functions, predictions in, text out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from PIL import Image

from qtdog.csv_file import csv_text
from qtdog.explorer import MAX_SIDE, MOST_SEVERE, SEVERITIES, Prediction, Shift
from qtdog.ui import charts
from qtdog.ui.appearance import METHOD_STYLES
from qtdog.ui.charts import Axis, Chart
from qtdog.ui.figures import summary_line
from qtdog.ui.inline import csv_link, data_uri
from qtdog.ui.markup import Markup, html, join
from qtdog.ui.sentences import listed, percent, plain, tenths

FRAME_SIDE = 200  # px of a picture in the filmstrip
QUESTION = html(
    '<p class="question">Shift a picture out of what the networks know, step by step: which of '
    "them stops seeing the same thing first?</p>"
)
NOTES = html(
    '<div class="foot"><p>Pictures over {} px are shrunk to that first, so that a shift '
    "is as strong in a large picture as in a small one. The strengths are ours: severity 3 of two "
    "different shifts need not be equally hard. One picture is an example, "
    "not a measurement; measured accuracies are on the Results tab.</p></div>",
    MAX_SIDE,
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


def first_break(steps: Steps, label: str) -> int | None:
    """The lowest severity at which some model says another class than `label`."""
    found = [one.severity for one in breaks(steps, label) if one.severity is not None]
    return min(found, default=None)


def sentence(steps: Steps, label: str) -> Markup:
    """Which model breaks first."""
    found = breaks(steps, label)
    broken = [(one.severity, one) for one in found if one.severity is not None]
    firm = [one.model for one in found if one.severity is None]
    name = plain(label)
    if not broken:
        none = "none of them breaks" if len(firm) > 1 else "it does not break"
        return summary_line(f"{listed(firm)} {_say(firm)} {name} at every severity: {none}.")
    first = min(severity for severity, _ in broken)
    earliest = [one for severity, one in broken if severity == first]
    models = [one.model for one in earliest]
    says = listed(list(dict.fromkeys(plain(one.says) for one in earliest)))
    if first == 0:
        lead = f"{listed(models)} {_say(models)} {says} and not {name}, even unchanged."
    else:
        verb = "breaks" if len(models) == 1 else "break"
        lead = f"{listed(models)} {verb} first, at severity {first}, and {_say(models)} {says}."
    asides = [
        f"{one.model} follows at severity {severity} ({plain(one.says)})."
        for severity, one in sorted(broken, key=lambda pair: pair[0])
        if severity != first
    ]
    if firm:
        asides.append(f"{listed(firm)} {_say(firm)} {name} up to severity {MOST_SEVERE}.")
    asides += [
        f"{one.model} says {name} again at severity {one.recovers}."
        for _, one in broken
        if one.recovers is not None
    ]
    return summary_line(lead, " ".join(asides))


def about(shift: Shift) -> Markup:
    """What a shift does, in words."""
    return html('<p class="about">{}: {}</p>', shift.title, shift.about)


def filmstrip(images: Sequence[Image.Image], steps: Steps, label: str, shift: Shift) -> Markup:
    """Six pictures, each with what every model says; a click brings the slider there."""
    frames = join(
        html(
            '<li><button type="button" data-severity="{}"><img src="{}" alt="{}, severity {}">'
            '</button><p class="at">severity {}</p>{}</li>',
            severity,
            _small(image),
            shift.title,
            severity,
            severity,
            verdicts(predictions, label),
        )
        for severity, image, predictions in zip(SEVERITIES, images, steps, strict=True)
    )
    return html('<ol class="filmstrip" aria-label="{} in six steps">{}</ol>', shift.title, frames)


def verdicts(predictions: Sequence[Prediction], label: str, names: bool = False) -> Markup:
    """Each model's marker, class and probability; another class than `label` is marked."""
    rows = join(
        html(
            '<li class="{}" '
            'style="--ink: var(--{})" title="{}">'
            '<span class="marker" aria-hidden="true">{}</span>'
            '<span class="{}">{}: </span>'
            '<span class="class">{}</span>'
            '<span class="sure">{}</span></li>',
            "agrees" if one.label == label else "dissents",
            one.method,
            one.model,
            METHOD_STYLES[one.method].marker,
            "who" if names else "spoken",
            one.model,
            plain(one.label),
            percent(one.confidence),
        )
        for one in predictions
    )
    return html('<ul class="verdicts">{}</ul>', rows)


def shifted(
    image: Image.Image,
    predictions: Sequence[Prediction],
    label: str,
    shift: Shift,
    severity: float,
) -> Markup:
    """The picture at the slider's severity, with verdicts and a link to save it as PNG."""
    name = f"{shift.name}-{severity:g}.png"
    title = f"{shift.title}, severity {severity:g}"
    # The link takes the picture's own data: sending it twice would make the slider slow.
    save = "this.href = this.closest('figure').querySelector('img').src"
    return html(
        '<figure class="shifted"><img src="{}" alt="{}">'
        "<figcaption><b>{}</b>{}"
        '<a class="save" href="#" download="{}" onclick="{}">'
        'Save this picture (PNG)</a></figcaption><span data-csv="{}" hidden></span>{}</figure>',
        data_uri(image, "png", compress_level=3),
        title,
        title,
        verdicts(predictions, label, names=True),
        name,
        save,
        _numbers(predictions, title),
        charts.TOOLS,
    )


def _numbers(predictions: Sequence[Prediction], title: str) -> str:
    """Each model's probability of each class as CSV."""
    return csv_text(
        ("picture", "model", "class", "probability"),
        [
            (title, one.model, label, f"{probability:.6f}")
            for one in predictions
            for label, probability in zip(one.classes, one.probabilities, strict=True)
        ],
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
    return charts.figure(f"Probability of {name}", drawn.svg(), legend)


def table(
    steps: Steps, label: str, shift: Shift, held_out: str, networks: Mapping[str, str]
) -> Markup:
    """The chart's numbers and each model's class, with a link to save them as CSV."""
    models = [one.model for one in steps[0]]
    rows = [
        [
            str(severity),
            *(_probability(one, label) for one in predictions),
        ]
        for severity, predictions in zip(SEVERITIES, steps, strict=True)
    ]
    caption = f"Probability of {plain(label)}; in brackets what a model says instead"
    listing = charts.table(["severity", *models], rows, caption)
    return html(
        '<div class="scroll wide" tabindex="0">{}</div><p>{}</p>',
        listing,
        csv_link(to_csv(steps, label, shift, held_out, networks), f"{shift.name}.csv"),
    )


def to_csv(
    steps: Steps, label: str, shift: Shift, held_out: str, networks: Mapping[str, str]
) -> str:
    """One line a severity and model: what it says, and the probability of every class (0..1).

    `held_out`: "dataset/domain"; `networks`: method -> the checkpoint's name, which has its seed.
    """
    head = ["held-out domain", "shift", "severity", "model", "network"]
    head += ["says", "chosen class", "its probability"]
    rows = []
    for severity, predictions in zip(SEVERITIES, steps, strict=True):
        for one in predictions:
            cells = [held_out, shift.name, severity, one.model, networks.get(one.method, "")]
            cells += [one.label, label, f"{_of(one, label):.6f}"]
            probabilities = [f"{each:.6f}" for each in one.probabilities]
            rows.append([*cells, *probabilities])
    return csv_text([*head, *steps[0][0].classes], rows)


def _of(prediction: Prediction, label: str) -> float:
    return prediction.probabilities[prediction.classes.index(label)]


def _probability(one: Prediction, label: str) -> str:
    """Of `label`, and the class that the model says if that is another."""
    share = tenths(_of(one, label))
    return share if one.label == label else f"{share} (says {plain(one.label)})"


def _say(models: Sequence[str]) -> str:
    return "says" if len(models) == 1 else "say"


def _small(image: Image.Image) -> str:
    frame = image.copy()
    frame.thumbnail((FRAME_SIDE, FRAME_SIDE))
    return data_uri(frame, "webp", quality=85)
