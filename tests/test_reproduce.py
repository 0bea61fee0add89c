"""The paper's tables as plans: no cell forgotten, each run as described, results as by hand."""

import csv
import json
import re
import shlex
import statistics
from pathlib import Path

import numpy as np
import pytest
import torch

from qtdog import models
from qtdog.accuracy import Accuracy
from qtdog.data import benchmark_named
from qtdog.reproduce import cells as tables
from qtdog.reproduce import make_setting, outcomes, planned_runs, runs_left
from qtdog.reproduce.cells import NOT_IMPLEMENTED, PAPERS_METHODS, Cell
from qtdog.reproduce.outcome import Reproduced
from qtdog.reproduce.plan import config, seeds, study
from qtdog.training import Outcome, RunRecord, TrainConfig, sweep
from qtdog.training.records import save_record

PAPER = Path(__file__).resolve().parents[1] / "assets" / "results" / "paper.csv"
PLANNED = [str(number) for number in range(1, 16) if number != 3]


def cell_of(table: str, name: str, dataset: str = "PACS", bits: int | None = None) -> Cell:
    found = [
        cell
        for cell in tables.cells(table, dataset)
        if cell.name == name and bits in (None, cell.bits)
    ]
    assert len(found) == 1
    return found[0]


def run_of(cell: Cell, **chosen) -> TrainConfig:
    setting = make_setting(benchmark_named(cell.dataset), None, (), **chosen)
    return config(cell, setting, setting.domains[0], 0)


# The plans --------------------------------------------------------------------------------------


def test_every_cell_of_the_papers_tables_is_planned_or_named_as_not_implemented():
    with PAPER.open(encoding="utf-8") as handle:
        printed = [row for row in csv.DictReader(handle) if row["table"] in PLANNED]
    assert {row["table"] for row in printed} == set(PLANNED) == set(tables.tables())
    for number in PLANNED:
        rows = [row for row in printed if row["table"] == number]
        planned = {
            (one.dataset, one.backbone, one.method, one.bits, one.domain, one.split, one.accuracy)
            for cell in tables.cells(number)
            for one in cell.printed
        }
        named = {one.name for one in tables.missing(number)}
        for row in rows:
            bits = int(row["bits"]) if row["bits"] else None
            key = (row["dataset"], row["backbone"], row["method"], bits, row["domain"])
            key += (row["split"], float(row["accuracy"]))
            if row["dataset"] == "Average":  # the mean of the others
                parts = {(one[0], one[2]) for one in planned}
                datasets = {other["dataset"] for other in rows} - {"Average"}
                whole = all((dataset, row["method"]) in parts for dataset in datasets)
                assert whole != (row["method"] in named), row
            else:
                assert (key in planned) != (row["method"] in named), row
        assert len(planned) == sum(
            row["dataset"] != "Average" and row["method"] not in named for row in rows
        )
    assert not PAPERS_METHODS.keys() & NOT_IMPLEMENTED.keys()
    assert all(reason for reason in NOT_IMPLEMENTED.values())


def test_no_name_is_explained_that_the_paper_does_not_print():
    with PAPER.open(encoding="utf-8") as handle:
        names = {row["method"] for row in csv.DictReader(handle)}
    assert PAPERS_METHODS.keys() | NOT_IMPLEMENTED.keys() <= names


def test_table_three_says_plainly_why_it_has_no_plan():
    with pytest.raises(ValueError, match="is text, for which this package has no networks"):
        tables.cells("3")
    with pytest.raises(ValueError, match=r"no plan for table 16\. There are: 1, 2, 4, "):
        tables.cells("16")
    with pytest.raises(ValueError, match=r"Table 2 has no VLCS\. It has: PACS, TerraIncognita\."):
        tables.cells("2", "VLCS")


