"""The study: its plan, its records, the rows and the report that follow from them."""

import csv
import dataclasses
import hashlib
import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save as tensors_to_bytes
from sklearn.metrics import log_loss
from tiny_runs import CONFIG as LONGER
from tiny_runs import tiny_data

from qtdog import checkpoints, data
from qtdog.accuracy import Accuracy
from qtdog.checkpoints import storage
from qtdog.claims import claimed
from qtdog.data import DomainDataset
from qtdog.evaluation import expected_calibration_error, negative_log_likelihood, predict_logits
from qtdog.models import classifier_name
from qtdog.quantization import NearestConfig, quantize
from qtdog.study import choose_members, measured_csv, measured_rows, report_text, ship
from qtdog.study.members import MemberKind
from qtdog.study.pairs import against, paired_difference
from qtdog.study.rows import MeasuredRow
from qtdog.training import (
    Sweep,
    TrainConfig,
    combining,
    first_plan,
    load_logits,
    load_record,
    sweep,
)
from qtdog.training.config import RECIPES
from qtdog.training.finishing import checkpoint_folder
from qtdog.training.first_study import post_training_widths
from qtdog.training.records import save_record

pytestmark = pytest.mark.thorough  # most train or export for seconds

CONFIG = dataclasses.replace(LONGER, steps=6, quantize_step=4)
DOMAINS = ("art_painting", "cartoon", "photo", "sketch")


# The plan ---------------------------------------------------------------------------------------


def pacs_plan() -> list[TrainConfig]:
    return first_plan(TrainConfig("pacs", "", **RECIPES["cpu-short"]), DOMAINS)


def test_the_plan_has_every_run_of_the_study_once_and_the_main_arms_first():
    runs = pacs_plan()
    assert len(set(runs)) == len(runs)
    main = {(r.target_domain, r.seed, r.method, r.quantizer) for r in runs[:68]}
    assert main == {
        (domain, seed, method, quantizer)
        for domain in DOMAINS
        for seed in range(5)
        for method, quantizer in (
            ("erm", "lsq"),
            ("qt-dog", "lsq"),
            ("qt-dog", "lsq-fitted"),
            ("freeze", "lsq"),
        )
        if method != "freeze" or seed < 2
    }
    assert all((r.bits, r.granularity, r.quantize_step) == (7, "channel", 480) for r in runs[:68])
    widths = sorted((r.target_domain, r.seed, r.bits) for r in runs[68:] if r.bits != 7)
    assert widths == sorted(
        [("sketch", seed, bits) for seed in (0, 1) for bits in (2, 3, 4, 5, 6, 8)]
        + [("art_painting", seed, bits) for seed in (0, 1) for bits in (4, 5)]
    )
    assert sum(r.granularity == "tensor" for r in runs) == 2
    assert sorted({r.quantize_step for r in runs}) == [240, 480, 720, 960]
    assert {r.seed for r in runs[:12]} == {0}, "all domains with one seed come before the next seed"
    assert [(r.target_domain, r.seed, r.method, r.objective) for r in runs[-8:]] == [
        ("sketch", seed, method, objective)
        for seed in (0, 1)
        for objective in ("coral", "mixstyle")
        for method in ("erm", "qt-dog")
    ]
    assert {r.objective for r in runs[:-8]} == {"erm"}
    assert {r.averaged_weights for r in runs} == {"latent"}


def test_records_have_names_of_their_own():
    study = Sweep("cpu-short", Path("runs"), Path("records"), Path("checkpoints"))
    names = [study.record_path("pacs", config).name for config in pacs_plan()]
    assert len(set(names)) == len(names)
    assert names[0] == "pacs-art_painting-erm-seed0.json"
    assert "pacs-sketch-qt-dog-7bit-per-tensor-seed1.json" in names
    assert "pacs-sketch-qt-dog-7bit-from960-seed0.json" in names
    assert "pacs-sketch-coral-seed0.json" in names
    assert "pacs-sketch-qt-dog-7bit-mixstyle-seed1.json" in names


# One sweep of tiny runs, two seeds ---------------------------------------------------------------


