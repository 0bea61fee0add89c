"""The Batch tab's tables and sentences: pure functions, rows in, text out."""

from collections.abc import Sequence

from qtdog.accuracy import Accuracy
from qtdog.explorer import (
    MAX_SECONDS,
    Agreement,
    Answer,
    Row,
    accuracies,
    agreements,
    batch_files,
    confusion,
    models_of,
    to_csv,
)
from qtdog.images import MAX_BYTES
from qtdog.ui import charts
from qtdog.ui.appearance import METHOD_STYLES
from qtdog.ui.figures import model_heading, summary_line
from qtdog.ui.inline import csv_link, encoded
from qtdog.ui.markup import Markup, html, join
from qtdog.ui.sentences import domain_name, listed, percent, plain, tenths

MOST_ROWS = 300  # shown; the CSV has all
ALL, WRONG, DISAGREE, UNREAD = "all", "wrong", "disagree", "unread"
FILTERS = [
    ("all", ALL),
    ("some model is wrong", WRONG),
    ("models disagree", DISAGREE),
    ("not classified", UNREAD),
]
QUESTION = html(
    '<p class="question">Many pictures at once: how often is each model right, what does it mix '
    "up, and do the models agree?</p>"
)
CANCELLED = summary_line("Cancelled. Nothing of this batch is kept.")
WAITING = summary_line(
    "Choose pictures, or a zip of pictures. In folders named like the classes they are also marked "
    "right or wrong. Or see it done with our samples."
)
OURS = html(
    '<p class="nothing">Our samples are few, and some were drawn for this page because the models '
    "disagree about them: an illustration, not a measurement.</p>"
)
QUEUED = summary_line("Waiting for its turn …")
NOTHING_CHOSEN = html(
    '<p class="notice" role="alert">Nothing is chosen yet: give pictures, or a zip of pictures, to '
    "the field first.</p>"
)


def limits(classes: Sequence[str]) -> Markup:
    """What can be handed in, in plain words."""
    names = listed([plain(label) for label in classes[:12]])
    more = f" and {len(classes) - 12} more" if len(classes) > 12 else ""
    return html(
        '<div class="foot limits"><p>Up to {:,} pictures: single files or '
        "zips, each file up to {}, all zips together up to "
        "{} once unpacked. Zips without a password and without "
        "zips inside. A batch ends after {} minutes.</p>"
        "<p>To see accuracies, put the pictures into folders named like their class: {}"
        "{}. The nearest such folder counts.</p><p>Archives are read in memory and never "
        "unpacked to disk; uploads are deleted within two hours, results kept nowhere.</p></div>",
        batch_files.MAX_FILES,
        _mb(MAX_BYTES),
        _mb(batch_files.MAX_UNPACKED_BYTES),
        MAX_SECONDS // 60,
        names,
        more,
    )


def of_others(before: str, now: str) -> Markup:
    """In the place of what the models of another domain ("dataset/domain") had answered."""
    return summary_line(
        f"The answers that were here are of the models that never saw {domain_name(before)}.",
        f"Classify again to ask those that never saw {domain_name(now)}.",
    )


def progress(done: int, total: int, seconds: float) -> Markup:
    """How far it is and how long it still takes; `seconds` have passed."""
    left = f", about {duration(seconds / done * (total - done))} left" if done else ""
    words = f"{done:,} of {total:,} pictures{left}"
    return html(
        '<div class="batch-progress"><p class="summary">{}</p>'
        '<progress value="{}" max="{}" aria-label="Pictures done"></progress></div>',
        words,
        done,
        total,
    )


def duration(seconds: float) -> str:
    """ "5 s" or "3 min"."""
    return f"{max(1, round(seconds))} s" if seconds < 90 else f"{round(seconds / 60)} min"