@pytest.mark.parametrize(
    ("table", "name", "bits", "expected"),
    [
        ("1", "QT-DoG", 7, {"method": "qt-dog", "bits": 7, "granularity": "channel"}),
        ("1", "SWAD", None, {"method": "erm", "averaging": "swad", "quantize_step": 100}),
        ("2", "CORAL", None, {"method": "erm", "objective": "coral"}),
        ("2", "MixStyle + QT-DoG", 7, {"method": "qt-dog", "objective": "mixstyle"}),
        ("4", "QT-DoG (INQ)", 7, {"method": "qt-dog", "quantizer": "inq"}),
        ("4", "QT-DoG (LSQ)", 7, {"method": "qt-dog", "quantizer": "lsq"}),
        ("9", "QT-DoG", 5, {"bits": 5, "quantize_step": 2000}),
        ("10", "QT-DoG", 2, {"bits": 2}),
        ("12", "SAM", None, {"method": "erm", "objective": "sam"}),
        ("13", "QT-DoG (layer-wise step size)", 7, {"granularity": "tensor"}),
        ("14", "QT-DoG (quantize at step 4000)", 7, {"quantize_step": 4000, "steps": 5000}),
        ("15", "ERM", None, {"method": "erm", "objective": "erm", "averaging": "sma"}),
        ("15", "ERM + uniform weight noise ±5e-5", None, {"objective": "noise-5e-5"}),
    ],
)
def test_a_cell_is_trained_as_its_row_says(table, name, bits, expected):
    run = run_of(cell_of(table, name, bits=bits))
    assert {key: getattr(run, key) for key in expected} == expected
    assert (run.architecture, run.image_size, run.images_per_domain) == ("resnet50", 224, 32)
    assert (run.steps, run.learning_rate, run.split) == (5000, 5e-5, "domainbed")


def test_domainnet_has_its_own_schedule_and_other_tables_their_networks():
    run = run_of(cell_of("1", "QT-DoG", "DomainNet"))
    assert (run.steps, run.quantize_step, run.evaluate_every) == (15_000, 8000, 500)
    erm = run_of(cell_of("1", "ERM", "DomainNet"))
    assert (erm.steps, erm.quantize_step) == (15_000, 500), "the first evaluation there is"
    assert run_of(cell_of("11", "SMA")).architecture == "resnext50_32x4d"
    assert tables.BACKBONES["DeiT-Small"].architecture.startswith("timm/deit_small_patch16_224")
    assert "clip" in tables.BACKBONES["CLIP ViT-B/16"].architecture


def test_trials_are_three_seeds_and_ensembles_the_papers_members():
    setting = make_setting(benchmark_named("PACS"), None, ())
    counts = {
        name: len(seeds(cell_of("7", name), setting))
        for name in ("ERM (paper runs)", "SWAD", "EoA", "QT-DoG", "EoQ")
    }
    assert counts == {"ERM (paper runs)": 3, "SWAD": 3, "EoA": 6, "QT-DoG": 3, "EoQ": 5}
    assert cell_of("1", "ERM Ens.").how.members == 6
    fewer = make_setting(benchmark_named("PACS"), None, (), trials=2)
    assert len(seeds(cell_of("7", "EoA"), fewer)) == 2


def test_a_run_that_several_cells_need_is_done_once():
    """Table 7: six ERM runs serve ERM and EoA, five QT-DoG runs QT-DoG and EoQ, three SWAD."""
    setting = make_setting(benchmark_named("PACS"), None, ())
    plan = planned_runs(tables.cells("7"), setting)
    assert len(plan) == len(set(plan)) == 4 * (6 + 5 + 3)
    assert {run.seed for run in plan[:12]} == {0}, "all domains of one seed come first"
    names = [study(run, setting, Path("r")).record_path("PACS", run) for run in plan]
    assert len(set(names)) == len(names)
    one_target = make_setting(benchmark_named("PACS"), None, ("sketch",))
    assert {run.target_domain for run in planned_runs(tables.cells("7"), one_target)} == {"sketch"}


def test_records_of_other_networks_and_lengths_never_meet():
    setting = make_setting(benchmark_named("PACS"), None, ())
    shorter = make_setting(benchmark_named("PACS"), None, (), steps=500)
    places = set()
    for cell, how in (
        (cell_of("1", "QT-DoG"), setting),
        (cell_of("11", "QT-DoG"), setting),
        (cell_of("1", "QT-DoG"), shorter),
    ):
        run = config(cell, how, "sketch", 0)
        places.add(study(run, how, Path("r")).record_path("PACS", run))
    assert len(places) == 3


