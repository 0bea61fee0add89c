"""Weight quantizers, attaching them to a network, and packing their codes."""

from qtdog.quantization.apply import (
    QuantizedWeight,
    bake,
    plain_state,
    quantizable_weights,
    quantize,
    quantizers,
    step_size_parameters,
)
from qtdog.quantization.lsq import LSQConfig, LSQQuantizer
from qtdog.quantization.packing import pack, packed_size, unpack

__all__ = [
    "LSQConfig",
    "LSQQuantizer",
    "QuantizedWeight",
    "bake",
    "pack",
    "packed_size",
    "plain_state",
    "quantizable_weights",
    "quantize",
    "quantizers",
    "step_size_parameters",
    "unpack",
]