@pytest.fixture(scope="module", autouse=True)
def small_recipe() -> Iterator[None]:
    """The tiny runs' quantization step is the usual one of their recipe."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(
            RECIPES, "digits", {**RECIPES["digits"], "quantize_step": CONFIG.quantize_step}
        )
        yield


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Sweep:
    root = tmp_path_factory.mktemp("study")
    return Sweep("digits", root / "runs", root / "records", root / "checkpoints")


def tiny_plan() -> list[TrainConfig]:
    return [
        dataclasses.replace(CONFIG, method=method, seed=seed)
        for seed in range(5)
        for method in ("erm", "qt-dog", "freeze")
        if method != "freeze" or seed == 0
    ]


def silent(config: TrainConfig):
    return lambda step, text: None


@pytest.fixture(scope="module")
def swept(study) -> Sweep:
    patch = pytest.MonkeyPatch()
    patch.setattr(sweep, "load_run_data", lambda config: tiny_data())
    torch.set_num_threads(1)
    study.run("rotated_digits", tiny_plan(), silent)
    patch.undo()
    return study


def test_a_sweep_does_what_is_not_recorded_and_nothing_twice(swept, monkeypatch):
    assert len(list(swept.records.glob("*.json"))) == len(tiny_plan())

    def never(*_):
        raise AssertionError("nothing is left to do")

    monkeypatch.setattr(sweep, "load_run_data", never)
    assert swept.run("rotated_digits", tiny_plan(), silent) == []


def test_a_run_that_another_process_has_claimed_is_left_to_it(study, tmp_path, monkeypatch):
    mine = dataclasses.replace(study, runs=tmp_path, records=tmp_path / "records")
    monkeypatch.setattr(sweep, "load_run_data", lambda config: pytest.fail("it was claimed"))
    config = tiny_plan()[0]
    name = mine.record_path("rotated_digits", config).stem
    with claimed(tmp_path / "claims" / f"{name}.lock") as first:
        assert first
        assert mine.run("rotated_digits", [config], silent) == []
    with claimed(tmp_path / "claims" / f"{name}.lock") as again:
        assert again, "the lock ends with its holder"


def test_a_record_states_what_the_checkpoint_files_do(swept):
    run_data = tiny_data()
    record = load_record(swept.records / "rotated_digits-75-degrees-qt-dog-7bit-seed0.json")
    logits = load_logits(swept.records / "rotated_digits-75-degrees-qt-dog-7bit-seed0.json")
    ends = ["single", "averaged", "averaged-refitted"]
    assert [outcome.name for outcome in record.outcomes] == ends
    for outcome, end in zip(record.outcomes, ("", "-averaged", "-averaged-refitted"), strict=True):
        folder = f"qt-dog-7bit{end}-seed0"
        root = swept.checkpoints / "rotated_digits" / "75-degrees" / folder
        checkpoint = checkpoints.load(root)
        config = checkpoint.config
        assert config.averaged == outcome.averaged
        assert config.files[0].sha256 == outcome.sha256
        assert config.files[0].size_bytes == outcome.size_bytes
        assert (config.target, config.source_validation) == (
            outcome.target,
            outcome.source_validation,
        )
        again = predict_logits(
            checkpoint.networks[0], run_data.target.images, config.mean, config.std
        )
        assert np.array_equal(again, logits[f"{outcome.name}/target"])
        right = (again.argmax(1) == logits["labels/target"]).sum()
        assert outcome.target == Accuracy(int(right), 30)


def test_post_training_rounds_erms_own_weights(swept):
    record = load_record(swept.records / "rotated_digits-75-degrees-erm-seed0.json")
    rounded = next(o for o in record.outcomes if o.method == "post-training")
    single = next(o for o in record.outcomes if o.name == "single")
    assert (rounded.bits, single.bits) == (7, 32)
    assert rounded.chosen_step == single.chosen_step
    assert rounded.size_bytes < 0.35 * single.size_bytes
    root = swept.checkpoints / "rotated_digits" / "75-degrees"
    (network,) = checkpoints.load(root / "erm-seed0").networks  # not the averaged one's
    quantize(network, NearestConfig(7, rule="start"), [classifier_name(network)])
    again = tensors_to_bytes(storage.store(network.eval()).tensors)
    assert hashlib.sha256(again).hexdigest() == rounded.sha256
    # Seven bits change hardly anything of a network's answers.
    assert rounded.nll == pytest.approx(single.nll, rel=0.05)


def test_erm_is_rounded_to_all_widths_where_those_are_trained_and_to_seven_bits_elsewhere():
    trained = [(r.target_domain, r.seed) for r in pacs_plan() if r.bits not in (7, 4, 5)]
    assert set(trained) == {("sketch", 0), ("sketch", 1)}
    for run in (one for one in pacs_plan() if one.method == "erm"):
        ablated = run.target_domain in ("sketch", "art_painting") and run.seed < 2
        every = ablated and run.objective == "erm"
        widths = post_training_widths(run)
        assert widths == ((2, 3, 4, 5, 6, 7, 8) if every else (7,))


def test_a_record_survives_the_round_trip(swept, tmp_path):
    path = swept.records / "rotated_digits-75-degrees-erm-seed0.json"
    record = load_record(path)
    save_record(tmp_path / "copy.json", record, load_logits(path))
    assert load_record(tmp_path / "copy.json") == record
    assert (tmp_path / "copy.json").read_bytes() == path.read_bytes()
    assert record.config == dataclasses.replace(CONFIG, method="erm")
    text = path.read_text()
    assert json.loads(text)["points"][0]["step"] == 2
    path = tmp_path / "broken.json"
    path.write_text(text[:100])
    with pytest.raises(ValueError, match=r"broken\.json is not the record of a run"):
        load_record(path)
    for broken, reason in (
        (text.replace('"bits": 32', '"bits": "32"', 1), "'32' should be of type int"),
        (text.replace('"train_loss"', '"loss"', 1), "'loss' is unknown"),
        (text.replace('"hardware"', '"machine"'), "'machine' is unknown"),
    ):
        assert broken != text
        path.write_text(broken)
        with pytest.raises(ValueError, match=rf"is not the record of a run \({reason}\)"):
            load_record(path)


def test_labels_of_more_than_256_classes_and_no_state_are_kept(tmp_path, monkeypatch):
    """As of DomainNet, in a study that keeps no states."""
    few = tiny_data()
    shifted = [
        dataclasses.replace(one, labels=one.labels + 280)
        for one in (*few.source_training, *few.source_validation, few.target)
    ]
    many = dataclasses.replace(
        few,
        classes=tuple(f"class {k}" for k in range(300)),
        source_training=tuple(shifted[:2]),
        source_validation=tuple(shifted[2:4]),
        target=shifted[4],
    )
    monkeypatch.setattr(sweep, "load_run_data", lambda config: many)
    places = [tmp_path / name for name in ("runs", "records", "checkpoints")]
    config = dataclasses.replace(CONFIG, method="erm", steps=4, quantize_step=2)
    Sweep("digits", *places, keep_states=False).run("rotated_digits", [config], silent)
    (path,) = places[1].glob("*.json")
    logits = load_logits(path)
    assert np.array_equal(logits["labels/target"], few.target.labels + 280)
    right = (logits["single/target"].argmax(1) == many.target.labels).sum()
    assert load_record(path).outcomes[-2].target.correct == right
    assert not list(places[0].glob("rotated*/state.safetensors"))
    assert list(places[0].glob("rotated*/log.csv"))


# Rows -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def rows(swept) -> list[MeasuredRow]:
    return measured_rows(swept.records)


def test_every_row_of_a_single_network_is_an_outcome_of_its_run(rows, swept):
    singles = [row for row in rows if row.models_trained == 1]
    assert len(singles) == 5 * 3 + 5 * 2 + 2
    for row in singles:
        record = load_record(swept.records / row.run)
        (outcome,) = [
            o
            for o in record.outcomes
            if o.sha256 == row.sha256 and o.averaged == (row.averaged == "yes")
        ][:1]
        assert (row.correct, row.total) == (outcome.target.correct, outcome.target.total)
        assert row.accuracy == pytest.approx(100 * row.correct / row.total, abs=1e-3)
        assert row.seed == record.config.seed
    assert {row.relative_size for row in singles if row.bits == 32} == {1.0}


def test_ensembles_are_the_mean_of_the_members_logits(rows, swept):
    ensembles = {(row.method, row.averaged): row for row in rows if row.models_trained == 5}
    assert ensembles.keys() == {
        (method, averaged) for method in ("ERM ensemble", "EoQ") for averaged in ("no", "yes")
    }
    eoq = ensembles["EoQ", "no"]
    folders = [
        swept.checkpoints / "rotated_digits" / "75-degrees" / f"qt-dog-7bit-seed{seed}"
        for seed in range(5)
    ]
    target = tiny_data().target
    logits = torch.stack(
        [
            torch.from_numpy(
                predict_logits(
                    checkpoints.load(folder).networks[0], target.images, CONFIG.mean, CONFIG.std
                )
            )
            for folder in folders
        ]
    ).mean(0)
    assert eoq.correct == int((logits.argmax(1).numpy() == target.labels).sum())
    assert eoq.nll == pytest.approx(
        float(torch.nn.functional.cross_entropy(logits, torch.from_numpy(target.labels))), abs=1e-5
    )
    assert len(eoq.run.split(";")) == 5
    assert 1 < eoq.relative_size < 2


def test_the_csv_begins_with_the_columns_of_the_papers_table(rows):
    read = list(csv.DictReader(io.StringIO(measured_csv(rows))))
    paper = Path(__file__).resolve().parents[1] / "assets" / "results" / "paper.csv"
    columns = paper.read_text(encoding="utf-8").splitlines()[0].split(",")
    assert list(read[0])[: len(columns)] == columns
    assert len(read) == len(rows)
    assert float(read[0]["accuracy"]) == rows[0].accuracy


def test_an_ensemble_with_a_missing_member_is_left_out(swept, tmp_path):
    for path in swept.records.iterdir():
        if "seed3" not in path.name:
            (tmp_path / path.name).write_bytes(path.read_bytes())
    assert all(row.models_trained == 1 for row in measured_rows(tmp_path))


def test_rows_have_the_papers_names_and_are_of_one_split(swept, tmp_path):
    path = swept.records / "rotated_digits-75-degrees-erm-seed0.json"
    record, logits = load_record(path), load_logits(path)
    for split in ("ours", "domainbed"):
        config = dataclasses.replace(record.config, target_domain="location_38", split=split)
        other = dataclasses.replace(record, dataset="terra_incognita", config=config)
        save_record(tmp_path / f"{split}.json", other, logits)
    for split in ("ours", "domainbed"):
        rows = measured_rows(tmp_path, split)
        assert {(row.dataset, row.domain) for row in rows} == {("TerraIncognita", "L38")}
        assert {row.run for row in rows} == {f"{split}.json"}
    assert {row.dataset for row in measured_rows(swept.records)} == {"ROTATED_DIGITS"}


# Shipping ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def digits() -> Iterator[DomainDataset]:
    """The domains that the tiny runs had parts of, so that nobody knows them for theirs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(combining, "require_training_data", lambda *_: None)
        yield data.load("rotated_digits", 32)


