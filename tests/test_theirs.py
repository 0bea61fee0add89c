"""A visitor's own numbers beside ours: the same rules, marked as theirs, and bad files in words."""

import csv
import dataclasses
import json
import shutil
import statistics
from pathlib import Path

import pytest
from bundled import FIRST_STUDY
from result_files import TOTAL, measured_rows, write_results

from qtdog import study
from qtdog.results import (
    AVERAGE,
    Choice,
    MeasuredResult,
    Results,
    ResultsError,
    beside,
    comparisons,
    load_memory,
    load_results,
    pivot,
    their_points,
    to_frame,
)
from qtdog.ui.results import memory
from qtdog.ui.results.tables import results_table
from qtdog.ui.results.theirs import read_theirs, theirs_sentences

PACS = Choice("both", "PACS", "all", "7")


@pytest.fixture(scope="module")
def ours() -> Results:
    return load_results(FIRST_STUDY)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return write_results(tmp_path_factory.mktemp("theirs") / "files")


def changed(folder: Path, **values: str) -> Path:
    """Their measured.csv with the first row changed, beside the original."""
    rows = measured_rows()
    path = folder / f"{'-'.join(values)}.csv"
    with path.open("w", newline="") as handle:
        writer = csv.DictWriter(handle, rows[0] | {name: "" for name in _columns(folder)})
        writer.writeheader()
        writer.writerows([rows[0] | values, *rows[1:]])
    return path


def _columns(folder: Path) -> list[str]:
    with (folder / "measured.csv").open() as handle:
        return next(csv.reader(handle))


def test_their_rows_are_means_by_our_rules_and_marked_as_theirs(folder, ours):
    theirs = study.read_study(folder, ours)
    table = pivot(Results(ours.paper, ours.measured, theirs=theirs), PACS)
    sources = [group.source for group in table.groups]
    assert (sources[0], sources[-1], sources.count("yours")) == ("yours", "measured", 1)
    frame = to_frame(table)
    cell = frame[
        (frame.source == "yours")
        & (frame.method == "QT-DoG")
        & (frame.bits == 7)
        & (frame.domain == "cartoon")
    ].iloc[0]
    counts = [100 * correct / TOTAL for correct in (149, 151, 160)]
    assert cell.accuracy == pytest.approx(statistics.fmean(counts))
    assert cell.error == pytest.approx(statistics.stdev(counts) / 3**0.5)
    assert cell.provenance == "Yours, mean of 3 runs, 200 images"
    assert cell.logs == "", "their run logs are not here"
    html = results_table(table, PACS)
    assert "Yours · MobileNetV2" in html
    assert html.count("Measured here · MobileNetV2") == 1
    alone = pivot(ours, PACS)
    assert [one for one in table.groups if not one.theirs] == list(alone.groups), "ours stay"


def test_their_differences_are_paired_by_seed_and_stand_beside_ours(folder, ours):
    theirs = study.read_study(folder, ours)
    (first, *_) = comparisons(theirs)
    assert (first.first, first.second, first.seeds) == ("QT-DoG", "ERM", 3)
    assert first.low is not None
    sentences = theirs_sentences(theirs, ours)
    assert sentences[0].startswith("Your numbers, over 2 targets of PACS with 3 seeds each: QT-DoG")
    interval = f"{first.low:+.1f} to {first.high:+.1f}".replace("-", "\N{MINUS SIGN}")
    assert f"interval over seeds: {interval}" in sentences[0]
    one = next(one for one in beside(theirs, ours.measured) if one.method == "ERM")
    assert one.domains == ("cartoon", "sketch")
    expected = statistics.fmean((150, 154, 161, 140, 143, 138)) * 100 / TOTAL
    assert one.theirs == pytest.approx(expected)
    same = [r for r in ours.measured if r.method == "ERM" and r.domain in one.domains]
    same = [r.accuracy for r in same if not r.measurement.averaged]
    assert one.ours == pytest.approx(statistics.fmean(same))


def test_run_records_give_what_our_own_report_made_of_them(ours, tmp_path):
    """All five seeds of full precision and of QT-DoG on sketch, with and without the logits."""
    names = [f"pacs-sketch-{kind}-seed{n}" for kind in ("erm", "qt-dog-7bit") for n in range(5)]
    runs = FIRST_STUDY / "runs"
    places: list[Path] = []
    for place, name in enumerate(names):  # as uploads: a folder each
        for kind in (".json", ".safetensors"):
            (tmp_path / f"{place}{kind}").mkdir()
            places.append(Path(shutil.copy(runs / f"{name}{kind}", tmp_path / f"{place}{kind}")))
    records = [path for path in places if path.suffix == ".json"]
    logs = {path.name for path in records}
    known = {key(one): one.accuracy for one in ours.measured if logs >= {*one.measurement.runs}}
    assert {len(one) for one in known} == {4}
    singles = study.read_files(records, ours)
    both = study.read_files(places, ours)
    expected = {name for name, *_, seed in known if seed is None}
    assert expected == {"ERM ensemble", "EoQ"}
    assert {one.method for one in both} - {one.method for one in singles} == expected
    found = {key(one): one.accuracy for one in both}
    assert known.keys() <= found.keys()
    assert {one: found[one] for one in known} == known


def key(one: MeasuredResult) -> tuple[object, ...]:
    """Tells the numbers of one held-out domain apart."""
    return one.method, one.bits, one.measurement.averaged, one.measurement.seed


