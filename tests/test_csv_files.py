"""Every CSV that leaves the program: a byte order mark, keys that tell its rows apart, and our own
readers, which take files with the mark and without."""

import csv
import io
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from qtdog import checkpoints
from qtdog.accuracy import Accuracy
from qtdog.csv_file import (
    READ,
    CsvError,
    csv_bytes,
    field_names,
    read_lines,
    records_csv,
    without_formulas,
)
from qtdog.evaluation import evaluation_csv, evaluation_tables, network_names
from qtdog.evaluation.scores import DomainResult
from qtdog.explorer import SEVERITIES, SHIFTS, Answer, Prediction, Row, to_csv, unfamiliar
from qtdog.explorer.lessons import read_curve
from qtdog.landscape import Curvature, store
from qtdog.landscape import to_csv as landscape_csv
from qtdog.places import LANDSCAPES, SHOWN_STUDY
from qtdog.results import ALL, Choice, load_results, options, pivot, read_measured, to_frame
from qtdog.ui.shift.figures import to_csv as shift_csv

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "assets" / "results"
MARK = b"\xef\xbb\xbf"


def repeated(rows: Sequence[dict[str, str]], keys: Sequence[str]) -> list[tuple[str, ...]]:
    """The keys that more rows than one have."""
    counts = Counter(tuple(row[key] for key in keys) for row in rows)
    return [key for key, count in counts.items() if count > 1]


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_the_mark_goes_before_and_is_read_away():
    content = csv_bytes("Größe\n1\n")
    assert content.startswith(MARK)
    assert content.decode(READ) == csv_bytes("Größe\n1\n").removeprefix(MARK).decode(READ)


def test_a_strangers_name_is_no_formula_and_a_number_stays_one():
    run = ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", " =1", "\r=1", "\uff1d1", "-cmd|a"]
    assert without_formulas(run) == [f"'{one}" for one in run]
    left = ["", "dog", "1=1", "-0.5", "-12", "-1.5e-07", -3, 0.5, None, "a-b", "'=1"]
    assert without_formulas(left) == left


def test_the_classes_and_networks_of_a_strangers_set_run_no_formula():
    formula = '=HYPERLINK("evil")'
    answer = Answer("QT-DoG", "qt-dog", formula, 0.5)
    classes, right = (formula, "-cat"), Accuracy(1, 2)
    prediction = Prediction("QT-DoG", "qt-dog", 7, classes, (0.5, 0.5), (), 0.7, 1, 7.0, 1.0, right)
    shift = next(iter(SHIFTS.values()))
    texts = (
        to_csv([Row(f"{formula}.png", formula, (answer,))], formula, (formula,)),
        shift_csv([(prediction,)] * len(SEVERITIES), formula, shift, formula, {"qt-dog": formula}),
    )
    for text in texts:
        cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
        assert sum(cell.startswith(f"'{formula}") for cell in cells) >= 4
        assert not [cell for cell in cells if cell[:1] in "=-+@" and cell]


def test_the_shipped_evaluation_says_of_which_network_each_figure_is():
    content = (RESULTS / "evaluation.csv").read_bytes()
    assert content.startswith(MARK)
    rows = read(content.decode(READ))
    keys = ("dataset", "held_out", "model", "domain", "split", "class")
    assert not repeated(rows, keys)
    assert not repeated([one for one in rows if one["seed"]], ("held_out", "model", "seed", *keys))
    whole = {tuple(one[key] for key in keys): one for one in rows}
    for folder in checkpoints.find(ROOT / "checkpoints"):
        config = checkpoints.load_config(folder)
        target = config.target_domain
        row = whole[config.dataset, target, folder.name, target, "all", "all"]
        assert (int(row["correct"]), int(row["total"])) == (
            config.target.correct,
            config.target.total,
        )
        assert row["seed"] == (str(config.training.seed) if config.training else "")


def test_the_same_name_of_two_held_out_domains_gives_rows_that_differ():
    results = [
        DomainResult("erm-seed0", "art", "all", Accuracy(1, 2), (Accuracy(1, 2), Accuracy(0, 0)),
                     None, "pets", held_out, 0)
        for held_out in ("photo", "sketch")
    ]  # fmt: skip
    rows = read(evaluation_csv(results, ("cat", "dog")))
    assert not repeated(rows, ("dataset", "held_out", "model", "seed", "domain", "class"))
    assert [row["accuracy"] for row in rows[:3]] == ["0.500000", "0.500000", ""]


