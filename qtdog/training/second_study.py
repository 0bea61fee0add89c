"""The second study's runs, in order of priority; the first study's are in `first_study`."""

import dataclasses
from typing import Any

from qtdog.training.config import TrainConfig
from qtdog.training.objectives import ObjectiveName

SEEDS = (0, 1, 2, 3, 4)
FEWER_SEEDS = (0, 1)
FEWER_BITS = 5
"""Of the arms with one width: 5 bits are what five networks in the bytes of one need."""
WIDER_BITS = 7
OTHER_BITS = (8, 6, 4, 3, 2)
ABLATION_TARGETS = ("art_painting", "sketch")
OBJECTIVES: tuple[ObjectiveName, ...] = ("coral", "sam")
SECOND_DATASET = "office_caltech"
SECOND_ARCHITECTURE = "timm/tf_efficientnet_lite0"


def recipe_for(dataset: str) -> str:
    """The smaller data set has fewer steps."""
    return "cpu-small-short" if dataset == SECOND_DATASET else "cpu-small"


def second_plan(dataset: str, base: TrainConfig, domains: tuple[str, ...]) -> list[TrainConfig]:
    """Every run on a data set with the architecture of `base`, the most important first.

    Full precision and 5 bits come first, with all seeds: without them there is no EoQ, and they
    are what the second data set and the second architecture have alone. Runs of one held-out
    domain and seed share a trunk.
    """

    def of(target: str, seed: int, method: str, bits: int = FEWER_BITS, **how: Any) -> TrainConfig:
        return dataclasses.replace(
            base, target_domain=target, seed=seed, method=method, bits=bits, **how
        )

    seeds = SEEDS if base.architecture != SECOND_ARCHITECTURE else SEEDS[:1]
    every = [(target, seed) for seed in seeds for target in domains]
    runs = [of(*one, method) for one in every for method in ("erm", "qt-dog")]
    if dataset == SECOND_DATASET or base.architecture == SECOND_ARCHITECTURE:
        return runs
    fewer = [one for one in every if one[1] in FEWER_SEEDS]
    runs += [of(*one, "noise") for one in fewer]
    runs += [of(*one, "qt-dog", WIDER_BITS) for one in every]
    runs += [of(*one, "freeze", WIDER_BITS) for one in fewer]
    runs += [
        of(target, seed, "qt-dog", bits)
        for seed in FEWER_SEEDS
        for target in ABLATION_TARGETS
        if target in domains
        for bits in OTHER_BITS
    ]
    runs += [
        of(*one, method, objective=objective)
        for objective in OBJECTIVES
        for one in fewer
        for method in ("erm", "qt-dog")
    ]
    return runs