BAD = [
    ({"dataset": "VOC"}, "has numbers of 'VOC'; expected is one of .*PACS.*TerraIncognita"),
    ({"accuracy": "150"}, r"accuracy.csv, line 2: accuracy '150' must be between 0 and 100"),
    ({"correct": "201"}, "line 2: correct '201' must not be more than total, 200"),
]


@pytest.mark.parametrize(("values", "said"), BAD, ids=["dataset", "accuracy", "counts"])
def test_a_table_that_cannot_be_used_is_named_with_what_was_expected(folder, ours, values, said):
    with pytest.raises(ResultsError, match=said):
        study.read_files([changed(folder, **values)], ours)


def test_other_files_are_named_with_what_was_expected(tmp_path, ours):
    contents = {
        "lacking.csv": (
            "method,bits\nERM,32\n",
            "lacking.csv lacks the column table; expected is a measured.csv",
        ),
        "old.json": ('{"format_version": 0}', "old.json is not the record of a run that this"),
        "deep.json": ("[" * 100_000, "deep.json is not the record of a run"),
        "notes.txt": ("", r"notes.txt is neither a measured.csv \(.csv\) nor a run record"),
        "empty.csv": ("", "empty.csv lacks the column table"),
    }
    for name, (content, said) in contents.items():
        (tmp_path / name).write_text(content)
        with pytest.raises(ResultsError, match=said) as raised:
            study.read_files([tmp_path / name], ours)
        assert str(tmp_path) not in str(raised.value)
    (tmp_path / "large.csv").write_bytes(b"x" * (study.theirs.LARGEST_BYTES + 1))
    with pytest.raises(ResultsError, match=r"large.csv has 16,777,217 bytes; at most 16,777,216"):
        study.read_files([tmp_path / "large.csv"], ours)
    with pytest.raises(ResultsError, match="does not exist"):
        study.read_study(tmp_path / "nowhere", ours)


def test_a_record_without_full_precision_gives_no_size(tmp_path, ours):
    record = json.loads((FIRST_STUDY / "runs" / "pacs-sketch-qt-dog-7bit-seed0.json").read_text())
    path = tmp_path / "one.json"
    path.write_text(json.dumps(record))
    with pytest.raises(ResultsError, match="at least one in full precision"):
        study.read_files([path], ours)


def test_their_points_stand_where_their_sizes_and_accuracies_say(folder, ours):
    theirs = study.read_study(folder, ours)
    points = load_memory()
    yours = their_points(theirs, points)
    full = next(one for one in points if (one.kind.method, one.members) == ("ERM", 1))
    single = next(
        one
        for one in yours
        if (one.domain, one.kind.method, one.kind.bits, one.members) == ("cartoon", "QT-DoG", 7, 1)
    )
    accuracies = [100 * correct / TOTAL for correct in (149, 151, 160)]
    assert single.accuracy == pytest.approx(statistics.fmean(accuracies))
    assert single.spread == pytest.approx(statistics.stdev(accuracies))
    assert single.size_bytes == pytest.approx(0.22 * full.size_bytes)
    ensemble = next(one for one in yours if one.members == 3 and one.kind.bits == 7)
    assert (ensemble.kind.method, ensemble.accuracy) == ("QT-DoG", 100 * 163 / TOTAL)
    elsewhere = [dataclasses.replace(one, backbone="ResNet-50") for one in theirs]
    assert their_points(elsewhere, points) == (), "of another network no bytes are known"


def test_their_points_are_drawn_marked_as_theirs(folder, ours):
    points = load_memory()
    yours = their_points(study.read_study(folder, ours), points)
    view = memory.view(points, "PACS", "cartoon", 10.5, "10", theirs=yours)
    (line,) = [one for one in view.figure.data if one.name == "yours: QT-DoG, 7 bits"]
    assert (list(line.y), line.marker.symbol) == (
        [pytest.approx(76.6667, abs=1e-3), 81.5],
        ("diamond-dot", "triangle-up-dot"),
    )
    ours_alone = [one for one in view.figure.data if not one.name.startswith("yours")]
    assert len(ours_alone) == len(memory.view(points, "PACS", "cartoon", 10.5, "10").figure.data)
    assert "Of yours it is EoQ, three together: QT-DoG, 7 bits: 81.5 % in 6.00 MB" in view.html
    assert "yours: full precision" in view.html
    # The mean over their two domains does not compare with ours over four.
    mean = memory.view(points, "PACS", AVERAGE, 10.5, "10", theirs=yours)
    assert not any(one.name.startswith("yours") for one in mean.figure.data)
    assert "they are on cartoon and sketch alone" in mean.html


def test_a_bad_file_takes_nothing_away_and_no_file_takes_all(folder, ours):
    read = read_theirs(ours, ())
    theirs, _, said, benchmark = read([str(folder / "measured.csv")], "VLCS", ())
    assert len(theirs) == len(measured_rows())
    assert benchmark == "PACS", "the table turns to their benchmark"
    assert "numbers of yours, on PACS" in said
    kept, _, said, _ = read([str(changed(folder, dataset="VOC"))], "PACS", theirs)
    assert kept == theirs
    assert "numbers of yours, on PACS" in said
    assert "dataset.csv has numbers of &#39;VOC&#39;" in said
    assert read(None, "PACS", theirs)[0] == ()
