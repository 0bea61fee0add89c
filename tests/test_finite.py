"""Weights near the end of float's range: every answer says whose logits are none."""

import gradio as gr
import numpy as np
import pytest
import torch
from PIL import Image
from test_evaluation import ReadsRed, checkpoint_of, pets
from tiny import config, random_network, save_checkpoint
from tiny_runs import CONFIG, tiny_data

from qtdog import checkpoints
from qtdog.checkpoints import CheckpointError, storage
from qtdog.evaluation import evaluate
from qtdog.explorer import Explorer, Lab
from qtdog.explorer.lab import Contender
from qtdog.fair_lock import FairLock
from qtdog.inference import finite
from qtdog.landscape import live_flatness
from qtdog.training.evaluator import Evaluator
from qtdog.training.networks import start_network
from qtdog.ui import build
from qtdog.ui.samples import samples

TARGET, BROKEN = "pacs/sketch", "erm-seed0"
PICTURE = Image.effect_noise((80, 60), 90).convert("RGB")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Full precision whose weights are finite and whose logits are not, beside a sound QT-DoG."""
    folder = tmp_path_factory.mktemp("checkpoints") / "pacs" / "sketch"
    network = random_network(0, None)
    network.fc.weight.data.fill_(3e38)
    stored = storage.store(network)
    checkpoints.save(folder / BROKEN, stored, config("erm", 0, 32), "step\n")
    save_checkpoint(folder / "qt-dog-7bit-seed0", "qt-dog", 0, 7)
    return folder.parents[1]


@pytest.mark.parametrize(
    "ask",
    [
        lambda explorer: explorer.classify(PICTURE, TARGET),
        lambda explorer: explorer.classify_many([PICTURE] * 2, TARGET, heavy=True),
        lambda explorer: explorer.explain(PICTURE, TARGET, "dog"),
        lambda explorer: Lab(explorer, lambda classes: [PICTURE]).answer_samples(
            Contender(f"{TARGET}/{BROKEN}", "erm")
        ),
        lambda explorer: list(
            live_flatness(
                [explorer.read(explorer.root / TARGET / BROKEN)],
                [PICTURE],
                [0],
                "filter",
                FairLock(),
            )
        ),
    ],
    ids=["classify", "batch and shift", "explain", "quantize", "landscape"],
)
def test_logits_that_are_not_finite_are_an_error_that_names_the_checkpoint(root, ask):
    with pytest.raises(CheckpointError, match=rf"{BROKEN} answers with logits that are not finite"):
        ask(Explorer(root))


@pytest.mark.parametrize("strength", [float("inf"), float("nan")])
def test_nothing_is_evaluated_with_logits_that_are_not_finite(strength):
    with pytest.raises(CheckpointError, match=r"^some-folder answers with logits"):
        evaluate("model", checkpoint_of(ReadsRed(strength)), pets())


@pytest.mark.thorough
def test_the_page_says_it_without_a_path_of_the_server(root):
    """As the endpoint's answer, and in the place of the answers."""
    page = build(Explorer(root))
    by_name = {one.api_name: one.fn for one in page.fns.values()}
    with pytest.raises(gr.Error) as refused:
        by_name["classify"](str(samples()[0].path), TARGET)
    assert refused.value.message.startswith(f"{TARGET}/{BROKEN} answers with logits")
    with pytest.raises(gr.Error) as refused:
        by_name["quantize_network"](f"{TARGET}/{BROKEN}", str(samples()[0].path))
    assert refused.value.message.startswith(f"{TARGET}/{BROKEN} answers with logits")
    choose = next(one.fn for one in page.fns.values() if one.name == "choose_models")
    shown = next(choose(str(samples()[0].path), TARGET, ["erm"], "", False))
    told = "".join(map(str, shown.values()))
    assert f"{TARGET}/{BROKEN} answers with logits" in told
    assert str(root) not in told


def test_finite_logits_stay_what_they_are():
    logits = np.array([[-3e38, 3e38]], np.float32)
    assert finite(logits, "x") is logits
    tensor = torch.tensor([0.0, -1.5])
    assert finite(tensor, "x") is tensor


def test_a_training_that_diverged_is_not_scored():
    run_data = tiny_data()
    evaluator = Evaluator(CONFIG, run_data, torch.device("cpu"))
    network = start_network(CONFIG, len(run_data.classes))
    assert 0 <= evaluator.of(network).source_validation <= 1
    network.fc.weight.data.fill_(np.nan)  # as after a step that overflowed
    with pytest.raises(ValueError, match=r"diverged.* smaller --learning-rate than"):
        evaluator.of(network)
