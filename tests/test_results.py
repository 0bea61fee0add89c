"""Results: read, checked, flagged, averaged and compared, against independent computations."""

import dataclasses
import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from result_files import (
    COUNTS,
    ENSEMBLES,
    QUANTIZE_STEP,
    STEPS,
    log_name,
    log_points,
    measured_rows,
    write_results,
)

from qtdog.places import PROGRAM
from qtdog.results import (
    ALL,
    Choice,
    Column,
    Results,
    ResultsError,
    comparisons,
    flags,
    load_results,
    load_run,
    options,
    pivot,
    read_measured,
    seed_runs,
    to_frame,
)
from qtdog.results.flagging import averages_that_do_not_match, disagreements
from qtdog.results.records import PAPER
from qtdog.study import measured_csv
from qtdog.study.rows import MeasuredRow

KEY = ["source", "table", "backbone", "method", "bits", "dataset", "domain", "split"]


@pytest.fixture(scope="module")
def paper(tmp_path_factory) -> Results:
    """The paper's numbers alone: what is measured here grows."""
    return load_results(tmp_path_factory.mktemp("nothing measured"))


def test_the_bundled_files_are_read_without_a_problem():
    found = load_results()
    assert found.problems == ()
    assert {one.source for one in found.measured} == {"measured"}


@pytest.fixture(scope="module")
def printed() -> pd.DataFrame:
    """The file itself, read without the package."""
    return pd.read_csv(PAPER, dtype={"table": str, "note": str})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_results(tmp_path_factory.mktemp("results") / "files")


@pytest.fixture(scope="module")
def results(folder) -> Results:
    return load_results(folder)


# The paper's numbers


def test_every_printed_number_is_in_the_tables_once_with_its_error_and_source(paper, printed):
    benchmarks = [*options(paper, Choice()).benchmarks, "Average"]
    frames = [to_frame(pivot(paper, Choice("paper", benchmark))) for benchmark in benchmarks]
    shown = pd.concat(frames).set_index(KEY).sort_index()
    expected = printed.astype({"bits": "Int64"}).set_index(KEY).sort_index()
    assert len(shown) == len(expected) == len(printed)
    assert list(shown.index) == list(expected.index)
    assert list(shown.accuracy) == list(expected.accuracy)
    assert list(shown.error.fillna(-1)) == list(expected.error.fillna(-1))
    said = [
        f"Paper, Table {table}" if source == "paper" else table
        for source, table in zip(
            shown.index.get_level_values("source"),
            shown.index.get_level_values("table"),
            strict=True,
        )
    ]
    assert list(shown.provenance) == said


def test_the_known_questionable_numbers_carry_a_flag(paper):
    of = {
        (one.table, one.method, one.bits, one.dataset, one.split): " ".join(reasons)
        for one, reasons in flags(paper.paper).items()
        if one.domain == "average"
    }
    listing = "Papers With Code listing"
    assert "90.7" in of["1", "EoQ", 7, "PACS", "target"]
    assert "90.7" in of["7", "EoQ", 7, "PACS", "target"]
    assert "89.3" in of[listing, "EoQ", 7, "PACS", "target"]
    assert "63.4" in of["1", "ERM", None, "Average", "target"]
    assert "64.0" in of["1", "Fishr", None, "Average", "target"]
    assert "87.7" in of["7", "QT-DoG", 7, "PACS", "target"]
    assert "swapped" in of["1", "DART", None, "VLCS", "target"]
    assert "47.2" in of["1", "ERM", None, "TerraIncognita", "target"]
    # Where the notes say nothing: the tables print two values for the same thing.
    assert "90.1" in of["9", "ERM", None, "TerraIncognita", "in-domain"]
    assert "91.7" in of["12", "ERM", None, "TerraIncognita", "in-domain"]
    # Agreeing sources and agreeing averages have none.
    assert (listing, "EoQ", 7, "TerraIncognita", "target") not in of
    assert ("1", "EoQ", 7, "Average", "target") not in of


