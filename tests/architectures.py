"""The architectures that tests go through, and networks of their kinds that are small."""

from importlib.util import find_spec

import pytest
import torch
from torchvision.models.vision_transformer import VisionTransformer

DEIT = "timm/deit_small_patch16_224.fb_in1k"
CLIP = "timm/vit_base_patch16_clip_quickgelu_224.openai"
TINY_VIT = "timm/test_vit"  # 0.3 million parameters; timm's own tests use it, too

needs_timm = pytest.mark.skipif(find_spec("timm") is None, reason="needs timm")


def each(*architectures):
    """Parameters for a test; those of timm skip where it is missing."""
    return [
        pytest.param(one, marks=needs_timm if one.startswith("timm/") else (), id=one)
        for one in architectures
    ]


def small_transformer(image_size: int = 32, classes: int = 3) -> VisionTransformer:
    """torchvision's vision transformer with two small blocks and a head that is not zero."""
    torch.manual_seed(0)
    network = VisionTransformer(
        image_size=image_size,
        patch_size=8,
        num_layers=2,
        num_heads=2,
        hidden_dim=16,
        mlp_dim=32,
        num_classes=classes,
    )
    torch.nn.init.normal_(network.heads.head.weight)
    return network.eval()