@pytest.mark.parametrize("kind", [MemberKind("lsq", False), MemberKind("lsq", True)])
def test_the_chosen_members_are_shipped_with_their_ensemble(swept, digits, tmp_path, kind):
    built = swept.checkpoints / "rotated_digits" / "75-degrees"
    place = tmp_path / "rotated_digits" / "75-degrees"
    ship(swept.checkpoints, MemberKind("lsq", not kind.averaged), digits, 7, tmp_path)
    before = set(place.iterdir())
    with pytest.raises(ValueError, match="a member of another kind, which would be removed"):
        ship(swept.checkpoints, kind, digits, 7, tmp_path)
    assert set(place.iterdir()) == before
    new = ship(swept.checkpoints, kind, digits, 7, tmp_path, replace=True)
    suffix = "-averaged" if kind.averaged else ""
    assert sorted(folder.name for folder in new) == sorted(
        ["eoq-7bit", "erm-seed0", "erm-averaged-seed0"]
        + [f"qt-dog-7bit{suffix}-seed{seed}" for seed in range(5)]
    )
    assert {folder.parent for folder in new} == {place}
    assert set(place.iterdir()) == set(new), "the members of another kind made way"
    eoq = checkpoints.load(place / "eoq-7bit")
    assert [member.config.training.seed for member in eoq.members] == [0, 1, 2, 3, 4]
    for folder in new:
        if folder.name != "eoq-7bit":
            model = (folder / "model.safetensors").read_bytes()
            assert model == (built / folder.name / "model.safetensors").read_bytes()


