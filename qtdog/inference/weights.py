"""A stored network's tensors as the float32 weights that its graph takes, without torch."""

from collections.abc import Mapping

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as tensors_from_bytes

from qtdog.checkpoints import (
    CODES,
    FULL_PRECISION_BITS,
    STEP_SIZE,
    CheckpointConfig,
    CheckpointError,
)
from qtdog.inference.graph import Graph
from qtdog.quantization import float_values, packed_size, unpack

Tensors = Mapping[str, np.ndarray]


def stored_tensors(content: bytes) -> Tensors:
    """The tensors of a model.safetensors as they are stored. Raises CheckpointError."""
    try:
        return tensors_from_bytes(content)
    except (SafetensorError, KeyError, ValueError, TypeError):  # a type that numpy lacks
        raise CheckpointError("The file's tensors cannot be read.") from None


def stored_weights(
    stored: Tensors, config: CheckpointConfig, graph: Graph
) -> dict[str, np.ndarray]:
    """The weights of a file's tensors for the graph, batch norm folded.

    The numbers are those of `qtdog.checkpoints.storage.restore`, which also says in detail what
    is wrong with a file: here CheckpointError is raised for any that does not fit.
    """
    tensors = dict(stored)
    shapes = graph.shapes_for(len(config.classes))
    folded = config.bits != FULL_PRECISION_BITS
    weights = {}
    for name in [one for one in tensors if one.endswith(CODES)]:
        weight = name.removesuffix(CODES)
        step_size = tensors.pop(weight + STEP_SIZE, None)
        if weight not in shapes or not folded:
            raise CheckpointError(f"{name} is no quantized weight.")
        weights[weight] = _decoded(tensors.pop(name), step_size, shapes[weight], config)
    for name, value in tensors.items():
        if value.dtype == np.float16 and name.endswith(".bias"):
            value = value.astype(np.float32)
        weights[name] = value
    for name in graph.facts.unused:
        counter = weights.pop(name, None)
        if not folded and (counter is None or counter.dtype != np.int64 or counter.shape != ()):
            raise CheckpointError(f"{name} is no batch norm's counter.")
    if any(value.dtype != np.float32 for value in weights.values()):
        raise CheckpointError("The file's tensors are not float32.")
    if not all(bool(np.isfinite(value).all()) for value in weights.values()):
        raise CheckpointError("The file holds values that are not finite.")
    if not folded:
        _fold(weights, graph)
    if {name: value.shape for name, value in weights.items()} != shapes:
        raise CheckpointError("The file's tensors are not the network's.")
    return {name: np.ascontiguousarray(value) for name, value in weights.items()}


def bits_per_weight(stored: Tensors, config: CheckpointConfig, graph: Graph) -> float:
    """Mean stored bits a weight, over the weights of convolutions, linear layers and attention."""
    shapes = graph.shapes_for(len(config.classes))
    counts = {name: int(np.prod(shapes[name])) for name in graph.facts.quantizable}
    bits = sum(
        count * (config.bits if name + CODES in stored else FULL_PRECISION_BITS)
        for name, count in counts.items()
    )
    return bits / sum(counts.values())


def _decoded(
    packed: np.ndarray,
    step_size: np.ndarray | None,
    shape: tuple[int, ...],
    config: CheckpointConfig,
) -> np.ndarray:
    count = int(np.prod(shape))
    if packed.dtype != np.uint8 or packed.shape != (packed_size(count, config.bits),):
        raise CheckpointError("The file's codes are not as many as the weights.")
    if step_size is None or step_size.dtype != np.float32:
        raise CheckpointError("The file lacks float32 step sizes.")
    if step_size.shape not in (shape[:1], (1,)):
        raise CheckpointError("The file's step sizes are not one a channel or one a tensor.")
    codes = unpack(packed, config.bits, count).reshape(shape)
    return float_values(codes, step_size, config.quantizer, config.bits)


def _fold(weights: dict[str, np.ndarray], graph: Graph) -> None:
    """As `qtdog.models.fold_batch_norm`, in place."""
    for fold in graph.facts.folds:
        norm = {
            part: weights.pop(f"{fold.norm}.{part}", np.empty(0, np.float32))
            for part in ("weight", "bias", "running_mean", "running_var")
        }
        kernel = weights.get(f"{fold.convolution}.weight", np.empty((0,), np.float32))
        if {one.shape for one in norm.values()} != {kernel.shape[:1]}:
            raise CheckpointError(f"{fold.norm} does not fit the convolution before it.")
        before = weights.get(f"{fold.convolution}.bias", np.zeros((), np.float32))
        if before.shape not in ((), kernel.shape[:1]):  # would spread over more places than it has
            raise CheckpointError(f"{fold.convolution} has a bias of another size than its weight.")
        factor = norm["weight"] / np.sqrt(norm["running_var"] + np.float32(fold.epsilon))
        weights[f"{fold.convolution}.bias"] = (
            norm["bias"] + (before - norm["running_mean"]) * factor
        )
        weights[f"{fold.convolution}.weight"] = kernel * factor.reshape(
            -1, *[1] * (kernel.ndim - 1)
        )
