"""One published checkpoint as a plain network: `qtdog.load`."""

from functools import partial
from pathlib import Path
from typing import Any, cast

from PIL import Image
from torch import Tensor, nn

from qtdog import checkpoints, models
from qtdog.checkpoints import Catalogue, CheckpointConfig, CheckpointSet
from qtdog.hub.sources import open_set
from qtdog.hub_client import download_bar
from qtdog.inference import Ensemble


def load(source: str | Path, target: str, method: str = "qt-dog", **options: Any) -> nn.Module:
    """See `qtdog.load`; `options` are those of qtdog.hub.sources.HubRepository."""
    chosen = open_set(str(source), **{"progress": download_bar(), **options})
    folder = _folder(chosen, target, method)
    chosen.ensure(folder)
    loaded = checkpoints.load(folder)
    first, *others = loaded.networks
    # A module takes any attribute, which its types do not say.
    network = cast(Any, Ensemble(loaded.networks) if others else first)
    network.eval()
    network.classes = loaded.config.classes
    network.preprocess = partial(_preprocess, loaded.config)
    return network


def _folder(chosen: CheckpointSet, target: str, method: str) -> Path:
    """The checkpoint that the page would show for a target and method."""
    catalogue = Catalogue(chosen.root)
    keys = [one.key for one in catalogue.targets() if target in (one.key, one.domain)]
    if len(keys) != 1:
        known = ", ".join(sorted(one.key for one in catalogue.targets()))
        many = "several targets" if keys else "no target"
        raise ValueError(f"{chosen.origin.name} has {many} '{target}'. There are: {known}.")
    shown = {one.config.method: one.folder for one in catalogue.shown(keys[0])}
    if method not in shown:
        raise ValueError(
            f"{chosen.origin.name} has no '{method}' for {keys[0]}. There are: {', '.join(shown)}."
        )
    return shown[method]


def _preprocess(config: CheckpointConfig, image: Image.Image) -> Tensor:
    return models.preprocess(image.convert("RGB"), config.image_size, config.mean, config.std)
