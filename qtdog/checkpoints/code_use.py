"""How much of its bit width a quantized network uses: the codes that its weights have."""

from dataclasses import dataclass

import numpy as np

from qtdog.checkpoints.folder import Checkpoint


@dataclass(frozen=True)
class CodeUse:
    """Of all weights that are stored as codes."""

    bits: int
    """The nominal width."""
    largest_code: float
    """Median over output channels of the largest code, by magnitude; at most 2^(bits - 1)."""
    distinct_codes: float
    """Median over layers of how many different codes a layer has; at most 2^bits."""
    entropy: float
    """Bits a weight, 0 to `bits`: of the distribution of each layer's codes, mean over weights."""


def code_use(checkpoint: Checkpoint) -> CodeUse:
    """Of the single quantized network of a checkpoint. Raises ValueError for another."""
    if len(checkpoint.networks) != 1 or not checkpoint.grids:
        raise ValueError(f"{checkpoint.folder.name} is not one quantized network.")
    tensors = checkpoint.networks[0].state_dict()
    largest, distinct, entropies, weights = [], [], [], []
    for name, grid in checkpoint.grids.items():
        codes = grid.levels.codes(tensors[name], grid.step_size).numpy()
        largest.append(np.abs(codes.reshape(len(codes), -1).astype(int)).max(1))
        counts = np.unique(codes, return_counts=True)[1]
        shares = counts / codes.size
        distinct.append(len(counts))
        entropies.append(float(-(shares * np.log2(shares)).sum()))
        weights.append(codes.size)
    return CodeUse(
        checkpoint.config.bits,
        float(np.median(np.concatenate(largest))),
        float(np.median(distinct)),
        float(np.average(entropies, weights=weights)),
    )
