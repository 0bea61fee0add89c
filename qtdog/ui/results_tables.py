"""Results as HTML: pure functions, records in, text out. No gradio in here.

`results.js` makes the columns sortable and the rows searchable; without it the tables still read.
"""

from collections.abc import Callable, Iterable, Sequence
from html import escape
from pathlib import Path

from qtdog.results import ALL, AVERAGE, Cell, Choice, Column, Group, Row, RunLog, Table
from qtdog.results.records import ALL_BENCHMARKS
from qtdog.ui import charts
from qtdog.ui.results_figures import Curve, full_label, style_key, style_of

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

LogLink = Callable[[str], str]
"""A run log's file name to the HTML that leads to the log."""


def log_button(name: str) -> str:
    """A button that `results.js` turns into the event that shows the log."""
    return f'<button type="button" class="log" data-log="{escape(name)}">{escape(name)}</button>'


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


def results_table(table: Table, choice: Choice, log_link: LogLink = log_button) -> str:
    """The table with its search field, its marks, and its notes below.

    Every number says in its title where it is from; the last column and the numbered notes say the
    same without a mouse.
    """
    if not table.groups:
        return '<p class="nothing">There is no number for this choice.</p>'
    notes = _Notes(table)
    heads = ["Method", "Bits", "Size"] + [column_title(column, choice) for column in table.columns]
    head = "".join(_head(place, text) for place, text in enumerate(heads))
    bodies = "".join(
        f'<tbody><tr class="group"><th scope="rowgroup" colspan="{len(heads) + 1}">'
        f"{group_title(group)}</th></tr>"
        + "".join(_row(row, group, table, choice, notes, log_link) for row in group.rows)
        + "</tbody>"
        for group in table.groups
    )
    count = sum(len(group.rows) for group in table.groups)
    return (
        '<div class="results-table"><div class="tools">'
        '<label>Search <input type="search" data-search placeholder="method, table, note"></label>'
        '<label class="check"><input type="checkbox" data-flagged> only rows with a flag</label>'
        f'<span class="count" role="status" data-count>{count} of {count} rows</span></div>'
        '<div class="scroll" tabindex="0" role="region" aria-label="Results">'
        "<table><caption>Accuracy on held-out domains in percent ± standard error. "
        "<b>Bold</b>: best; <u>underlined</u>: second best of its column, within one table and "
        "network, as rounded. ⚑: a reason to doubt the number, see below the table. Measured here: "
        "mean and standard error over n runs; averaged: the mean of the weights since the "
        "quantization step; where no step is named, that of most runs. Size: the weights' memory "
        "over one full-precision network's.</caption>"
        f'<thead><tr>{head}<th scope="col">Source</th></tr></thead>{bodies}</table></div>'
        f"{notes.html()}</div>"
    )


def group_title(group: Group) -> str:
    """Where the numbers of a group are from, with the network."""
    if group.measured:
        return f"Measured here · {escape(group.backbone)}"
    paper = f'<a href="{PAPER_LINK}" target="_blank" rel="noopener">paper</a>'
    listing = group.table if group.source == group.table else f"{table_title(group.table)}"
    of = f"The {paper}, {escape(listing)}" if group.table.isdigit() else escape(listing)
    return f"{of} · {escape(group.backbone)}"


def figure_table(title: str, heads: Sequence[str], rows: Iterable[Sequence[str | None]]) -> str:
    """The numbers of a figure as a table, folded away below it."""
    shown = [[text or "—" for text in row] for row in rows]
    return charts.folded("The numbers of this figure", charts.table(heads, shown, title))


def size_table(group: Group, column: int, title: str) -> str:
    """The numbers of `size_figure`."""
    rows = [row for row in group.rows if row.size and row.cells[column]]
    return figure_table(
        title,
        ("Method", "Memory, full precision = 1", "Accuracy (%)", "Source"),
        [
            (full_label(row), row.relative_size, number(row.cells[column]), _origin(row, column))
            for row in rows
        ],
    )


