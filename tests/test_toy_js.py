"""The tab "Train it" computes in the browser what torch computes: points, losses, gradients, every
arm's training, codes, and flatness."""

import numpy as np
import pytest
import torch
from node import ask_modules

from qtdog.toy import DEFAULT_STRENGTHS, Settings
from qtdog.toy.arms import Frozen, FullPrecision, Noise, Quantized
from qtdog.toy.domains import domains
from qtdog.toy.flatness import accuracy, measure
from qtdog.toy.network import Networks, start_networks
from qtdog.toy.settings import default_settings
from qtdog.toy.study import rounded
from qtdog.toy.training import Run
from qtdog.web import FOLDER

TOY = FOLDER / "toy"
SEED, TRUNK_STEPS, ARM_STEPS = 5, 30, 50

TRAINED = """
const { defaults } = await load("settings.js");
const { domains } = await load("domains.js");
const { Run, roundedAfter } = await load("training.js");
const { Meter } = await load("flatness.js");
const { codeOf, codeRange } = await load("quantizer.js");
const settings = { ...defaults(), ...given.settings, bits: given.bits, quantizeStep: given.trunk };
const data = domains(given.seed, settings);
const trunk = new Run(given.seed, settings, data.source);
while (trunk.step < given.trunk) trunk.advance();
const run = trunk.branch(given.arm);
const loss = run.lossAndGradient();
const first = { loss, gradient: run.gradient.slice(), stepGradient: run.stepGradient.slice() };
const losses = [];
for (let i = 0; i < given.steps; i++) losses.push(run.advance());
const [least, most] = codeRange(given.bits);
const codes = run.shape.layers.flatMap(({ inputs, outputs, weights, neurons }) =>
    Array.from({ length: inputs * outputs }, (_, i) => codeOf(run.parameters[weights + i],
        Math.exp(run.logSteps[neurons + Math.floor(i / inputs)]), least, most)));
const stored = run.stored().slice();
const meter = new Meter(given.seed, run.shape, data.source);
return { ...first, losses, codes, stored, parameters: run.parameters, logSteps: run.logSteps,
    inputs: data.source.inputs, labels: data.source.labels, heldOut: data.heldOut.inputs,
    flatness: meter.flatness(stored), accuracy: meter.accuracy(stored),
    averaged: run.averaged(), rounded: roundedAfter(run.shape, run.parameters, given.bits) };
"""


def in_browser(arm: str, bits: int, settings: Settings) -> dict:
    """What the modules say of `ARM_STEPS` steps of an arm."""
    set_there = {"shift": settings.shift, "strength": settings.strength}
    return ask_modules(
        TRAINED,
        TOY,
        seed=SEED,
        arm=arm,
        bits=bits,
        settings=set_there,
        trunk=TRUNK_STEPS,
        steps=ARM_STEPS,
    )


def in_torch(arm: str, bits: int, settings: Settings) -> Run:
    """The same run in torch, in double precision, at the quantization step."""
    seeds = np.array([SEED])
    start = start_networks(seeds, settings.sizes, torch.float64)
    source, _ = domains(seeds, settings)
    run = Run(seeds, settings, source, list(start.weights), list(start.biases))
    for _ in range(TRUNK_STEPS):
        run.advance()
    trunk = run.networks()
    arms = {
        "full-precision": FullPrecision,
        "qt-dog": lambda: Quantized(trunk, bits),
        "noise": lambda: Noise(trunk, bits, seeds),
        "frozen": lambda: Frozen(trunk, bits),
    }
    return run.branch(arms[arm]())


def flat(weights, biases) -> np.ndarray:
    """All of one network's numbers, in the order in which the modules have them."""
    pairs = zip(weights, biases, strict=True)
    return np.concatenate([part.detach().flatten().numpy() for pair in pairs for part in pair])


def near(found, wanted) -> None:
    """Within 1e-4 of the largest number."""
    found, wanted = np.asarray(found), np.asarray(wanted)
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).max() <= 1e-4 * np.abs(wanted).max()


