"""The whole network at every width: its sentences, chart and table."""

from collections.abc import Sequence

from qtdog.explorer import Answers
from qtdog.ui import charts
from qtdog.ui.appearance import METHOD_STYLES
from qtdog.ui.charts import Axis, Chart
from qtdog.ui.markup import Markup, html, join
from qtdog.ui.quantize.words import LEVELS, METHOD_WORDS, summary
from qtdog.ui.samples import Sample
from qtdog.ui.sentences import listed, megabytes, percent, plain


def network_sentence(answers: Sequence[Answers], labels: Sequence[str]) -> Markup:
    """At which width each is right on fewer than half of the samples."""
    known = [label for label in labels if label in answers[0].classes]
    if not known:
        return html(
            '<p class="summary">These networks know none of the classes of our samples; below is '
            "what they say all the same.</p>"
        )
    right = {one.contender: _right(one, labels) for one in answers}
    full = next(one for one in answers if one.contender.method == "erm")
    rounded = [one for one in answers if one.contender.method == "post-training"]
    trained = [one for one in answers if one.contender.method == "qt-dog"]
    grid = rounded[0].contender.grid
    uniform = grid is not None and grid.uniform
    n = len(known)
    said = [
        f"In full precision the network is right on {right[full.contender]} of our {n} samples."
    ]
    said.append(_fails("Rounded after training, it", rounded, right, n))
    if trained:
        said.append(_fails("QT-DoG", trained, right, n))
        widths = sorted(one.contender.bits for one in trained)
        if len(widths) < len(rounded):
            said.append(f"QT-DoG was trained here at {_bits(widths)} only.")
    else:
        said.append(f"No QT-DoG network was trained here with {LEVELS[uniform]}.")
    if not uniform:
        said.append("INQ rounds some of the weights at a time and trains the others on.")
    return summary(" ".join(said[:2]), " ".join(said[2:]))


def network_chart(answers: Sequence[Answers], labels: Sequence[str]) -> str:
    """Right answers on the samples against bits."""
    known = [label for label in labels if label in answers[0].classes]
    if not known:
        return ""
    n = len(known)
    chart = Chart(
        Axis(1.7, 8.3, "bits a weight", tuple((bits, str(bits)) for bits in range(2, 9))),
        Axis(0, n * 1.06, f"right, of {n} samples"),
        "Right answers on the samples against the bit width; the table below has the numbers",
    )
    full = next(one for one in answers if one.contender.method == "erm")
    level = _right(full, labels)
    chart.line([(1.7, level), (8.3, level)], "var(--erm)", "dashed", 1.6)
    entries = [("┄", "var(--erm)", "full precision, 32 bits")]
    for method in ("post-training", "qt-dog"):
        points = [
            (one.contender.bits, _right(one, labels))
            for one in answers
            if one.contender.method == method
        ]
        if points:
            marker = METHOD_STYLES[method].marker
            chart.line(points, f"var(--{method})")
            chart.markers(points, f"var(--{method})", marker)
            entries.append((marker, f"var(--{method})", METHOD_WORDS[method]))
    return charts.figure("Right answers by width", chart.svg(), charts.legend(entries))


def picture_sentence(answers: Sequence[Answers]) -> Markup:
    """At which width the class of the current picture changes."""
    full = next(one for one in answers if one.contender.method == "erm")
    rounded = [one for one in answers if one.contender.method == "post-training"]
    label, said = plain(full.labels[0]), []
    said.append(f"Your picture: full precision says {label} ({percent(full.confidences[0])}).")
    changed = next((one for one in rounded if one.labels != full.labels), None)
    if changed is None:
        said.append(
            f"Rounded after training, it says so down to {rounded[-1].contender.bits} bits."
        )
    else:
        said.append(
            f"Rounded after training, it first says something else at {changed.contender.bits} "
            f"bits: {plain(changed.labels[0])} ({percent(changed.confidences[0])})."
        )
    trained = [one for one in answers if one.contender.method == "qt-dog"]
    if trained:
        camps = [f"{plain(one.labels[0])} at {one.contender.bits} bits" for one in trained]
        said.append(f"QT-DoG says {listed(camps)}.")
    return html('<p class="picture-said">{}</p>', " ".join(said))