def test_networks_of_one_name_in_two_sets_are_told_apart(tmp_path):
    given = ("ours/pacs/sketch", "theirs/pacs/sketch", "ours/pacs/photo")
    folders = [tmp_path / one / "erm-seed0" for one in given]
    for folder in folders:
        folder.mkdir(parents=True)
        stored = ROOT / "checkpoints" / "pacs" / folder.parent.name / "erm-seed0" / "config.json"
        shutil.copy(stored, folder)
    names = network_names(folders)
    assert names == [*(f"{one}/erm-seed0" for one in given[:2]), "erm-seed0"]
    assert network_names(folders[1:]) == ["erm-seed0"] * 2, "of two held-out domains"
    classes = ("=1+1|cat", "dog")
    results = [
        DomainResult(name, "sketch", "all", Accuracy(1, 2), (Accuracy(1, 1), Accuracy(0, 1)),
                     None, "pacs", folder.parent.name, 0)
        for name, folder in zip(names, folders, strict=True)
    ]  # fmt: skip
    rows = read(evaluation_csv(results, classes))
    assert not repeated(rows, ("dataset", "held_out", "model", "seed", "domain", "class"))
    assert [row["class"] for row in rows[:3]] == ["all", "'=1+1|cat", "dog"]
    assert len(evaluation_tables(results, classes)) == 3


def test_rows_of_every_stored_landscape_together_are_told_apart():
    stored, problems = store.load_all(LANDSCAPES)
    assert not problems
    where = ("dataset", "held-out domain", "model", "seed", "images", "total")
    curvatures = [one for one in stored if isinstance(one, Curvature)]
    others = [one for one in stored if not isinstance(one, Curvature)]
    assert curvatures
    assert others
    assert not repeated(read(landscape_csv(curvatures)), (*where, "scale", "quantity"))
    points = ("kind", "direction", "radius", "x", "y")
    assert not repeated(read(landscape_csv(others)), (*where, *points))


@pytest.mark.parametrize("source", ["both", "paper", "measured"])
def test_rows_of_the_results_are_told_apart(source):
    results = load_results()
    keys = ["source", "table", "backbone", "method", "bits", "models_trained", "relative_size"]
    keys += ["dataset", "domain", "split"]
    for benchmark in (ALL, *options(results, Choice(source)).benchmarks):
        frame = to_frame(pivot(results, Choice(source, benchmark)))
        assert len(frame)
        twice = frame[frame.duplicated(keys, keep=False)]
        assert twice.empty, twice[[*keys, "remarks"]].to_string()


def test_our_readers_take_files_with_the_mark_and_without(tmp_path):
    for path, reader in (
        (SHOWN_STUDY / "measured.csv", read_measured),
        (unfamiliar.MEASURED, unfamiliar.read),
    ):
        name, content = path.name, path.read_bytes().removeprefix(MARK)
        found = []
        for mark in (b"", MARK):
            (tmp_path / name).write_bytes(mark + content)
            found.append(reader(tmp_path / name))
        assert found[0]
        assert found[0] == found[1]
    folder = Path(shutil.copytree(ROOT / "checkpoints/pacs/sketch/erm-seed0", tmp_path / "erm"))
    plain = read_curve(folder)
    (folder / "log.csv").write_bytes(MARK + (folder / "log.csv").read_bytes())
    assert plain
    assert read_curve(folder) == plain


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("method,bits\nERM,32,\n", r"f\.csv, line 2: 3 values in 2 columns\."),
        ("method,bits\n\nERM,32\nERM\n", r"f\.csv, line 4: 1 value in 2 columns\."),
        ('method,bits\n"two\nlines",7\nERM,7.5\n', r"line 4: bits '7\.5' must be a whole number"),
        ("method,bits\nERM,\n", r"line 2: bits '' must not be empty"),
        ("method,bits\nERM,1\n", r"line 2: bits '1' must be 2 or more"),
        ("method\nERM\n", r"f\.csv lacks the column bits\."),
    ],
)
def test_a_line_that_is_wrong_is_named(tmp_path, text, sentence):
    (tmp_path / "f.csv").write_text(text)
    with pytest.raises(CsvError, match=sentence):
        [line.whole("bits", 2) for line in read_lines(tmp_path / "f.csv", ("method", "bits"))]


def test_records_become_lines_and_come_back(tmp_path):
    rows = [
        unfamiliar.EnergyRow("pacs", "a, b", 'the "c"', "erm", 32, "f" * 64, "", "digits", 3, 1797)
    ]
    text = records_csv(unfamiliar.EnergyRow, rows)
    (tmp_path / "f.csv").write_bytes(csv_bytes(text))
    (line,) = read_lines(tmp_path / "f.csv", field_names(unfamiliar.EnergyRow))
    assert (line.number, line.values["target"], line.values["checkpoint"]) == (2, "a, b", 'the "c"')
    assert line.whole("total") == 1797
    assert line.number_or_none("threshold") is None