def test_the_kind_with_the_best_source_validation_becomes_the_members(rows):
    row = next(row for row in rows if row.method == "QT-DoG")

    def measured(method, averaged, seed, accuracy, **other):
        return dataclasses.replace(
            row,
            method=method,
            averaged="yes" if averaged else "no",
            seed=seed,
            source_validation=accuracy,
            accuracy=100 - accuracy,  # the target's opposite verdict counts for nothing
            **other,
        )

    made = [
        measured("QT-DoG", False, 0, 91.0),
        measured("QT-DoG", True, 0, 92.0),
        measured("QT-DoG (fitted)", False, 0, 93.0),
        measured("QT-DoG (fitted)", True, 0, 95.0),
        measured("CORAL + QT-DoG", False, 0, 99.0),
        measured("QT-DoG", False, 0, 99.0, bits=4),
        measured("QT-DoG", False, 1, 99.0, granularity="tensor"),
    ]
    choice = choose_members(made, 7)
    assert choice.best.arm == "QT-DoG (fitted), averaged"
    assert choice.best.checkpoint(7, 3) == "qt-dog-lsq-fitted-7bit-averaged-seed3"
    # A second seed without the fitted kinds: they are compared but not chosen.
    made += [measured("QT-DoG", False, 1, 97.0), measured("QT-DoG", True, 1, 90.0)]
    choice = choose_members(made, 7)
    assert choice.shared_runs == 1
    assert [(c.kind.arm, c.runs, c.over_shared, c.over_all) for c in choice.candidates] == [
        ("QT-DoG", 2, 91.0, 94.0),
        ("QT-DoG, averaged", 2, 92.0, 91.0),
        ("QT-DoG (fitted)", 1, 93.0, None),
        ("QT-DoG (fitted), averaged", 1, 95.0, None),
    ]
    assert choice.best.arm == "QT-DoG"
    with pytest.raises(ValueError, match="No QT-DoG network of 5 bits is measured"):
        choose_members(made, 5)


