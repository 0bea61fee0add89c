"""Vision transformers from timm, an optional package: "timm/NAME" or "timm/NAME.TAG".

NAME is timm's name of the network, TAG that of its weights (timm's default where it is left out):

- "timm/deit_small_patch16_224.fb_in1k": DeiT-Small (Touvron et al. 2021);
- "timm/vit_base_patch16_clip_quickgelu_224.openai": CLIP ViT-B/16's image tower (Radford et al.
  2021) with the activation that it was trained with;
- any other plain vision transformer that timm has. Convolutional networks come from torchvision,
  whose layers all parts of this package know.
"""

import difflib
from collections.abc import Mapping
from importlib import metadata
from types import ModuleType
from typing import Any

from torch import Tensor, nn

from qtdog import start_weights
from qtdog.normalization import Normalization

PREFIX = "timm/"
PRETRAINED = ("pretrained",)
MODULES = ("vision_transformer", "deit")


def version() -> str:
    """The package and its version."""
    return f"timm {metadata.version('timm')}"


def create(architecture: str, classes: int, image_size: int | None) -> nn.Module:
    """The network with random weights. Raises ValueError for an unknown name, a size that is no
    multiple of the patch, or where timm is missing."""
    name = _known_name(architecture)
    options = {} if image_size is None else {"img_size": image_size}
    network = _timm(architecture).create_model(
        name, pretrained=False, num_classes=classes, **options
    )
    vision_transformer = _module(architecture).VisionTransformer
    # Not a subclass, either: DeiT's distilled networks have a second head.
    if type(network) is not vision_transformer:
        raise ValueError(f"{architecture} is not a plain vision transformer with one classifier.")
    patch = max(network.patch_embed.patch_size)
    if image_size is not None and image_size % patch:
        raise ValueError(
            f"{architecture} cuts images into patches of {patch} px: the image size must be a "
            f"multiple of that, and {image_size} is not."
        )
    return network


def pretrained(architecture: str) -> dict[str, Tensor]:
    """timm's weights from the Hugging Face Hub, downloaded once: only ever a safetensors file,
    never a pickle. Raises ValueError."""
    repository = _settings(architecture).hf_hub_id
    if not repository:
        raise ValueError(f"timm has no weights for {architecture} on the Hub.")
    return start_weights.from_hub(repository, f"The weights of {architecture}")


def fitted(weights: Mapping[str, Tensor], network: nn.Module) -> dict[str, Tensor]:
    """Start weights for `network`: timm resamples the position embedding when it was made for
    another image size, and renames what other programs call differently (OpenAI's CLIP, DINO)."""
    from timm.models.vision_transformer import checkpoint_filter_fn

    return checkpoint_filter_fn(dict(weights), network, adapt_layer_scale=True)


def normalization(architecture: str) -> Normalization:
    """Mean and deviation of the pixels on which the weights were trained; CLIP has its own."""
    settings = _settings(architecture)
    return Normalization(tuple(settings.mean), tuple(settings.std))


def made(network: nn.Module) -> bool:
    """Whether `network` is one of these; asks without importing timm."""
    return type(network).__module__ == "timm.models.vision_transformer"


def _settings(architecture: str) -> Any:
    """timm's record of the pretrained weights."""
    return _timm(architecture).models.get_pretrained_cfg(_known_name(architecture))


def _known_name(architecture: str) -> str:
    """timm's name, with its tag, checked against timm's lists: timm itself would also take the
    names of repositories and folders. Raises ValueError."""
    timm = _timm(architecture)
    full_name = architecture.removeprefix(PREFIX)
    name, _, tag = full_name.partition(".")
    known = [one for module in MODULES for one in timm.list_models(module=module)]
    if name not in known:
        close = difflib.get_close_matches(name, known, 5, 0.3) or known[:5]
        raise ValueError(
            f"{architecture!r:.80} is not a vision transformer of timm {timm.__version__}. Among "
            f"its {len(known)}: {', '.join(PREFIX + one for one in close)}."
        )
    tags = timm.list_pretrained(f"{name}.*")
    if tag and full_name not in tags:
        there = f"There are: {', '.join(PREFIX + one for one in tags)}." if tags else "It has none."
        raise ValueError(f"timm has no weights '{tag:.40}' for {PREFIX}{name}. {there}")
    return full_name


def _timm(architecture: str) -> ModuleType:
    try:
        import timm
    except ImportError:
        raise ValueError(
            f"{architecture:.80} needs the package timm: run 'pip install timm' (or, in this "
            "program's folder, 'pip install \".[timm]\"') and try again."
        ) from None
    return timm


def _module(architecture: str) -> ModuleType:
    return _timm(architecture).models.vision_transformer