@pytest.mark.parametrize(
    ("arm", "bits"),
    [("full-precision", 4), ("qt-dog", 4), ("qt-dog", 3), ("noise", 3), ("frozen", 3)],
)
def test_fifty_steps_of_every_arm_are_torchs(arm, bits):
    settings = default_settings("rotation")
    found, run = in_browser(arm, bits, settings), in_torch(arm, bits, settings)
    source, held_out = domains(np.array([SEED]), settings)
    near(found["inputs"], source.inputs.flatten())
    near(found["heldOut"], held_out.inputs.flatten())
    assert found["labels"] == source.labels.tolist()

    loss = run.losses()
    run.optimizer.zero_grad()
    loss.sum().backward()
    near([found["loss"]], loss.tolist())
    if arm == "frozen":
        near(flat_biases(found["gradient"], settings), torch.cat([b.grad[0] for b in run.biases]))
    else:
        gradients = [w.grad for w in run.weights], [b.grad for b in run.biases]
        near(found["gradient"], flat(*gradients))
    if arm == "qt-dog":
        steps = torch.cat([one.log_step.grad for one in run.arm.quantizers])
        near(found["stepGradient"], steps)

    losses = []
    for _ in range(ARM_STEPS):
        losses.append(run.losses().item())
        run.advance()
    near(found["losses"], losses)
    near(found["parameters"], flat(run.weights, run.biases))
    networks = run.networks()
    near(found["stored"], flat(networks.weights, networks.biases))
    if arm in ("qt-dog", "frozen"):
        codes = torch.cat([one.flatten() for one in run.arm.codes(run.weights)])
        assert found["codes"] == codes.tolist()
        near(found["logSteps"], torch.cat([q.log_step.detach() for q in run.arm.quantizers]))

    seeds = np.array([SEED])
    flatness = measure(seeds, networks, source)
    for name, value in (
        ("rise", flatness.rise),
        ("fittedRise", flatness.fitted_rise),
        ("lost", flatness.lost),
    ):
        near([found["flatness"][name]], value.tolist())
    assert found["accuracy"] == pytest.approx(
        accuracy(networks.margins(source.inputs, source.labels[None])).item()
    )
    latent = Networks(tuple(run.weights), tuple(run.biases))
    after = rounded(latent, bits)
    near(found["rounded"], flat(after.weights, after.biases))


def flat_biases(gradient: list[float], settings: Settings) -> list[float]:
    """Of one network's numbers, the biases'."""
    kept, place = [], 0
    for into, out in zip(settings.sizes, settings.sizes[1:], strict=False):
        kept += gradient[place + into * out : place + (into + 1) * out]
        place += (into + 1) * out
    return kept


POINTS = """
const { defaults } = await load("settings.js");
const { domains } = await load("domains.js");
return given.shifts.map(([shift, strength]) => {
    const { source, heldOut } = domains(given.seed, { ...defaults(), shift, strength });
    return [source.inputs, heldOut.inputs];
});
"""


def test_every_kind_of_shift_has_torchs_points():
    kinds = [default_settings(shift) for shift in DEFAULT_STRENGTHS]
    found = ask_modules(POINTS, TOY, seed=SEED, shifts=[[k.shift, k.strength] for k in kinds])
    for settings, parts in zip(kinds, found, strict=True):
        for points, there in zip(domains(np.array([SEED]), settings), parts, strict=True):
            near(there, points.inputs.flatten())


ADDRESSES = """
const { read, written } = await load("address.js");
return given.queries.map((query) => {
    const { settings, hidden, problems } = read(query);
    return { settings, hidden, problems, written: written("?tab=train", settings, hidden) };
});
"""