def test_averages_are_checked_by_computation_and_not_by_the_notes(paper, printed):
    bare = [dataclasses.replace(one, note="") for one in paper.paper]
    found = {(one.table, one.method, one.dataset) for one in averages_that_do_not_match(bare)}
    expected = set()
    line = ["source", "table", "backbone", "method", "split"]
    for (_, table, _, method, _), rows in printed.groupby(line, dropna=False):
        benchmarks = rows[(rows.domain == "average") & (rows.dataset != "Average")]
        for dataset, parts, average in [
            ("Average", benchmarks, rows[rows.dataset == "Average"]),
            *(
                (dataset, of[of.domain != "average"], of[of.domain == "average"])
                for dataset, of in rows.groupby("dataset")
            ),
        ]:
            # One decimal each: half a unit from the average and half a unit from its parts.
            if len(parts) > 1 and len(average):
                far = abs(parts.accuracy.mean() - average.accuracy.iloc[0])
                if far > 0.1 + 1e-9:
                    expected.add((table, method, dataset))
    assert found == expected
    assert ("1", "Fishr", "Average") in found


@pytest.mark.parametrize(("shift", "flagged"), [(0.0, False), (0.05, False), (0.3, True)])
def test_rounding_alone_is_no_reason_for_a_flag(paper, shift, flagged):
    (average,) = (
        one
        for one in paper.paper
        if (one.table, one.method) == ("8", "SWAD") and one.domain == "average"
    )
    moved = dataclasses.replace(average, accuracy=average.accuracy + shift, decimals=1)
    rest = [one for one in paper.paper if one is not average]
    assert (moved in averages_that_do_not_match([*rest, moved])) == flagged


def test_a_value_with_more_digits_is_compared_within_its_rounding(paper):
    (first,) = (o for o in paper.paper if (o.table, o.method, o.dataset) == ("1", "SWAD", "PACS"))
    for accuracy, differs in ((88.14, False), (88.16, True)):
        other = dataclasses.replace(first, table="99", accuracy=accuracy, decimals=2)
        assert (other in disagreements([first, other])) == differs


def test_a_note_on_the_metric_is_a_remark_and_no_flag(paper):
    table = pivot(paper, Choice("paper", "WILDS-Amazon"))
    cells = [cell for group in table.groups for row in group.rows for cell in row.cells]
    assert len(cells) == 4
    assert {cell.remarks for cell in cells} == {("10th-percentile accuracy.",)}
    assert {cell.flags for cell in cells} == {()}


def test_best_and_second_best_of_each_column_in_table_1(paper, printed):
    table = pivot(paper, Choice(table="1"))
    (group,) = table.groups
    of_table = printed[
        (printed.table == "1") & (printed.note != "PACS and VLCS look swapped in the paper")
    ]
    for place, column in enumerate(table.columns):
        values = of_table[of_table.dataset == column.dataset].set_index("method").accuracy
        best, second = sorted(values.unique(), reverse=True)[:2]
        for row in group.rows:
            expected = {best: "best", second: "second"}.get(values.get(row.method), "")
            assert row.cells[place].place == expected, (row.method, column)


def test_numbers_of_different_tables_and_networks_are_not_ranked_together(paper):
    table = pivot(paper, Choice("paper", "PACS"))
    place = table.columns.index(Column("PACS", "average", "target"))
    best = {
        (group.table, group.backbone): [
            r.method for r in group.rows if r.cells[place] and r.cells[place].place == "best"
        ]
        for group in table.groups
    }
    assert best["1", "ResNet-50"] == ["EoQ"]
    assert best["5", "DeiT-Small"] == ["ERM-SD_ViT"]
    assert best["Papers With Code listing", "ResNet-50"] == ["EoQ"]


def test_choices_narrow_each_other(paper):
    of = options(paper, Choice("both", "DomainNet"))
    assert of.backbones == ("ResNet-50", "CLIP ViT-B/16", "ResNeXt-50 32x4d (Instagram-1B)")
    assert of.tables == ("1", "6", "11")
    assert options(paper, Choice("both", "DomainNet", "CLIP ViT-B/16")).tables == ("6",)
    assert options(paper, Choice("measured")).benchmarks == ()


# What is measured here