def results(
    rows: Sequence[Row],
    classes: Sequence[str],
    seconds: float,
    held_out: str = "",
    networks: Sequence[str] = (),
) -> Markup:
    """Everything but the table of single pictures."""
    return (
        summary(rows, seconds, held_out)
        + _cards(accuracies(rows), _methods(rows))
        + _confusions(rows, classes)
        + _agreements(agreements(rows))
        + html("<p>{}</p>", csv_link(to_csv(rows, held_out, networks), "batch.csv"))
    )


def summary(rows: Sequence[Row], seconds: float, held_out: str = "") -> Markup:
    """Who is right most often, or how often they agree; and what could not be classified, for
    models that never saw `held_out` ("dataset/domain")."""
    classified = sum(bool(row.verdicts) for row in rows)
    known = accuracies(rows)
    together = agreements(rows)
    if known:
        best = max(one.correct for one in known.values())
        winners = [model for model, one in known.items() if one.correct == best]
        total = next(iter(known.values())).total
        verb = "is" if len(winners) == 1 else "are"
        often = "most often" if len(winners) < len(known) else "equally often"
        lead = f"{listed(winners)} {verb} right {often}: {best:,} of {total:,}."
    elif together:
        lead = (
            f"All models say the same of {together[-1].same:,} of {together[-1].total:,} pictures."
        )
    elif classified:
        lead = f"{classified:,} pictures were classified."
    else:
        lead = "None of these files could be classified."
    asides = [f"By the models that never saw {domain_name(held_out)}."] if held_out else []
    asides += [f"{classified:,} of {len(rows):,} files classified in {duration(seconds)}."]
    if classified and not known:
        asides.append(
            "No file lies in a folder named like a class, so right and wrong are unknown."
        )
    elif known and next(iter(known.values())).total < classified:
        asides.append("Files without a known class count for agreement only.")
    if left := len(rows) - classified:
        verb = "was" if left == 1 else "were"
        asides.append(f"{left:,} {verb} not; the list below says why.")
    return summary_line(lead, " ".join(asides))


def rows_table(rows: Sequence[Row], which: str = ALL) -> Markup:
    """The single pictures: known class and what each model says of each."""
    chosen = [row for row in rows if _matches(row, which)]
    if not chosen:
        return html('<p class="nothing">No such picture in this batch.</p>')
    models = models_of(rows)
    head = join(html('<th scope="col">{}</th>', name) for name in ("file", "known", *models))
    body = join(_table_row(row, len(models)) for row in chosen[:MOST_ROWS])
    cut = f", the first {MOST_ROWS:,} shown; all are in the CSV" if len(chosen) > MOST_ROWS else ""
    return html(
        '<div class="scroll files" tabindex="0"><table class="numbers">'
        "<caption>{:,} of {:,} files{}. ≠ marks another class than the "
        "known one.</caption>"
        "<thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>",
        len(chosen),
        len(rows),
        cut,
        head,
        body,
    )


def confusion_table(rows: Sequence[Row], model: str, method: str, classes: Sequence[str]) -> Markup:
    """A confusion matrix as a table, the darker the larger the share of its row. Only classes that
    are known or said somewhere get a place."""
    counts = confusion(rows, model, classes)
    places = [i for i in range(len(classes)) if counts[i].sum() or counts[:, i].sum()]
    head = join(
        html('<th scope="col"><span>{}</span></th>', plain(classes[place])) for place in places
    )
    body = ""
    for down in places:
        total = int(counts[down].sum())
        cells = join(_cell(int(counts[down, across]), total, down == across) for across in places)
        body += html('<tr><th scope="row">{}</th>{}</tr>', plain(classes[down]), cells)
    marker = METHOD_STYLES[method].marker
    return html(
        '<figure class="confusion" style="--ink: var(--{})"><figcaption>'
        '<span class="marker" aria-hidden="true">{}</span> {}</figcaption>'
        '<div class="scroll wide" tabindex="0"><table><caption>Known class down, what '
        "{} says across; pictures.</caption><thead><tr><td></td>{}</tr></thead>"
        "<tbody>{}</tbody></table></div>{}</figure>",
        method,
        marker,
        model,
        model,
        head,
        body,
        charts.TOOLS,
    )


