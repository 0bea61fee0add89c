"""Training through frozen batch norm without its passes over the activations."""

from types import MethodType
from typing import cast

import torch.nn.functional as F
from torch import Tensor, nn

from qtdog.models import activation, factor_and_bias, foldable


def fuse_frozen_norms(network: nn.Module) -> None:
    """Let every convolution that a batch norm alone follows apply that batch norm in its weights.

    With fixed statistics batch norm is a factor and a shift a channel, so
    `norm(conv(x, w)) = conv(x, w * factor) + shift`: the same function of the same parameters, and
    so the same gradients up to float rounding, but two passes over the activations fewer in each
    direction. Parameters, their names and any quantizer on the convolution stay as they are; only
    the two layers' `forward` change. The statistics must be frozen for as long as the network is
    used.
    """
    layers = dict(network.named_modules())
    for name, norm_name in foldable(network).items():
        convolution = cast(nn.Conv2d, layers[name])  # `foldable` names nothing else
        norm = cast(nn.BatchNorm2d, layers[norm_name])
        # timm's "same" padding depends on the image: these few layers are left as they are.
        own_forward = type(convolution).forward is not nn.Conv2d.forward
        if own_forward or convolution.padding_mode != "zeros":
            continue
        convolution.forward = MethodType(_convolve_and_norm(norm), convolution)
        norm.forward = MethodType(_pass_through, norm)


def _convolve_and_norm(norm: nn.BatchNorm2d):
    def forward(convolution: nn.Conv2d, images: Tensor) -> Tensor:
        factor, bias = factor_and_bias(convolution, norm)
        return F.conv2d(
            images,
            convolution.weight * factor.view(-1, 1, 1, 1),
            bias,
            convolution.stride,
            convolution.padding,
            convolution.dilation,
            convolution.groups,
        )

    return forward


def _pass_through(norm: nn.BatchNorm2d, values: Tensor) -> Tensor:
    return activation(norm)(values)
