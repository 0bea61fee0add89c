"""All arms on every kind of shift, with as many seeds as wanted: what the tab's claims rest on."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from qtdog.provenance import code_version, processor
from qtdog.toy.arms import Frozen, FullPrecision, Noise, Quantized
from qtdog.toy.domains import Points, domains
from qtdog.toy.flatness import accuracy, measure
from qtdog.toy.network import Networks, start_networks
from qtdog.toy.record import ArmName, ArmRecord, Mean, ShiftRecord, ToyRecord
from qtdog.toy.settings import DEFAULT_STRENGTHS, Settings, default_settings
from qtdog.toy.training import Run, finish

BITS = (4, 3)

Told = Callable[[str], None]


@dataclass(frozen=True)
class _Measured:
    """One arm's networks, measured: (seeds,) each."""

    source: Tensor
    held_out: Tensor
    rise: Tensor
    fitted_rise: Tensor
    lost: Tensor


def toy_study(seeds: int, command: str, tell: Told = lambda _: None) -> ToyRecord:
    """Train and measure. `tell` is given a line after every arm."""
    start, commit = time.monotonic(), code_version()
    shifts = tuple(
        _on_shift(np.arange(seeds), default_settings(shift), tell) for shift in DEFAULT_STRENGTHS
    )
    seconds = round(time.monotonic() - start, 1)
    return ToyRecord(command, commit, seeds, processor(), seconds, shifts)


def _on_shift(seeds: NDArray[np.integer], settings: Settings, tell: Told) -> ShiftRecord:
    source, held_out = domains(seeds, settings)
    records: list[ArmRecord] = []
    plain: _Measured | None = None
    for arm, bits, networks in trained(seeds, settings, source):
        measured = _measured(seeds, networks, source, held_out)
        plain = plain or measured
        records.append(_compared(arm, bits, measured, plain))
        at = f", {bits} bits" if bits else ""
        tell(f"{settings.shift}: {arm}{at}: {records[-1].held_out.mean:.1%} on the held-out domain")
    return ShiftRecord(settings.shift, settings.strength, tuple(records))


def trained(
    seeds: NDArray[np.integer], settings: Settings, source: Points
) -> Iterator[tuple[ArmName, int | None, Networks]]:
    """Every arm's networks, full precision's first; all go on from one trunk."""
    start = start_networks(seeds, settings.sizes)
    run = Run(seeds, settings, source, list(start.weights), list(start.biases))
    while run.step < settings.quantize_step:
        run.advance()
    trunk = run.networks()
    full, averaged = finish(run.branch(FullPrecision()))
    yield "full-precision", None, full
    yield "averaged", None, averaged
    for bits in BITS:
        yield "qt-dog", bits, finish(run.branch(Quantized(trunk, bits)))[0]
        yield "noise", bits, finish(run.branch(Noise(trunk, bits, seeds)))[0]
        yield "rounded", bits, rounded(full, bits)
        yield "frozen", bits, finish(run.branch(Frozen(trunk, bits)))[0]


def rounded(networks: Networks, bits: int) -> Networks:
    """Trained networks rounded afterwards, with the step sizes of least error."""
    with torch.no_grad():
        weights = Quantized(networks, bits).stored(networks.weights)
    return Networks(weights, networks.biases)


def _measured(
    seeds: NDArray[np.integer], networks: Networks, source: Points, held_out: Points
) -> _Measured:
    kind = networks.weights[0].dtype
    on_source, on_held_out = (
        accuracy(networks.margins(one.inputs.to(kind), one.labels[None]))
        for one in (source, held_out)
    )
    flat = measure(seeds, networks, source)
    return _Measured(on_source, on_held_out, flat.rise, flat.fitted_rise, flat.lost)


def _compared(arm: ArmName, bits: int | None, one: _Measured, plain: _Measured) -> ArmRecord:
    def mean(name: str) -> Mean:
        values, usual = getattr(one, name).double(), getattr(plain, name).double()
        difference = values - usual
        error = difference.std() / len(difference) ** 0.5
        return Mean(*(round(float(x), 6) for x in (values.mean(), difference.mean(), error)))

    names = ("source", "held_out", "rise", "fitted_rise", "lost")
    return ArmRecord(arm, bits, *map(mean, names))
