"""What memory buys: from the stored logits to the figure."""

import csv
import re

import numpy as np
import pytest
from bundled import FIRST_STUDY
from safetensors.numpy import load_file

from qtdog.results import (
    AVERAGE,
    ResultsError,
    best_within,
    domains_of,
    frontier,
    load_memory,
    points_on,
)
from qtdog.study import memory_csv, memory_rows
from qtdog.ui.appearance import METHOD_STYLES
from qtdog.ui.results import memory

DOMAINS = ("art_painting", "cartoon", "photo", "sketch")


@pytest.fixture(scope="module")
def points():
    return load_memory(FIRST_STUDY)


def one(points, method, members, bits=None, averaged=False):
    (found,) = [
        point
        for point in points
        if (point.kind.method, point.members) == (method, members)
        and (point.kind.bits, point.kind.averaged) == (bits, averaged)
    ]
    return found


def logits(domain: str, run: str, seed: int, name: str = "single"):
    tensors = load_file(FIRST_STUDY / "runs" / f"pacs-{domain}-{run}-seed{seed}.safetensors")
    return tensors[f"{name}/target"], tensors["labels/target"]


def test_the_file_is_what_the_command_writes_from_the_records():
    written = memory_csv(memory_rows(FIRST_STUDY / "runs"))
    assert (FIRST_STUDY / "memory.csv").read_text(encoding="utf-8-sig") == written


@pytest.mark.parametrize("domain", DOMAINS)
def test_five_members_are_the_ensembles_of_the_tables(points, domain):
    shown = points_on(points, "PACS", domain)
    with (FIRST_STUDY / "measured.csv").open(encoding="utf-8-sig", newline="") as handle:
        rows = [row for row in csv.DictReader(handle) if row["domain"] == domain]
    for method, name, bits in (("QT-DoG", "EoQ", 7), ("ERM", "ERM ensemble", None)):
        for averaged in (False, True):
            (row,) = [
                row
                for row in rows
                if (row["method"], row["averaged"]) == (name, "yes" if averaged else "no")
            ]
            found = one(shown, method, 5, bits, averaged)
            assert found.accuracy == pytest.approx(float(row["accuracy"]), abs=1e-4)
            assert found.spread is None


def test_points_equal_what_numpy_says_of_the_logits(points):
    shown = points_on(points, "PACS", "cartoon")
    single = []
    for seed in range(5):
        values, labels = logits("cartoon", "qt-dog-7bit", seed)
        single.append(100 * np.mean(np.argmax(values, axis=1) == labels))
    found = one(shown, "QT-DoG", 1, 7)
    assert found.accuracy == pytest.approx(np.mean(single), abs=1e-3)
    assert found.spread == pytest.approx(np.std(single, ddof=1), abs=1e-3)

    pairs = []
    for first in range(5):
        for second in range(first):
            a, labels = logits("cartoon", "erm", first, "averaged")
            b, _ = logits("cartoon", "erm", second, "averaged")
            pairs.append(100 * np.mean(np.argmax(a + b, axis=1) == labels))
    found = one(shown, "ERM", 2, averaged=True)
    assert (found.choices, found.accuracy) == (10, pytest.approx(np.mean(pairs), abs=1e-3))
    assert found.size_bytes == pytest.approx(2 * 9.1e6, rel=0.01)


def test_a_mean_is_of_what_was_measured_on_every_domain(points):
    assert domains_of(points, "PACS") == (AVERAGE, *DOMAINS)
    means = points_on(points, "PACS")
    assert {point.kind.bits for point in means if point.kind.method == "QT-DoG"} == {7}
    each = [one(points_on(points, "PACS", domain), "QT-DoG", 3, 7) for domain in DOMAINS]
    found = one(means, "QT-DoG", 3, 7)
    assert found.accuracy == pytest.approx(np.mean([point.accuracy for point in each]))
    assert found.spread == pytest.approx(
        np.sqrt(np.sum([point.spread**2 for point in each])) / len(DOMAINS)
    )
    assert points_on(points, "nothing") == ()


def test_the_best_within_a_limit_is_on_the_frontier(points):
    shown = points_on(points, "PACS")
    edge = frontier(shown)
    assert [point.size_bytes for point in edge] == sorted(point.size_bytes for point in edge)
    assert [point.accuracy for point in edge] == sorted(point.accuracy for point in edge)
    for limit in (2.5e6, 5e6, 9.2e6, 10.5e6, 30e6, 60e6):
        best = best_within(shown, limit)
        assert best in edge
        assert best.accuracy == max(point.accuracy for point in shown if point.size_bytes <= limit)
    assert best_within(shown, 1000) is None


def test_the_figure_and_its_sentence_say_what_the_points_say(points):
    view = memory.view(points, "PACS", "sketch", 10.5, "10")
    eoq = one(points_on(points, "PACS", "sketch"), "QT-DoG", 5, 7)
    (line,) = [trace for trace in view.figure.data if trace.name == "QT-DoG, 7 bits"]
    assert len(line.x) == 5
    assert (line.x[-1], line.y[-1]) == (eoq.size_bytes / 1e6, eoq.accuracy)
    assert line.marker.symbol == ("diamond", *4 * ["triangle-up"])  # alone QT-DoG, together EoQ
    assert (line.marker.color[0], line.marker.color[4]) == tuple(
        METHOD_STYLES[key].colour for key in ("qt-dog", "eoq")
    )
    said = re.sub("<.*?>", "", view.html)
    assert "Within 10.5 MB the most accurate measured here is EoQ, five together: QT-DoG, " in said
    assert f"{eoq.accuracy:.1f} % in 10.35 MB, 8.3 s to download" in said
    assert 'data-log="pacs-sketch-qt-dog-7bit-seed4.json"' in view.html
    assert memory.view(points, "VLCS", AVERAGE, 10, "10").figure is None
    nothing = memory.view(points, "PACS", AVERAGE, 0.5, "10")
    said = re.sub("<.*?>", "", nothing.html)
    assert "Nothing that was measured is as small as 0.5 MB." in said


def test_the_first_rows_are_full_precision_qt_dog_and_eoq(points):
    text = memory.first_rows(points, "PACS")
    for cell in ("9.10 MB", "76.6 %", "2.07 MB", "75.5 %", "10.35 MB", "78.5 %"):
        assert f">{cell}<" in text
    assert "4.4 times less memory than full precision and is 1.1 points less accurate" in text
    assert "take 1.1 times the memory of one full-precision network and are 1.9 points more" in text
    assert memory.first_rows((), "PACS") == ""


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("accuracy", "method"), "memory.csv lacks the column accuracy."),
        ((",no,7,", ",maybe,7,"), "averaged 'maybe' must be one of: 'yes', 'no'"),
        ((",QT-DoG,no,7,", ",QT-DoG,no,7.5,"), "bits '7.5' must be a whole number"),
    ],
)
def test_a_broken_file_is_one_sentence(tmp_path, change, said):
    text = (FIRST_STUDY / "memory.csv").read_text(encoding="utf-8-sig")
    (tmp_path / "memory.csv").write_text(text.replace(*change, 1), encoding="utf-8")
    with pytest.raises(ResultsError, match=said):
        load_memory(tmp_path)
    assert load_memory(tmp_path / "nowhere") == ()