def bits_table(rows: Sequence[Row], column: int, title: str) -> str:
    """The numbers of `bits_figure`."""
    return figure_table(
        title,
        ("Method", "Bits a weight", "Accuracy (%)", "Source"),
        [
            (row.label, str(row.bits or 32), number(row.cells[column]), _origin(row, column))
            for row in rows
            if row.cells[column]
            and style_key(row.method) in ("erm", "qt-dog", "post-training", "freeze")
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
    rows = [
        (label, *(number(cells[label]) if cells.get(label) else None for cells in columns.values()))
        for label in labels
        if any(cells.get(label) for cells in columns.values())
    ]
    return figure_table(title, ("Method", *columns), rows)


def run_log(log: RunLog) -> str:
    """A run's command, settings and evaluations."""
    settings = "".join(
        f"<dt>{escape(plain(name))}</dt><dd>{escape(value)}</dd>" for name, value in log.config
    )
    heads = ("Step", "Quantized", "Training loss", "Source validation (%)", "Target sample (%)")
    heads += ("Averaged: source (%)", "Averaged: target sample (%)")
    head = "".join(f'<th scope="col">{text}</th>' for text in heads)
    body = "".join(
        f'<tr><th scope="row">{point.step}</th><td>{"yes" if point.quantized else "no"}</td>'
        f"<td>{point.train_loss:.4f}</td>"
        + "".join(
            f"<td>{'—' if value is None else f'{value:.1f}'}</td>"
            for value in (
                point.source_validation,
                point.target,
                point.averaged_source_validation,
                point.averaged_target,
            )
        )
        + "</tr>"
        for point in log.points
    )
    name = escape(log.name)
    return (
        f'<article class="run" aria-label="Run log {name}"><h3>{name}</h3>'
        f"<pre tabindex=0>{escape(log.command)}</pre>"
        f'<div class="scroll" tabindex="0" role="region" aria-label="Evaluations of {name}">'
        f"<table><caption>Evaluations during training; the target sample chose nothing.</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
        f"<details><summary>Settings</summary><dl>{settings}</dl></details></article>"
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

    def marks(self, cell: Cell) -> str:
        """The marks behind a number."""
        marks = [
            f'<a class="flag" href="#results-flag-{self.flags[text]}" '
            f'aria-label="Flag {self.flags[text]}: {escape(text)}">⚑{self.flags[text]}</a>'
            for text in cell.flags
        ]
        marks += [
            f'<a class="remark" href="#results-remark-{self.remarks[text]}" '
            f'aria-label="Note {_letter(self.remarks[text])}: {escape(text)}">'
            f"{_letter(self.remarks[text])}</a>"
            for text in cell.remarks
        ]
        return f"<sup>{' '.join(marks)}</sup>" if marks else ""

    def html(self) -> str:
        """The texts, each once."""
        items = "".join(
            f'<li id="results-flag-{place}"><b>⚑{place}</b> {escape(text)}</li>'
            for text, place in self.flags.items()
        ) + "".join(
            f'<li id="results-remark-{place}"><b>{_letter(place)}</b> {escape(text)}</li>'
            for text, place in self.remarks.items()
        )
        return f'<ul class="flags" aria-label="Flags and notes">{items}</ul>' if items else ""


def _letter(place: int) -> str:
    return chr(ord("a") + (place - 1) % 26)


def _head(place: int, text: str) -> str:
    return (
        f'<th scope="col" aria-sort="none"><button type="button" data-sort="{place}">'
        f'{escape(text)}<span aria-hidden="true"></span></button></th>'
    )


def _row(
    row: Row, group: Group, table: Table, choice: Choice, notes: _Notes, log_link: LogLink
) -> str:
    style, key = style_of(row), style_key(row.method, row.averaged)
    cells = "".join(
        _cell(cell, column_title(column, choice), notes)
        for cell, column in zip(row.cells, table.columns, strict=True)
    )
    flagged = any(cell and cell.flags for cell in row.cells)
    size = f"{row.relative_size} ×" if row.relative_size else "—"
    middle = sum(row.size) / 2 if row.size else ""
    return (
        f"<tr{' data-flagged' if flagged else ''}>"
        f'<th scope="row" data-value="{escape(row.label)}" style="--ink: var(--{key})">'
        f'<span class="marker" aria-hidden="true">{style.marker}</span>{escape(row.label)}</th>'
        f'<td data-value="{row.bits or 32}">{row.bits or 32}</td>'
        f'<td data-value="{middle}">{size}</td>{cells}'
        f'<td class="source">{_source(row, group, log_link)}</td></tr>'
    )


def _cell(cell: Cell | None, column: str, notes: _Notes) -> str:
    if cell is None:
        return '<td data-value=""><span class="missing" title="Not given">—</span></td>'
    value = f"{cell.value:.{cell.decimals}f}"
    value = {"best": f"<b>{value}</b>", "second": f"<u>{value}</u>"}.get(cell.place, value)
    spread = [] if cell.error is None else [f"± {cell.error:.{cell.decimals}f}"]
    spread += [f"n = {cell.runs}"] if cell.runs else []
    about = f'<span class="spread">{", ".join(spread)}</span>' if spread else ""
    title = " ".join([f"{column}: {cell.provenance}.", *cell.flags, *cell.remarks])
    return (
        f'<td data-value="{cell.value}" title="{escape(title)}">'
        f'<span class="value">{value}{notes.marks(cell)}</span>{about}</td>'
    )


def _source(row: Row, group: Group, log_link: LogLink) -> str:
    if not group.measured:
        return f"Paper, Table {group.table}" if group.table.isdigit() else escape(group.table)
    logs = dict.fromkeys(log for cell in row.cells if cell for log in cell.logs)
    if not logs:
        return "Measured here, no run log"
    items = "".join(f"<li>{log_link(log)}</li>" for log in logs)
    noun = "run log" if len(logs) == 1 else "run logs"
    return f"Measured here<details><summary>{len(logs)} {noun}</summary><ul>{items}</ul></details>"


def _origin(row: Row, column: int) -> str:
    cell = row.cells[column]
    return " ".join([f"{cell.provenance}.", *cell.flags])
