"""Where the Results tab's choices, table and figures stand."""

from collections.abc import Sequence
from dataclasses import dataclass

import gradio as gr

from qtdog.results import (
    ALL,
    AVERAGE,
    Choice,
    MemoryPoint,
    Results,
    comparisons,
    seed_runs,
)
from qtdog.ui.charts import TOOLS
from qtdog.ui.figures import notices
from qtdog.ui.markup import Html, Markup, html, join
from qtdog.ui.results import memory, tables, views
from qtdog.ui.results.choices import HELD_OUT, choices_of, which_choices
from qtdog.ui.results.sentences import verdicts, which_width
from qtdog.ui.results.theirs import TheirPart, lay_out_theirs

FIRST = Choice("both", "PACS", ALL, "7")
SOURCES = [("Paper and measured", "both"), ("Paper", "paper"), ("Measured here", "measured")]
LOADING = html('<p class="nothing" role="status">Loading the numbers …</p>')
# The table asks for its content when it comes onto the page: nobody else waits for it.
ON_LOAD = tables.SCRIPT + '\ntrigger("load");'

Figure = tuple[gr.Plot, Html]
"""A plot and what stands below it."""

CONTENTS = html(
    '<p class="contents">{}</p>',
    join(
        html('<button type="button" data-shows="{}">{}</button>', place, name)
        for place, name in {
            "#memory-choice": memory.TITLE,
            "#results-domain": "Accuracy against bits",
            "#results-choice": "All numbers",
            "#plot-calibration-nll": "Calibration",
            "#results-seed": "Over training",
            "#run-log": "Run logs",
        }.items()
    ),
)
ALL_NUMBERS = (
    "All numbers",
    "The paper's and those measured here, with the source of each. What the paper's tables call "
    "ERM is full precision.",
)


@dataclass(frozen=True)
class MemoryPart:
    """What memory buys: its choices, its figure and what is best."""

    which: gr.Radio
    """The mean of all held-out domains, or the page's alone."""
    megabytes: gr.Slider
    speed: gr.Radio
    figure: Figure
    paper: Figure
    """The paper's own numbers, which are of other networks."""


@dataclass(frozen=True)
class Layout:
    """The tab's components that something happens to."""

    said: Html
    first: Html
    memory: "MemoryPart"
    source: gr.Dropdown
    benchmark: gr.Dropdown
    backbone: gr.Dropdown
    table: gr.Dropdown
    theirs: TheirPart
    numbers: Html
    download: gr.DownloadButton
    which: gr.Radio
    measured_bits: Figure
    paper_bits: Figure
    nll: Figure
    ece: Figure
    seed: gr.Dropdown
    training: Figure
    log: gr.Dropdown
    log_file: gr.DownloadButton
    log_html: Html


