"""The first study's runs, in order of priority, and the widths at which ERM is rounded after
them."""

import dataclasses
from typing import Any

from qtdog.training.config import TrainConfig
from qtdog.training.objectives import ObjectiveName

SEEDS = (0, 1, 2, 3, 4)
CONTROL_SEEDS = (0, 1)
BITS = 7
OTHER_BITS = (8, 6, 5, 4, 3, 2)
# Ablations on some of the targets: all other bit widths on the first, two on the second.
ABLATION_TARGETS = {"sketch": OTHER_BITS, "art_painting": (5, 4)}
QUANTIZE_SHARES = (0.2, 0.6, 0.8)
OTHER_OBJECTIVES: tuple[ObjectiveName, ...] = ("coral", "mixstyle")


def first_plan(base: TrainConfig, domains: tuple[str, ...]) -> list[TrainConfig]:
    """Every run, the most important first: all held-out domains with one seed, then the next."""
    runs: list[TrainConfig] = []
    base = dataclasses.replace(base, quantizer="lsq", averaged_weights="latent")

    def add(target: str, seed: int, method: str, **settings: Any) -> None:
        runs.append(
            dataclasses.replace(base, target_domain=target, seed=seed, method=method, **settings)
        )

    for seed in SEEDS:
        for target in domains:
            add(target, seed, "erm", bits=BITS)
            add(target, seed, "qt-dog", bits=BITS)
            add(target, seed, "qt-dog", bits=BITS, quantizer="lsq-fitted")
        for target in domains if seed in CONTROL_SEEDS else ():
            add(target, seed, "freeze", bits=BITS)
    for target in (one for one in ABLATION_TARGETS if one in domains):
        for seed in CONTROL_SEEDS:
            for bits in ABLATION_TARGETS[target]:
                add(target, seed, "qt-dog", bits=bits)
    target = next((one for one in ABLATION_TARGETS if one in domains), domains[-1])
    for seed in CONTROL_SEEDS:
        add(target, seed, "qt-dog", bits=BITS, granularity="tensor")
        for share in QUANTIZE_SHARES:
            add(target, seed, "qt-dog", bits=BITS, quantize_step=round(base.steps * share))
    for seed in CONTROL_SEEDS:
        for objective in OTHER_OBJECTIVES:
            for method in ("erm", "qt-dog"):
                add(target, seed, method, bits=BITS, objective=objective)
    return runs


def post_training_widths(config: TrainConfig) -> tuple[int, ...]:
    """Bit widths to which the run's network is rounded after training: all where those are trained
    too, else the main one."""
    ablation = (
        config.target_domain in ABLATION_TARGETS
        and config.seed in CONTROL_SEEDS
        and config.objective == "erm"
    )
    return tuple(sorted((BITS, *OTHER_BITS))) if ablation else (BITS,)
