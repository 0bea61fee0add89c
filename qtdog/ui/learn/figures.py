"""What "Learn" shows in its steps: pure functions, records in, HTML out."""

from collections.abc import Mapping, Sequence

from qtdog.checkpoints import CHECKPOINT_NAMES, MODEL_NAMES
from qtdog.explorer import (
    ENSEMBLES,
    METHODS,
    ComparedNetwork,
    Lesson,
    Prediction,
    Standing,
    Standings,
)
from qtdog.results import Result
from qtdog.ui import charts
from qtdog.ui.appearance import METHOD_STYLES
from qtdog.ui.charts import Axis, Chart
from qtdog.ui.learn.steps import Quiz
from qtdog.ui.learn.words import Template
from qtdog.ui.markup import Markup, html, join
from qtdog.ui.samples import Sample
from qtdog.ui.sentences import megabytes, percent, plain, votes

PRINTED = {"ERM": "Full precision (ERM)"}
MEASURED = {
    **MODEL_NAMES,
    "freeze": CHECKPOINT_NAMES["freeze"],
    "erm-ensemble": "Five in full precision together",
}


def paragraphs(texts: Sequence[str], heading: str = "") -> Markup:
    """Paragraphs of a step; `heading` gets the focus when its step opens."""
    head = Markup()
    if heading:
        head = html('<h2 class="step-title" tabindex="-1">{}</h2>', heading)
    return head + join(html("<p>{}</p>", text) for text in texts if text)


def quiz(place: int, asked: Quiz, words: Mapping[str, Template]) -> Markup:
    """A question whose explanation appears with the choice, in the browser alone. `words` are the
    texts'."""
    options, reasons = [], []
    for number, option in enumerate(asked.options):
        name = f"quiz-{place}-{number}"
        kind = "right" if option.right else "wrong"
        word = words[kind].plain()
        options.append(
            html(
                '<label class="{}" for="{}"><input type="radio" name="quiz-{}" '
                'id="{}" value="{}"><span>{}</span></label>',
                kind,
                name,
                place,
                name,
                number,
                option.text,
            )
        )
        reasons.append(
            html('<p class="why {} why-{}"><b>{}</b> {}</p>', kind, number, word, option.why)
        )
    return html(
        '<fieldset class="quiz" id="quiz-{}"><legend>{}</legend>'
        '{}<div role="status">{}</div></fieldset>',
        place,
        asked.question,
        join(options),
        join(reasons),
    )


def sample_answers(predictions: Sequence[Prediction], sample: Sample, thumbnail: str) -> Markup:
    """A sample and one line a model."""
    known = sample.label in predictions[0].classes
    lines = []
    for one in predictions:
        mark = ""
        if known:
            right = one.label == sample.label
            mark = html(' <b class="mark">{}</b>', "✓ right" if right else "✗ wrong")
        lines.append(
            html(
                '<li style="--ink: var(--{})"><span class="marker" aria-hidden="true">'
                "{}</span> {}: "
                "<b>{}</b>, {} sure{}</li>",
                one.method,
                METHOD_STYLES[one.method].marker,
                one.model,
                plain(one.label),
                percent(one.confidence),
                mark,
            )
        )
    return html(
        '<div class="sampled"><img src="{}" alt="{}"><div role="status"><ul>{}</ul></div></div>',
        thumbnail,
        sample.alt,
        join(lines),
    )


def member_votes(
    predictions: Sequence[Prediction], sample: Sample, thumbnail: str, ballot: str
) -> Markup:
    """A sample and EoQ's members' votes; `ballot` is their panel."""
    said = " ".join(filter(None, map(votes, predictions))) or "There is no EoQ among these models."
    return html(
        '<div class="sampled"><img src="{}" alt="{}"><div><p role="status">{}</p>{}</div></div>',
        thumbnail,
        sample.alt,
        said,
        ballot,
    )


