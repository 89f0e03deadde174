"""From parts to one block: samples of the engine, then of slabs, then of the head, series by series."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trimtab.store.metrics.arrays import I64
from trimtab.store.metrics.block import QueryTooBig
from trimtab.store.metrics.hot import Part


def assemble(parts: Sequence[Part], series_count: int, samples_max: int) -> tuple[I64, I64, I64]:
    """Offsets, times and values (as bits) of series, ascending, no two at one time.

    Raises QueryTooBig before it takes memory for more than `samples_max` samples.
    """
    from trimtab.store.metrics.hot_kernels import copy, drop_repeated, settle

    offsets = np.zeros(series_count + 1, np.int64)
    for part in parts:
        offsets[1:] += part.end - part.first
    np.cumsum(offsets, out=offsets)
    total = int(offsets[-1])
    if total > samples_max:
        raise QueryTooBig(
            f"the query would read {total} samples; the limit is {samples_max}", limit=samples_max, observed=total
        )
    at_ms, bits = np.empty(total, np.int64), np.empty(total, np.int64)
    cursor = offsets[:-1].copy()
    for part in parts:
        copy(part.first, part.end, part.at_ms, part.bits, cursor, at_ms, bits)
    if settle(offsets, at_ms, bits):
        total = drop_repeated(offsets, at_ms, bits)
    return offsets, at_ms[:total], bits[:total]
