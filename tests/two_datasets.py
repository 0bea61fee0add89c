"""A small set of checkpoints with two data sets and ten held-out domains."""

import dataclasses
import shutil
from pathlib import Path

from tiny import CLASSES, GRAPHS, config, random_network

from qtdog import checkpoints
from qtdog.accuracy import Accuracy
from qtdog.checkpoints import storage

DOMAINS = {
    "pacs": ("art_painting", "cartoon", "photo", "sketch"),
    "rotated_digits": tuple(f"{angle}-degrees" for angle in (0, 15, 30, 45, 60, 75)),
}
KNOWN = {"pacs": CLASSES, "rotated_digits": tuple(map(str, range(10)))}


def save_two_datasets(root: Path) -> Path:
    """`root` with full precision, two QT-DoG networks and EoQ of each domain; returns it. The
    networks of a data set's domains are the same ones, their accuracies are not."""
    for dataset, domains in DOMAINS.items():
        classes = KNOWN[dataset]
        stored = {
            (method, seed): storage.store(
                random_network(seed, None if method == "erm" else 7, classes=len(classes))
            )
            for method, seed in (("erm", 0), ("qt-dog", 0), ("qt-dog", 1))
        }
        for place, domain in enumerate(domains):
            _save_domain(root / dataset / domain, dataset, place, stored)
    shutil.copytree(GRAPHS, root / checkpoints.GRAPHS, dirs_exist_ok=True)
    return root


def _save_domain(folder: Path, dataset: str, place: int, stored: dict) -> None:
    domains = DOMAINS[dataset]

    def described(method: str, seed: int) -> checkpoints.CheckpointConfig:
        return dataclasses.replace(
            config(method, seed, 32 if method == "erm" else 7),
            dataset=dataset,
            classes=KNOWN[dataset],
            source_domains=tuple(one for one in domains if one != domains[place]),
            source_validation=tuple(Accuracy(8, 10) for _ in domains[1:]),
            target_domain=domains[place],
            target=Accuracy(50 + 4 * place + seed, 100),
        )

    for (method, seed), weights in stored.items():
        name = "erm-seed0" if method == "erm" else f"qt-dog-7bit-seed{seed}"
        checkpoints.save(folder / name, weights, described(method, seed), "step\n")
    ensemble = dataclasses.replace(described("eoq", 9), source_validation=(), training=None)
    members = [folder / f"qt-dog-7bit-seed{seed}" for seed in (0, 1)]
    checkpoints.save_ensemble(folder / "eoq-7bit", members, ensemble)
