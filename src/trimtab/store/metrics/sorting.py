"""Rows in any order, put series by series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trimtab.store.metrics.arrays import I64, U64
from trimtab.store.scratch import Scratch


@dataclass(frozen=True, slots=True)
class BySeries:
    """Rows `[offsets[i], offsets[i + 1])` are those of the i-th id (ids ascend), in order of time."""

    ids: U64
    offsets: I64
    at_ms: I64
    bits: I64
    repeated_count: int
    """How many rows have the time of the one before."""


def by_series(blocks: Sequence[tuple[U64, I64, I64]], scratch: Scratch | None = None) -> BySeries:
    """Ids, times and values (as bits); of one time they stay in the order in which they came.

    With `scratch` times and values lie in its memory, until the next call.
    """
    from trimtab.store.metrics.cold_kernels import place
    from trimtab.store.metrics.hot_kernels import settle
    from trimtab.store.metrics.sorting_kernels import series_of

    scratch = scratch or Scratch(0)
    all_ids = scratch.empty("ids", sum(len(ids) for ids, _, _ in blocks), np.uint64)
    if blocks:
        np.concatenate([ids for ids, _, _ in blocks], out=all_ids)
    numbers = scratch.empty("numbers", len(all_ids), np.int32)
    ids, counts = series_of(all_ids, numbers)
    order = np.argsort(ids)
    offsets = np.zeros(len(ids) + 1, np.int64)
    np.cumsum(counts[order], out=offsets[1:])
    cursor = np.empty(len(ids), np.int64)
    cursor[order] = offsets[:-1]
    at_ms, bits = (scratch.empty(name, len(numbers), np.int64) for name in ("at_ms", "bits"))
    row = 0
    for _, block_at, block_bits in blocks:
        end = row + len(block_at)
        place(numbers[row:end], block_at, block_bits, cursor, at_ms, bits)
        row = end
    return BySeries(ids[order], offsets, at_ms, bits, settle(offsets, at_ms, bits))