def test_measured_means_and_standard_errors_are_pandas_own(results):
    frame = pd.DataFrame(measured_rows()).astype({"accuracy": float})
    frame["bits"] = frame.bits.replace(32, np.nan).astype(float)
    grouped = frame.groupby(["method", "bits", "averaged", "domain"], dropna=False).accuracy
    expected = pd.DataFrame(
        {"mean": grouped.mean(), "sem": grouped.sem(), "count": grouped.count()}
    )
    shown = 0
    table = pivot(results, Choice("measured", "PACS"))
    for row in table.groups[0].rows:
        for column, cell in zip(table.columns, row.cells, strict=True):
            if cell is None or column.domain == "average":
                continue
            key = (row.method, row.bits or np.nan, "yes" if row.averaged else "no", column.domain)
            of = expected.loc[[key]].iloc[0]
            assert cell.value == pytest.approx(of["mean"])
            assert cell.runs == of["count"]
            assert cell.error == (None if of["count"] == 1 else pytest.approx(of["sem"]))
            shown += 1
    assert shown == len(expected)


def test_the_average_over_domains_needs_all_of_them(results):
    table = pivot(results, Choice("measured", "PACS"))
    place = table.columns.index(Column("PACS", "average", "target"))
    rows = {(row.label, row.bits): row.cells[place] for row in table.groups[0].rows}
    counts = [np.array(COUNTS["ERM", None, False][domain]) / 2 for domain in ("cartoon", "sketch")]
    errors = [values.std(ddof=1) / 3**0.5 for values in counts]
    assert rows["ERM", None].value == pytest.approx(np.mean([values.mean() for values in counts]))
    assert rows["ERM", None].error == pytest.approx(np.hypot(*errors) / 2)
    assert rows["ERM", None].runs == 6
    assert rows["ERM", None].flags == (
        "The mean of 2 domains only; not measured: art painting, photo.",
    )
    assert rows["QT-DoG", 4] is None  # sketch alone
    assert rows["EoQ", 7] is None  # cartoon alone


def test_measured_numbers_name_their_run_logs(results):
    frame = to_frame(pivot(results, Choice("measured", "PACS")))
    of = frame[(frame.method == "EoQ") & (frame.domain == "cartoon")].iloc[0]
    assert of.logs.split(";") == [log_name("QT-DoG", 7, "cartoon", seed) for seed in range(3)]
    assert of.provenance == "Measured here, one ensemble, 200 images"
    assert set(frame.source) == {"measured"}


def test_lower_is_better_for_calibration(results):
    table = pivot(results, Choice("measured", "PACS"), "ece")
    place = table.columns.index(Column("PACS", "cartoon", "target"))
    rows = [row for row in table.groups[0].rows if row.cells[place]]
    (row,) = (row for row in rows if row.cells[place].place == "best")
    assert (row.method, row.bits) == ("Post-training", 4)
    assert row.cells[place].value == pytest.approx(np.mean([99, 90, 101]) / 2000)


def test_a_dataset_is_the_papers_whatever_its_case(results):
    assert {one.dataset for one in results.measured} == {"PACS"}
    both = pivot(results, Choice("both", "PACS", ALL, "7"))
    assert [group.measured for group in both.groups] == [False, True]


def test_what_measuring_writes_is_read(tmp_path):
    row = MeasuredRow(
        **dict.fromkeys(("table", "error", "note", "granularity", "quantize_step")),
        **{"backbone": "MobileNetV2", "method": "ERM", "bits": 32, "models_trained": 1},
        **{"relative_size": 1.0, "dataset": "PACS", "domain": "sketch", "split": "target"},
        **{"accuracy": round(100 * 2773 / 3738, 4), "source": "measured", "averaged": "no"},
        **{"seed": 0, "source_validation": 93.4, "correct": 2773, "total": 3738, "steps": 1200},
        **{
            "chosen_step": 1200,
            "seconds": 900.5,
            "hardware": "cpu",
            "commit": "abc",
            "run": "a.json",
        },
        **{"sha256": "0" * 64, "nll": 0.9, "ece": 0.1, "source_nll": 0.2, "source_ece": 0.01},
    )
    ensemble = dataclasses.replace(
        row, method="EoQ", bits=7, models_trained=5, seed=None, source_nll=None, run="a.json;b.json"
    )
    (tmp_path / "measured.csv").write_text(measured_csv([row, ensemble]))
    first, second = read_measured(tmp_path / "measured.csv")
    assert (first.bits, first.accuracy, first.measurement.seed) == (None, row.accuracy, 0)
    assert (second.bits, second.measurement.seed) == (7, None)
    assert second.measurement.runs == ("a.json", "b.json")


