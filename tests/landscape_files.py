"""Small checkpoints of one trunk, a small folder of images, and landscapes measured on them."""

import dataclasses
import json
from pathlib import Path

import numpy as np
from PIL import Image
from tiny import CLASSES, save_checkpoint

from qtdog.checkpoints import find
from qtdog.landscape import Settings, subjects
from qtdog.landscape.plan import plan
from qtdog.landscape.precompute import run_all

DOMAINS = ("art_painting", "cartoon", "photo", "sketch")
SMALL = Settings(
    direction_kinds=("filter",),
    image_sets=("target",),
    directions=3,
    images=6,
    grid=5,
    plane_images=3,
    line_points=5,
    probes=2,
    curvature_images=3,
)


def save_images(root: Path) -> Path:
    """`root`/pacs: four domains of seven classes with three images each."""
    generator = np.random.default_rng(0)
    for domain in DOMAINS:
        for label in CLASSES:
            folder = root / "pacs" / domain / label
            folder.mkdir(parents=True)
            for place in range(3):
                pixels = generator.integers(0, 256, (24, 24, 3), np.uint8)
                Image.fromarray(pixels).save(folder / f"{place}.png")
    return root / "pacs"


def save_trunk(root: Path) -> Path:
    """`root`/pacs/sketch with ERM, averaged ERM and QT-DoG, which say that they are of one seed."""
    folder = root / "pacs" / "sketch"
    save_checkpoint(folder / "erm-seed0", "erm", 0)
    save_checkpoint(folder / "qt-dog-7bit-seed0", "qt-dog", 0, 7)
    average = save_checkpoint(folder / "erm-averaged-seed0", "erm", 5)
    config = json.loads((average / "config.json").read_text())
    config["averaged"], config["training"]["seed"] = True, 0
    (average / "config.json").write_text(json.dumps(config))
    return folder


def save_landscapes(checkpoints: Path, images: Path, root: Path) -> Path:
    """Every kind of landscape below `root`; returns it."""
    networks = subjects(find(checkpoints))
    jobs = plan(networks, str(images), SMALL)
    jobs += plan(networks, str(images), dataclasses.replace(SMALL, round_again=True))
    run_all(jobs, root, root.parent / "unfinished", lambda done, name: None)
    return root
