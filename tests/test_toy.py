"""The toy in torch: its random numbers, gradients, arms, flatness and record."""

import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from qtdog.toy import DEFAULT_STRENGTHS, FORMAT, Settings, read_record, toy_study
from qtdog.toy.arms import Frozen, Noise, Quantized
from qtdog.toy.domains import domains
from qtdog.toy.draws import normal, uniform
from qtdog.toy.flatness import LENGTH, fitted_factor, measure, moved
from qtdog.toy.network import start_networks
from qtdog.toy.settings import default_settings
from qtdog.toy.study import rounded, trained
from qtdog.toy.training import Run

SEEDS = np.arange(3)
SHORT = Settings(points=20, steps=12, quantize_step=6)


def short_run(seeds=SEEDS) -> Run:
    start = start_networks(seeds, SHORT.sizes, torch.float64)
    source, _ = domains(seeds, SHORT)
    return Run(seeds, SHORT, source, list(start.weights), list(start.biases))


def test_numbers_follow_from_their_place_and_are_spread_evenly():
    many = np.arange(20_000)
    drawn = uniform(SEEDS, 3, many)
    assert (drawn == uniform(SEEDS, 3, many)).all()
    assert (drawn[1, 500:600] == uniform(np.array([1]), 3, many[500:600])[0]).all()
    assert drawn.min() > 0
    assert drawn.max() < 1
    assert drawn.mean() == pytest.approx(0.5, abs=0.01)
    assert abs(np.corrcoef(drawn[0], drawn[1])[0, 1]) < 0.03
    assert abs(np.corrcoef(drawn[0], uniform(SEEDS, 4, many)[0])[0, 1]) < 0.03
    bell = normal(SEEDS, 3, many)
    assert bell.mean() == pytest.approx(0, abs=0.02)
    assert bell.std() == pytest.approx(1, abs=0.02)


def test_the_held_out_domain_of_a_rotation_is_turned_and_nothing_else():
    still = Settings(strength=0, noise=0)
    turned = Settings(strength=60, noise=0)
    before, after = (domains(SEEDS, one)[1].inputs for one in (still, turned))
    assert torch.allclose(before.norm(dim=2), after.norm(dim=2))
    angle = torch.atan2(after[..., 1], after[..., 0]) - torch.atan2(before[..., 1], before[..., 0])
    assert torch.allclose(angle.rad2deg().remainder(360), torch.tensor(60.0).double())


def test_a_correlated_input_tells_the_class_in_the_sources_only():
    source, held_out = domains(np.arange(20), default_settings("correlation"))
    agree = [
        ((one.inputs[..., 2] > 0) == (one.labels == 1)).double().mean().item()
        for one in (source, held_out)
    ]
    assert agree[0] == pytest.approx(0.9, abs=0.02)
    assert agree[1] == pytest.approx(0.5, abs=0.02)


def test_many_seeds_train_as_each_alone():
    together, alone = short_run(), short_run(SEEDS[1:2])
    for _ in range(10):
        together.advance()
        alone.advance()
    for a, b in zip(together.weights, alone.weights, strict=True):
        assert torch.allclose(a[1:2], b, atol=1e-12)


def test_the_loss_is_cross_entropy():
    run = short_run()
    rows = torch.from_numpy(run._rows())
    inputs = run.points.inputs.gather(1, rows[..., None].expand(-1, -1, 2))
    logits = run.networks().logits(inputs)
    expected = F.cross_entropy(logits.flatten(0, 1), run.points.labels[rows].flatten())
    assert run.losses().mean().item() == pytest.approx(expected.item())


def test_a_quantized_network_sits_on_its_grid_and_a_frozen_one_keeps_its_codes():
    run = short_run()
    for _ in range(6):
        run.advance()
    trunk = run.networks()
    quantized, frozen = run.branch(Quantized(trunk, 3)), run.branch(Frozen(trunk, 3))
    before = frozen.networks()
    for _ in range(6):
        quantized.advance()
        frozen.advance()
    for weight, quantizer in zip(
        quantized.networks().weights, quantized.arm.quantizers, strict=True
    ):
        codes = weight.flatten(0, 1) / quantizer.step_size[:, None]
        assert torch.allclose(codes, codes.round(), atol=1e-9)
        assert codes.min() >= -4 - 1e-9
        assert codes.max() <= 3 + 1e-9
    after = frozen.networks()
    assert all(torch.equal(a, b) for a, b in zip(before.weights, after.weights, strict=True))
    assert not torch.equal(before.biases[0], after.biases[0])
    # The trunk is as it was.
    assert all(torch.equal(a, b) for a, b in zip(run.weights, trunk.weights, strict=True))