def lay_out(
    results: Results, points: Sequence[MemoryPoint], logs: Sequence[str], target: str
) -> Layout:
    """Lay out the tab for `logs`, the run logs' names; `target` is the held-out domain that the
    page opens with."""
    seeds = sorted({one.seed for one in seed_runs(results.measured, FIRST.benchmark)})
    with gr.Column(elem_id="results"):
        compared = comparisons(results.measured, FIRST.benchmark)
        rows = memory.first_rows(points, FIRST.benchmark, compared)
        first = Html(rows, elem_id="results-first")
        Html(CONTENTS, padding=False)
        memory_part = _lay_out_memory(target)
        _heading("Accuracy against bits", which_width(results.measured, FIRST.benchmark))
        which = gr.Radio(
            which_choices(target),
            value=HELD_OUT,
            label="Measured here, held out",
            elem_id="results-domain",
        )
        with gr.Row():
            measured_bits = _figure("Measured here", "bits-measured")
            paper_bits = _figure("In the paper", "bits-paper")
        said = Html(verdict_html(results, FIRST.benchmark), padding=False)
        _heading(*ALL_NUMBERS)
        with gr.Row(elem_id="results-choice"):
            source = gr.Dropdown(SOURCES, value=FIRST.source, label="Numbers", min_width=170)
            benchmark, backbone, table = _dropdowns(results, FIRST)
        their_part = lay_out_theirs(results, points)
        numbers = Html(LOADING, js_on_load=ON_LOAD, elem_id="results-numbers", padding=False)
        download = gr.DownloadButton(
            "Download these numbers (CSV)", size="md", elem_id="results-download"
        )

        _heading(
            "Calibration",
            "How far the probabilities can be trusted, on what is chosen above: "
            "negative log-likelihood (NLL) and expected calibration error (ECE); lower is better.",
        )
        with gr.Row():
            nll, ece = (
                _figure(f"{title}, measured here", f"calibration-{measure}")
                for measure, (title, *_) in views.CALIBRATION.items()
            )
        _heading("Accuracy over training", "The held-out domain, one seed (the paper's Figure 4).")
        seed = gr.Dropdown(
            [(f"seed {one}", str(one)) for one in seeds],
            value=next(iter(map(str, seeds)), None),
            label="Seed",
            visible=bool(seeds),
            elem_id="results-seed",
        )
        training = _figure("Measured here", "training")
        _heading("Run logs", "What the measured numbers rest on, as it was logged.")
        with gr.Row(elem_id="run-log"):
            log = gr.Dropdown(logs, value=None, label="Run log", visible=bool(logs))
            log_file = gr.DownloadButton("Download this log (JSON)", size="md", visible=False)
        log_html = Html(
            "" if logs else views.missing("No run is logged here yet.").html,
            elem_id="run-log-content",
            padding=False,
        )
    return Layout(
        *(
            said,
            first,
            memory_part,
            source,
            benchmark,
            backbone,
            table,
            their_part,
            numbers,
            download,
        ),
        *(which, measured_bits, paper_bits, nll, ece, seed, training, log, log_file, log_html),
    )


def _lay_out_memory(target: str) -> MemoryPart:
    _heading(memory.TITLE, memory.ABOUT)
    with gr.Row(elem_id="memory-choice"):
        which = gr.Radio(
            which_choices(target),
            value=AVERAGE,
            label="Held out",
            min_width=260,
            elem_id="memory-domain",
        )
        megabytes = gr.Slider(
            0.5,
            memory.MOST_MEGABYTES,
            value=memory.MEGABYTES,
            step=0.5,
            label=memory.LIMIT,
            min_width=260,
            elem_id="memory-megabytes",
        )
        speed = gr.Radio(
            [(name, key) for key, name in memory.SPEEDS.items()],
            value="10",
            label=memory.DOWNLOAD,
            min_width=320,
            elem_id="memory-speed",
        )
    measured = _figure("Measured here", "memory")
    return MemoryPart(which, megabytes, speed, measured, _figure(memory.IN_THE_PAPER, "size-paper"))


def verdict_html(results: Results, benchmark: str) -> Markup:
    """What the measurements say: the main sentence, and the others to open."""
    sentences = verdicts(results, comparisons(results.measured, benchmark))
    first, *others = sentences
    listed = join(html("<li>{}</li>", one) for one in others)
    count = f"{len(others)} more comparison{'' if len(others) == 1 else 's'}"
    more = html("<details><summary>{}</summary><ul>{}</ul></details>", count, listed)
    return (
        notices(results.problems)
        + html('<p class="summary" id="results-verdict">{}</p>', first)
        + (more if others else "")
    )


def _dropdowns(results: Results, choice: Choice) -> list[gr.Dropdown]:
    """Benchmark, network and table with what can be chosen first."""
    return [
        gr.Dropdown(choices, value=value, label=label, interactive=True, min_width=170)
        for label, choices, value in zip(
            ("Benchmark", "Network", "Table of the paper"),
            choices_of(results, choice),
            (choice.benchmark, choice.backbone, choice.table),
            strict=True,
        )
    ]


def _heading(title: str, text: str) -> None:
    Html(html('<h2 class="section">{}</h2><p class="section">{}</p>', title, text), padding=False)


def _figure(label: str, name: str) -> Figure:
    with gr.Column(min_width=320, elem_classes="figure"):
        Html(html("<h3>{}</h3>", label), padding=False)
        plot = gr.Plot(show_label=False, elem_id=f"plot-{name}", visible="hidden")
        below = Html(elem_id=f"below-{name}", padding=False)
        Html(TOOLS, padding=False)
    return plot, below
