"""Results as HTML: pure functions, records in, text out. No gradio in here.

`results.js` makes the columns sortable and the rows searchable; without it the tables still read.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from qtdog.results import (
    ALL,
    ALL_BENCHMARKS,
    AVERAGE,
    Cell,
    Choice,
    Column,
    Group,
    Row,
    RunLog,
    Table,
)
from qtdog.ui import charts
from qtdog.ui.markup import Markup, escape, html, join
from qtdog.ui.results.figures import (
    Curve,
    family,
    full_label,
    number_in,
    style_key,
    style_of,
    with_number,
)
from qtdog.ui.results.names import named

SCRIPT = Path(__file__).with_name("results.js").read_text(encoding="utf-8")
PAPER_LINK = "https://arxiv.org/abs/2410.06020"
PAPER_TABLES = {
    "1": "five benchmarks",
    "2": "QT-DoG added to CORAL and MixStyle",
    "3": "WILDS: Amazon and Camelyon17",
    "4": "ways to quantize, PACS",
    "5": "vision transformers",
    "6": "fine-tuning CLIP",
    "7": "PACS by domain",
    "8": "TerraIncognita by domain",
    "9": "5 to 8 bits a weight",
    "10": "2 to 4 bits a weight",
    "11": "five benchmarks, larger pretraining",
    "12": "source domains, QT-DoG beside SAM and averaging",
    "13": "one step size a layer or a channel",
    "14": "the step of quantization",
    "15": "random weight noise instead of quantization",
}

LogLink = Callable[[str], Markup]
"""A run log's file name to the HTML that leads to the log."""


def log_button(name: str) -> Markup:
    """A button that `results.js` turns into the event that shows the log."""
    return html('<button type="button" class="log" data-log="{}">{}</button>', name, name)


def table_title(table: str) -> str:
    """ "Table 7: PACS by domain", or a listing's own name."""
    if not table.isdigit():
        return table
    return f"Table {table}" + (f": {PAPER_TABLES[table]}" if table in PAPER_TABLES else "")


def column_title(column: Column, choice: Choice | None = None) -> str:
    """What stands above a column; a single benchmark's columns are named by domain alone."""
    split = " (source domains)" if column.split == "in-domain" else ""
    if column.dataset == ALL_BENCHMARKS:
        return f"Average of benchmarks{split}"
    if choice is None or choice.benchmark == ALL:
        of = "" if column.domain == AVERAGE else f", {plain(column.domain)}"
        return f"{column.dataset}{of}{split}"
    return ("Average of domains" if column.domain == AVERAGE else plain(column.domain)) + split


def plain(name: str) -> str:
    """A folder's name as words: "art_painting" -> "art painting"."""
    return name.replace("_", " ")


def results_table(table: Table, choice: Choice, log_link: LogLink = log_button) -> Markup:
    """The table with its search field, its marks, and its notes below.

    Every number says in its title where it is from; the last column and the numbered notes say the
    same without a mouse.
    """
    if not table.groups:
        return html('<p class="nothing">There is no number for this choice.</p>')
    notes = _Notes(table)
    heads = ["Method", "Bits", "Size"] + [column_title(column, choice) for column in table.columns]
    head = join(_head(place, text) for place, text in enumerate(heads))
    bodies = join(
        html(
            '<tbody><tr class="group"><th scope="rowgroup" colspan="{}">{}</th></tr>',
            len(heads) + 1,
            group_title(group),
        )
        + join(_row(row, group, table, choice, notes, log_link) for row in group.rows)
        + html("</tbody>")
        for group in table.groups
    )
    count = sum(len(group.rows) for group in table.groups)
    return html(
        '<div class="results-table"><div class="tools">'
        '<label>Search <input type="search" data-search placeholder="method, table, note"></label>'
        '<label class="check"><input type="checkbox" data-flagged> only rows with a flag</label>'
        '<span class="count" role="status" data-count>{} of {} rows</span></div>'
        '<div class="scroll" tabindex="0" role="region" aria-label="Results">'
        "<table><caption>Accuracy on held-out domains in percent ± standard error. "
        "<b>Bold</b>: best; <u>underlined</u>: second best of its column, within one table and "
        "network, as rounded. ⚑: a reason to doubt the number, see below the table. Measured here: "
        "mean and standard error over n runs; averaged: the mean of the weights since the "
        "quantization step; where no step is named, that of most runs. Size: the weights' memory "
        "over one full-precision network's.</caption>"
        '<thead><tr>{}<th scope="col">Source</th></tr></thead>{}</table></div>'
        "{}</div>",
        count,
        count,
        head,
        bodies,
        notes.html(),
    )