def test_other_schedules_are_rows_of_their_own(tmp_path):
    rows = [row for row in measured_rows() if row["method"] == "ERM" and row["averaged"] == "no"]
    rows = [{**row, "quantize_step": step} for step in (80, 160) for row in rows]
    rows.append({**rows[-1], "seed": 9})  # step 160 has most runs
    table = pivot(load_results(write_results(tmp_path / "f", rows)), Choice("measured", "PACS"))
    assert [row.label for row in table.groups[0].rows] == [
        "ERM, quantized at step 80 of 320",
        "ERM",
    ]
    assert [row.main for row in table.groups[0].rows] == [False, True]
    assert {cell.runs for row in table.groups[0].rows for cell in row.cells} == {3, 4, 6, 7}


# One method against another


def test_the_interval_of_one_domain_is_the_paired_t_test(tmp_path):
    rows = [row for row in measured_rows() if row["domain"] == "sketch"]
    measured = load_results(write_results(tmp_path / "f", rows)).measured
    one = next(c for c in comparisons(measured, "PACS") if (c.first, c.second) == ("QT-DoG", "ERM"))
    ours, erm = (
        np.array(COUNTS[key]["sketch"]) / 2 for key in (("QT-DoG", 7, False), ("ERM", None, False))
    )
    interval = scipy.stats.ttest_rel(ours, erm).confidence_interval(0.95)
    assert one.difference == pytest.approx((ours - erm).mean())
    assert (one.low, one.high) == pytest.approx((interval.low, interval.high))
    assert (one.targets, one.seeds, one.bits) == (("sketch",), 3, 7)


def test_two_widths_on_all_domains_are_both_compared_and_an_ablation_is_not(results):
    """As in the second study: 5 bits everywhere, too, and rounding compared at its own width."""

    def like(ones, gain=0.0, **other):
        return [dataclasses.replace(one, accuracy=one.accuracy + gain, **other) for one in ones]

    main = ("PACS", "QT-DoG", 7, False)
    seven = [
        one
        for one in results.measured
        if (one.dataset, one.method, one.bits, one.measurement.averaged) == main
    ]
    five = like(seven, 1, bits=5)
    rounded = [like(ones, -ones[0].bits, method="Post-training (least error)")
               for ones in (seven, five)]  # fmt: skip
    ablation = like([one for one in seven if one.domain == seven[0].domain], bits=3)
    measured = (*results.measured, *five, *rounded[0], *rounded[1], *ablation)
    found = {
        (one.first, one.second, one.bits): one.difference
        for one in comparisons(measured, "PACS")
        if not one.averaged
    }
    assert found["QT-DoG", "ERM", 5] == pytest.approx(found["QT-DoG", "ERM", 7] + 1)
    assert ("QT-DoG", "ERM", 3) not in found
    for bits in (7, 5):
        gain = found["QT-DoG", "Post-training (least error)", bits]
        assert gain == pytest.approx(bits)


def test_the_interval_of_two_domains_is_that_of_least_squares(results):
    one = next(
        c for c in comparisons(results.measured, "PACS") if (c.first, c.second) == ("QT-DoG", "ERM")
    )
    values, design = [], []
    for place, domain in enumerate(("cartoon", "sketch")):
        for ours, erm in zip(
            COUNTS["QT-DoG", 7, False][domain], COUNTS["ERM", None, False][domain], strict=True
        ):
            values.append((ours - erm) / 2)
            design.append(np.eye(2)[place])
    design, contrast = np.array(design), np.array([0.5, 0.5])
    effects, squares, *_ = np.linalg.lstsq(design, np.array(values), rcond=None)
    variance = squares[0] / 4 * contrast @ np.linalg.inv(design.T @ design) @ contrast
    reach = scipy.stats.t.ppf(0.975, 4) * variance**0.5
    assert one.difference == pytest.approx(contrast @ effects)
    assert (one.low, one.high) == pytest.approx((one.difference - reach, one.difference + reach))


def test_an_ensemble_is_compared_without_an_uncertainty(results):
    of = {(c.first, c.second): c for c in comparisons(results.measured, "PACS") if not c.averaged}
    control = of["EoQ", "ERM ensemble"]
    assert control.difference == pytest.approx((163 - 165) / 2)
    assert (control.low, control.high, control.seeds) == (None, None, 0)
    assert of["EoQ", "ERM"].difference == pytest.approx(163 / 2 - np.mean([150, 154, 161]) / 2)
    assert ("QT-DoG", "Freeze") not in of
    assert set(ENSEMBLES) == {"ERM ensemble", "EoQ"}


