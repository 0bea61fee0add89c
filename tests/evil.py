"""A checkpoint set whose every name and text is markup that runs a script, if anything lets it."""

import dataclasses
import io
import zipfile
from pathlib import Path

import torch
from tiny import CLASSES, config, random_network

from qtdog import checkpoints
from qtdog.accuracy import Accuracy
from qtdog.checkpoints import storage

IMAGE = "<img src=x onerror=window.evil=1>"
EVIL = f"&lt;b&gt;'\">{IMAGE}"
"""Also what ends an attribute, and what becomes a tag where something is unescaped twice."""
DATASET, DOMAIN, BROKEN_DOMAIN = f"set{EVIL}", f"sketch{EVIL}", f"photo{EVIL}"
BROKEN = f"broken{EVIL}"
"""A checkpoint whose weights have a tensor of such a name: it is refused with that name."""


def evil_config(method: str, seed: int, bits: int, domain: str = DOMAIN):
    """A valid config of tiny's networks, with markup in every text that may be any text."""
    honest = config(method, seed, bits)
    training = dataclasses.replace(
        honest.training,
        **{
            name: f"{name}{EVIL}"
            for name in ("start_weights", "augmentation", "hardware", "versions", "command")
        },
        commit=IMAGE[:10],
    )
    return dataclasses.replace(
        honest,
        dataset=DATASET,
        classes=tuple(f"{name}{EVIL}" for name in CLASSES),
        source_domains=tuple(f"{name}{EVIL}" for name in honest.source_domains),
        target_domain=domain,
        training=training,
    )


def save_evil_set(root: Path) -> Path:
    """`root` with a domain of which everything can be read, a broken checkpoint beside, and a
    domain with nothing but a broken one."""
    good, bad = root / "a" / "good", root / "a" / "bad"
    _save(good / f"erm{EVIL}", evil_config("erm", 0, 32))
    members = [
        _save(good / f"qt-dog{seed}{EVIL}", evil_config("qt-dog", seed, 7)) for seed in (0, 1)
    ]
    ensemble = dataclasses.replace(
        evil_config("eoq", 9, 7), source_validation=(), training=None, target=Accuracy(70, 100)
    )
    checkpoints.save_ensemble(good / f"eoq{EVIL}", members, ensemble)
    _save(good / BROKEN, evil_config("erm", 1, 32), broken=True)
    _save(bad / BROKEN, evil_config("erm", 0, 32, BROKEN_DOMAIN), broken=True)
    return root


def evil_zip(picture: bytes) -> bytes:
    """A picture under a known class, one under another, and a file that is none."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(f"dog{EVIL}/one{EVIL}.png", picture)
        archive.writestr(f"two{EVIL}.png", picture)
        archive.writestr(f"three{EVIL}.png", b"no picture" + EVIL.encode())
    return content.getvalue()


def _save(folder: Path, config: checkpoints.CheckpointConfig, broken: bool = False) -> Path:
    bits = config.bits if config.bits < 32 else None
    stored = storage.store(random_network(config.training.seed, bits))
    if broken:
        stored.tensors[f"tensor{EVIL}"] = torch.zeros(3)
    checkpoints.save(folder, stored, config, "step\n")
    return folder
