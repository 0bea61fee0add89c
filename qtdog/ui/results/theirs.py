"""A visitor's own numbers beside ours: the field for files, and what is said of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from qtdog.results import (
    ALL,
    Choice,
    MeasuredResult,
    MemoryPoint,
    Results,
    ResultsError,
    beside,
    comparisons,
    pivot,
    their_points,
    to_frame,
)
from qtdog.study import read_files
from qtdog.ui.events import alone
from qtdog.ui.figures import notices
from qtdog.ui.markup import Html, Markup, html, join, refusal
from qtdog.ui.results.sentences import beside_sentence, verdict

QUEUE = "theirs"
ABOUT = html(
    '<p class="section">A <code>measured.csv</code> that <code>qtdog report</code> wrote, or the '
    "records of your runs (<code>.json</code>; with their <code>.safetensors</code> ensembles "
    "too). They stand in the table below as <b>Yours</b> and in <em>What memory buys</em>, by the "
    "rules of ours, in this window alone: nobody else sees them, and the files go within two "
    "hours.</p>"
)

Theirs = tuple[MeasuredResult, ...]


@dataclass(frozen=True)
class TheirPart:
    """Where they are dropped and read."""

    files: gr.File
    numbers: gr.State
    """What was read, of this visitor."""
    points: gr.State
    """The same as points of what memory buys."""
    said: Html


def lay_out_theirs(results: Results, points: Sequence[MemoryPoint]) -> TheirPart:
    """Lay out the field, open where the page was started with numbers. `points`: of what memory
    buys, measured here."""
    theirs = results.theirs
    with gr.Accordion("Your numbers beside ours", open=bool(theirs), elem_id="results-theirs"):
        Html(ABOUT, padding=False)
        files = gr.File(
            file_count="multiple",
            label="measured.csv or run records",
            height=140,
            buttons=[],
            elem_id="results-files",
        )
        said = Html(theirs_html(theirs, results), padding=False)
    return TheirPart(files, gr.State(theirs), gr.State(their_points(theirs, points)), said)


def read_theirs(
    results: Results, points: Sequence[MemoryPoint]
) -> Callable[[list[str] | None, str, Theirs], list[Any]]:
    """What reads dropped files: the numbers, their points beside `points`, what is said of them,
    the benchmark to show. Of files that cannot be used one sentence is shown, and what was read
    before stays."""

    def read(paths: list[str] | None, benchmark: str, before: Theirs) -> list[Any]:
        if not paths:
            theirs = results.theirs
            return [theirs, their_points(theirs, points), theirs_html(theirs, results), gr.skip()]
        try:
            theirs = read_files([*map(Path, paths)], results)
        except ResultsError as error:
            said = notices([str(error)]) + theirs_html(before, results)
            return [before, gr.skip(), said, gr.skip()]
        datasets = dict.fromkeys(one.dataset for one in theirs)
        shown = gr.skip() if benchmark in (ALL, *datasets) else next(iter(datasets))
        return [theirs, their_points(theirs, points), theirs_html(theirs, results), shown]

    return read


def theirs_html(theirs: Theirs, results: Results) -> Markup:
    """How many there are, their paired differences, and the same methods as measured here; nothing
    where there are none."""
    if not theirs:
        return Markup()
    datasets = ", ".join(dict.fromkeys(one.dataset for one in theirs))
    count = f"{len(theirs):,} number{'' if len(theirs) == 1 else 's'} of yours, on {datasets}. "
    count += "Yours beside ours are no pairs, so their differences have no interval."
    listed = join(html("<li>{}</li>", one) for one in theirs_sentences(theirs, results))
    return html('<p class="section" role="status">{}</p><ul class="theirs">{}</ul>', count, listed)


def theirs_sentences(theirs: Theirs, results: Results) -> tuple[str, ...]:
    """A sentence a paired comparison among theirs, and one a method that was measured here too."""
    paired = [verdict(one, "Your numbers") for one in comparisons(theirs)]
    return (*paired, *map(beside_sentence, beside(theirs, results.measured)))


def add_endpoint(results: Results) -> None:
    """Let scripts ask the same; lay out what the page does not show."""

    def your_results(files: list[str]) -> dict[str, Any]:
        """Set the numbers of a study of your own beside those measured here.

        files: a measured.csv as `qtdog report` writes it, or run records (.json, and with all their
        .safetensors also ensembles). Nothing is kept. Returns `rows`, one record a number as of
        /results with the source "yours", and `sentences`: the paired differences among them with
        their intervals, and the same methods as measured here.
        """
        try:
            theirs = read_files([*map(Path, files or [])], results)
        except ResultsError as error:
            raise refusal(error) from None
        rows: list[dict[str, Any]] = []
        for dataset in dict.fromkeys(one.dataset for one in theirs):
            own = Results(results.paper, (), theirs=theirs)
            frame = to_frame(pivot(own, Choice("measured", dataset))).astype(object)
            rows += frame.where(frame.notna(), None).to_dict("records")
        return {"rows": rows, "sentences": list(theirs_sentences(theirs, results))}

    # Its fields, which the page does not show.
    with gr.Row(visible=False):
        gr.Button().click(
            your_results,
            [gr.File(file_count="multiple", label="files")],
            gr.JSON(label="record"),
            api_name="your_results",
            **alone(QUEUE),
        )