def network_table(
    answers: Sequence[Answers],
    samples: Sequence[Sample],
    thumbnails: Sequence[str],
    picture: Sequence[Answers] = (),
) -> Markup:
    """A row a network, a column a picture: class and probability, right or wrong.

    `thumbnails` are data URIs of the samples; `picture` are the same networks' answers to the
    visitor's picture.
    """
    labels = [sample.label for sample in samples]
    known = [label for label in labels if label in answers[0].classes]
    heads = join(
        html(
            '<th scope="col"><img src="{}" alt="{}" title="{}"><span>{}</span></th>',
            uri,
            sample.alt,
            sample.title,
            plain(sample.label),
        )
        for sample, uri in zip(samples, thumbnails, strict=True)
    )
    own = html('<th scope="col" class="own">your<br>picture</th>') if picture else ""
    rows = []
    of_picture = {one.contender: one for one in picture}
    for one in answers:
        contender = one.contender
        style = METHOD_STYLES[contender.method]
        name = html(
            '<span class="marker" style="color:var(--{})" aria-hidden="true">'
            "{}</span> {} bits"
            "<small>{}</small>",
            contender.method,
            style.marker,
            contender.bits,
            METHOD_WORDS[contender.method],
        )
        mine = of_picture.get(contender)
        cells = _cell(mine.labels[0], mine.confidences[0], None, "own") if mine else ""
        if picture and not mine:
            cells = html('<td class="own">…</td>')
        cells += join(
            _cell(said, sure, label if label in one.classes else None)
            for said, sure, label in zip(one.labels, one.confidences, labels, strict=True)
        )
        right = f"{_right(one, labels)} of {len(known)}" if known else "not known"
        rows.append(
            html(
                '<tr class="{}"><th scope="row">{}</th>'
                '<td class="sum">{}</td><td class="sum">{}</td>'
                "{}</tr>",
                contender.method,
                name,
                right,
                megabytes(one.network_bytes),
                cells,
            )
        )
    return html(
        '<p class="answers-about">On our {} samples, most drawn for this page: an '
        "illustration, not a measurement of accuracy. Each cell: the class that the network "
        "chooses and its probability in percent; ✗ wrong.</p>"
        '<div class="scroll wide" tabindex="0" role="region" aria-label="Answers by width">'
        '<table class="numbers answers"><thead><tr>'
        '<th scope="col">network</th><th scope="col">right</th><th scope="col">file</th>{}'
        "{}</tr></thead><tbody>{}</tbody></table></div>",
        len(samples),
        own,
        heads,
        join(rows),
    )


def _fails(who: str, ordered: Sequence[Answers], right: dict, n: int) -> str:
    """ "… still gets 15 at 6 bits, but fewer than half at 5 bits (4 of 17)."""
    broken = next((one for one in ordered if right[one.contender] * 2 < n), None)
    if broken is None and len(ordered) == 1:
        only = ordered[0].contender
        return f"{who} at {only.bits} bits is right on {right[only]} of {n}."
    if broken is None:
        last = ordered[-1].contender
        return f"{who} never gets fewer than half: {right[last]} of {n} at {last.bits} bits."
    at = ordered.index(broken)
    few = f"fewer than half at {broken.contender.bits} bits ({right[broken.contender]} of {n})"
    if at == 0:
        return f"{who} gets {few}."
    before = ordered[at - 1].contender
    return f"{who} still gets {right[before]} at {before.bits} bits, but {few}."


def _right(one: Answers, labels: Sequence[str]) -> int:
    return sum(said == label for said, label in zip(one.labels, labels, strict=True))


def _cell(said: str, sure: float, label: str | None, extra: str = "") -> Markup:
    mark, kind = "", extra
    if label is not None:
        right = said == label
        kind = f"{extra} {'right' if right else 'wrong'}".strip()
        mark = "" if right else html('<b role="img" aria-label="wrong">✗</b>')
    return html(
        '<td class="{}">{}{}<small>{}</small></td>',
        kind,
        mark,
        plain(said),
        percent(sure).removesuffix(" %"),
    )


def _bits(widths: Sequence[int]) -> str:
    return f"{listed([str(width) for width in widths])} bits"