def test_names_of_members_are_those_of_their_folders(swept):
    names = {folder.name for folder in swept.checkpoints.glob("*/*/*")}
    assert {MemberKind("lsq", averaged).checkpoint(7, 4) for averaged in (False, True)} < names
    config = TrainConfig("pacs", "sketch", method="qt-dog", quantizer="lsq-fitted", bits=5, seed=2)
    folder = checkpoint_folder(Path(), "pacs", config, "paper", averaged=True)
    assert folder.name == MemberKind("lsq-fitted", True).checkpoint(5, 2)


def test_a_whole_eoq_stays_until_all_five_new_members_are_there(swept, digits, tmp_path):
    out, built, kind = tmp_path / "out", tmp_path / "built", MemberKind("lsq", False)
    ship(swept.checkpoints, kind, digits, 7, out)
    place = out / "rotated_digits" / "75-degrees"
    before = {path: path.read_bytes() for path in place.rglob("*.json")}
    shutil.copytree(swept.checkpoints, built)
    for folder in built.glob("*/*/qt-dog-*-seed4"):
        shutil.rmtree(folder)
    new = [folder.name for folder in ship(built, kind, digits, 7, out)]
    assert new == ["erm-seed0", "erm-averaged-seed0"]
    assert {path: path.read_bytes() for path in place.rglob("*.json")} == before
    shutil.rmtree(out)
    names = [folder.name for folder in ship(built, kind, digits, 7, out)]
    assert len(names) == 2 + 4, "without an EoQ, the members that there are"
    assert "eoq-7bit" not in names


