"""The command line: what it teaches, what it does from data to ensemble, what it says of errors."""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import SMALL_RECIPE

from qtdog import benchmark, checkpoints, cli
from qtdog.benchmark import Comparison
from qtdog.training.config import RECIPES

ROOT = Path(__file__).parents[1]


def said(error_output: str) -> str:
    """The program's own line among the progress bars."""
    assert "Traceback" not in error_output
    lines = [line for line in error_output.splitlines() if line.startswith("qtdog: ")]
    assert len(lines) == 1, error_output
    return lines[0]


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """Checkpoints from the command line: ERM and QT-DoG of two seeds, and their ensemble."""
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(RECIPES, "digits", SMALL_RECIPE)
        for words in (
            ["train", "--seed", "0"],
            ["train", "--seed", "1", "--method", "qt-dog"],
        ):
            places = ["--out", str(folder / "out"), "--runs", str(folder / "runs")]
            arguments = ["qtdog", *words, "--data", "rotated_digits", *places]
            patch.setattr(sys, "argv", arguments)
            with pytest.raises(SystemExit) as end:
                cli.main()
            assert not end.value.code
        target = folder / "out" / "rotated_digits" / "75-degrees"
        members = [str(target / f"qt-dog-lsq-least-error-7bit-seed{seed}") for seed in range(2)]
        arguments = ["ensemble", *members, "--data", "rotated_digits", "--out"]
        patch.setattr(sys, "argv", ["qtdog", *arguments, str(target / "eoq-7bit")])
        with pytest.raises(SystemExit) as end:
            cli.main()
        assert not end.value.code
    return target


# Help -------------------------------------------------------------------------------------------


