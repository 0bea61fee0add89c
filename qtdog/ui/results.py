"""The Results tab: the paper's numbers and ours, with where each is from."""

import shutil
import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Literal

import gradio as gr

from qtdog.atomic import write_atomically
from qtdog.results import (
    ALL,
    AVERAGE,
    FOLDER,
    Choice,
    Results,
    ResultsError,
    Table,
    comparisons,
    load_results,
    load_run,
    options,
    pivot,
    run_path,
    to_frame,
)
from qtdog.ui import results_tables as tables
from qtdog.ui import results_views as views
from qtdog.ui.address import Address, one_of
from qtdog.ui.figures import notices
from qtdog.ui.results_sentences import verdicts
from qtdog.ui.results_views import View

FIRST = Choice("both", "PACS", ALL, "7")
SOURCES = [("Paper and measured", "both"), ("Paper", "paper"), ("Measured here", "measured")]
LOADING = '<p class="nothing" role="status">Loading the numbers …</p>'
# The table asks for its content when it comes onto the page: nobody else waits for it.
ON_LOAD = tables.SCRIPT + '\ntrigger("load");'
SHOW_THE_LOG = '() => document.querySelector("#run-log").scrollIntoView({ block: "start" })'


def results_tab(address: Address, folder: Path = FOLDER) -> None:
    """Lay out the tab on the results files in `folder` and wire it."""
    results = load_results(folder)
    logs = sorted({log for one in results.measured for log in one.measurement.runs})
    files = tempfile.TemporaryDirectory(prefix="qtdog-results-")  # gone with the process
    domains = views.held_out(results, FIRST.benchmark)
    seeds = views.training_choices(results, FIRST.benchmark)

    with gr.Column(elem_id="results"):
        said = gr.HTML(_said(results, FIRST.benchmark), padding=False)
        with gr.Row(elem_id="results-choice"):
            source = gr.Dropdown(SOURCES, value=FIRST.source, label="Numbers", min_width=170)
            benchmark, backbone, table = _dropdowns(results, FIRST)
        numbers = gr.HTML(LOADING, js_on_load=ON_LOAD, elem_id="results-numbers", padding=False)
        download = gr.DownloadButton(
            "Download these numbers (CSV)", size="md", elem_id="results-download"
        )

        _heading(
            "Accuracy against size",
            "What a method costs in memory for weights (the paper's Figure 1).",
        )
        with gr.Row():
            paper_size = _figure("In the paper", "size-paper")
            measured_size = _figure("Measured here", "size-measured")
        _heading(
            "Accuracy against bits",
            "Trained with quantized weights, or quantized after training.",
        )
        domain = gr.Dropdown(
            _domain_choices(domains),
            value=domains[0] if domains else None,
            label="Held-out domain, measured here",
            visible=bool(domains),
            elem_id="results-domain",
        )
        with gr.Row():
            measured_bits = _figure("Measured here", "bits-measured")
            paper_bits = _figure("In the paper", "bits-paper")
        _heading(
            "Calibration",
            "How far the probabilities can be trusted, on the held-out domain chosen above: "
            "negative log-likelihood (NLL) and expected calibration error (ECE); lower is better.",
        )
        with gr.Row():
            nll, ece = (
                _figure(f"{title}, measured here", f"calibration-{measure}")
                for measure, (title, *_) in views.CALIBRATION.items()
            )
        _heading("Accuracy over training", "One held-out domain and seed (the paper's Figure 4).")
        seed = gr.Dropdown(
            [(title, key) for key, title in seeds.items()],
            value=next(iter(seeds), None),
            label="Held-out domain and seed",
            visible=bool(seeds),
            elem_id="results-seed",
        )
        training = _figure("Measured here", "training")
        _heading("Run logs", "What the measured numbers rest on, as it was logged.")
        with gr.Row(elem_id="run-log"):
            log = gr.Dropdown(logs, value=None, label="Run log", visible=bool(logs))
            log_file = gr.DownloadButton("Download this log (JSON)", size="md", visible=False)
        log_html = gr.HTML(
            "" if logs else views.missing("No run is logged here yet.").html,
            elem_id="run-log-content",
            padding=False,
        )

    def show(
        source: str, benchmark: str, backbone: str, table: str, domain: str | None, key: str | None
    ) -> list[Any]:
        asked = Choice(source, benchmark, backbone, table)
        choice = _possible(results, asked)
        shown = pivot(results, choice)
        domains = views.held_out(results, choice.benchmark)
        held_out = domain if domain in domains else next(iter(domains), None)
        seeds = views.training_choices(results, choice.benchmark)
        run = key if key in seeds else next(iter(seeds), None)
        return [
            _said(results, choice.benchmark),
            *map(
                _update,
                _choices(results, choice),
                (asked.benchmark, asked.backbone, asked.table),
                (choice.benchmark, choice.backbone, choice.table),
            ),
            tables.results_table(shown, choice),
            _csv(shown, choice, Path(files.name)),
            *_shown(views.paper_size(results, choice.benchmark, choice.backbone)),
            *_shown(views.measured_size(results, choice.benchmark)),
            *_shown(views.paper_bits(results, choice.benchmark)),
            _update(_domain_choices(domains), domain, held_out),
            _update([(title, key) for key, title in seeds.items()], key, run),
            *show_domain(choice.benchmark, held_out),
            *show_training(choice.benchmark, run),
        ]

    def show_domain(benchmark: str, domain: str | None) -> list[Any]:
        return [
            *_shown(views.measured_bits(results, benchmark, domain)),
            *_shown(views.calibration(results, benchmark, domain, "nll")),
            *_shown(views.calibration(results, benchmark, domain, "ece")),
        ]

    def show_training(benchmark: str, key: str | None) -> list[Any]:
        return _shown(views.training(results, benchmark, key, folder))

    def choose_log(event: gr.EventData) -> str:
        return event.log if event.log in logs else gr.skip()

    def show_log(name: str | None) -> list[Any]:
        if name not in logs:
            return [gr.skip(), gr.skip()]
        try:
            html = tables.run_log(load_run(name, folder))
            copy = Path(files.name) / name.replace("/", "-")
            shutil.copyfile(run_path(name, folder), copy)
        except ResultsError as error:
            return [notices([str(error)]), gr.DownloadButton(visible=False)]
        return [html, gr.DownloadButton(value=copy, visible=True)]

    private: dict[str, Any] = {
        "api_visibility": "private",
        "show_progress": "hidden",
        "trigger_mode": "always_last",
        "concurrency_limit": 4,
    }
    chosen = [source, benchmark, backbone, table]
    gr.on(
        [numbers.load, *(one.change for one in chosen)],
        show,
        [*chosen, domain, seed],
        [
            *(said, benchmark, backbone, table, numbers, download),
            *(*paper_size, *measured_size, *paper_bits, domain, seed),
            *(*measured_bits, *nll, *ece, *training),
        ],
        **private,
    )
    domain.change(show_domain, [benchmark, domain], [*measured_bits, *nll, *ece], **private)
    seed.change(show_training, [benchmark, seed], training, **private)
    numbers.select(choose_log, None, log, **private).then(None, js=SHOW_THE_LOG, **private)
    log.change(show_log, log, [log_html, log_file], **private)

    of = options(results, Choice())
    address.add("numbers", source, one_of([value for _, value in SOURCES]))
    address.add("benchmark", benchmark, one_of([ALL, *of.benchmarks]))
    address.add("network", backbone, one_of([ALL, *of.backbones]))
    address.add("table", table, one_of([ALL, *of.tables]))
    if domains:
        address.add("held-out", domain, one_of(domains))
    if seeds:
        address.add("run", seed, one_of(list(seeds)))

    def results_of(
        source: Literal["both", "paper", "measured"] = "both",
        benchmark: str = ALL,
        backbone: str = ALL,
        table: str = ALL,
    ) -> list[dict[str, Any]]:
        """Numbers of the paper's tables and measured here, each with where it is from.

        source: "paper", "measured" or "both". benchmark: a dataset such as "PACS", or "all" for
        the averages over domains of every benchmark. backbone: a network such as "ResNet-50", or
        "all". table: a table number of the paper such as "7", "Papers With Code listing", or "all".
        Returns one record a number: accuracy in percent, standard error (over seeds where measured,
        as printed in the paper; null where none is given), number of measured runs (0 for the
        paper's), place ("best" or "second" of its column within its table and network),
        provenance, flags (reasons to doubt the number), remarks, and run logs' names.
        """
        choice = Choice(source, benchmark, backbone, table)
        if _possible(results, choice) != choice:
            raise gr.Error(_no_such(results, choice), print_exception=False)
        frame = to_frame(pivot(results, choice)).astype(object)
        return frame.where(frame.notna(), None).to_dict("records")

    def run_log(name: str) -> dict[str, Any]:
        """The log of a training run behind a measured number.

        name: one of the "logs" of a record of /results. Returns the command, the settings and the
        evaluations: step, whether quantized, training loss, and percent accuracies on the source
        domains' validation splits and on a sample of the target, of single and averaged weights.
        """
        try:
            return asdict(load_run(name, folder))
        except ResultsError as error:
            raise gr.Error(str(error), print_exception=False) from None

    results_of.__name__ = "results"  # by which agents know it
    gr.api(results_of, api_name="results")
    gr.api(run_log, api_name="run_log")


