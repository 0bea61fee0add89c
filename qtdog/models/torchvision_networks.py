"""torchvision's classification networks: by name, for an image size, with their own weights."""

import pickle
from collections import OrderedDict
from collections.abc import Mapping

import torchvision
from torch import Tensor, nn
from torchvision.models import WeightsEnum
from torchvision.models.vision_transformer import VisionTransformer, interpolate_embeddings

from qtdog.models.pixel_scale import Normalization

PRETRAINED = ("pretrained", "torchvision")
"""Words for the library's own weights; the second is the older one."""
# Old networks with further heads for training only: built without them.
AUXILIARY_HEADS = {"googlenet": "aux", "inception_v3": "AuxLogits"}
# The weights of these were trained on pixels from -1 to 1. torchvision's own networks turn
# ImageNet's normalisation into that one inside (transform_input); here it happens outside.
FROM_MINUS_ONE_TO_ONE = Normalization((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


def version() -> str:
    """The package and its version."""
    return f"torchvision {torchvision.__version__}"


def names() -> list[str]:
    """Of the classification networks that torchvision can build."""
    return torchvision.models.list_models(module=torchvision.models)


def create(architecture: str, classes: int, image_size: int | None) -> nn.Module:
    """The network with random weights. Raises ValueError for an unknown name, and for a size that
    is no multiple of the patches or windows that the network cuts images into."""
    _check_name(architecture)
    options: dict[str, object] = {}
    if architecture in AUXILIARY_HEADS:
        options = {"aux_logits": False, "init_weights": False}
    if image_size is not None and architecture.startswith("vit_"):
        options = {"image_size": image_size}  # its position embedding has one row a patch
    if image_size is not None and architecture.startswith("maxvit_"):
        options = {"input_size": (image_size, image_size)}
    try:
        return torchvision.models.get_model(
            architecture, weights=None, num_classes=classes, **options
        )
    except (AssertionError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(
            f"{architecture} cannot take images of {image_size} px: {reason}"
        ) from None


def pretrained(architecture: str) -> dict[str, Tensor]:
    """torchvision's default weights, downloaded once. Raises ValueError.

    They are a .pth file, a pickle, but only tensors are read from it: torch's restricted unpickler
    (weights_only) refuses everything else.
    """
    try:
        tensors = _default_weights(architecture).get_state_dict(
            check_hash=True, weights_only=True, map_location="cpu"
        )
    except (OSError, RuntimeError, pickle.UnpicklingError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ValueError(
            f"torchvision's weights for {architecture} could not be read: {reason}. Offline, give "
            "a safetensors file or 'none' as start weights."
        ) from None
    auxiliary = AUXILIARY_HEADS.get(architecture)
    return {n: v for n, v in tensors.items() if auxiliary is None or not n.startswith(auxiliary)}


def fitted(weights: Mapping[str, Tensor], network: nn.Module) -> dict[str, Tensor]:
    """Start weights for `network`: a vision transformer's position embedding is resampled when it
    was made for another image size, as torchvision does it."""
    if not isinstance(network, VisionTransformer) or "encoder.pos_embedding" not in weights:
        return dict(weights)
    return dict(
        interpolate_embeddings(network.image_size, network.patch_size, OrderedDict(weights))
    )


def normalization(architecture: str) -> Normalization:
    """Mean and deviation of the pixels on which the architecture's weights were trained."""
    _check_name(architecture)
    if architecture in AUXILIARY_HEADS:
        return FROM_MINUS_ONE_TO_ONE
    preset = _default_weights(architecture).transforms()
    return Normalization(tuple(preset.mean), tuple(preset.std))


def _default_weights(architecture: str) -> WeightsEnum:
    return torchvision.models.get_model_weights(architecture)["DEFAULT"]


def _check_name(architecture: str) -> None:
    if architecture not in names():
        raise ValueError(
            f"{architecture!r:.40} is not a torchvision classification network. "
            f"There are: {', '.join(names())}."
        )