def test_noise_is_as_wide_as_a_step_and_kept_out_of_the_network():
    run = short_run()
    trunk = run.networks()
    arm = Noise(trunk, 3, SEEDS)
    shaken = [arm.computed(trunk.weights, step)[1] - trunk.weights[1] for step in range(300)]
    relative = torch.stack(shaken) / arm.steps[1]
    assert relative.abs().max() <= 0.5
    assert relative.std().item() == pytest.approx(12**-0.5, rel=0.02)
    assert arm.stored(trunk.weights)[1] is trunk.weights[1]


def test_a_move_is_a_share_of_each_neurons_norm_and_the_fit_finds_the_least_loss():
    networks = start_networks(SEEDS, SHORT.sizes, torch.float64)
    after = moved(SEEDS, networks, 3)
    for a, b in zip(networks.weights, after.weights, strict=True):
        assert torch.allclose((b - a).norm(dim=2), LENGTH * a.norm(dim=2))
    margins = torch.randn(3, 200).double() + 0.7
    factor = fitted_factor(margins)
    for times in (0.97, 1.03):
        for one, best in zip(margins, factor, strict=True):
            assert F.softplus(-best * one).mean() <= F.softplus(-times * best * one).mean()


def test_smaller_logits_lower_the_rise_but_not_at_fitted_temperature():
    run = short_run()
    for _ in range(12):
        run.advance()
    networks = run.networks()
    halved = type(networks)(
        (*networks.weights[:-1], networks.weights[-1] / 2),
        (*networks.biases[:-1], networks.biases[-1] / 2),
    )
    plain, small = (measure(SEEDS, one, run.points) for one in (networks, halved))
    assert torch.allclose(plain.fitted_rise, small.fitted_rise, rtol=1e-6)
    assert torch.equal(plain.lost, small.lost)
    assert not torch.allclose(plain.rise, small.rise, rtol=1e-2)


def test_every_arm_goes_on_from_one_trunk():
    source, _ = domains(SEEDS, SHORT)
    arms = {(arm, bits): networks for arm, bits, networks in trained(SEEDS, SHORT, source)}
    assert next(iter(arms)) == ("full-precision", None)
    assert {arm for arm, _ in arms} == {
        *("full-precision", "averaged", "qt-dog", "noise", "rounded", "frozen")
    }
    full = arms["full-precision", None]
    expected = rounded(full, 4).weights
    for a, b in zip(arms["rounded", 4].weights, expected, strict=True):
        assert torch.equal(a, b)


@pytest.mark.thorough
def test_the_command_writes_a_record_that_is_read_again(command, tmp_path, monkeypatch):
    monkeypatch.setattr("qtdog.toy.study.default_settings", lambda shift: SHORT)
    path = tmp_path / "toy.json"
    code, out, _ = command("toy", "--seeds", 3, "--out", path)
    assert code == 0
    assert f"Written: {path}" in out
    record = read_record(path)
    assert record.seeds == 3
    assert record.command == f"python -m qtdog toy --seeds 3 --out {path}"
    assert record.shifts[0].of("full-precision").rise.difference == 0
    again = toy_study(3, "").shifts
    assert again == record.shifts


def test_a_broken_record_is_refused_with_a_sentence(tmp_path):
    path = tmp_path / "toy.json"
    values = json.loads(FORMAT.content(read_record()))
    for broken in ({**values, "seeds": "many"}, {**values, "format_version": 2}, {}):
        path.write_text(json.dumps(broken))
        with pytest.raises(ValueError, match=r"^toy\.json .*\.$"):
            read_record(path)


def test_what_the_tab_claims_is_in_the_record():
    """The sentences of the scenes hold, by two standard errors, for the numbers that they quote."""
    record = read_record()
    assert record.seeds == 500
    assert {one.shift for one in record.shifts} == set(DEFAULT_STRENGTHS)
    shifts = {one.shift: one for one in record.shifts}
    turned, scaled = shifts["rotation"], shifts["scale"]
    for shift in record.shifts:  # flatter with fewer bits, and by noise alone, on every kind
        rises = [shift.of("qt-dog", bits).rise for bits in (4, 3)]
        assert all(one.difference + 2 * one.error < 0 for one in rises)
        assert rises[1].mean < rises[0].mean
        noise = shift.of("noise", 3).rise
        assert noise.difference + 2 * noise.error < 0
    for arm in ("qt-dog", "noise"):
        gain = turned.of(arm, 3).held_out
        assert gain.difference - 2 * gain.error > 0
    frozen, after = turned.of("frozen", 3), turned.of("rounded", 3)
    assert frozen.rise.difference + 2 * frozen.rise.error < 0
    assert frozen.held_out.difference + 2 * frozen.held_out.error < 0
    assert after.held_out.difference + 2 * after.held_out.error < 0
    assert after.rise.difference + 2 * after.rise.error > 0
    assert scaled.of("qt-dog", 3).held_out.difference < 0.005