def test_help_lists_the_commands_and_comes_without_loading_torch():
    code = (
        "import sys; sys.argv = ['qtdog', '--help']\n"
        "from qtdog import cli\n"
        "try: cli.main()\n"
        "except SystemExit as end: assert not end.code\n"
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in ("train", "sweep", "ship", "report", "evaluate", "ensemble", "benchmark"):
        assert name in done.stdout


def test_help_of_training_teaches_by_example(command):
    code, out, _ = command("train", "--help")
    assert code == 0
    assert "python -m qtdog train --data rotated_digits" in out
    assert "python -m qtdog train --data PACS --target sketch --recipe cpu --seed 0" in out
    for option in ("--target", "--bits", "--granularity", "--leave-out", "--quantize-step"):
        assert option in out


def test_help_of_evaluation_says_which_images_count(command):
    code, out, _ = command("evaluate", "--help")
    assert code == 0
    assert "validation split" in re.sub(r"[\s│]+", " ", out)
    assert "--check" in out


def test_the_benchmarks_table_is_written_whole(command, tmp_path, monkeypatch):
    lines = [Comparison("one image", 2.0, "another way", 8.0, "ms")]
    monkeypatch.setattr(benchmark, "measure_speed", lambda folder: lines)
    code, _, _ = command("benchmark", "--out", tmp_path / "table.txt")
    assert code == 0
    text = (tmp_path / "table.txt").read_text(encoding="utf-8")
    assert re.search(r"one image .* 2\.00 ms .* another way .* 8\.00 ms .* 0\.25x", text)


def test_a_sweep_does_only_the_runs_with_a_name_of_choice(command, tmp_path):
    words = ("sweep", "--data", "rotated_digits", "--study", "first", "--list")
    words += ("--records", tmp_path, "--runs", tmp_path, "--only")
    code, out, error = command(*words, "mixstyle")
    assert code == 0, error
    assert "0 of 4 runs" in out
    runs = [line.removeprefix("not yet: ") for line in out.splitlines() if "not yet" in line]
    assert runs == [
        f"rotated_digits-75-degrees-{method}-seed{seed}"
        for seed in (0, 1)
        for method in ("mixstyle", "qt-dog-7bit-mixstyle")
    ]
    code, _, error = command(*words, "irm")
    assert code == 2
    assert "No run of the plan has 'irm' in its name" in error


# From data to ensemble --------------------------------------------------------------------------


def test_training_writes_the_checkpoints_of_both_methods_and_the_ensemble_of_two(trained):
    names = [folder.name for folder in checkpoints.find(trained)]
    assert names == [
        "eoq-7bit",
        "erm-averaged-seed0",
        "erm-seed0",
        "qt-dog-lsq-least-error-7bit-averaged-seed0",
        "qt-dog-lsq-least-error-7bit-averaged-seed1",
        "qt-dog-lsq-least-error-7bit-seed0",
        "qt-dog-lsq-least-error-7bit-seed1",
    ]
    configs = {name: checkpoints.load_config(trained / name) for name in names}
    assert [configs[name].method for name in names] == ["eoq", *["erm"] * 2, *["qt-dog"] * 4]
    assert all(configs[name].averaged == ("averaged" in name) for name in names)
    assert {config.target.total for config in configs.values()} == {299}
    assert configs["erm-seed0"].bits == 32
    assert len(checkpoints.load(trained / "eoq-7bit").networks) == 2
    assert configs["qt-dog-lsq-least-error-7bit-seed1"].training.command == (
        "python -m qtdog train --data rotated_digits --target 75-degrees --method qt-dog "
        "--seed 1 --recipe digits"
    )


def test_evaluation_finds_the_stated_figures_and_writes_them(command, trained, tmp_path):
    file = tmp_path / "table.csv"
    code, out, _ = command(
        "evaluate", trained, "--data", "rotated_digits", "--check", "--out", file
    )
    assert code == 0
    # Six models with five source domains and a target each, and the ensemble's target.
    assert "37 of 37 figures are as stated." in out
    for name in ("erm-seed0", "eoq-7bit", "75-degrees", "validation"):
        assert name in out
    rows = list(csv.DictReader(file.open(encoding="utf-8-sig")))
    assert len(rows) == 37 * 11
    stated = checkpoints.load_config(trained / "eoq-7bit").target
    (row,) = [r for r in rows if (r["model"], r["class"]) == ("eoq-7bit", "all")]
    assert (int(row["correct"]), int(row["total"])) == (stated.correct, stated.total)


def test_checking_fails_on_an_altered_accuracy_and_names_it(command, trained, tmp_path):
    folder = Path(shutil.copytree(trained / "erm-seed0", tmp_path / "erm-seed0"))
    values = json.loads((folder / "config.json").read_text())
    values["target"]["correct"] += 1
    (folder / "config.json").write_text(json.dumps(values))
    code, out, error = command("evaluate", folder, "--data", "rotated_digits", "--check")
    assert code == 1
    assert "5 of 6 figures are as stated." in out
    assert re.search(r"erm-seed0 on 75-degrees: measured .*, stated ", error)
    code, _, _ = command("evaluate", folder, "--data", "rotated_digits")
    assert code == 0


def test_training_goes_on_where_a_domain_lacks_a_class(command, tmp_path):
    from test_data import make_folder

    root = make_folder(tmp_path / "pets")
    shutil.rmtree(root / "photo" / "cat")
    shutil.rmtree(root / "sketch" / "dog")  # the held-out domain
    (root / "sketch" / "dog").mkdir()
    places = ("--out", tmp_path / "out", "--runs", tmp_path / "runs")
    words = ("train", "--data", root, "--target", "sketch", "--recipe", "digits")
    code, _, error = command(*words, "--objective", "coral", *places)
    assert code == 0, error
    assert "Not every source domain has every class to train on; these are seen in:" in error
    assert "  cat: art\n" in error
    config = checkpoints.load_config(tmp_path / "out" / "pets" / "sketch" / "coral-seed0")
    assert config.classes == ("cat", "dog")
    assert config.target.total == 5


def test_evaluation_measures_on_a_single_domain_that_training_did_not_know(
    command, trained, tmp_path
):
    from test_data import picture

    for k in range(3):
        for label in ("3", "7"):
            (tmp_path / "phone" / "street" / label).mkdir(parents=True, exist_ok=True)
            picture(k).save(tmp_path / "phone" / "street" / label / f"{k}.png")
    (tmp_path / "phone" / "street" / "0").mkdir()
    file = tmp_path / "table.csv"
    code, out, error = command(
        "evaluate", trained / "erm-seed0", "--data", tmp_path / "phone", "--out", file
    )
    assert code == 0, error
    assert "street" in out
    rows = {row["class"]: row for row in csv.DictReader(file.open(encoding="utf-8-sig"))}
    assert {name for name, row in rows.items() if row["total"] == "3"} == {"3", "7"}
    assert (rows["all"]["total"], rows["all"]["split"]) == ("6", "all")
    assert (rows["0"]["total"], rows["0"]["accuracy"]) == ("0", "")
    assert (rows["all"]["held_out"], rows["all"]["seed"]) == ("75-degrees", "0")


# Errors -----------------------------------------------------------------------------------------


@pytest.mark.thorough
def test_a_wrong_target_is_one_sentence_with_the_domains_that_exist(tmp_path):
    """In a process of its own, as a person sees it."""
    words = ["train", "--data", "rotated_digits", "--target", "90-degrees"]
    done = subprocess.run(
        [sys.executable, "-m", "qtdog", *words, "--out", str(tmp_path), "--runs", str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == (
        "qtdog: rotated_digits has no domain '90-degrees'. There are: 0-degrees, 15-degrees, "
        "30-degrees, 45-degrees, 60-degrees, 75-degrees.\n"
    )
    assert list(tmp_path.iterdir()) == [], "nothing may be left behind"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["train", "--data", "nowhere"], "The data folder nowhere does not exist."),
        (["train", "--data", "rotated_digits", "--bits", "9"], "A bit width of 9 is not"),
        (["train", "--data", "rotated_digits", "--quantize-step", "3"], "must be multiples of"),
        (
            ["train", "--data", "rotated_digits", "--architecture", "resnet19"],
            "'resnet19' is not a torchvision classification network.",
        ),
        (
            ["train", "--data", "rotated_digits", "--start-weights", "nowhere.safetensors"],
            "The start weights nowhere.safetensors do not exist.",
        ),
        (
            ["train", "--data", "rotated_digits", "--leave-out", "conv9", "--method", "qt-dog"],
            "No layer to leave out is called 'conv9'. There are: conv1.0, ",
        ),
        (["evaluate", "nowhere", "--data", "rotated_digits"], "The folder nowhere does not exist."),
    ],
)
def test_what_a_person_can_mend_is_said_in_one_line(command, tmp_path, words, sentence):
    if words[0] == "train":
        words = [*words, "--out", tmp_path / "out", "--runs", tmp_path / "runs"]
    code, _, error = command(*words)
    assert code == 2
    assert sentence in said(error)
    assert not (tmp_path / "out").exists()


