"""The service behind the page: what it answers is what the stored networks say."""

import math
import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from tiny import SIZE, save_checkpoint, save_set

from qtdog import checkpoints, models
from qtdog.checkpoints import CheckpointError
from qtdog.explorer import Explorer


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return save_set(tmp_path_factory.mktemp("checkpoints"))


@pytest.fixture(scope="module")
def explorer(root):
    return Explorer(root)


@pytest.fixture(scope="module")
def image():
    pixels = np.random.default_rng(0).integers(0, 256, (90, 120, 3), np.uint8)
    return Image.fromarray(pixels)


def plain_logits(folder, image):
    """(members, classes), by the loaded float networks in eager mode, one after the other."""
    loaded = checkpoints.load(folder)
    resized = np.asarray(image.resize((SIZE, SIZE), Image.Resampling.BILINEAR), np.float32) / 255
    normalised = (resized - np.array(models.IMAGENET_MEAN)) / np.array(models.IMAGENET_STD)
    batch = torch.from_numpy(normalised.transpose(2, 0, 1)[None].astype(np.float32))
    with torch.no_grad():
        return np.stack([network(batch)[0].double().numpy() for network in loaded.networks])


def softmax(logits):
    raised = np.exp(logits - logits.max(-1, keepdims=True))
    return raised / raised.sum(-1, keepdims=True)


def test_three_models_answer_in_a_fixed_order(explorer, image):
    answers = explorer.classify(image, "pacs/sketch")
    assert [one.model for one in answers] == ["Full precision", "QT-DoG", "EoQ"]
    assert [one.bits for one in answers] == [32, 7, 7]


def test_probabilities_are_those_of_the_stored_networks(explorer, root, image):
    erm, qt_dog, eoq = explorer.classify(image, "pacs/sketch")
    target = root / "pacs" / "sketch"
    members = plain_logits(target / "eoq-7bit", image)
    assert len(members) == 5
    expected_erm = softmax(plain_logits(target / "erm-seed0", image)[0])
    np.testing.assert_allclose(erm.probabilities, expected_erm, atol=1e-4)
    np.testing.assert_allclose(qt_dog.probabilities, softmax(members[0]), atol=1e-4)
    np.testing.assert_allclose(eoq.probabilities, softmax(members.mean(0)), atol=1e-4)
    np.testing.assert_allclose(eoq.members, softmax(members), atol=1e-4)
    # The mean is of logits, not of probabilities: here the two differ visibly.
    assert np.abs(softmax(members).mean(0) - softmax(members.mean(0))).max() > 1e-3


def test_label_confidence_and_entropy_follow_from_the_probabilities(explorer, image):
    for one in explorer.classify(image, "pacs/sketch"):
        assert math.isclose(sum(one.probabilities), 1, abs_tol=1e-9)
        assert one.label == one.classes[int(np.argmax(one.probabilities))]
        assert one.confidence == max(one.probabilities)
        by_hand = -sum(p * math.log(p) for p in one.probabilities if p)
        assert math.isclose(one.entropy, by_hand, abs_tol=1e-6)
        assert one.milliseconds > 0


def test_sizes_are_the_files_on_disk(explorer, root, image):
    def size(*folders):
        files = [root / "pacs/sketch" / folder / "config.json" for folder in folders]
        files += [file.with_name("model.safetensors") for file in files]
        return sum(file.stat().st_size for file in files if file.exists())

    erm, qt_dog, eoq = explorer.classify(image, "pacs/sketch")
    members = [f"qt-dog-7bit-seed{seed}" for seed in range(5)]
    assert erm.size_bytes == size("erm-seed0")
    assert qt_dog.size_bytes == size(members[0])
    assert eoq.size_bytes == size("eoq-7bit", *members)
    assert (erm.bits_per_weight, eoq.bits_per_weight) == (32, qt_dog.bits_per_weight)
    assert 7 < qt_dog.bits_per_weight < 8


def test_the_measured_accuracy_comes_from_the_config(explorer, image):
    erm, qt_dog, eoq = explorer.classify(image, "pacs/sketch")
    assert (erm.measured.correct, qt_dog.measured.correct, eoq.measured.correct) == (60, 60, 70)


def test_an_unknown_target_is_named_beside_those_that_exist(explorer, image):
    with pytest.raises(ValueError, match=r"'pacs/photo'. There are: pacs/sketch\."):
        explorer.classify(image, "pacs/photo")


def test_a_broken_checkpoint_is_named_and_the_others_answer(root, image, tmp_path):
    broken = tmp_path / "copy"
    shutil.copytree(root, broken)
    model = broken / "pacs/sketch/erm-seed0/model.safetensors"
    model.write_bytes(model.read_bytes()[:-100])
    explorer = Explorer(broken)
    answers = explorer.classify(image, "pacs/sketch")
    assert [one.method for one in answers] == ["qt-dog", "eoq"]
    assert len(explorer.problems) == 1
    assert str(model) in explorer.problems[0]
    assert "truncated" in explorer.problems[0]


def test_a_problem_is_told_once_however_often_it_is_met(image, tmp_path):
    folder = save_checkpoint(tmp_path / "mine" / "erm-seed0", "erm", 0)
    (folder / "model.safetensors").unlink()
    explorer = Explorer(tmp_path)
    for _ in range(3):
        with pytest.raises(CheckpointError, match=r"model\.safetensors is missing"):
            explorer.classify(image, "pacs/sketch")
    assert len(explorer.problems) == 1


def test_a_checkpoint_with_other_classes_is_left_out(root, image, tmp_path):
    mixed = tmp_path / "copy"
    shutil.copytree(root, mixed)
    config = mixed / "pacs/sketch/erm-seed0/config.json"
    config.write_text(config.read_text().replace('"giraffe"', '"zebra"'))
    explorer = Explorer(mixed)
    assert explorer.targets()[0].classes[2] == "giraffe"
    assert [one.method for one in explorer.classify(image, "pacs/sketch")] == ["qt-dog", "eoq"]
    assert "erm-seed0 has other classes" in explorer.problems[0]


def test_a_broken_ensemble_leaves_qt_dog_and_full_precision(root, image, tmp_path):
    broken = tmp_path / "copy"
    shutil.copytree(root, broken)
    (broken / "pacs/sketch/qt-dog-7bit-seed3/model.safetensors").unlink()
    explorer = Explorer(broken)
    answers = explorer.classify(image, "pacs/sketch")
    assert [one.method for one in answers] == ["erm", "qt-dog"]
    assert "qt-dog-7bit-seed3" in explorer.problems[0]


def test_a_single_model_is_enough(image, tmp_path):
    save_checkpoint(tmp_path / "mine" / "qt-dog-3bit-seed0", "qt-dog", 0, bits=3)
    (answer,) = Explorer(tmp_path).classify(image, "pacs/sketch")
    assert (answer.model, answer.bits) == ("QT-DoG", 3)


def test_a_folder_without_checkpoints_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="no checkpoint"):
        Explorer(tmp_path)
    with pytest.raises(CheckpointError, match="does not exist"):
        Explorer(tmp_path / "nowhere")