def home_and_abroad(lesson: Lesson) -> str:
    """Source validation and target accuracy of every single network, on one scale."""
    networks = [
        one
        for method in ("erm", "qt-dog")
        for one in lesson.of(method)
        if one.source_validation is not None
    ]
    if not networks:
        return ""
    values = [100 * value for one in networks for value in _pair(one)]
    low = max(0, 10 * (min(values) // 10))
    rows = tuple(
        (len(networks) - row - 0.5, f"seed {one.seed}") for row, one in enumerate(networks)
    )
    chart = Chart(
        Axis(low, 100, "accuracy, percent"),
        Axis(0, len(networks), "", rows),
        "Accuracy in source validation and on the target, a line a network",
        height=46 + 30 * len(networks) + 10,
    )
    for row, one in enumerate(networks):
        height = len(networks) - row - 0.5
        home, abroad = (100 * value for value in _pair(one))
        ink = f"var(--{one.method})"
        chart.line([(abroad, height), (home, height)], ink, width=3)
        chart.markers([(abroad, height)], ink, METHOD_STYLES[one.method].marker)
        chart.line([(home, height - 0.22), (home, height + 0.22)], ink, width=3)
    target = plain(lesson.target.domain)
    legend = charts.legend(
        [
            *(
                (
                    METHOD_STYLES[method].marker,
                    f"var(--{method})",
                    f"{MODEL_NAMES[method]}, on {target}",
                )
                for method in dict.fromkeys(one.method for one in networks)
            ),
            ("┃", "currentColor", "the same network in source validation"),
        ]
    )
    rows = [
        (
            _name(one),
            *(f"{100 * value:.1f} %" for value in _pair(one)),
            f"{one.target.correct:,} of {one.target.total:,}",
        )
        for one in networks
    ]
    head = ("network", "source validation", target, "pictures")
    table = charts.table(head, rows, "Measured; seeds have different validation pictures")
    return charts.figure("At home and abroad", chart.svg(), legend, table)


def training_curves(lesson: Lesson) -> str:
    """Source validation and target accuracy over the steps, ERM and QT-DoG of one seed each."""
    networks = [one for method in ("erm", "qt-dog") for one in lesson.of(method)[:1] if one.curve]
    if not networks:
        return ""
    points = [point for one in networks for point in one.curve]
    low = min(100 * min(point.target, point.source_validation) for point in points)
    chart = Chart(
        Axis(0, max(point.step for point in points), "training step"),
        Axis(10 * (low // 10), 100, "accuracy, percent"),
        "Accuracy over the training steps; the numbers are in the table below",
        height=280,
    )
    starts = {one.quantize_step for one in networks if one.method == "qt-dog"}
    for start in filter(None, starts):
        chart.verticals([start], "currentColor", 1.2)
        chart.text(start, 10 * (low // 10) + 2, " rounding starts", "currentColor")
    entries = []
    for one in networks:
        ink, marker = f"var(--{one.method})", METHOD_STYLES[one.method].marker
        chart.line([(p.step, 100 * p.source_validation) for p in one.curve], ink, "dotted", 1.8)
        chart.line([(p.step, 100 * p.target) for p in one.curve], ink)
        chart.markers([(p.step, 100 * p.target) for p in one.curve], ink, marker)
        entries.append((marker, ink, f"{_name(one)}, target sample"))
    entries.append(("┈", "currentColor", "source validation"))
    rows = [
        (
            f"{point.step:,}",
            _name(one),
            "yes" if point.quantized else "no",
            f"{100 * point.source_validation:.1f} %",
            f"{100 * point.target:.1f} %",
        )
        for one in networks
        for point in one.curve
    ]
    head = ("step", "network", "rounded", "source validation", "target sample")
    table = charts.table(head, rows, "Logged during training; the target chose nothing")
    title = "Accuracy while training"
    return charts.figure(title, chart.svg(), charts.legend(entries), table)


def memory_bars(lesson: Lesson) -> Markup:
    """Bytes of one network in full precision, of one QT-DoG network and of EoQ."""
    full = next(iter(lesson.of("erm")), None)
    parts = []
    for method in ("erm", "qt-dog", "eoq"):
        network = next(iter(lesson.of(method)), None)
        if network is None:
            continue
        count = len(lesson.of("qt-dog")) if method == "eoq" else 1
        words = f"{count} × {network.bits} bits" if count > 1 else f"{network.bits} bits"
        ratio = f" ({network.file_bytes / full.file_bytes:.2f}×)" if full else ""
        parts.append((method, words, network.file_bytes, ratio, count))
    if not parts:
        return Markup()
    most = max(size for _, _, size, _, _ in parts)
    rows = join(
        html(
            '<li style="--ink: var(--{})"><span class="name">'
            '<span class="marker" aria-hidden="true">{}</span> '
            "{}<small>{} a weight</small></span>"
            '<span class="track" aria-hidden="true">',
            method,
            METHOD_STYLES[method].marker,
            MODEL_NAMES[method],
            words,
        )
        + html('<span class="fill" style="width:{:.2f}%"></span>', 100 * size / count / most)
        * count
        + html('</span><span class="value">{}{}</span></li>', megabytes(size), ratio)
        for method, words, size, ratio, count in parts
    )
    return html(
        '<figure class="plot"><figcaption>Memory, as the files are</figcaption>'
        '<ul class="memory">{}</ul><p class="toy-note">A little more than bits/32: the last '
        "layer stays in 32 bits, and there is a step size for every channel.</p>{}</figure>",
        rows,
        charts.TOOLS,
    )


def measured_table(numbers: Standings, paper: Sequence[Result]) -> Markup:
    """Every method on every held-out domain, and the paper's averages under their own label."""
    domains = list(dict.fromkeys(one.domain for one in numbers))
    methods = [method for method in METHODS if any(one.method == method for one in numbers)]
    rows = [
        (MEASURED[method], *(_standing(numbers.of(method, domain)) for domain in domains))
        for method in methods
    ]
    head = ("method", *(f"on {plain(domain)}" for domain in domains))
    shown = charts.table(
        head,
        rows,
        "Measured here: mean accuracy; below it the lowest and highest, and the number of seeds",
    )
    if paper:
        printed = [
            (
                PRINTED.get(one.method, one.method),
                f"{one.accuracy:.1f} %" + (f" ± {one.error:.1f}" if one.error else ""),
                f"Table {one.table}",
            )
            for one in paper
        ]
        shown += charts.table(
            ("method", "mean of all domains", "source"),
            printed,
            f"From the paper, {paper[0].dataset} with {paper[0].backbone}: not measured here, and "
            "not comparable with the numbers above",
        )
    return html('<div class="measured">{}</div>', shown)


def _standing(one: Standing | None) -> str:
    """ "71.8 %", and on a second line "68.7 to 74.0, 5 seeds"."""
    if one is None:
        return "not measured"
    count = len(one.accuracies)
    if one.method in ENSEMBLES:
        return f"{one.mean:.1f} %"
    if count == 1:
        return f"{one.mean:.1f} %\none seed"
    low, high = min(one.accuracies), max(one.accuracies)
    return f"{one.mean:.1f} %\n{low:.1f} to {high:.1f}, {count} seeds"


def _pair(network: ComparedNetwork) -> tuple[float, float]:
    return network.source_validation or 0.0, network.target.fraction


def _name(network: ComparedNetwork) -> str:
    return f"{MODEL_NAMES[network.method]}, seed {network.seed}"
