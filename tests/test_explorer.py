"""The service behind the page: what it answers is what the stored networks say."""

import dataclasses
import math
import shutil
import threading

import numpy as np
import pytest
import torch
from PIL import Image
from test_sentences import DOG, GUITAR, HORSE, prediction
from tiny import SIZE, config, random_network, save_checkpoint, save_set

from qtdog import checkpoints, models
from qtdog.accuracy import Accuracy
from qtdog.checkpoints import CheckpointError, storage
from qtdog.checkpoints.catalogue import OPENING_DOMAIN
from qtdog.explorer import Explorer, lesson
from qtdog.explorer import explorer as service
from qtdog.explorer.explain import grad_cam
from qtdog.explorer.recent import Recent
from qtdog.ui.samples import samples


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return save_set(tmp_path_factory.mktemp("checkpoints"), members=3)


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
    assert len(members) == 3
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


def test_sizes_are_the_weights_files_on_disk(explorer, root, image):
    def size(*folders):
        files = [root / "pacs/sketch" / folder / "model.safetensors" for folder in folders]
        return sum(file.stat().st_size for file in files)

    erm, qt_dog, eoq = explorer.classify(image, "pacs/sketch")
    members = [f"qt-dog-7bit-seed{seed}" for seed in range(3)]
    assert erm.size_bytes == size("erm-seed0")
    assert qt_dog.size_bytes == size(members[0])
    assert eoq.size_bytes == size(*members)
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
    # The page shows no path of this machine.
    assert explorer.problems[0].startswith("pacs/sketch/erm-seed0/model.safetensors has ")
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
    (broken / "pacs/sketch/qt-dog-7bit-seed2/model.safetensors").unlink()
    explorer = Explorer(broken)
    answers = explorer.classify(image, "pacs/sketch")
    assert [one.method for one in answers] == ["erm", "qt-dog"]
    assert "qt-dog-7bit-seed2" in explorer.problems[0]


def test_a_single_model_is_enough(image, tmp_path):
    save_checkpoint(tmp_path / "mine" / "qt-dog-3bit-seed0", "qt-dog", 0, bits=3)
    (answer,) = Explorer(tmp_path).classify(image, "pacs/sketch")
    assert (answer.model, answer.bits) == ("QT-DoG", 3)


def test_a_folder_without_checkpoints_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="no checkpoint"):
        Explorer(tmp_path)
    with pytest.raises(CheckpointError, match="does not exist"):
        Explorer(tmp_path / "nowhere")


# Which checkpoints are shown ----------------------------------------------------------------------


def save_as(folder, method, bits, averaged=False, **changes):
    """A single model's checkpoint with a config of one's own."""
    stored = storage.store(random_network(0, bits if bits < 32 else None))
    changed = dataclasses.replace(config(method, 0, bits), averaged=averaged, **changes)
    checkpoints.save(folder, stored, changed, "step\n")
    return folder


@pytest.mark.thorough
def test_of_many_checkpoints_the_plain_ones_at_the_papers_width_are_shown(image, tmp_path):
    target = tmp_path / "pacs" / "sketch"
    save_as(target / "erm-averaged-seed0", "erm", 32, averaged=True)
    save_as(target / "erm-seed1", "erm", 32)
    for bits in (2, 7, 8):
        save_as(target / f"qt-dog-{bits}bit-seed0", "qt-dog", bits)
    save_as(target / "qt-dog-7bit-averaged-seed0", "qt-dog", 7, averaged=True)
    save_as(target / "freeze-7bit-seed0", "freeze", 7)
    explorer = Explorer(tmp_path)
    answers = explorer.classify(image, "pacs/sketch")
    assert [(one.method, one.bits) for one in answers] == [("erm", 32), ("qt-dog", 7)]
    np.testing.assert_allclose(
        answers[0].probabilities, softmax(plain_logits(target / "erm-seed1", image)[0]), atol=1e-4
    )
    stored = explorer.checkpoints("pacs/sketch")
    assert [one.name for one in stored] == [
        "erm-averaged-seed0",
        "erm-seed1",
        "freeze-7bit-seed0",
        "qt-dog-2bit-seed0",
        "qt-dog-7bit-averaged-seed0",
        "qt-dog-7bit-seed0",
        "qt-dog-8bit-seed0",
    ]
    assert [one.config.bits for one in stored if one.config.method == "qt-dog"] == [2, 7, 7, 8]
    assert stored[0].folder == target / "erm-averaged-seed0"


