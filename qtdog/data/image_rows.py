"""Part of an array that is too large for memory."""

from typing import Any

import numpy as np

LARGEST_IN_MEMORY = 4 * 2**30
"""Bytes of one domain's part, from which it stays on disk: DomainNet has 130 GB."""


class Rows:
    """Some rows of an array on disk, in their order; read whenever they are asked for.

    `rows[indices]` is `array[of[indices]]`, as for the array of these rows itself.
    """

    def __init__(self, array: np.ndarray, of: np.ndarray) -> None:
        self._array, self._of = array, of
        self.dtype = array.dtype
        self.shape = (len(of), *array.shape[1:])

    def __len__(self) -> int:
        return len(self._of)

    def __getitem__(self, key: Any) -> np.ndarray:
        return np.asarray(self._array[self._of[key]])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self._array[self._of], dtype)


Images = np.ndarray | Rows
"""(n, size, size, 3) uint8, in memory or on disk."""


def take_rows(array: Images, rows: np.ndarray) -> Images:
    """`array[rows]` in memory or, where it is a large part of an array on disk, as `Rows`."""
    if isinstance(array, Rows):
        return Rows(array._array, array._of[rows])
    size = len(rows) * array[:1].nbytes
    on_disk = isinstance(array, np.memmap)
    return Rows(array, rows) if on_disk and size > LARGEST_IN_MEMORY else np.asarray(array[rows])
