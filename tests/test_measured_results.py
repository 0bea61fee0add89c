"""The measured results in assets/ follow from the records beside them, and the judgement from the
tables; the shipped checkpoints are networks of recorded runs."""

import re
from pathlib import Path

import pytest

from qtdog import checkpoints
from qtdog.study.report import report_text
from qtdog.study.rows import MeasuredRow, measured_rows, to_csv

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "assets" / "results"


@pytest.fixture(scope="module")
def rows() -> list[MeasuredRow]:
    return measured_rows(RESULTS / "runs")


def test_the_table_and_the_report_are_what_the_command_writes_from_the_records(rows):
    assert (RESULTS / "measured.csv").read_text(encoding="utf-8") == to_csv(rows)
    judgement = (RESULTS / "judgement.md").read_text(encoding="utf-8")
    report = report_text(rows, RESULTS / "runs", judgement)
    assert (RESULTS / "REPORT.md").read_text(encoding="utf-8") == report


def test_every_number_in_the_judgement_stands_in_the_tables(rows):
    judgement = (RESULTS / "judgement.md").read_text(encoding="utf-8")
    tables = set(re.findall(r"\d+\.\d+", report_text(rows, RESULTS / "runs")))
    cited = re.findall(r"\d+\.\d+", judgement)
    assert cited
    assert [number for number in cited if number not in tables] == []


def test_every_shipped_network_is_that_of_a_recorded_run(rows):
    recorded = {row.sha256: row for row in rows if row.sha256}
    found = checkpoints.find(ROOT / "checkpoints")
    assert found
    for folder in found:
        config = checkpoints.load_config(folder)
        if config.method == "eoq":
            continue
        (model,) = [file for file in config.files if file.path == "model.safetensors"]
        row = recorded[model.sha256]
        assert (row.correct, row.total) == (config.target.correct, config.target.total), folder
        assert row.seed == config.training.seed
        assert row.domain == config.target_domain
