"""Columns of text as the engine's Native format has them: before each text its length, as a varint."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from trimtab.store.compiled import kernel

Bytes = NDArray[np.uint8]
Offsets = NDArray[np.int32]
Number = Any
"""An integer of the machine: for kernels, Python's and NumPy's are the same."""


@kernel("int64(int32[::1], Array(uint8, 1, 'C', True), uint8[::1])")
def native_texts(offsets: Offsets, data: Bytes, out: Bytes) -> Number:
    """Write all texts; how many bytes. `out` has room for five more bytes a text than `data`."""
    at = np.uint64(0)
    for row in range(len(offsets) - 1):
        start, end = offsets[row], offsets[row + 1]
        size = end - start
        while size > 0x7F:
            out[at] = size & 0x7F | 0x80
            at += np.uint64(1)
            size >>= 7
        out[at] = size
        at += np.uint64(1)
        for place in range(np.uint64(start), np.uint64(end)):
            out[at] = data[place]
            at += np.uint64(1)
    return np.int64(at)
