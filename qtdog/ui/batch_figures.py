"""The Batch tab's tables and sentences: pure functions, rows in, text out."""

from collections.abc import Sequence
from html import escape

from qtdog import batch_files
from qtdog.accuracy import Accuracy
from qtdog.batch import (
    MAX_SECONDS,
    Agreement,
    Row,
    Verdict,
    accuracies,
    agreements,
    confusion,
    models_of,
    to_csv,
)
from qtdog.images import MAX_BYTES
from qtdog.ui import charts
from qtdog.ui.sentences import listed, percent, plain
from qtdog.ui.shift_figures import csv_link
from qtdog.ui.theme import METHOD_STYLES

MOST_ROWS = 300  # shown; the CSV has all
ALL, WRONG, DISAGREE, UNREAD = "all", "wrong", "disagree", "unread"
FILTERS = [
    ("all", ALL),
    ("some model is wrong", WRONG),
    ("models disagree", DISAGREE),
    ("not classified", UNREAD),
]
QUESTION = (
    '<p class="question">Many pictures at once: how often is each model right, what does it mix '
    "up, and do the models agree?</p>"
)
CANCELLED = '<p class="summary" role="status">Cancelled. Nothing of this batch is kept.</p>'
WAITING = (
    '<p class="summary" role="status">Choose pictures, or a zip of pictures. In folders named like '
    "the classes they are also marked right or wrong. Or see it done with our samples.</p>"
)
OURS = (
    '<p class="nothing">Our samples were drawn for this page, some of them because the models '
    "disagree about them: an illustration, not a measurement.</p>"
)
QUEUED = '<p class="summary" role="status">Waiting for its turn …</p>'


def limits(classes: Sequence[str]) -> str:
    """What can be handed in, in plain words."""
    names = escape(listed([plain(label) for label in classes[:12]]))
    more = f" and {len(classes) - 12} more" if len(classes) > 12 else ""
    return (
        f'<div class="foot limits"><p>Up to {batch_files.MAX_FILES:,} pictures: single files or '
        f"zips, each file up to {_mb(MAX_BYTES)}, all zips together up to "
        f"{_mb(batch_files.MAX_UNPACKED_BYTES)} once unpacked. Zips without a password and without "
        f"zips inside. A batch ends after {MAX_SECONDS // 60} minutes.</p>"
        f"<p>To see accuracies, put the pictures into folders named like their class: {names}"
        f"{more}. The nearest such folder counts.</p><p>Archives are read in memory and never "
        "unpacked to disk; uploads are deleted within two hours, results kept nowhere.</p></div>"
    )


def progress(done: int, total: int, seconds: float) -> str:
    """How far it is and how long it still takes; `seconds` have passed."""
    left = f", about {duration(seconds / done * (total - done))} left" if done else ""
    words = f"{done:,} of {total:,} pictures{left}"
    return (
        f'<div class="batch-progress"><p class="summary">{words}</p>'
        f'<progress value="{done}" max="{total}" aria-label="Pictures done"></progress></div>'
    )


def duration(seconds: float) -> str:
    """ "5 s" or "3 min"."""
    return f"{max(1, round(seconds))} s" if seconds < 90 else f"{round(seconds / 60)} min"


def results(rows: Sequence[Row], classes: Sequence[str], seconds: float) -> str:
    """Everything but the table of single pictures."""
    return (
        summary(rows, seconds)
        + _cards(accuracies(rows), _methods(rows))
        + _confusions(rows, classes)
        + _agreements(agreements(rows))
        + f"<p>{csv_link(to_csv(rows), 'batch.csv')}</p>"
    )


def summary(rows: Sequence[Row], seconds: float) -> str:
    """Who is right most often, or how often they agree; and what could not be classified."""
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
    asides = [f"{classified:,} of {len(rows):,} files classified in {duration(seconds)}."]
    if classified and not known:
        asides.append(
            "No file lies in a folder named like a class, so right and wrong are unknown."
        )
    elif known and next(iter(known.values())).total < classified:
        asides.append("Files without a known class count for agreement only.")
    if left := len(rows) - classified:
        verb = "was" if left == 1 else "were"
        asides.append(f"{left:,} {verb} not; the list below says why.")
    return (
        f'<p class="summary" role="status">{escape(lead)}'
        f'<span class="aside">{escape(" ".join(asides))}</span></p>'
    )