def test_a_smaller_run_quantizes_at_the_same_share_of_its_steps():
    cell = cell_of("14", "QT-DoG (quantize at step 3000)")
    small = run_of(cell, recipe="cpu-short")
    assert (small.steps, small.quantize_step) == (1200, 720)
    assert (small.architecture, small.start_weights) == ("mobilenet_v2", "pretrained")
    assert run_of(cell_of("1", "ERM"), recipe="cpu-short").quantize_step == 80
    shorter = run_of(cell, recipe="cpu-short", steps=400)
    assert (shorter.steps, shorter.quantize_step, shorter.evaluate_every) == (400, 240, 80)
    tiny = run_of(cell, steps=5)
    assert (tiny.steps, tiny.quantize_step, tiny.evaluate_every) == (4, 2, 2)


def test_a_setting_takes_the_domains_of_the_data_and_refuses_unknown_ones(tmp_path):
    digits = make_setting(benchmark_named("PACS"), "rotated_digits", ())
    assert digits.dataset == "rotated_digits"
    assert (digits.images["0-degrees"], digits.classes) == (300, 10)
    with pytest.raises(ValueError, match=r"PACS has no domain 'paint'\. There are: art_painting,"):
        make_setting(benchmark_named("PACS"), None, ("paint",))
    with pytest.raises(ValueError, match="How many images WILDS-Camelyon17 has in each"):
        make_setting(benchmark_named("WILDS-Camelyon17"), None, ())
    with pytest.raises(ValueError, match="The data folder nowhere does not exist"):
        make_setting(benchmark_named("PACS"), "nowhere", ())
    for domain in ("art_painting", "cartoon", "photo", "sketch"):
        (tmp_path / "mine" / domain / "dog").mkdir(parents=True)
    assert make_setting(benchmark_named("PACS"), str(tmp_path / "mine"), ()).dataset == "PACS"
    assert make_setting(benchmark_named("VLCS"), str(tmp_path / "mine"), ()).dataset == "mine"


def test_the_papers_start_weights_have_the_names_of_torchvisions_networks():
    """DomainBed's ResNet-50 is torchvision's first version, not its default one."""
    timm = pytest.importorskip("timm", reason="needs timm")
    for backbone in ("ResNet-50", "ResNeXt-50 32x4d (Instagram-1B)"):
        ours = tables.BACKBONES[backbone]
        name = ours.start_weights.removeprefix("hub:timm/")
        settings = timm.models.get_pretrained_cfg(name)
        assert settings.hf_hub_id == f"timm/{name}"
        with torch.device("meta"):
            theirs = timm.create_model(name.partition(".")[0]).state_dict()
            network = models.build(ours.architecture, 1000).state_dict()
        assert {n: v.shape for n, v in theirs.items()} == {n: v.shape for n, v in network.items()}
        assert models.normalization(ours.architecture) == (settings.mean, settings.std)


# Results ----------------------------------------------------------------------------------------

IMAGES = 50


def record(run: TrainConfig, path: Path, target: int, inside: int, logits: np.ndarray) -> None:
    """A finished run that was right on `target` of 50 images of DomainBed's 80 %, and on `inside`
    of 20 of each source domain; its averaged weights on ten more of the target."""
    outcomes = tuple(
        Outcome(
            run.method,
            averaged,
            32,
            100,
            (Accuracy(inside, 20), Accuracy(inside, 20)),
            Accuracy(0, 60),
            1.0,
            0.1,
            1.0,
            0.1,
            1,
            "",
            Accuracy(target + 10 * averaged, IMAGES),
        )
        for averaged in (False, True)
    )
    tensors = {"single/target": logits, "averaged/target": logits[::-1].copy()}
    tensors["labels/target"] = np.zeros(len(logits), np.uint8)
    save_record(
        path,
        RunRecord(run, "paper", "PACS", (), (), "", (), outcomes, 1.0, "", "", "", ""),
        tensors,
    )


NO_LOGITS = np.zeros((4, 2), np.float32)


def recorded(root: Path, table: str, dataset: str, right, logits=lambda run: NO_LOGITS):
    """Records of every run of a table: `right(run)` says of how many images."""
    setting = make_setting(benchmark_named(dataset), None, ())
    for run in planned_runs(tables.cells(table, dataset), setting):
        path = study(run, setting, root).record_path(setting.dataset, run)
        record(run, path, right(run), 18, logits(run))
    return {dataset: setting}


def number(found: list[Reproduced], method: str, domain: str, split: str = "target") -> Reproduced:
    (one,) = [
        each
        for each in found
        if (each.paper.method, each.paper.domain, each.paper.split) == (method, domain, split)
    ]
    return one


