"""Other DG methods in the one loop: what their gradients are of, alone and with QT-DoG."""

import dataclasses
import itertools
import json
import shutil

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from bundled import FIRST_STUDY
from tiny_runs import CONFIG, tiny_data
from torch import Tensor, nn

from qtdog import checkpoints, models
from qtdog.explorer import Explorer, Lab, lesson
from qtdog.hub.model_card import CardEntry
from qtdog.landscape import subjects, title
from qtdog.landscape.measured_networks import same_trunk
from qtdog.quantization import LSQConfig, quantize, quantizers
from qtdog.results.records import RUNS
from qtdog.study import measured_rows, report_text
from qtdog.training import Batch, Sweep, TrainConfig, load_record, load_run_data, sweep, train
from qtdog.training.config import RECIPES
from qtdog.training.objectives.coral import CORAL, coral_penalty
from qtdog.training.objectives.erm import ERM
from qtdog.training.objectives.mixstyle import MixStyle, draw_partners, mix_styles, mixstyle_places
from qtdog.training.objectives.noise import WeightNoise
from qtdog.training.objectives.sam import SAM
from qtdog.training.run_data import RunData
from qtdog.ui.about.tables import checkpoint_tables
from qtdog.ui.quantize.words import reference_name

OBJECTIVES = ("erm", "coral", "mixstyle", "sam", "noise-1e-4")


@pytest.fixture(scope="module")
def run_data() -> RunData:
    return tiny_data()


def batch(domains: int = 3, each: int = 4, seed: int = 0) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    images = torch.randn(domains * each, 3, 64, 64, generator=generator)
    labels = torch.randint(5, (domains * each,), generator=generator)
    return Batch(images, labels, domains, generator)


def gradients(network: nn.Module) -> dict[str, Tensor]:
    return {n: p.grad.clone() for n, p in network.named_parameters() if p.grad is not None}


# CORAL ------------------------------------------------------------------------------------------


def reference_penalty(domains: list[np.ndarray]) -> float:
    """In float64, sums written out."""
    total = 0.0
    for one, two in itertools.combinations(domains, 2):
        difference = one.mean(0) - two.mean(0)
        spread = np.cov(one, rowvar=False) - np.cov(two, rowvar=False)
        total += (difference**2).sum() / difference.size + (spread**2).sum() / spread.size
    return total / (len(domains) * (len(domains) - 1) / 2)


def test_corals_penalty_is_the_float64_reference():
    random = np.random.default_rng(0)
    domains = [random.normal(place, 1 + place, (16, 30)) for place in range(3)]
    penalty = coral_penalty([torch.tensor(one, dtype=torch.float32) for one in domains])
    assert float(penalty) == pytest.approx(reference_penalty(domains), rel=1e-5)


def test_domains_with_the_same_features_in_another_order_cost_nothing():
    features = torch.randn(12, 7, generator=torch.Generator().manual_seed(1))
    assert float(coral_penalty([features, features.flip(0)])) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("sizes", [(4,), (4, 1)])
def test_coral_needs_two_domains_and_two_images_of_each(sizes):
    with pytest.raises(ValueError, match="at least two source domains, and two images"):
        coral_penalty([torch.randn(size, 3) for size in sizes])


def test_corals_gradient_is_that_of_cross_entropy_and_penalty_on_the_penultimate_features():
    torch.manual_seed(0)
    network = models.build("resnet18", 5).eval()
    given = batch()
    loss = CORAL(weight=100).backward(network, given)
    found = gradients(network)
    network.zero_grad()
    body = nn.Sequential(*list(network.children())[:-1], nn.Flatten())
    features = body(given.images)
    expected = F.cross_entropy(network.fc(features), given.labels)
    (expected + 100 * coral_penalty(features.split(4))).backward()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    for name, gradient in gradients(network).items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-3, atol=1e-5)
    network.zero_grad()
    ERM().backward(network, given)
    away = (gradients(network)["layer4.1.conv2.weight"] - found["layer4.1.conv2.weight"]).norm()
    assert away > 0.01 * found["layer4.1.conv2.weight"].norm(), "the penalty must be felt"