# Run logs


def test_a_run_log_is_read_in_percent(folder):
    name = log_name("QT-DoG", 7, "sketch", 1)
    log = load_run(name, folder)
    assert log.quantize_step == QUANTIZE_STEP
    assert [point.step for point in log.points] == list(STEPS)
    for point, written in zip(log.points, log_points("QT-DoG", 1), strict=True):
        assert point.target == pytest.approx(100 * written["target"])
        assert (point.averaged_target is None) == (point.step <= QUANTIZE_STEP)
    assert dict(log.config)["seed"] == "1"


@pytest.mark.parametrize(
    "name", ["../measured.csv", "../../app.json", "/etc/hosts.json", "no-such-run.json", "", "."]
)
def test_no_file_but_a_run_log_is_read(folder, name):
    (folder.parent / "app.json").write_text("{}")
    with pytest.raises(ResultsError, match="There is no run log"):
        load_run(name, folder)


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        "{}",
        '{"config": {}, "command": "", "points": [{}]}',
        '{"config": 1}',
        json.dumps(
            {"config": {}, "command": "", "points": [{**log_points("ERM", 0)[0], "target": 74}]}
        ),
    ],
)
def test_a_broken_run_log_is_one_sentence(tmp_path, content):
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "broken.json").write_text(content)
    with pytest.raises(ResultsError, match=r"^The run log broken\.json cannot be read: .+\.$"):
        load_run("broken.json", tmp_path)


def test_runs_of_a_seed_go_together(results):
    (first,) = (
        s for s in seed_runs(results.measured, "PACS") if (s.domain, s.seed) == ("sketch", 0)
    )
    assert first.logs == (
        ("ERM", "pacs-sketch-erm-seed0.json"),
        ("QT-DoG, 7 bits", "pacs-sketch-qt-dog-7bit-seed0.json"),
    )


# Broken files


def _changed(**values):
    return [{**measured_rows()[0], **values}]


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (_changed(accuracy="174"), "line 2: accuracy '174' must be between 0 and 100"),
        (_changed(accuracy="many"), "line 2: accuracy 'many' is not a number"),
        (_changed(accuracy="nan"), "line 2: accuracy 'nan' must be between 0 and 100"),
        (_changed(accuracy="70.00"), "line 2: accuracy '70.00' is not 150 of 200, which is 75.00"),
        (_changed(averaged="maybe"), "line 2: averaged 'maybe' must be one of: 'yes', 'no'"),
        (_changed(split="train"), "line 2: split 'train' must be one of"),
        (_changed(method=""), "line 2: method '' must not be empty"),
        (_changed(correct="201"), "line 2: correct '201' must not be more than total, 200"),
        (_changed(seed="1.5"), "line 2: seed '1.5' must be a whole number"),
        (
            _changed(relative_size="small"),
            "line 2: relative_size 'small' is neither a number nor a range",
        ),
        (_changed() * 2, "lines 2 and 3 are of the same number"),
    ],
)
def test_a_broken_file_is_one_sentence_and_the_rest_stays(tmp_path, rows, sentence):
    results = load_results(write_results(tmp_path / "f", rows))
    assert results.measured == ()
    (problem,) = results.problems
    assert problem.startswith(f"measured.csv{',' if 'lines' not in sentence else ':'} {sentence}")
    assert problem.endswith(".")
    assert len(results.paper) == len(load_results().paper)


@pytest.mark.parametrize("content", [b"", b"table,method\n1,2\n", b'"a\n', b"\xff\xfe\x00"])
def test_a_file_that_is_no_table_is_one_sentence(tmp_path, content):
    write_results(tmp_path / "f")
    (tmp_path / "f" / "measured.csv").write_bytes(content)
    (problem,) = load_results(tmp_path / "f").problems
    assert problem.startswith("measured.csv ")
    assert "\n" not in problem


def test_without_measurements_the_paper_alone_is_there(tmp_path):
    write_results(tmp_path / "f")
    (tmp_path / "f" / "measured.csv").unlink()
    results = load_results(tmp_path / "f")
    assert (results.measured, results.problems) == ((), ())
    assert comparisons(results.measured, "PACS") == ()


def test_reading_results_loads_neither_torch_nor_gradio():
    script = "import sys, qtdog.results; assert not {'torch', 'gradio'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", script], cwd=PROGRAM, check=True)