def test_evaluating_on_data_with_other_classes_is_refused(command, trained, tmp_path):
    from test_data import make_folder

    code, _, error = command("evaluate", trained, "--data", make_folder(tmp_path / "pets", 1))
    assert code == 2
    assert "pets has the classes cat, dog; " in said(error)


def test_an_ensemble_of_other_than_qt_dog_checkpoints_is_refused(command, trained, tmp_path):
    out = tmp_path / "eoq"
    rest = ("--data", "rotated_digits", "--out", out)
    first, second = trained / "qt-dog-lsq-least-error-7bit-seed0", trained / "erm-seed0"
    code, _, error = command("ensemble", first, second, *rest)
    assert code == 2
    assert "erm-seed0 is not a QT-DoG checkpoint" in said(error)
    code, _, error = command("ensemble", first, *rest)
    assert code == 2
    assert "at least two checkpoints" in said(error)
    assert not out.exists()


def test_an_unknown_option_or_value_is_refused_without_a_traceback(command):
    for words in (["train"], ["train", "--data", "x", "--bits", "many"], ["explain"]):
        code, _, error = command(*words)
        assert code == 2
        assert "Traceback" not in error
        assert "Usage" in error


def test_a_stopped_training_says_how_to_go_on(command, tmp_path, monkeypatch):
    from qtdog.training import loop

    def stop(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(loop.Evaluator, "of", stop)
    places = ("--out", tmp_path / "out", "--runs", tmp_path / "runs")
    code, _, error = command("train", "--data", "rotated_digits", *places)
    assert code == 130
    assert "The same command goes on" in error
    assert "Traceback" not in error