@pytest.mark.parametrize(
    "architecture",
    ["squeezenet1_1", "mobilenet_v3_small", pytest.param("vit_b_32", marks=pytest.mark.slow)],
)
def test_coral_finds_the_features_of_other_networks(architecture):
    torch.manual_seed(0)
    network = models.build(architecture, 5)
    given = batch(2, 2)
    images = F.interpolate(given.images, 224)
    loss = CORAL().backward(network, dataclasses.replace(given, images=images))
    assert torch.isfinite(loss)
    first = next(iter(gradients(network).values()))
    assert torch.isfinite(first).all()
    assert first.any()


# MixStyle ---------------------------------------------------------------------------------------


def test_mixed_features_have_the_mixed_statistics_of_the_published_formula():
    random = np.random.default_rng(2)
    features = random.normal(3, 2, (4, 5, 6, 6))
    partners, share = np.array([2, 3, 0, 1]), np.array([1, 0, 0.25, 0.9])
    expected = np.empty_like(features)
    for image, channel in itertools.product(range(4), range(5)):
        own, other = features[image, channel], features[partners[image], channel]
        means = own.mean(), other.mean()
        spreads = [np.sqrt(one.var(ddof=1) + 1e-6) for one in (own, other)]
        mean, spread = (share[image] * a + (1 - share[image]) * b for a, b in (means, spreads))
        expected[image, channel] = spread * (own - means[0]) / spreads[0] + mean
    mixed = mix_styles(
        torch.tensor(features).float(), torch.from_numpy(partners), torch.from_numpy(share).float()
    )
    np.testing.assert_allclose(mixed.numpy(), expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(mixed[0].numpy(), features[0], rtol=1e-4, atol=1e-4)


def test_no_gradient_flows_through_the_statistics():
    features = torch.randn(4, 3, 5, 5, generator=torch.Generator().manual_seed(0))
    features.requires_grad_()
    mix_styles(features, torch.tensor([2, 3, 0, 1]), torch.full((4,), 0.3)).sum().backward()
    deviation = (features.detach().var((2, 3)) + 1e-6).sqrt()
    factor = (0.3 * deviation + 0.7 * deviation[[2, 3, 0, 1]]) / deviation
    torch.testing.assert_close(features.grad, factor[:, :, None, None].expand(4, 3, 5, 5))


@pytest.mark.parametrize("domains", [2, 3, 5])
def test_every_image_borrows_from_another_domain_and_lends_once(domains):
    for seed in range(20):
        partners = draw_partners(4 * domains, domains, torch.Generator().manual_seed(seed))
        assert sorted(partners.tolist()) == list(range(4 * domains))
        own = torch.arange(4 * domains) // 4
        assert (own != partners // 4).all()


def test_one_domains_images_borrow_from_each_other():
    partners = draw_partners(6, 1, torch.Generator().manual_seed(0)).tolist()
    assert sorted(partners) == list(range(6))
    assert partners != list(range(6))


@pytest.mark.parametrize(
    ("architecture", "places"),
    [
        ("resnet18", ("layer2", "layer3", "layer4")),
        ("mobilenet_v2", ("features.4", "features.7", "features.14")),
        ("convnext_tiny", ("features.2", "features.4", "features.6")),
        ("squeezenet1_1", ("features.5", "features.8")),
    ],
)
def test_styles_are_mixed_where_the_first_stages_end(architecture, places):
    network = models.build(architecture, 5)
    assert mixstyle_places(network, 224) == mixstyle_places(network, 128) == places


@pytest.mark.parametrize("architecture", ["vit_b_32", "swin_t"])
def test_a_network_without_feature_maps_is_refused_in_a_sentence(architecture):
    with pytest.raises(ValueError, match="choose a convolutional network, or another objective"):
        mixstyle_places(models.build(architecture, 5), 224)


def test_mixstyle_acts_on_the_training_pass_alone_and_follows_from_the_batchs_draws():
    torch.manual_seed(0)
    network, plain = models.build("resnet18", 5), models.build("resnet18", 5)
    plain.load_state_dict(network.state_dict())
    objective = MixStyle(mixstyle_places(network, 64), probability=1)
    objective.backward(network.eval(), batch())  # frozen statistics: the same function
    first = gradients(network)
    network.zero_grad()
    objective.backward(network, batch())
    for name, gradient in gradients(network).items():
        torch.testing.assert_close(gradient, first[name], rtol=0, atol=0)
    ERM().backward(plain.eval(), batch())
    for name, gradient in gradients(plain).items():
        if name.startswith(("conv1", "layer")):
            assert not torch.allclose(first[name], gradient, rtol=0.01), name
    for mode in (False, True):  # nothing stays behind in the network
        torch.testing.assert_close(
            network.train(mode)(batch().images), plain.train(mode)(batch().images), rtol=0, atol=0
        )


def test_mixing_happens_with_the_published_probability():
    mixes = 0
    objective = MixStyle(("layer2",))
    for seed in range(200):
        drawn = objective._draw(batch(2, 1, seed))
        if drawn is not None:
            mixes += 1
            assert ((drawn[1] >= 0) & (drawn[1] <= 1)).all()
    assert 75 <= mixes <= 125


# SAM --------------------------------------------------------------------------------------------


def softmax_gradient(weight: np.ndarray, inputs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Of the mean cross-entropy of softmax(weight @ input), in closed form."""
    logits = inputs @ weight.T
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    return (shares - np.eye(len(weight))[labels]).T @ inputs / len(inputs)


def test_sams_gradient_is_that_of_the_perturbed_weights_in_closed_form():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(12, 5, bias=False)).double()
    generator = torch.Generator().manual_seed(1)
    images = torch.randn(8, 3, 2, 2, generator=generator).double()
    labels = torch.randint(5, (8,), generator=generator)
    before = network[1].weight.detach().clone()
    loss = SAM(radius=0.5).backward(network, Batch(images, labels, 2, generator))
    weight, inputs = before.numpy(), images.flatten(1).numpy()
    gradient = softmax_gradient(weight, inputs, labels.numpy())
    expected = softmax_gradient(
        weight + 0.5 * gradient / np.linalg.norm(gradient), inputs, labels.numpy()
    )
    assert np.abs(expected - gradient).max() > 0.01
    np.testing.assert_allclose(network[1].weight.grad.numpy(), expected, atol=1e-6)
    assert torch.equal(network[1].weight, before)
    assert loss.item() == pytest.approx(F.cross_entropy(network(images), labels).item())


def test_sam_perturbs_latent_weights_and_no_step_sizes_and_both_passes_are_quantized():
    torch.manual_seed(0)
    network = models.build("resnet18", 5).eval()
    quantize(network, LSQConfig(4), ["fc"])
    given, passes = batch(2, 2), []

    def look(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        passes.append({name: value.detach().clone() for name, value in module.state_dict().items()})
        for _, layer, attribute, quantizer in quantizers(module):
            used, step = getattr(layer, attribute), quantizer.step_size.view(-1, 1, 1, 1)
            codes = used / step
            torch.testing.assert_close(codes, codes.round(), rtol=0, atol=1e-4)

    F.cross_entropy(network(given.images), given.labels).backward()
    gradient = gradients(network)
    network.zero_grad()
    network.register_forward_pre_hook(look)
    SAM().backward(network, given)
    first, second = passes
    moved = {name: second[name] - value for name, value in first.items() if name in gradient}
    length = torch.cat([one.flatten() for one in moved.values()]).norm()
    assert length.item() == pytest.approx(0.05, rel=1e-3)
    assert not any(one.any() for name, one in moved.items() if name.endswith("log_step"))
    weights = [name for name in moved if not name.endswith("log_step")]
    assert sum(name.endswith("original") for name in weights) == 20
    norm = torch.cat([gradient[name].flatten() for name in weights]).norm()
    for name in weights:
        torch.testing.assert_close(moved[name], 0.05 * gradient[name] / norm, rtol=1e-3, atol=1e-5)
    for name, value in network.state_dict().items():
        assert torch.equal(value, first[name]), name
    step_sizes = [p.grad for name, p in network.named_parameters() if name.endswith("log_step")]
    assert all(one.any() for one in step_sizes), "step sizes learn from the second pass"


def test_sams_second_pass_leaves_no_trace_in_batch_norm():
    torch.manual_seed(0)
    networks = [models.build("resnet18", 5).train() for _ in range(2)]
    networks[1].load_state_dict(networks[0].state_dict())
    SAM().backward(networks[0], batch())
    networks[1](batch().images)
    for name, value in networks[1].state_dict().items():
        if "running" in name:
            assert torch.equal(networks[0].state_dict()[name], value), name
    assert networks[0].bn1.momentum == networks[1].bn1.momentum


# Noise ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bits", [None, 4])
def test_noise_is_uniform_on_every_weight_but_the_classifiers_and_leaves_none_behind(bits):
    torch.manual_seed(0)
    network = models.build("resnet18", 5).eval()
    if bits:
        quantize(network, LSQConfig(bits), ["fc"])
    before = {name: value.clone() for name, value in network.state_dict().items()}
    seen: dict[str, Tensor] = {}

    def look(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        for name, value in module.state_dict().items():
            seen[name] = (value - before[name]).double()

    network.register_forward_pre_hook(look)
    WeightNoise(1e-3).backward(network, batch())
    suffix = "weight.original" if bits else "conv1.weight"
    moved = {name for name, change in seen.items() if change.any()}
    assert len(moved) == 20, "of 20 convolutions each one weight"
    assert "fc.weight" not in moved
    assert any(name.endswith(suffix) for name in moved)
    noise = torch.cat([seen[name].flatten() for name in moved])
    assert noise.abs().max() <= 1e-3 * (1 + 1e-3)
    assert noise.mean().item() == pytest.approx(0, abs=2e-6)
    assert noise.std().item() == pytest.approx(1e-3 / 3**0.5, rel=2e-3)
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_noises_gradient_is_that_of_the_noisy_weights():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4 * 62 * 62, 5))
    given = batch(seed=3)
    noise = torch.rand(4, 3, 3, 3, generator=batch(seed=3).generator)
    WeightNoise(0.2).backward(network, given)
    found = gradients(network)
    network.zero_grad()
    with torch.no_grad():
        network[0].weight += 0.2 * (2 * noise - 1)
    F.cross_entropy(network(given.images), given.labels).backward()
    for name, gradient in gradients(network).items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-4, atol=1e-6)


# In the loop ------------------------------------------------------------------------------------


QUICK = {("coral", "sma", "freeze"), ("mixstyle", "swad", "erm"), ("sam", "sma", "qt-dog")}


@pytest.mark.parametrize(
    ("objective", "averaging", "method"),
    [
        pytest.param(*parts, marks=[] if parts in QUICK else pytest.mark.slow)
        for parts in itertools.product(OBJECTIVES, ("sma", "swad"), ("erm", "qt-dog", "freeze"))
    ],
)
def test_each_objective_and_averaging_combine_with_each_method(
    run_data, objective, averaging, method, tmp_path
):
    parts = {"objective": objective, "averaging": averaging, "method": method}
    config = dataclasses.replace(CONFIG, **parts, steps=6, quantize_step=2, evaluate_every=1)
    trained = train(config, run_data, tmp_path)
    assert [point.step for point in trained.points] == [1, 2, 3, 4, 5, 6]
    assert all(np.isfinite(point.train_loss) for point in trained.points)
    for chosen in (trained.single, trained.average):
        assert (next(quantizers(chosen.network), None) is not None) == (method != "erm")
        assert chosen.step > 2


@pytest.mark.thorough
def test_an_interrupted_mixstyle_run_ends_bit_for_bit_the_same(run_data, tmp_path):
    config = dataclasses.replace(CONFIG, objective="mixstyle")
    whole = train(config, run_data, tmp_path / "whole")

    class Interruption(Exception):
        pass

    def stop_at(last: int):
        def progress(step: int, text: str) -> None:
            if step == last:
                raise Interruption

        return progress

    for last in (3, 9):
        with pytest.raises(Interruption):
            train(config, run_data, tmp_path / "parts", stop_at(last))
    parts = train(config, run_data, tmp_path / "parts")
    assert parts.points == whole.points
    for name, value in whole.average.network.state_dict().items():
        assert torch.equal(value, parts.average.network.state_dict()[name]), name


def test_the_objective_is_part_of_the_trunk_and_of_every_name():
    names = {
        (one, method): dataclasses.replace(CONFIG, objective=one, method=method)
        for one in OBJECTIVES
        for method in ("erm", "qt-dog")
    }
    trunks = {key: config.identity().trunk.name for key, config in names.items()}
    assert len(set(trunks.values())) == len(OBJECTIVES)
    assert all(trunks[one, "erm"] == trunks[one, "qt-dog"] for one in OBJECTIVES)
    assert {key: config.method_name() for key, config in names.items()} == {
        ("erm", "erm"): "erm",
        ("erm", "qt-dog"): "qt-dog-7bit",
        ("coral", "erm"): "coral",
        ("coral", "qt-dog"): "qt-dog-7bit-coral",
        ("mixstyle", "erm"): "mixstyle",
        ("mixstyle", "qt-dog"): "qt-dog-7bit-mixstyle",
        ("sam", "erm"): "sam",
        ("sam", "qt-dog"): "qt-dog-7bit-sam",
        ("noise-1e-4", "erm"): "noise-1e-4",
        ("noise-1e-4", "qt-dog"): "qt-dog-7bit-noise-1e-4",
    }


def test_records_from_before_there_were_objectives_load():
    record = load_record(FIRST_STUDY / RUNS / "pacs-sketch-qt-dog-7bit-seed0.json")
    assert (record.config.objective, record.config.averaging) == ("erm", "sma")
    assert {point.source_validation_loss for point in record.points} == {None}


def test_an_unknown_objective_is_refused():
    with pytest.raises(
        ValueError, match="The objective 'irm' is unknown: choose one of erm, coral"
    ):
        dataclasses.replace(CONFIG, objective="irm")


# Records, checkpoints, rows, report --------------------------------------------------------------


@pytest.fixture(scope="module")
def swept(tmp_path_factory) -> Sweep:
    root = tmp_path_factory.mktemp("study")
    study = Sweep("digits", root / "runs", root / "records", root / "checkpoints")
    runs = [
        dataclasses.replace(CONFIG, objective="coral", method=method)
        for method in ("erm", "qt-dog")
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(RECIPES, "digits", {**RECIPES["digits"], "quantize_step": 6})
        patch.setattr(sweep, "load_run_data", lambda config: tiny_data())
        study.run("rotated_digits", runs, lambda config: lambda step, text: None)
    return study


@pytest.mark.thorough
def test_records_and_checkpoints_remember_the_objective_in_name_and_content(swept):
    assert sorted(path.stem for path in swept.records.glob("*.json")) == [
        "rotated_digits-75-degrees-coral-seed0",
        "rotated_digits-75-degrees-qt-dog-7bit-coral-seed0",
    ]
    for path in swept.records.glob("*.json"):
        record = load_record(path)
        assert record.config.objective == "coral"
        assert "--objective coral" in record.command
    names = {
        "coral-seed0": "Full precision (CORAL), seed 0",
        "coral-averaged-seed0": "Full precision (CORAL), averaged weights, seed 0",
        "qt-dog-7bit-coral-seed0": "CORAL + QT-DoG, 7 bits, seed 0",
        "qt-dog-7bit-coral-averaged-seed0": "CORAL + QT-DoG, 7 bits, averaged weights, seed 0",
        "qt-dog-7bit-coral-averaged-refitted-seed0": (
            "CORAL + QT-DoG (refitted), 7 bits, averaged weights, seed 0"
        ),
    }
    place = swept.checkpoints / "rotated_digits" / "75-degrees"
    assert {folder.name for folder in place.iterdir()} == names.keys()
    for name, named in names.items():
        config = checkpoints.load_config(place / name)
        assert config.objective == "coral"
        assert CardEntry(name, config, 0, None).title == named


def test_rows_are_named_as_in_the_papers_tables(swept):
    assert {(row.method, row.bits) for row in measured_rows(swept.records)} == {
        ("CORAL", 32),
        ("CORAL + Post-training", 7),
        ("CORAL + QT-DoG", 7),
    }


def test_the_report_pairs_each_method_with_and_without_qt_dog(swept):
    """Made-up accuracies of two seeds: 60 and 62 with CORAL + QT-DoG, 59 and 60 with CORAL, 61 and
    61 with QT-DoG; and an ERM that it was never asked for."""
    measured = [row for row in measured_rows(swept.records) if row.averaged == "no"]
    coral, both = (
        next(row for row in measured if row.method == name) for name in ("CORAL", "CORAL + QT-DoG")
    )
    rows = []
    for seed, (alone, quantized, together) in enumerate(((59, 61, 60), (60, 61, 62))):
        rows += [
            dataclasses.replace(coral, seed=seed, accuracy=alone),
            dataclasses.replace(both, method="QT-DoG", seed=seed, accuracy=quantized),
            dataclasses.replace(both, seed=seed, accuracy=together),
            dataclasses.replace(coral, method="ERM", seed=seed, accuracy=50),
        ]
    rows.append(dataclasses.replace(coral, method="ERM", seed=7, accuracy=10))
    text = report_text(rows, swept.records).partition("## With other DG methods")[2]
    section = text.partition("\n## ")[0]
    assert "| 75-degrees, 0, 1 | CORAL + QT-DoG | 61.0 ± 1.0 (2) | – |" in section
    assert "| 75-degrees, 0, 1 | ERM | 50.0 ± 0.0 (2) | – |" in section
    # Student's t with one degree of freedom: 12.706 standard errors.
    assert "| CORAL + QT-DoG – CORAL | +1.5 [-4.9, +7.9], 2 pairs |" in section
    assert "| CORAL + QT-DoG – QT-DoG | +0.0 [-12.7, +12.7], 2 pairs |" in section
    assert "MixStyle" not in section
    without = [row for row in rows if "CORAL" not in row.method]
    assert "With other DG methods" not in report_text(without, swept.records)


def test_pages_that_compare_erm_with_qt_dog_pass_over_other_methods(swept, tmp_path):
    """Beside ERM, CORAL is not shown, though it comes first by name; alone it is."""
    shutil.copytree(swept.checkpoints, tmp_path, dirs_exist_ok=True)
    place = tmp_path / "rotated_digits" / "75-degrees"
    key = "rotated_digits/75-degrees"
    assert {one.name for one in Explorer(tmp_path).shown(key)} == {
        "coral-seed0",
        "qt-dog-7bit-coral-seed0",
    }
    shutil.copytree(place / "coral-seed0", place / "erm-seed0")
    config = json.loads((place / "erm-seed0" / "config.json").read_text())
    (place / "erm-seed0" / "config.json").write_text(json.dumps(config | {"objective": "erm"}))
    explorer = Explorer(tmp_path)
    assert {one.name for one in explorer.shown(key)} == {"erm-seed0", "qt-dog-7bit-coral-seed0"}
    assert [one.name for one in lesson(explorer).all] == ["erm-seed0"]
    models = {one.folder.name: one.model for one in subjects(sorted(place.iterdir()))}
    assert {name: title(model) for name, model in models.items()} == {
        "erm-seed0": "Full precision, seed 0",
        "coral-seed0": "CORAL, seed 0",
        "coral-averaged-seed0": "CORAL, averaged, seed 0",
        "qt-dog-7bit-coral-seed0": "CORAL + QT-DoG, 7 bits, seed 0",
        "qt-dog-7bit-coral-averaged-seed0": "CORAL + QT-DoG, 7 bits, averaged, seed 0",
        "qt-dog-7bit-coral-averaged-refitted-seed0": (
            "CORAL + QT-DoG (refitted), 7 bits, averaged, seed 0"
        ),
    }
    assert same_trunk(subjects(sorted(place.iterdir())), averaged=False) is None
    names = [reference_name(one) for one in Lab(explorer).references()]
    assert len(set(names)) == len(names) == 3
    assert "QT-DoG with CORAL, averaged" in checkpoint_tables(explorer)


def test_members_of_different_objectives_make_no_ensemble(swept):
    config = checkpoints.load_config(
        swept.checkpoints / "rotated_digits" / "75-degrees" / "qt-dog-7bit-coral-seed0"
    )
    assert checkpoints.differing_fields(config, dataclasses.replace(config, objective="erm")) == [
        "objective"
    ]


@pytest.mark.slow
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_each_objective_learns_rotated_digits_in_some_hundred_steps(objective, tmp_path):
    config = TrainConfig("rotated_digits", "75-degrees", objective=objective, **RECIPES["digits"])
    trained = train(config, load_run_data(config), tmp_path)
    first, last = trained.points[0], trained.points[-1]
    assert last.train_loss < first.train_loss / 2
    assert last.source_validation > first.source_validation + 0.2
    assert last.target > first.target + 0.1
