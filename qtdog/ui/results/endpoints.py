"""The endpoints of the Results tab."""

from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from gradio.events import api

from qtdog.results import ALL, Choice, Results, ResultsError, load_run, pivot, to_frame
from qtdog.ui.markup import refusal
from qtdog.ui.results.choices import no_such, possible


def add_endpoints(results: Results, folder: Path) -> None:
    """Let scripts and agents ask for the numbers and for the run logs in `folder`."""

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
        if possible(results, choice) != choice:
            raise refusal(no_such(results, choice))
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
            raise refusal(error) from None

    results_of.__name__ = "results"  # by which agents know it
    api(results_of, api_name="results")
    api(run_log, api_name="run_log")
