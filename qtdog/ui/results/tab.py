"""The Results tab: the paper's numbers and ours, with where each is from."""

from pathlib import Path
from typing import Any

import gradio as gr

from qtdog.places import RESULTS
from qtdog.results import ALL, Choice, load_results, options
from qtdog.ui.address import Address, one_of
from qtdog.ui.events import PRIVATE
from qtdog.ui.results import views
from qtdog.ui.results.endpoints import add_endpoints
from qtdog.ui.results.handlers import Handlers
from qtdog.ui.results.layout import FIRST, SOURCES, Layout, lay_out

SHOW_THE_LOG = '() => document.querySelector("#run-log").scrollIntoView({ block: "start" })'


def results_tab(address: Address, folder: Path = RESULTS) -> None:
    """Lay out the tab on the results files in `folder` and wire it."""
    results = load_results(folder)
    measurements = filter(None, (one.measurement for one in results.measured))
    logs = sorted({log for one in measurements for log in one.runs})
    at = lay_out(results, logs)
    _wire(at, Handlers(results, logs, folder))
    of = options(results, Choice())
    address.add("numbers", at.source, one_of([value for _, value in SOURCES]))
    address.add("benchmark", at.benchmark, one_of([ALL, *of.benchmarks]))
    address.add("network", at.backbone, one_of([ALL, *of.backbones]))
    address.add("table", at.table, one_of([ALL, *of.tables]))
    if domains := views.held_out(results, FIRST.benchmark):
        address.add("held-out", at.domain, one_of(domains))
    if seeds := views.training_choices(results, FIRST.benchmark):
        address.add("run", at.seed, one_of(list(seeds)))
    add_endpoints(results, folder)


def _wire(at: Layout, does: Handlers) -> None:
    private: dict[str, Any] = {
        **PRIVATE,
        "trigger_mode": "always_last",
        "concurrency_limit": 4,
    }
    chosen = [at.source, at.benchmark, at.backbone, at.table]
    gr.on(
        [at.numbers.load, *(one.change for one in chosen)],
        does.show,
        [*chosen, at.domain, at.seed],
        [
            *(at.said, at.benchmark, at.backbone, at.table, at.numbers, at.download),
            *(*at.paper_size, *at.measured_size, *at.paper_bits, at.domain, at.seed),
            *(*at.measured_bits, *at.nll, *at.ece, *at.training),
        ],
        **private,
    )
    at.domain.change(
        does.show_domain,
        [at.benchmark, at.domain],
        [*at.measured_bits, *at.nll, *at.ece],
        **private,
    )
    at.seed.change(does.show_training, [at.benchmark, at.seed], at.training, **private)
    at.numbers.select(does.choose_log, None, at.log, **private).then(
        None, js=SHOW_THE_LOG, **private
    )
    at.log.change(does.show_log, at.log, [at.log_html, at.log_file], **private)
