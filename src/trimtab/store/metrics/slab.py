"""A slab: samples in memory, series by series. It never changes, so readers need no lock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trimtab.store.metrics.arrays import I32, I64

MERGED_MAX = 8
"""Slabs that may become one."""


@dataclass(frozen=True, slots=True)
class Slab:
    """Samples of slot `s` are `[offsets[s], offsets[s + 1])`, ascending; slots beyond the offsets have none."""

    offsets: I32
    at_ms: I64
    bits: I64
    """Values, by their bits."""
    from_ms: int
    to_ms: int

    @property
    def count(self) -> int:
        """Samples."""
        return len(self.at_ms)

    @property
    def size_bytes(self) -> int:
        """What it takes."""
        return self.offsets.nbytes + self.at_ms.nbytes + self.bits.nbytes


def slab_of(slots: I32, at_ms: I64, bits: I64, slots_count: int) -> Slab:
    """A slab of samples in any order; there must be one at least."""
    from trimtab.store.metrics.hot_kernels import by_slot, settle

    offsets, at_ms, bits = by_slot(slots, at_ms, bits, slots_count)
    settle(offsets, at_ms, bits)
    return Slab(offsets, at_ms, bits, int(at_ms.min()), int(at_ms.max()))


def merged(slabs: Sequence[Slab]) -> Slab:
    """One slab of several (`MERGED_MAX` at most), in their order."""
    from trimtab.store.metrics.hot_kernels import pour, settle

    offsets = np.zeros(max(len(slab.offsets) for slab in slabs), np.int32)
    count = sum(slab.count for slab in slabs)
    at_ms, bits = np.empty(count, np.int64), np.empty(count, np.int64)
    missing = MERGED_MAX - len(slabs)
    nothing = np.zeros(0, np.int64)
    is_ascending = pour(
        (*(slab.offsets for slab in slabs), *([np.zeros(1, np.int32)] * missing)),
        (*(slab.at_ms for slab in slabs), *([nothing] * missing)),
        (*(slab.bits for slab in slabs), *([nothing] * missing)),
        offsets,
        at_ms,
        bits,
    )
    if not is_ascending:
        settle(offsets, at_ms, bits)
    return Slab(offsets, at_ms, bits, min(slab.from_ms for slab in slabs), max(slab.to_ms for slab in slabs))