def test_checkpoints_of_other_runs_are_not_shipped_over(swept, digits, tmp_path):
    kind, built = MemberKind("lsq", False), tmp_path / "built"
    out = tmp_path / "out"
    ship(swept.checkpoints, kind, digits, 7, out)
    config = out / "rotated_digits" / "75-degrees" / "erm-seed0" / "config.json"
    before = config.read_bytes()
    shutil.copytree(swept.checkpoints, built)
    other = built / config.relative_to(out)
    rate = json.loads(before)["training"]["learning_rate"]
    other.write_text(other.read_text().replace(f'"learning_rate": {rate}', '"learning_rate": 0.5'))
    with pytest.raises(
        ValueError, match=r"erm-seed0 holds another run, with learning rate .* 0\.5"
    ):
        ship(built, kind, digits, 7, out)
    assert config.read_bytes() == before
    ship(built, kind, digits, 7, out, replace=True)
    assert config.read_bytes() == other.read_bytes()


# Calibration and statistics ----------------------------------------------------------------------


def test_negative_log_likelihood_is_scikit_learns():
    random = np.random.default_rng(0)
    logits, labels = random.normal(size=(200, 7)) * 4, random.integers(0, 7, 200)
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    expected = log_loss(labels, probabilities, labels=range(7))
    assert negative_log_likelihood(logits.astype(np.float32), labels) == pytest.approx(
        expected, 1e-5
    )


def test_the_calibration_error_of_made_up_confidences():
    """Four images with 80 % confidence of which two are right, one with certainty that is right:
    4/5 |0.5 - 0.8| + 1/5 |1 - 1| = 0.24."""
    eighty = np.log([0.8, 0.2])
    logits = np.array([eighty, eighty, eighty, eighty, [50.0, 0.0]])
    labels = np.array([0, 0, 1, 1, 0])
    assert expected_calibration_error(logits, labels) == pytest.approx(0.24)


def test_a_paired_difference_has_students_interval():
    found = paired_difference([1.0, 2.0, 3.0, 6.0])
    assert found.mean == 3.0
    # Standard error sqrt(14/3)/2 = 1.0801, t with 3 degrees of freedom 3.1824.
    assert (found.low, found.high) == pytest.approx((3 - 3.4374, 3 + 3.4374), abs=1e-3)
    assert found.verdict == "not told apart"
    assert paired_difference([1.0, 1.1, 0.9, 1.0]).verdict == "better"
    assert paired_difference([-1.0, -1.1]).verdict == "worse"
    assert paired_difference([5.0]).verdict == "not told apart"


def test_the_report_says_what_the_rows_say(rows, swept):
    import pandas as pd

    text = report_text(rows, swept.records)
    table = pd.DataFrame([dataclasses.asdict(row) for row in rows])
    table["arm"] = np.where(table.averaged == "yes", table.method + ", averaged", table.method)
    by_seed = {
        method: {
            row.seed: row.accuracy for row in rows if row.method == method and row.averaged == "no"
        }
        for method in ("ERM", "QT-DoG")
    }
    differences = [by_seed["QT-DoG"][seed] - by_seed["ERM"][seed] for seed in range(5)]
    assert against(table, "QT-DoG", "ERM")["all"].mean == pytest.approx(np.mean(differences))
    assert f"QT-DoG – ERM | 75-degrees {np.mean(differences):+.1f} [" in text
    eoq = next(row for row in rows if row.method == "EoQ" and row.averaged == "no")
    members = np.mean(list(by_seed["QT-DoG"].values()))
    assert f"| EoQ | 75-degrees | {members:.1f} | {eoq.accuracy:.1f} |" in text
    fitted = [
        dataclasses.replace(
            row, method="QT-DoG (fitted)", source_validation=row.source_validation + gain
        )
        for row in rows
        for gain in [1 if row.averaged == "yes" else -1]
        if row.method == "QT-DoG" and row.seed < 2
    ]
    members = report_text([*rows, *fitted], swept.records).partition("## Which weights")[2]
    assert "the 2 runs of all" in members
    of_two = np.mean([row.source_validation for row in fitted if row.averaged == "yes"])
    assert f"| QT-DoG (fitted), averaged | 2 | {of_two:.2f} | – |" in members
    best = choose_members(rows, 7).best.arm
    assert f"- So `ship` makes EoQ of the weights of {best}." in members
    assert "not to be chosen: QT-DoG (fitted); QT-DoG (fitted), averaged." in members
    with pytest.raises(ValueError, match="no record of a run"):
        report_text([], swept.records)