def _said(results: Results, benchmark: str) -> str:
    sentences = verdicts(results, comparisons(results.measured, benchmark))
    first, *others = sentences
    listed = "".join(f"<li>{one}</li>" for one in others)
    count = f"{len(others)} more comparison{'' if len(others) == 1 else 's'}"
    more = f"<details><summary>{count}</summary><ul>{listed}</ul></details>"
    return (
        notices(results.problems)
        + f'<p class="summary" id="results-verdict">{first}</p>'
        + (more if others else "")
    )


def _possible(results: Results, choice: Choice) -> Choice:
    """The choice, with "all" for what does not exist together with what stands left of it."""
    for name, of in (("benchmark", "benchmarks"), ("backbone", "backbones"), ("table", "tables")):
        if getattr(choice, name) not in (ALL, *getattr(options(results, choice), of)):
            choice = replace(choice, **{name: ALL})
    return choice


def _no_such(results: Results, choice: Choice) -> str:
    of = options(results, choice)
    for name, known in (
        ("benchmark", of.benchmarks),
        ("backbone", of.backbones),
        ("table", of.tables),
    ):
        if (value := getattr(choice, name)) not in (ALL, *known):
            there = ", ".join(known) or "none"
            return f"There is no {name} '{value}' for this choice. There are: {there}."
    raise AssertionError("the choice exists")