@pytest.mark.thorough
def test_like_is_shown_beside_like_where_eoqs_members_are_averaged_and_of_five_bits(tmp_path):
    target = tmp_path / "pacs" / "sketch"
    save_as(target / "erm-seed0", "erm", 32)
    save_as(target / "erm-averaged-seed0", "erm", 32, averaged=True)
    save_as(target / "qt-dog-7bit-averaged-seed0", "qt-dog", 7, averaged=True)
    members = []
    for seed in (0, 1):
        training = dataclasses.replace(config("qt-dog", seed, 5).training, seed=seed)
        members.append(target / f"qt-dog-5bit-averaged-seed{seed}")
        save_as(members[-1], "qt-dog", 5, averaged=True, training=training)
    ensemble = dataclasses.replace(
        config("eoq", 9, 5), averaged=True, source_validation=(), training=None
    )
    checkpoints.save_ensemble(target / "eoq-5bit", members, ensemble)
    explorer = Explorer(tmp_path)
    names = ["erm-averaged-seed0", "qt-dog-5bit-averaged-seed0", "eoq-5bit"]
    assert sorted(one.name for one in explorer.shown("pacs/sketch")) == sorted(names)
    compared = [one.name for one in lesson(explorer).all]
    assert sorted(compared) == sorted([*names, "qt-dog-5bit-averaged-seed1"])


@pytest.mark.parametrize(
    ("correct", "order"),
    [
        ({"art_painting": 80, "photo": 95, "sketch": 60}, ["sketch", "art_painting", "photo"]),
        ({"art_painting": 80, "photo": 70, "sketch": 90}, ["sketch", "photo", "art_painting"]),
        ({"art_painting": 80, "photo": 70}, ["photo", "art_painting"]),
    ],
)
def test_the_domain_of_our_first_pictures_comes_first_then_the_hardest(tmp_path, correct, order):
    assert OPENING_DOMAIN == samples()[0].domain == "sketch"
    for domain, count in correct.items():
        folder = tmp_path / "pacs" / domain / "erm-seed0"
        save_as(folder, "erm", 32, target_domain=domain, target=Accuracy(count, 100))
    # A domain with nothing to show side by side is no choice.
    save_as(tmp_path / "pacs" / "cartoon" / "f", "freeze", 7, target_domain="cartoon")
    keys = [target.key for target in Explorer(tmp_path).targets()]
    assert keys == [f"pacs/{domain}" for domain in order]


def test_nobody_waits_for_models_that_somebody_else_asked_for(image, tmp_path, monkeypatch):
    for domain in ("photo", "sketch"):
        save_as(tmp_path / "pacs" / domain / "erm-seed0", "erm", 32, target_domain=domain)
    explorer = Explorer(tmp_path)
    loaded, let_it_end = [], threading.Event()
    open_stored = service.open_stored

    def slowly(folder):
        loaded.append(folder.parent.name)
        assert folder.parent.name == "sketch" or let_it_end.wait(60)
        return open_stored(folder)

    monkeypatch.setattr(service, "open_stored", slowly)
    assert explorer.classify(image, "pacs/sketch")
    assert loaded == ["sketch"]  # what was asked for, and once
    answers = []
    patient = [
        threading.Thread(target=lambda: answers.append(explorer.classify(image, "pacs/photo")))
        for _ in range(2)
    ]
    for each in patient:
        each.start()
    other = Image.new("RGB", (40, 40), "navy")
    assert explorer.classify(other, "pacs/sketch")  # while photo's models are being loaded
    assert answers == []
    let_it_end.set()
    for each in patient:
        each.join(timeout=60)
    assert len(answers) == 2
    assert loaded == ["sketch", "photo"]


# Where the models look ----------------------------------------------------------------------------


def test_explanations_are_grad_cam_of_the_stored_networks(explorer, root, image):
    inputs = models.preprocess(image, SIZE, models.IMAGENET_MEAN, models.IMAGENET_STD)
    answers = explorer.classify(image, "pacs/sketch")
    own = explorer.explain(image, "pacs/sketch")
    assert [(one.method, one.label) for one in own] == [(a.method, a.label) for a in answers]
    erm, qt_dog, eoq = explorer.explain(image, "pacs/sketch", "horse")
    members = checkpoints.load(root / "pacs/sketch/eoq-7bit").networks
    full = checkpoints.load(root / "pacs/sketch/erm-seed0").networks
    for one, networks in ((erm, full), (qt_dog, members[:1]), (eoq, members)):
        heat = grad_cam(networks, inputs, answers[0].classes.index("horse"))
        np.testing.assert_allclose(one.heat, heat / (heat.max() or 1), atol=1e-5)
        assert one.label == "horse"
        assert np.max(one.heat) in (0, 1)