def rows_table(rows: Sequence[Row], which: str = ALL) -> str:
    """The single pictures: known class and what each model says of each."""
    chosen = [row for row in rows if _matches(row, which)]
    if not chosen:
        return '<p class="nothing">No such picture in this batch.</p>'
    models = models_of(rows)
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in ("file", "known", *models))
    body = "".join(_table_row(row, len(models)) for row in chosen[:MOST_ROWS])
    cut = f", the first {MOST_ROWS:,} shown; all are in the CSV" if len(chosen) > MOST_ROWS else ""
    return (
        f'<div class="scroll files" tabindex="0"><table class="numbers">'
        f"<caption>{len(chosen):,} of {len(rows):,} files{cut}. ≠ marks another class than the "
        "known one.</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def confusion_table(rows: Sequence[Row], model: str, method: str, classes: Sequence[str]) -> str:
    """A confusion matrix as a table, the darker the larger the share of its row. Only classes that
    are known or said somewhere get a place."""
    counts = confusion(rows, model, classes)
    places = [i for i in range(len(classes)) if counts[i].sum() or counts[:, i].sum()]
    head = "".join(
        f'<th scope="col"><span>{escape(plain(classes[place]))}</span></th>' for place in places
    )
    body = ""
    for down in places:
        total = int(counts[down].sum())
        cells = "".join(
            _cell(int(counts[down, across]), total, down == across) for across in places
        )
        body += f'<tr><th scope="row">{escape(plain(classes[down]))}</th>{cells}</tr>'
    marker = METHOD_STYLES[method].marker
    return (
        f'<figure class="confusion" style="--ink: var(--{method})"><figcaption>'
        f'<span class="marker" aria-hidden="true">{marker}</span> {escape(model)}</figcaption>'
        f'<div class="scroll wide" tabindex="0"><table><caption>Known class down, what '
        f"{escape(model)} says across; pictures.</caption><thead><tr><td></td>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table></div></figure>"
    )


def _cell(count: int, total: int, right: bool) -> str:
    share = count / total if total else 0.0
    kind = "right" if right else "mixed" if count else "none"
    title = f' title="{percent(share)} of this class"' if count else ""
    return f'<td class="{kind}" style="--share: {100 * share:.0f}%"{title}>{count or "·"}</td>'


def _confusions(rows: Sequence[Row], classes: Sequence[str]) -> str:
    if not accuracies(rows):
        return ""
    tables = "".join(
        confusion_table(rows, model, method, classes) for model, method in _methods(rows).items()
    )
    return (
        f'<h2 class="section">What is mixed up with what</h2><div class="confusions">{tables}</div>'
    )


def _cards(known: dict[str, Accuracy], methods: dict[str, str]) -> str:
    cards = "".join(
        f'<section class="card" style="--ink: var(--{methods[model]})" '
        f'aria-label="{escape(model)}">'
        f'<h2><span class="marker" aria-hidden="true">{METHOD_STYLES[methods[model]].marker}</span>'
        f'{escape(model)}</h2><p class="verdict"><strong>{one.fraction * 100:.1f} %</strong>'
        f"<span>{one.correct:,} of {one.total:,}</span></p>"
        f'<div class="bars"><span class="track" aria-hidden="true"><span class="fill" '
        f'style="width:{one.fraction * 100:.2f}%"></span></span></div></section>'
        for model, one in known.items()
    )
    note = '<p class="nothing">A few pictures more or less can be chance.</p>'
    return f'<div class="cards accuracies">{cards}</div>{note}' if cards else ""


def _agreements(found: Sequence[Agreement]) -> str:
    if not found:
        return ""
    rows = [
        [
            listed(one.models),
            f"{one.same:,} of {one.total:,}",
            f"{one.same / one.total:.1%}".replace("%", " %"),
        ]
        for one in found
    ]
    listing = charts.table(
        ["models", "the same class", "share"],
        rows,
        "Pictures of which the models say the same, right or wrong",
    )
    return f'<h2 class="section">How often they agree</h2><div class="scroll wide">{listing}</div>'


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


def _table_row(row: Row, models: int) -> str:
    known = escape(plain(row.label)) if row.label else "–"
    start = f'<tr><th scope="row">{escape(row.file)}</th><td>{known}</td>'
    if row.problem:
        return (
            f'{start}<td class="problem" colspan="{max(models, 1)}">{escape(row.problem)}</td></tr>'
        )
    return start + "".join(_verdict_cell(one, row.label) for one in row.verdicts) + "</tr>"


def _verdict_cell(one: Verdict, known: str | None) -> str:
    wrong = known is not None and one.label != known
    mark = " ≠" if wrong else ""
    return (
        f'<td class="{"wrong" if wrong else ""}" style="--ink: var(--{one.method})">'
        f"{escape(plain(one.label))}{mark} <small>{percent(one.confidence)}</small></td>"
    )


def _mb(size: int) -> str:
    return f"{size // 2**20} MB"
