"""Grad-CAM without gradients, for networks that end in global average pooling and a linear layer.

There the logit of a class is y = b + sum over k of w_k mean(A_k) with the last feature maps A_k, so
dy/dA_k is w_k / (h w) at every place, and the heat map of `qtdog.explorer.explain` is
ReLU(sum over k of w_k A_k) / (h w).
"""

from collections.abc import Sequence

import numpy as np

from qtdog.inference import Network


def class_map(networks: Sequence[Network], image: np.ndarray, label: int) -> np.ndarray:
    """What `qtdog.explorer.explain.grad_cam` gives of the same networks, which all have a `head`.

    `image`: (1, 3, h, w). Returns (map h, map w) float32, 0 or more, in logits; of an ensemble the
    mean of its members' maps before the ReLU.
    """
    maps = []
    for network in networks:
        if network.head is None:
            raise ValueError("A network without a linear head has no class map.")
        features = network.features(image)[0]  # (channels, h, w)
        maps.append(np.tensordot(network.head[label], features, 1) / features[0].size)
    return np.maximum(np.mean(maps, 0), 0)