def _dropdowns(results: Results, choice: Choice) -> list[gr.Dropdown]:
    """Benchmark, network and table with what can be chosen first."""
    return [
        gr.Dropdown(choices, value=value, label=label, interactive=True, min_width=170)
        for label, choices, value in zip(
            ("Benchmark", "Network", "Table of the paper"),
            _choices(results, choice),
            (choice.benchmark, choice.backbone, choice.table),
            strict=True,
        )
    ]


def _choices(results: Results, choice: Choice) -> list[list[tuple[str, str]]]:
    """What can be chosen of benchmark, network and table: titles and values."""
    of = options(results, choice)
    return [
        [("All benchmarks", ALL), *((one, one) for one in of.benchmarks)],
        [("All networks", ALL), *((one, one) for one in of.backbones)],
        [("All tables", ALL), *((tables.table_title(one), one) for one in of.tables)],
    ]


def _update(choices: list[tuple[str, str]], asked: str | None, value: str | None) -> Any:
    """What can be chosen now. The value is left alone unless it has to change: by the time this
    arrives, the visitor or the address may have set another."""
    if asked == value:
        return gr.update(choices=choices, visible=bool(choices))
    return gr.update(choices=choices, value=value, visible=bool(choices))


def _domain_choices(domains: tuple[str, ...]) -> list[tuple[str, str]]:
    return [("mean of all" if one == AVERAGE else tables.plain(one), one) for one in domains]


def _heading(title: str, text: str) -> None:
    gr.HTML(f'<h2 class="section">{title}</h2><p class="section">{text}</p>', padding=False)


def _figure(label: str, name: str) -> tuple[gr.Plot, gr.HTML]:
    """A plot and what stands below it."""
    with gr.Column(min_width=320, elem_classes="figure"):
        gr.HTML(f"<h3>{label}</h3>", padding=False)
        plot = gr.Plot(show_label=False, elem_id=f"plot-{name}", visible="hidden")
        return plot, gr.HTML(elem_id=f"below-{name}", padding=False)


def _shown(view: View) -> list[Any]:
    """A view as updates of a plot and what stands below it."""
    return [gr.Plot(value=view.figure, visible=view.figure is not None or "hidden"), view.html]


def _csv(table: Table, choice: Choice, folder: Path) -> Path:
    """The table's numbers as a file, the same for the same choice."""
    words = [choice.source, choice.benchmark, choice.backbone, choice.table]
    name = "-".join("".join(c if c.isalnum() else "-" for c in word.lower()) for word in words)
    path = folder / f"qtdog-results-{name}.csv"
    text = to_frame(table).to_csv(index=False)
    write_atomically(path, lambda handle: handle.write(text.encode()))
    return path