def test_numbers_are_means_over_domains_and_standard_errors_over_trials(tmp_path):
    place = {"art_painting": 0, "cartoon": 1, "photo": 2, "sketch": 3}
    settings = recorded(
        tmp_path, "7", "PACS", lambda run: 20 + place[run.target_domain] + 2 * run.seed
    )
    found = outcomes("7", tables.cells("7"), settings, tmp_path)
    assert len(found) == 5 * 5
    erm = number(found, "ERM (paper runs)", "cartoon")
    trials = [100 * (21 + 2 * seed) / IMAGES for seed in range(3)]  # 42, 46, 50 %
    assert erm.accuracy == pytest.approx(46)
    assert erm.error == pytest.approx(statistics.stdev(trials) / 3**0.5)
    assert (erm.trials, erm.wanted) == (3, 3)
    assert erm.difference == pytest.approx(46 - 79.7)
    average = number(found, "ERM (paper runs)", "average")
    means = [100 * (21.5 + 2 * seed) / IMAGES for seed in range(3)]
    assert average.accuracy == pytest.approx(statistics.fmean(means))
    swad = number(found, "SWAD", "average")
    assert swad.accuracy == pytest.approx(average.accuracy + 20), "the averaged weights'"


def test_what_is_not_recorded_has_no_number(tmp_path):
    settings = recorded(tmp_path, "7", "PACS", lambda run: 25)
    for path in tmp_path.glob("records/*/*/PACS-photo-erm-from*-seed1.json"):
        path.unlink()
    found = outcomes("7", tables.cells("7"), settings, tmp_path)
    photo = number(found, "ERM (paper runs)", "photo")
    assert (photo.trials, photo.wanted, photo.accuracy) == (2, 3, 50)
    assert number(found, "ERM (paper runs)", "average").trials == 2
    assert number(found, "ERM (paper runs)", "sketch").trials == 3
    assert number(found, "EoA", "photo").accuracy is None
    assert number(found, "EoA", "average").accuracy is None
    assert number(found, "EoA", "sketch").accuracy is not None
    plan = planned_runs(tables.cells("7"), settings["PACS"])
    (missing,) = runs_left(plan, settings["PACS"], tmp_path)
    assert (missing.target_domain, missing.seed, missing.method) == ("photo", 1, "erm")


def test_an_ensemble_answers_by_the_mean_of_its_members_logits(tmp_path):
    """Four images of class 0: each member alone is right on two or none, all five on three."""

    def logits(run: TrainConfig) -> np.ndarray:
        strong = np.array([[4, 0], [3, 0], [0, 1], [0, 9]], np.float32)
        weak = np.array([[0, 0.5], [0, 0.5], [1, 0], [0, 1]], np.float32)
        return strong if run.seed == 0 else weak

    settings = recorded(tmp_path, "7", "PACS", lambda run: 0, logits)
    found = outcomes("7", tables.cells("7"), settings, tmp_path)
    eoq = number(found, "EoQ", "sketch")
    # 4 - 4 * 0.5 > 0, 3 - 2 > 0, 4 * 1 - 1 > 0, the last is lost.
    assert (eoq.accuracy, eoq.trials, eoq.wanted, eoq.error) == (75, 1, 1, None)
    assert number(found, "EoA", "sketch").accuracy == 75, "of the averaged weights"


def test_in_domain_numbers_are_of_source_validation(tmp_path):
    settings = recorded(tmp_path, "9", "PACS", lambda run: run.bits)
    found = outcomes("9", tables.cells("9", "PACS"), settings, tmp_path)
    assert {one.accuracy for one in found if one.paper.split == "in-domain"} == {90}
    by_bits = {
        one.paper.bits: one.accuracy
        for one in found
        if one.paper.split == "target" and one.paper.method == "QT-DoG"
    }
    assert by_bits == pytest.approx({8: 16, 7: 14, 6: 12, 5: 10})


def test_averages_over_benchmarks_need_all_of_them(tmp_path):
    settings = {}
    for place, dataset in enumerate(tables.datasets("11")):
        if place == 4:
            found = outcomes("11", tables.cells("11"), every_setting("11"), tmp_path)
            assert number_of_average(found, "QT-DoG").accuracy is None
        settings |= recorded(tmp_path, "11", dataset, lambda run, place=place: 10 + place)
    found = outcomes("11", tables.cells("11"), settings, tmp_path)
    assert number_of_average(found, "QT-DoG").accuracy == pytest.approx(2 * 12)
    alone = outcomes("11", tables.cells("11", "PACS"), settings, tmp_path)
    assert {one.paper.dataset for one in alone} == {"PACS"}


