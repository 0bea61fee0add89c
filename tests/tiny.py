"""Small checkpoints for tests: real networks with random weights, saved by the package."""

import dataclasses
import shutil
from pathlib import Path

import torch

from qtdog import checkpoints, models
from qtdog.accuracy import Accuracy
from qtdog.checkpoints import CheckpointConfig, TrainingRecord, storage
from qtdog.quantization import QUANTIZERS, quantize

CLASSES = ("dog", "elephant", "giraffe", "guitar", "horse", "house", "person")
ARCHITECTURE = "shufflenet_v2_x0_5"
SIZE = 64
GRAPHS = Path(__file__).parent / "graphs"
"""The network's, as `qtdog.inference.making` makes it: a set with it answers without torch."""


def random_network(
    seed: int, bits: int | None, quantizer: str = "lsq", classes: int = len(CLASSES)
) -> torch.nn.Module:
    """In evaluation mode, with batch norms that are not identities, quantized if bits are given.

    Their statistics are those of some images: with others, hardly anything of an image would come
    through so many layers, and every picture would get one and the same answer.
    """
    torch.manual_seed(seed)
    network = models.build(ARCHITECTURE, classes)
    for layer in network.modules():
        if isinstance(layer, models.NORM_LAYERS):
            torch.nn.init.uniform_(layer.weight, 0.5, 1.5)
            torch.nn.init.normal_(layer.bias, std=0.2)
            layer.momentum = 1.0
    with torch.no_grad():
        network.train()(torch.randn(8, 3, SIZE, SIZE))
    network.eval()
    torch.nn.init.normal_(network.get_submodule(models.classifier_name(network)).weight, std=0.01)
    if bits:
        quantize(network, QUANTIZERS[quantizer](bits), [models.classifier_name(network)])
    return network


def config(method: str, seed: int, bits: int, quantizer: str = "lsq") -> CheckpointConfig:
    """A config as training writes it."""
    training = TrainingRecord(
        seed, 10, 4, 8, 2, 1e-3, 1e-3, True, "none", None, "", 1.0, "test", "test", "none", "test"
    )
    return CheckpointConfig(
        method=method,
        architecture=ARCHITECTURE,
        classes=CLASSES,
        dataset="pacs",
        source_domains=("art_painting", "cartoon", "photo"),
        target_domain="sketch",
        image_size=SIZE,
        mean=models.IMAGENET_MEAN,
        std=models.IMAGENET_STD,
        bits=bits,
        granularity="channel" if bits < 32 else None,
        left_out=("fc",) if bits < 32 else (),
        source_validation=(Accuracy(8, 10), Accuracy(7, 10), Accuracy(9, 10)),
        target=Accuracy(60 + seed, 100),
        training=training,
        quantizer=quantizer if bits < 32 else None,
    )


def save_checkpoint(
    folder: Path, method: str, seed: int, bits: int = 32, quantizer: str = "lsq"
) -> Path:
    """One single-model checkpoint; returns its folder."""
    stored = storage.store(random_network(seed, bits if bits < 32 else None, quantizer))
    checkpoints.save(folder, stored, config(method, seed, bits, quantizer), "step\n")
    return folder


def save_set(root: Path, members: int = 5) -> Path:
    """`root`/pacs/sketch with ERM, QT-DoG members, EoQ and their graph; returns `root`."""
    target = root / "pacs" / "sketch"
    save_checkpoint(target / "erm-seed0", "erm", 0)
    folders = [
        save_checkpoint(target / f"qt-dog-7bit-seed{seed}", "qt-dog", seed, 7)
        for seed in range(members)
    ]
    ensemble = dataclasses.replace(
        config("eoq", 9, 7), source_validation=(), training=None, target=Accuracy(70, 100)
    )
    checkpoints.save_ensemble(target / "eoq-7bit", folders, ensemble)
    shutil.copytree(GRAPHS, root / checkpoints.GRAPHS, dirs_exist_ok=True)
    return root