def test_an_address_carries_the_settings_and_names_what_it_says_wrongly():
    queries = [
        "",
        "?toy-shift=scale&toy-strength=2.25&toy-bits=4&toy-arm=noise&toy-averaged=true&toy-seed=7",
        "?toy-quantize=0&toy-rate=0.1&toy-layers=3&toy-width=32&toy-hide=luck,claims",
        "?toy-shift=drawn&toy-drawn=0z~00zz.0z~00.0z~00.0z~00",
    ]
    usual, *others = ask_modules(ADDRESSES, TOY, queries=queries)
    assert usual["written"] == "?tab=train"
    numbers = {name: value for name, value in usual["settings"].items() if name != "drawn"}
    assert numbers == {
        **{"shift": "rotation", "strength": 60, "noise": 0.15, "points": 100, "rate": 0.02},
        **{"layers": 2, "width": 16, "bits": 3, "quantizeStep": 800, "seed": 14},
        **{"arm": "qt-dog", "averaged": False, "ensemble": False},
    }
    for query, one in zip(queries[1:], others, strict=True):
        assert one["problems"] == []
        (again,) = ask_modules(ADDRESSES, TOY, queries=[one["written"]])
        assert again["settings"] == one["settings"], query
        assert again["hidden"] == one["hidden"]
    assert others[0]["settings"]["strength"] == 2.25
    assert others[1]["hidden"] == ["luck", "claims"]
    first = others[2]["settings"]["drawn"][0]
    assert [one["label"] for one in first] == [0, 1, 1]


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("toy-bits=9", "it is a number from 2 to 8 in steps of 1."),
        ("toy-bits=NaN", "it is a number from 2 to 8 in steps of 1."),
        ("toy-bits=1e3", "it is a number from 2 to 8 in steps of 1."),
        ("toy-rate=0", "it is a number from 0.005 to 0.1 in steps of 0.005."),
        ("toy-shift=constructor", "it can be rotation,"),
        ("toy-arm=<b>", "it can be qt-dog,"),
        ("toy-averaged=1", "it can be true, false."),
        ("toy-drawn=" + "00" * 200 + "~.~.~.~", "it holds no points that can be read."),
        ("toy-drawn=0~.~.~.%FF~", "it holds no points that can be read."),
        ("toy-hide=everything", "names parts that there are not"),
        ("toy-seed=" + "9" * 500, "…"),
    ],
)
def test_a_wrong_value_falls_back_with_a_sentence(query, told):
    good, bad = ask_modules(ADDRESSES, TOY, queries=["", f"?{query}"])
    assert bad["settings"] == good["settings"]
    assert len(bad["problems"]) == 1
    assert told in bad["problems"][0]


def test_intervals_are_students():
    values = np.random.default_rng(0).normal(0.3, 1, 20)
    script = (
        "const { interval, side } = await load('repeats.js');"
        "const one = interval(given.values); return { ...one, side: side(one) };"
    )
    found = ask_modules(script, TOY, values=values.tolist())
    half = 2.0930 * values.std(ddof=1) / 20**0.5  # of 19 degrees of freedom
    assert found["mean"] == pytest.approx(values.mean())
    assert found["high"] - found["mean"] == pytest.approx(half, rel=2e-3)
    assert found["side"] == (1 if values.mean() > half else 0)


def test_a_drawn_domain_needs_points_of_both_classes():
    script = (
        "const { drawnProblem, defaults } = await load('settings.js');"
        "return given.drawn.map((drawn) => drawnProblem({ ...defaults(), shift: 'drawn', drawn }));"
    )
    point = [{"x": 0, "y": 0, "label": label} for label in (0, 1, 0, 1)]
    one_class = [{**one, "label": 0} for one in point]
    told = ask_modules(
        script, TOY, drawn=[[point] * 4, [point[:3], *[point] * 3], [*[point] * 3, one_class]]
    )
    assert told == [
        "",
        "Draw at least 4 points in source 1: it has 3.",
        "Draw points of both classes in the held-out domain.",
    ]


DIVERGED = """
const { defaults } = await load("settings.js");
const { Trainer } = await load("trainer.js");
return given.settings.map((changed) => {
    const settings = { ...defaults(), ...changed }, trainer = new Trainer();
    const frames = [trainer.answer({ kind: "begin", settings }).frame];
    while (frames.length < 20 && !frames.at(-1).done) {
        frames.push(trainer.answer({ kind: "advance", steps: 10 }).frame);
    }
    const last = frames.at(-1), repeated = { kind: "repeat", settings, seed: 3, only: [] };
    return { diverged: frames.map((one) => one.diverged), last,
        repeated: last.diverged ? trainer.answer(repeated).repeat : null };
});
"""


def test_a_network_that_diverges_is_told_as_that_and_nothing_else():
    small = {"points": 20, "quantizeStep": 0}
    limits = {"rate": 0.1, "bits": 2, "layers": 3, "width": 32, "noise": 0.4}
    settings = [{**small, "rate": 1e200}, {**small, **limits}]
    bad, most = ask_modules(DIVERGED, TOY, settings=settings)
    assert bad["diverged"] == [False, True]
    assert bad["last"] == {"step": 10, "done": True, "diverged": True, "settled": True}
    assert bad["repeated"] == {"seed": 3, "arms": {"full-precision": None}}
    assert not any(most["diverged"])  # at the address's limits: Adam bounds every step