def every_setting(table: str) -> dict:
    return {name: make_setting(benchmark_named(name), None, ()) for name in tables.datasets(table)}


def number_of_average(found: list[Reproduced], method: str) -> Reproduced:
    (one,) = [o for o in found if (o.paper.dataset, o.paper.method) == ("Average", method)]
    return one


# The command ------------------------------------------------------------------------------------


@pytest.mark.thorough
def test_a_table_is_trained_shown_beside_the_paper_and_not_trained_twice(
    command, tmp_path, monkeypatch
):
    words = ["reproduce", "--table", "10", "--dataset", "pacs", "--data", "rotated_digits"]
    words += ["--recipe", "digits", "--target", "75-degrees", "--trials", "1", "--no-measure"]
    words += ["--out", tmp_path]
    code, out, _ = command(*words, "--most", 1)
    assert code == 0
    assert "1 of 3 numbers are there." in out
    code, out, _ = command(*words)
    assert code == 0
    assert "3 of 3 numbers are there." in out
    assert (
        "Not as in the paper: the data are rotated_digits; the network is timm/test_resnet" in out
    )
    assert "84.3 ± 0.3" in out
    found = sorted(tmp_path.glob("records/*/*/*.json"))
    assert [path.name.split("-")[5] for path in found] == ["2bit", "3bit", "4bit"]
    values = json.loads(found[0].read_text())
    right = values["outcomes"][0]["target_in"]
    assert right["total"] == 240
    assert f"{100 * right['correct'] / 240:.1f} (" in out
    assert not list(tmp_path.glob("runs/**/rotated*/state.safetensors")), "states are not kept"

    def never(*_):
        raise AssertionError("nothing is left to do")

    monkeypatch.setattr(sweep, "train", never)
    code, out, _ = command(*words)
    assert code == 0
    assert "3 of 3 numbers are there." in out


@pytest.mark.thorough
def test_a_table_is_a_job_array_whose_tasks_do_one_run_each(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ["reproduce", "--table", "10", "--dataset", "PACS", "--data", "rotated_digits"]
    words += ["--recipe", "digits", "--target", "75-degrees", "--trials", "1"]
    code, out, error = command(*words, "--slurm-script", "table.sh", "--gpus", 0)
    assert code == 0, error
    assert "Written: table.sh, 3 runs." in out
    text = (tmp_path / "table.sh").read_text()
    name = "timm-test_resnet/32px-4steps/rotated_digits-75-degrees-qt-dog-3bit-domainbed-seed0"
    assert name in text
    (start,) = [line for line in text.splitlines() if "--only" in line]
    task = shlex.split(start.replace('"$run" &', name))
    code, out, error = command(*task[task.index("qtdog") + 1 :])
    assert code == 0, error
    assert "1 of 3 numbers are there." in out
    (record,) = (tmp_path / "runs" / "reproduce" / "records").rglob("*.json")
    assert str(record).endswith(f"{name}.json")
    code, out, _ = command(*words, "--slurm-script", "table.sh")
    assert "Written: table.sh, 2 runs." in out


@pytest.mark.thorough
def test_the_list_shows_the_whole_plan_without_data(command):
    code, out, _ = command("reproduce", "--table", "4", "--list", "--no-measure")
    assert code == 0
    said = re.sub(r"\s+", " ", out)
    assert "numbers only: OBC (post-training) (second-order rounding; what this package" in said
    assert "Not as in the paper" not in said
    assert "On paper, not measured" in said
    assert "8.17 GFLOP" in said
    assert "0 of 6 numbers are there." in said


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--table", "3", "--list"], "Table 3 cannot be reproduced: WILDS-Amazon is text"),
        (["--table", "1"], "give --dataset and --data; to see the plan alone, --list."),
        (["--table", "1", "--dataset", "CIFAR", "--list"], "No benchmark is called 'CIFAR'."),
        (["--table", "7", "--dataset", "VLCS", "--list"], "Table 7 has no VLCS."),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(command, words, sentence):
    code, _, error = command("reproduce", *words)
    assert code == 2
    assert sentence in error
    assert "Traceback" not in error
