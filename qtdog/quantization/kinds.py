"""The quantizers by the names that a checkpoint's config.json knows them by."""

from qtdog.quantization.inq import INQConfig
from qtdog.quantization.levels import Levels
from qtdog.quantization.lsq import FittedLSQConfig, LeastErrorLSQConfig, LSQConfig
from qtdog.quantization.nearest import NearestConfig
from qtdog.quantization.quantizer import QuantizerConfig

QUANTIZERS: dict[str, type[QuantizerConfig]] = {
    one.kind: one
    for one in (LSQConfig, LeastErrorLSQConfig, FittedLSQConfig, INQConfig, NearestConfig)
}
"""By their names in a checkpoint's config.json."""


def levels_of(quantizer: str, bits: int) -> Levels:
    """What the codes of `bits` bits of the quantizer with this name stand for."""
    return QUANTIZERS[quantizer](bits).levels
