"""The second study: its plan, what a run of it records, late means."""

import dataclasses
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from tiny_runs import CONFIG, tiny_data

from qtdog import checkpoints
from qtdog.checkpoints import storage
from qtdog.evaluation import predict_logits
from qtdog.models import classifier_name
from qtdog.quantization import LeastErrorLSQConfig, quantize
from qtdog.study import measured_rows
from qtdog.training import (
    Sweep,
    TrainConfig,
    load_logits,
    load_record,
    recipe_for,
    second_plan,
    sweep,
)
from qtdog.training.config import RECIPES

pytestmark = pytest.mark.thorough  # most train or export for seconds

DOMAINS = ("art_painting", "cartoon", "photo", "sketch")


def plan(dataset: str, recipe: str) -> list[TrainConfig]:
    return second_plan(dataset, TrainConfig(dataset, "", **RECIPES[recipe]), DOMAINS)


def test_what_eoq_needs_comes_first_one_seed_after_the_other_and_the_others_in_order():
    runs = plan("pacs", recipe_for("pacs"))
    assert len(set(runs)) == len(runs) == 60 + 8 + 8 + 20 + 32
    parts = [(r.seed, r.target_domain, r.method, r.bits) for r in runs]
    of_a_seed = [(d, m, 5) for d in DOMAINS for m in ("erm", "qt-dog")]
    assert parts[:40] == [(s, *one) for s in range(5) for one in of_a_seed]
    assert parts[40:48] == [(s, d, "noise", 5) for s in (0, 1) for d in DOMAINS]
    assert parts[48:68] == [(s, d, "qt-dog", 7) for s in range(5) for d in DOMAINS]
    assert parts[68:76] == [(s, d, "freeze", 7) for s in (0, 1) for d in DOMAINS]
    assert len({r.identity().trunk for r in runs[:76]}) == 20, "a seed's runs share a trunk"
    assert {r.bits for r in runs[76:96]} == {8, 6, 4, 3, 2}
    assert {r.target_domain for r in runs[76:96]} == {"art_painting", "sketch"}
    assert Counter((r.objective, r.method) for r in runs[96:]) == {
        (objective, method): 8 for objective in ("coral", "sam") for method in ("erm", "qt-dog")
    }
    assert {r.seed for r in runs[68:]} == {0, 1}
    assert {(r.steps, r.quantize_step, r.evaluate_every) for r in runs} == {(3000, 1200, 200)}
    assert {(r.quantizer, r.averaged_weights) for r in runs} == {("lsq-least-error", "quantized")}


def test_the_other_data_and_the_other_network_have_two_arms():
    office = plan("office_caltech", recipe_for("office_caltech"))
    assert {(r.steps, r.quantize_step, r.image_size) for r in office} == {(1200, 480, 96)}
    assert Counter(r.method for r in office) == {"erm": 20, "qt-dog": 20}
    lite = plan("pacs", "cpu-small-lite0")
    assert Counter((r.method, r.bits) for r in lite) == {("erm", 5): 4, ("qt-dog", 5): 4}
    assert {r.architecture for r in lite} == {"timm/tf_efficientnet_lite0"}


def test_records_of_the_plan_have_names_of_their_own():
    study = Sweep("cpu", Path("runs"), Path("records"), Path("checkpoints"))
    names = [study.record_path("pacs", one).name for one in plan("pacs", "cpu")]
    assert len(set(names)) == len(names)
    assert "pacs-sketch-noise-lsq-least-error-5bit-seed1.json" in names


@pytest.fixture(scope="module")
def record_path(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("study")
    study = Sweep("digits", root / "runs", root, root / "checkpoints", rounding="least error")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sweep, "load_run_data", lambda config: tiny_data())
        config = dataclasses.replace(CONFIG, method="erm")
        study.run("rotated_digits", [config], lambda config: lambda step, text: None)
    return next(root.glob("*.json"))


def test_full_precision_is_rounded_with_least_error_at_every_width(record_path):
    record, logits = load_record(record_path), load_logits(record_path)
    rounded = [one for one in record.outcomes if one.method == "post-training"]
    assert [(one.averaged, one.bits) for one in rounded] == [
        (averaged, bits) for averaged in (False, True) for bits in range(2, 9)
    ]
    assert {one.rule for one in rounded} == {"least error"}
    (folder,) = (record_path.parent / "checkpoints").glob("*/*/erm-*averaged-*")
    network = checkpoints.load(folder).networks[0].requires_grad_(True)
    quantize(network, LeastErrorLSQConfig(4), [classifier_name(network)])
    stored = storage.store(network)
    again = storage.restore(stored, CONFIG.architecture, 10, CONFIG.image_size)
    found = predict_logits(again, tiny_data().target.images, CONFIG.mean, CONFIG.std)
    seen = logits["least-error-4bit-averaged/target"]
    np.testing.assert_allclose(found, seen, rtol=1e-4, atol=1e-4)
    outcome = next(one for one in rounded if one.averaged and one.bits == 4)
    assert outcome.target.correct == (seen.argmax(1) == logits["labels/target"]).sum()


def test_a_late_mean_is_over_the_evaluations_of_the_last_half(record_path):
    record = load_record(record_path)
    assert [one.step for one in record.points[-3:]] == [8, 10, 12]
    late = record.points[-3:]
    assert record.late_mean() == pytest.approx(np.mean([one.target for one in late]))
    averaged = np.mean([one.averaged_target for one in late])
    assert record.late_mean(averaged=True) == pytest.approx(averaged)


def test_whether_an_ensemble_has_single_weights_does_not_depend_on_other_runs(
    record_path, tmp_path
):
    record, logits = record_path.read_text(), record_path.with_suffix(".safetensors").read_bytes()
    runs = [("a", seed, "swad") for seed in range(5)] + [("b", 0, "sma")]  # the last one read
    for name, seed, averaging in runs:
        content = json.loads(record)
        content["config"] |= {"seed": seed, "averaging": averaging}
        (tmp_path / f"{name}{seed}.json").write_text(json.dumps(content))
        (tmp_path / f"{name}{seed}.safetensors").write_bytes(logits)
    rows = measured_rows(tmp_path)
    ensembles = [row for row in rows if row.seed is None and row.bits == 32]
    assert [row.averaged for row in ensembles] == ["yes"], "SWAD's have none"