@pytest.mark.thorough
def test_networks_with_gradients_are_loaded_when_first_asked_for(
    root, image, monkeypatch, tmp_path
):
    bare = shutil.copytree(root, tmp_path / "set")
    shutil.rmtree(bare / checkpoints.GRAPHS)
    loaded = []
    real = service.checkpoints.load
    monkeypatch.setattr(
        service.checkpoints, "load", lambda folder: loaded.append(folder.name) or real(folder)
    )
    explorer = Explorer(bare)
    explorer.classify(image, "pacs/sketch")
    assert loaded == []
    explorer.explain(image, "pacs/sketch")
    explorer.explain(image, "pacs/sketch", "dog")
    assert loaded == ["eoq-7bit", "erm-seed0"]
    Explorer(root).explain(image, "pacs/sketch")  # its graph gives the feature maps
    assert loaded == ["eoq-7bit", "erm-seed0"]


def test_an_unknown_class_is_named_beside_those_that_exist(explorer, image):
    with pytest.raises(ValueError, match=r"no class 'zebra'\. There are: dog, elephant, "):
        explorer.explain(image, "pacs/sketch", "zebra")


# Disagreement -------------------------------------------------------------------------------------


def test_disagreement_is_the_mutual_information_between_class_and_member():
    assert prediction("erm", DOG).disagreement is None
    assert prediction("eoq", DOG, (DOG, DOG, DOG)).disagreement == pytest.approx(0, abs=1e-12)
    sure = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
    assert prediction("eoq", DOG, sure).disagreement == pytest.approx(math.log(3))
    members = (DOG, HORSE, GUITAR)
    mean = np.mean(members, axis=0)
    # As a Kullback-Leibler divergence: the members' mean distance from their mean.
    apart = np.mean([np.sum(np.array(one) * np.log(np.array(one) / mean)) for one in members])
    assert prediction("eoq", DOG, members).disagreement == pytest.approx(apart)


# The memory of answers ----------------------------------------------------------------------------


def test_a_network_sees_a_picture_once_though_two_models_have_it(root, image, monkeypatch):
    """QT-DoG is EoQ's first member. Its time counts in both."""
    explorer = Explorer(root)
    explorer.load("pacs/sketch")
    seen = []
    ask = service.member_logits
    monkeypatch.setattr(
        service,
        "member_logits",
        lambda networks, images: seen.append(len(networks)) or ask(networks, images),
    )
    _, single, ensemble = explorer.classify(image, "pacs/sketch")
    assert seen == [1, 1, 2]
    assert ensemble.milliseconds > single.milliseconds > 0
    assert ensemble.members[0] == pytest.approx(single.probabilities, abs=1e-6)


def test_an_image_that_was_asked_before_does_not_wait_for_torch(root, image):
    explorer = Explorer(root)
    first = explorer.classify(image, "pacs/sketch")
    maps = explorer.explain(image, "pacs/sketch")
    answers = []
    with explorer._lock:  # somebody else's picture is being classified
        same = Image.fromarray(np.asarray(image))
        asking = threading.Thread(
            target=lambda: answers.extend(
                (explorer.classify(same, "pacs/sketch"), explorer.explain(same, "pacs/sketch"))
            )
        )
        asking.start()
        asking.join(timeout=10)
    assert answers[0] is first
    assert answers[1] is maps


def test_another_picture_or_shape_is_another_question(root):
    explorer = Explorer(root)
    pixels = np.random.default_rng(1).integers(0, 256, (40, 60, 3), np.uint8)
    other = pixels.copy()
    other[0, 0] ^= 255
    pictures = [Image.fromarray(one) for one in (pixels, other, pixels.reshape(60, 40, 3))]
    answers = [explorer.classify(one, "pacs/sketch")[0].probabilities for one in pictures]
    assert len(set(answers)) == 3


def test_the_memory_is_bounded_and_keeps_what_was_used_last(root, image, monkeypatch):
    recent = Recent(2)
    recent.put("a", 1)
    recent.put("b", 2)
    assert recent.get("a") == 1
    recent.put("c", 3)
    assert (recent.get("a"), recent.get("b"), recent.get("c")) == (1, None, 3)
    assert len(recent) == 2
    monkeypatch.setattr(service, "ANSWERS_IN_MEMORY", 3)
    explorer = Explorer(root)
    for shade in range(5):
        explorer.classify(Image.new("RGB", (4, 4), (shade, 0, 0)), "pacs/sketch")
    assert len(explorer._predictions) == 3


def test_no_visitors_picture_is_a_networks_first(tmp_path, monkeypatch):
    root = save_set(tmp_path, members=2)
    seen = []
    forward = service.member_logits
    monkeypatch.setattr(
        service,
        "member_logits",
        lambda networks, images: (
            seen.append((networks, bool(images.any()))) or forward(networks, images)
        ),
    )
    Explorer(root).classify(Image.new("RGB", (8, 8), "red"), "pacs/sketch")
    asked_first = {}
    for networks, of_picture in seen:
        for network in networks:
            asked_first.setdefault(network, of_picture)
    assert len(asked_first) == 3  # full precision and EoQ's two; QT-DoG is one of these
    assert not any(asked_first.values())