def group_title(group: Group) -> Markup:
    """Where the numbers of a group are from, with the network."""
    if group.measured or group.theirs:
        return html("{} · {}", "Yours" if group.theirs else "Measured here", group.backbone)
    paper = html('<a href="{}" target="_blank" rel="noopener">paper</a>', PAPER_LINK)
    listing = group.table if group.source == group.table else f"{table_title(group.table)}"
    of = html("The {}, {}", paper, listing) if group.table.isdigit() else listing
    return html("{} · {}", of, group.backbone)


def figure_table(title: str, heads: Sequence[str], rows: Iterable[Sequence[str | None]]) -> str:
    """The numbers of a figure as a table, folded away below it."""
    shown = [[text or "—" for text in row] for row in rows]
    return charts.folded("The numbers of this figure", charts.table(heads, shown, title))


def size_table(group: Group, column: int, title: str) -> str:
    """The numbers of `size_figure`."""
    rows = [row for row in with_number(group.rows, column) if row.size]
    return figure_table(
        title,
        ("Method", "Memory, full precision = 1", "Accuracy (%)", "Source"),
        [
            (
                full_label(row),
                row.relative_size,
                number(number_in(row, column)),
                _origin(row, column),
            )
            for row in rows
        ],
    )


def bits_table(rows: Sequence[Row], column: int, title: str) -> str:
    """The numbers of `bits_figure`."""
    return figure_table(
        title,
        ("Method", "Bits a weight", "Accuracy (%)", "Source"),
        [
            (row.label, str(row.bits or 32), number(number_in(row, column)), _origin(row, column))
            for row in with_number(rows, column)
            if family(row.method) in ("erm", "qt-dog", "post-training", "freeze")
        ],
    )


def steps_table(shown: Sequence[Curve], title: str) -> str:
    """The numbers of `steps_figure`, a row a step."""
    steps = sorted({step for curve in shown for step in curve.steps})
    heads = ["Step"]
    columns = []
    for curve in shown:
        for split, values in (("source", curve.source), ("target", curve.target)):
            heads.append(f"{curve.label}, {split} (%)")
            columns.append(dict(zip(curve.steps, values, strict=True)))
    rows = [
        [str(step), *(f"{of[step]:.1f}" if step in of else None for of in columns)]
        for step in steps
    ]
    return figure_table(title, heads, rows)


def calibration_table(columns: dict[str, dict[str, Cell | None]], title: str) -> str:
    """By heading, the numbers of each method."""
    labels = dict.fromkeys(label for cells in columns.values() for label in cells)

    def of_label(label: str) -> list[Cell | None]:
        return [cells.get(label) for cells in columns.values()]

    rows = [
        (label, *(number(cell) if cell else None for cell in of_label(label)))
        for label in labels
        if any(of_label(label))
    ]
    return figure_table(title, ("Method", *columns), rows)


def run_log(log: RunLog) -> Markup:
    """A run's command, settings and evaluations."""
    settings = join(
        html("<dt>{}</dt><dd>{}</dd>", plain(name), value) for name, value in log.config
    )
    heads = ("Step", "Quantized", "Training loss", "Source validation (%)", "Target sample (%)")
    heads += ("Averaged: source (%)", "Averaged: target sample (%)")
    head = join(html('<th scope="col">{}</th>', text) for text in heads)
    body = join(
        html(
            '<tr><th scope="row">{}</th><td>{}</td><td>{:.4f}</td>',
            point.step,
            "yes" if point.quantized else "no",
            point.train_loss,
        )
        + join(
            html("<td>{}</td>", "—" if value is None else f"{value:.1f}")
            for value in (
                point.source_validation,
                point.target,
                point.averaged_source_validation,
                point.averaged_target,
            )
        )
        + html("</tr>")
        for point in log.points
    )
    name = log.name
    return html(
        '<article class="run" aria-label="Run log {}"><h3>{}</h3>'
        "<pre tabindex=0>{}</pre>"
        '<div class="scroll" tabindex="0" role="region" aria-label="Evaluations of {}">'
        "<table><caption>Evaluations during training; the target sample chose nothing.</caption>"
        "<thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>"
        "<details><summary>Settings</summary><dl>{}</dl></details></article>",
        name,
        name,
        log.command,
        name,
        head,
        body,
        settings,
    )


def number(cell: Cell) -> str:
    """ "87.8 ± 0.3"."""
    error = "" if cell.error is None else f" ± {cell.error:.{cell.decimals}f}"
    return f"{cell.value:.{cell.decimals}f}{error}"