def _cell(count: int, total: int, right: bool) -> Markup:
    share = count / total if total else 0.0
    kind = "right" if right else "mixed" if count else "none"
    title = html(' title="{} of this class"', percent(share)) if count else ""
    return html(
        '<td class="{}" style="--share: {:.0f}%"{}>{}</td>', kind, 100 * share, title, count or "·"
    )


def _confusions(rows: Sequence[Row], classes: Sequence[str]) -> Markup:
    if not accuracies(rows):
        return Markup()
    tables = join(
        confusion_table(rows, model, method, classes) for model, method in _methods(rows).items()
    )
    return html(
        '<h2 class="section">What is mixed up with what</h2><div class="confusions">{}</div>',
        tables,
    )


def _cards(known: dict[str, Accuracy], methods: dict[str, str]) -> Markup:
    cards = join(
        html(
            '<section class="card" style="--ink: var(--{})" '
            'aria-label="{}">'
            '{}<p class="verdict"><strong>{}</strong>'
            "<span>{:,} of {:,}</span></p>"
            '<div class="bars"><span class="track" aria-hidden="true"><span class="fill" '
            'style="width:{:.2f}%"></span></span></div></section>',
            methods[model],
            model,
            model_heading(methods[model], model),
            tenths(one.fraction),
            one.correct,
            one.total,
            one.fraction * 100,
        )
        for model, one in known.items()
    )
    note = html('<p class="nothing">A few pictures more or less can be chance.</p>')
    return html('<div class="cards accuracies">{}</div>{}', cards, note) if cards else Markup()


def _agreements(found: Sequence[Agreement]) -> Markup:
    if not found:
        return Markup()
    rows = [
        [
            listed(one.models),
            f"{one.same:,} of {one.total:,}",
            tenths(one.same / one.total),
        ]
        for one in found
    ]
    listing = charts.table(
        ["models", "the same class", "share"],
        rows,
        "Pictures of which the models say the same, right or wrong",
    )
    return html(
        '<h2 class="section">How often they agree</h2><div class="scroll wide">{}</div>', listing
    )


def _methods(rows: Sequence[Row]) -> dict[str, str]:
    """Method by model name, in the service's order."""
    return next(({v.model: v.method for v in row.verdicts} for row in rows if row.verdicts), {})


def _matches(row: Row, which: str) -> bool:
    said = {one.label for one in row.verdicts}
    if which == WRONG:
        return bool(row.label) and bool(said - {row.label})
    if which == DISAGREE:
        return len(said) > 1
    return not row.verdicts if which == UNREAD else True


def _table_row(row: Row, models: int) -> Markup:
    known = plain(row.label) if row.label else "–"
    lacks = html(" <small>{}</small>", row.problem) if row.verdicts and row.problem else ""
    seen = encoded(row.thumbnail, "webp") if row.thumbnail else ""
    picture = html('<img src="{}" alt="">', seen) if seen else ""
    start = html('<tr><th scope="row">{}{}{}</th><td>{}</td>', picture, row.file, lacks, known)
    if not row.verdicts:
        return html(
            '{}<td class="problem" colspan="{}">{}</td></tr>', start, max(models, 1), row.problem
        )
    return start + join(_verdict_cell(one, row.label) for one in row.verdicts) + html("</tr>")


def _verdict_cell(one: Answer, known: str | None) -> Markup:
    wrong = known is not None and one.label != known
    mark = " ≠" if wrong else ""
    return html(
        '<td class="{}" style="--ink: var(--{})">{}{} <small>{}</small></td>',
        "wrong" if wrong else "",
        one.method,
        plain(one.label),
        mark,
        percent(one.confidence),
    )


def _mb(size: int) -> str:
    return f"{size // 2**20} MB"
