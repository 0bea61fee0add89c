"""Weight quantizers, attaching them to a network, and packing their codes."""

from qtdog.quantization.apply import (
    QuantizedWeight,
    WeightGrid,
    advance,
    bake,
    learned_parameters,
    plain_state,
    quantizable_weights,
    quantize,
    quantizers,
    weights_to_quantize,
)
from qtdog.quantization.inq import INQConfig
from qtdog.quantization.levels import Levels
from qtdog.quantization.lsq import FittedLSQConfig, LSQConfig
from qtdog.quantization.nearest import NearestConfig
from qtdog.quantization.packing import pack, packed_size, unpack
from qtdog.quantization.quantizer import Granularity, Quantizer, QuantizerConfig

QUANTIZERS: dict[str, type[QuantizerConfig]] = {
    one.kind: one for one in (LSQConfig, FittedLSQConfig, INQConfig, NearestConfig)
}
"""By their names in a checkpoint's config.json."""


def levels_of(quantizer: str, bits: int) -> Levels:
    """What the codes of `bits` bits of the quantizer with this name stand for."""
    return QUANTIZERS[quantizer](bits).levels


__all__ = [
    "QUANTIZERS",
    "FittedLSQConfig",
    "Granularity",
    "INQConfig",
    "LSQConfig",
    "Levels",
    "NearestConfig",
    "QuantizedWeight",
    "Quantizer",
    "QuantizerConfig",
    "WeightGrid",
    "advance",
    "bake",
    "learned_parameters",
    "levels_of",
    "pack",
    "packed_size",
    "plain_state",
    "quantizable_weights",
    "quantize",
    "quantizers",
    "unpack",
    "weights_to_quantize",
]