class _Notes:
    """The flags and remarks of a table, numbered in the order of reading."""

    def __init__(self, table: Table) -> None:
        self.flags: dict[str, int] = {}
        self.remarks: dict[str, int] = {}
        for group in table.groups:
            for row in group.rows:
                for cell in filter(None, row.cells):
                    for said, known in ((cell.flags, self.flags), (cell.remarks, self.remarks)):
                        for text in said:
                            known.setdefault(text, len(known) + 1)

    def marks(self, cell: Cell) -> Markup:
        """The marks behind a number."""
        marks = [
            html(
                '<a class="flag" href="#results-flag-{}" aria-label="Flag {}: {}">⚑{}</a>',
                self.flags[text],
                self.flags[text],
                text,
                self.flags[text],
            )
            for text in cell.flags
        ]
        marks += [
            html(
                '<a class="remark" href="#results-remark-{}" aria-label="Note {}: {}">{}</a>',
                self.remarks[text],
                _letter(self.remarks[text]),
                text,
                _letter(self.remarks[text]),
            )
            for text in cell.remarks
        ]
        return html("<sup>{}</sup>", join(marks, " ")) if marks else Markup()

    def html(self) -> Markup:
        """The texts, each once."""
        items = join(
            html('<li id="results-flag-{}"><b>⚑{}</b> {}</li>', place, place, text)
            for text, place in self.flags.items()
        ) + join(
            html('<li id="results-remark-{}"><b>{}</b> {}</li>', place, _letter(place), text)
            for text, place in self.remarks.items()
        )
        if not items:
            return Markup()
        return html('<ul class="flags" aria-label="Flags and notes">{}</ul>', items)


def _letter(place: int) -> str:
    return chr(ord("a") + (place - 1) % 26)


def _head(place: int, text: str) -> Markup:
    return html(
        '<th scope="col" aria-sort="none"><button type="button" data-sort="{}">'
        '{}<span aria-hidden="true"></span></button></th>',
        place,
        text,
    )


def _row(
    row: Row, group: Group, table: Table, choice: Choice, notes: _Notes, log_link: LogLink
) -> Markup:
    style, key = style_of(row), style_key(row.method, row.averaged)
    shown = named(row) if group.measured or group.theirs else row
    cells = join(
        _cell(cell, column_title(column, choice), notes)
        for cell, column in zip(row.cells, table.columns, strict=True)
    )
    flagged = any(cell and cell.flags for cell in row.cells)
    size = f"{row.relative_size} ×" if row.relative_size else "—"
    middle = sum(row.size) / 2 if row.size else ""
    return html(
        "<tr{}>"
        '<th scope="row" data-value="{}"{} style="--ink: var(--{})">'
        '<span class="marker" aria-hidden="true">{}</span>{}</th>'
        '<td data-value="{}">{}</td>'
        '<td data-value="{}">{}</td>{}'
        '<td class="source">{}</td></tr>',
        " data-flagged" if flagged else "",
        row.label,
        html(' title="In tables: {}"', row.label) if shown != row else "",
        key,
        style.marker,
        shown.label,
        row.bits or 32,
        row.bits or 32,
        middle,
        size,
        cells,
        _source(row, group, log_link),
    )


def _cell(cell: Cell | None, column: str, notes: _Notes) -> Markup:
    if cell is None:
        return html('<td data-value=""><span class="missing" title="Not given">—</span></td>')
    value = f"{cell.value:.{cell.decimals}f}"
    value = {"best": html("<b>{}</b>", value), "second": html("<u>{}</u>", value)}.get(
        cell.place, value
    )
    spread = [] if cell.error is None else [f"± {cell.error:.{cell.decimals}f}"]
    spread += [f"n = {cell.runs}"] if cell.runs else []
    about = html('<span class="spread">{}</span>', ", ".join(spread)) if spread else ""
    title = " ".join([f"{column}: {cell.provenance}.", *cell.flags, *cell.remarks])
    return html(
        '<td data-value="{}" title="{}"><span class="value">{}{}</span>{}</td>',
        cell.value,
        title,
        value,
        notes.marks(cell),
        about,
    )


def _source(row: Row, group: Group, log_link: LogLink) -> Markup:
    if group.theirs:
        return escape("Yours")
    if not group.measured:
        paper = html("Paper, Table {}", group.table)
        return paper if group.table.isdigit() else escape(group.table)
    logs = dict.fromkeys(log for cell in row.cells if cell for log in cell.logs)
    if not logs:
        return html("Measured here, no run log")
    items = join(html("<li>{}</li>", log_link(log)) for log in logs)
    noun = "run log" if len(logs) == 1 else "run logs"
    return html(
        "Measured here<details><summary>{} {}</summary><ul>{}</ul></details>",
        len(logs),
        noun,
        items,
    )


def _origin(row: Row, column: int) -> str:
    cell = number_in(row, column)
    return " ".join([f"{cell.provenance}.", *cell.flags])
