"""The measured results in assets/ follow from the records beside them, and the judgement from the
tables; the shipped checkpoints are networks of recorded runs."""

import csv
import hashlib
import json
import re
from pathlib import Path

import numpy as np
import pytest
from bundled import FIRST_STUDY

from qtdog import checkpoints
from qtdog.landscape import Record, Trajectories, store
from qtdog.places import LANDSCAPES, SHOWN_STUDY
from qtdog.results import comparisons, load_results
from qtdog.study import measured_csv, measured_rows, report_text
from qtdog.study.rows import MeasuredRow

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def rows() -> list[MeasuredRow]:
    return measured_rows(FIRST_STUDY / "runs")


@pytest.fixture(scope="module")
def landscapes() -> list[Record]:
    found, problems = store.load_all(FIRST_STUDY / "landscapes")
    assert problems == []
    return found


def test_the_table_and_the_report_are_what_the_command_writes_from_the_records(rows, landscapes):
    assert (FIRST_STUDY / "measured.csv").read_text(encoding="utf-8-sig") == measured_csv(rows)
    judgement = (FIRST_STUDY / "judgement.md").read_text(encoding="utf-8")
    report = report_text(rows, FIRST_STUDY / "runs", judgement, landscapes)
    assert (FIRST_STUDY / "REPORT.md").read_text(encoding="utf-8") == report


def test_every_number_in_the_judgement_stands_in_the_tables(rows, landscapes):
    judgement = (FIRST_STUDY / "judgement.md").read_text(encoding="utf-8")
    tables = set(re.findall(r"\d+\.\d+", report_text(rows, FIRST_STUDY / "runs", "", landscapes)))
    cited = re.findall(r"\d+\.\d+", judgement)
    assert cited
    assert [number for number in cited if number not in tables] == []


def test_every_shipped_network_is_that_of_a_recorded_run():
    recorded = {row.sha256: row for row in measured_rows(SHOWN_STUDY / "runs") if row.sha256}
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


def test_every_stored_landscape_is_of_shipped_networks_by_clean_code():
    landscapes, _ = store.load_all(LANDSCAPES)
    shipped = set()
    for folder in checkpoints.find(ROOT / "checkpoints"):
        members = [(folder / one.path).parent for one in checkpoints.load_config(folder).files]
        hashes = [
            hashlib.sha256((one / "model.safetensors").read_bytes()).hexdigest() for one in members
        ]
        # Of EoQ, its members' one after the other.
        shipped.add(
            hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest()
        )
    assert landscapes
    for record in landscapes:
        if isinstance(record, Trajectories):  # of a run of their own, whose logs stand beside
            continue
        markers = getattr(record, "markers", None)
        models = [marker.model for marker in markers] if markers else [record.model]
        assert {model.sha256 for model in models} <= shipped
        assert re.fullmatch(r"[0-9a-f]{40}", record.made.commit)
    files = [path for path in LANDSCAPES.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 5e6


def test_the_ways_there_are_those_of_the_logs_beside_them():
    landscapes, _ = store.load_all(LANDSCAPES)
    ways = [record for record in landscapes if isinstance(record, Trajectories)]
    assert len(ways) == 2, "source and held-out images"
    for way in ways:
        assert re.fullmatch(r"[0-9a-f]{40}", way.made.commit)
        for arm in way.arms:
            assert re.fullmatch(r"[0-9a-f]{40}", arm.commit)
            log = f"trajectories-{arm.model.name}-log.csv"
            with (LANDSCAPES / "pacs" / way.target_domain / log).open(encoding="utf-8") as file:
                rows = list(csv.DictReader(file))
            points = (*way.trunk, *arm.points)
            logged = [
                (int(row["step"]), float(row["source_validation"]), float(row["target"]))
                for row in rows
            ]
            assert logged == [(one.step, one.source_validation, one.target) for one in points]


def test_the_flatness_table_follows_from_the_stored_losses():
    """Computed here from the files alone, by other code."""
    report = (FIRST_STUDY / "REPORT.md").read_text(encoding="utf-8")
    table = report.partition("## Flatness")[2].partition("## ")[0]
    rows = [re.split(r" *\| *", line)[1:-1] for line in table.splitlines() if line.startswith("|")]
    assert len(rows) == 2 + 4 * 2 * 2, "four held-out domains, two splits, two distances"
    splits = {"source domains": "source", "held-out domain": "target"}
    distances = {"relative to each filter": "filter", "of the whole vector": "whole"}
    for domain, images, distance, erm, averaged, quantized, difference, _ in rows[2:]:
        folder = FIRST_STUDY / "landscapes" / "pacs" / domain.replace(" ", "_")
        start = f"flatness-{distances[distance]}-{splits[images]}"
        rises = {}
        for path in folder.glob(f"{start}-*.json"):
            stored = json.loads(path.read_bytes())
            losses = np.array(stored["readings"])[:, :, 0]
            rises[path.stem.removeprefix(f"{start}-")] = losses.mean(1) - stored["centre"]["loss"]
        members = np.mean([rises[f"qt-dog-7bit-seed{seed}"] for seed in range(3)], 0)
        paired = members - rises["erm-seed0"]
        assert float(erm) == pytest.approx(rises["erm-seed0"].mean(), abs=6e-4)
        assert float(averaged) == pytest.approx(rises["erm-averaged-seed0"].mean(), abs=6e-4)
        assert float(quantized) == pytest.approx(members.mean(), abs=6e-4)
        mean, error = map(float, difference.split(" ± "))
        assert mean == pytest.approx(paired.mean(), abs=6e-4)
        assert error == pytest.approx(paired.std(ddof=1) / np.sqrt(len(paired)), abs=6e-4)


def test_the_results_tab_says_the_reports_differences_with_the_reports_intervals():
    report = (FIRST_STUDY / "REPORT.md").read_text(encoding="utf-8")
    found = [
        one
        for one in comparisons(load_results(FIRST_STUDY).measured, "PACS")
        if one.seeds and one.second in ("ERM", "Freeze", "QT-DoG")
    ]
    assert len(found) > 5
    for one in found:
        end = ", averaged" if one.averaged else ""
        pair = f"| {one.first}{end} – {one.second}{end} |"
        lines = [line for line in report.splitlines() if line.startswith(pair)]
        numbers = f"{one.difference:+.1f} [{one.low:+.1f}, {one.high:+.1f}]"
        assert all(f"| {numbers}, " in line for line in lines), pair
        if not one.averaged:
            assert lines, pair


def test_of_widths_seven_bits_alone_are_measured_on_every_held_out_domain():
    """Of the first study."""
    trained = [one for one in load_results(FIRST_STUDY).measured if one.method == "QT-DoG"]
    domains = {bits: {one.domain for one in trained if one.bits == bits} for bits in range(2, 9)}
    assert len(domains.pop(7)) == 4
    assert set(map(len, domains.values())) == {1}
    seeds = {
        bits: {one.measurement.seed for one in trained if one.bits == bits} for bits in domains
    }
    assert set(map(len, seeds.values())) == {1}
