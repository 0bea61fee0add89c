"""Networks from timm, an optional package: "timm/NAME" or "timm/NAME.TAG".

NAME is timm's name of the network, TAG that of its weights (timm's default where it is left out):

- "timm/deit_small_patch16_224.fb_in1k": DeiT-Small (Touvron et al. 2021);
- "timm/vit_base_patch16_clip_quickgelu_224.openai": CLIP ViT-B/16's image tower (Radford et al.
  2021) with the activation that it was trained with;
- any other plain vision transformer that timm has;
- "timm/tf_efficientnet_lite0" (EfficientNet-Lite0, Tan and Le 2019, TensorFlow's padding) and the
  other EfficientNets, MobileNetV3s, ResNets and ConvNeXts of timm whose weights all sit in plain
  convolutions and linear layers. Others, say with weights that are standardised or mixed before
  use, are refused: what is quantized must be what is computed with.
"""

import difflib
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeGuard

from torch import Tensor, nn

from qtdog.models import start_weights
from qtdog.models.pixel_scale import Normalization

if TYPE_CHECKING:
    from timm.models.vision_transformer import VisionTransformer

PREFIX = "timm/"
PRETRAINED = ("pretrained",)
TRANSFORMERS = ("vision_transformer", "deit")
CONVOLUTIONAL = ("efficientnet", "mobilenetv3", "resnet", "convnext")


def version() -> str:
    """The package and its version."""
    return f"timm {metadata.version('timm')}"


def create(architecture: str, classes: int, image_size: int | None) -> nn.Module:
    """The network with random weights. Raises ValueError for an unknown name, a size that is no
    multiple of the patch, or where timm is missing."""
    name = _known_name(architecture)
    timm = _timm(architecture)
    if name.partition(".")[0] in _names(timm, CONVOLUTIONAL):
        network = timm.create_model(name, pretrained=False, num_classes=classes)
        _check_layers(network, network.get_classifier, architecture)
        return network
    options = {} if image_size is None else {"img_size": image_size}
    network = timm.create_model(name, pretrained=False, num_classes=classes, **options)
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

    if not made(network):
        return dict(weights)
    return checkpoint_filter_fn(dict(weights), network, adapt_layer_scale=True)


def normalization(architecture: str) -> Normalization:
    """Mean and deviation of the pixels on which the weights were trained; CLIP has its own."""
    settings = _settings(architecture)
    return Normalization(tuple(settings.mean), tuple(settings.std))


def made(network: nn.Module) -> "TypeGuard[VisionTransformer]":
    """Whether `network` is one of timm's vision transformers; asks without importing timm."""
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
    known = _names(timm, TRANSFORMERS + CONVOLUTIONAL)
    if name not in known:
        close = difflib.get_close_matches(name, known, 5, 0.3) or known[:5]
        raise ValueError(
            f"{architecture!r:.80} is none of the networks of timm {timm.__version__} that can be "
            f"used here. Among the {len(known)}: {', '.join(PREFIX + one for one in close)}."
        )
    tags = timm.list_pretrained(f"{name}.*")
    if tag and full_name not in tags:
        there = f"There are: {', '.join(PREFIX + one for one in tags)}." if tags else "It has none."
        raise ValueError(f"timm has no weights '{tag:.40}' for {PREFIX}{name}. {there}")
    return full_name


def _check_layers(
    network: nn.Module, get_classifier: Callable[[], nn.Module], architecture: str
) -> None:
    """Raise ValueError unless every tensor of weights is computed with as it is, by a convolution
    or linear layer that is known, and the last of these gives the logits."""
    from timm.layers.conv2d_same import Conv2dSame
    from timm.layers.linear import Linear

    known = {one.forward for one in (nn.Conv2d, nn.Linear, Conv2dSame, Linear)}
    for layer in network.modules():
        several = any(value.dim() > 1 for value in layer.parameters(recurse=False))
        if several and type(layer).forward not in known:
            raise ValueError(
                f"{architecture} has layers of a kind that cannot be quantized here: "
                f"{type(layer).__name__}."
            )
    layers = [one for one in network.modules() if isinstance(one, (nn.Conv2d, nn.Linear))]
    if layers[-1] is not get_classifier():
        raise ValueError(f"{architecture} does not end in one classifier.")


def _names(timm: ModuleType, modules: Sequence[str]) -> list[str]:
    """Of the networks in those of timm's modules."""
    return [name for module in modules for name in timm.list_models(module=module)]


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
