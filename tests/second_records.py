"""Made-up records of the second study: random logits as good as they are told to be."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from qtdog.accuracy import Accuracy
from qtdog.checkpoints import RunIdentity
from qtdog.evaluation import expected_calibration_error, negative_log_likelihood
from qtdog.training import Outcome, RunRecord, TrainConfig, recipe_settings
from qtdog.training.records import save_record
from qtdog.training.state import EvaluationPoint

DOMAINS = ("art_painting", "cartoon", "photo", "sketch")
CLASSES = tuple(f"class {k}" for k in range(7))
IMAGES = 150
FULL_BYTES = 9_000_000
WIDTHS = range(2, 9)


def config(target: str, seed: int, method: str = "erm", bits: int = 5, **how) -> TrainConfig:
    """A run of the plan on PACS, on data of the domain's and seed's own."""
    recipe = how.pop("recipe", "cpu-small")
    data = how.pop("data", "pacs")
    settings = recipe_settings(recipe, {"start_weights": "weights.safetensors"})
    return TrainConfig(
        data=data,
        target_domain=target,
        seed=seed,
        method=method,  # type: ignore[arg-type]
        bits=bits,
        **settings,
        **how,
    )


def write(
    folder: Path,
    of: TrainConfig,
    margin: float = 2.0,
    source: dict[str, float] | None = None,
    recipe: str = "cpu-small",
    domains: tuple[str, ...] = DOMAINS,
) -> Path:
    """One run's record and logits. `margin`: what the right class has more, so how good it is;
    `source`: source validation by the outcome's name, 0 to 1."""
    labels = np.random.default_rng(domains.index(of.target_domain)).integers(0, 7, IMAGES)
    random = np.random.default_rng([of.seed, of.bits if of.quantized else 32, len(of.method)])
    logits = {"labels/target": labels.astype(np.uint8)}
    outcomes = []
    for method, bits, averaged, refitted in _outcomes(of):
        values = random.normal(size=(IMAGES, 7)).astype(np.float32)
        values[np.arange(IMAGES), labels] += margin + (0.3 if averaged else 0) - 2 / bits
        rule = "least error" if method == "post-training" else "start"
        one = Outcome(
            method,
            averaged,
            bits,
            2000 + 200 * of.seed,
            (Accuracy(0, 1000),) * 3,
            Accuracy(int((values.argmax(1) == labels).sum()), IMAGES),
            negative_log_likelihood(values, labels),
            expected_calibration_error(values, labels),
            0.2,
            0.02,
            FULL_BYTES * bits // 32,
            f"{of.target_domain}-{of.label(recipe)}-{of.seed}-{method}-{bits}-{averaged}-{refitted}",
            refitted=refitted,
            rule=rule,
        )
        right = round(1000 * (source or {}).get(one.name, 0.9))
        one = dataclasses.replace(one, source_validation=(Accuracy(right, 1000),) * 3)
        outcomes.append(one)
        logits[f"{one.name}/target"] = values
    record = RunRecord(
        config=of,
        recipe=recipe,
        dataset=of.data,
        classes=CLASSES,
        source_domains=tuple(one for one in domains if one != of.target_domain),
        data_fingerprint="fingerprint",
        points=tuple(_points(of, margin)),
        outcomes=tuple(outcomes),
        seconds=1500.0,
        hardware="a processor",
        versions="Python",
        commit="0" * 40,
        command="python -m qtdog train",
        identity=RunIdentity(architecture=of.architecture, steps=of.steps),
    )
    path = folder / f"{of.data}-{of.target_domain}-{of.label(recipe)}-seed{of.seed}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    save_record(path, record, logits)
    return path


def _outcomes(of: TrainConfig) -> Iterator[tuple[str, int, bool, bool]]:
    if of.method == "erm":
        for averaged in (False, True):
            for bits in WIDTHS:
                yield "post-training", bits, averaged, False
    bits = of.bits if of.quantized else 32
    yield of.method, bits, False, False
    yield of.method, bits, True, False
    if of.averages_on_learned_grids:
        yield of.method, bits, True, True


def _points(of: TrainConfig, margin: float) -> Iterator[EvaluationPoint]:
    for step in range(of.evaluate_every, of.steps + 1, of.evaluate_every):
        after = step > of.quantize_step
        target = 0.5 + 0.1 * margin + 0.00001 * step
        yield EvaluationPoint(
            step,
            after and of.quantized,
            0.1,
            0.9,
            target,
            0.9 if after else None,
            target + 0.01 if after else None,
            0.3,
        )
