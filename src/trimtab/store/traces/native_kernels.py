"""Columns of text as the engine's Native format has them: before each text its length, as a varint."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from trimtab.store.compiled import kernel
from trimtab.store.unaligned import set_word, word

Bytes = NDArray[np.uint8]
Offsets = NDArray[np.int32]
Number = Any
"""An integer of the machine: for kernels, Python's and NumPy's are the same."""


@kernel("int64(int32[::1], Array(uint8, 1, 'C', True), uint8[::1])")
def native_texts(offsets: Offsets, data: Bytes, out: Bytes) -> Number:
    """Write all texts; how many bytes. `out` has room for five more bytes a text than `data`, and for eight more."""
    at = np.int64(0)
    for row in range(len(offsets) - 1):
        start, end = np.int64(offsets[row]), np.int64(offsets[row + 1])
        size = end - start
        while size > 0x7F:
            out[at] = size & 0x7F | 0x80
            at += 1
            size >>= 7
        out[at] = size
        at += 1
        size = end - start
        place = np.int64(0)
        while place < size and start + place + 8 <= len(data):  # bytes too many are written over by what comes next
            set_word(out, at + place, word(data, start + place))
            place += 8
        while place < size:
            out[at + place] = data[start + place]
            place += 1
        at += size
    return at
