"""A slab: samples in memory, series by series. It never changes, so readers need no lock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trimtab.store.metrics.arrays import I32, I64


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
    """One slab of several, in their order."""
    from trimtab.store.metrics.hot_kernels import pour, settle

    slots_count = max(len(slab.offsets) for slab in slabs) - 1
    counts = np.zeros(slots_count, np.int32)
    for slab in slabs:
        counts[: len(slab.offsets) - 1] += np.diff(slab.offsets)
    offsets = np.zeros(slots_count + 1, np.int32)
    np.cumsum(counts, out=offsets[1:])
    cursor = offsets[:-1].copy()
    at_ms, bits = np.empty(int(offsets[-1]), np.int64), np.empty(int(offsets[-1]), np.int64)
    for slab in slabs:
        pour(slab.offsets, slab.at_ms, slab.bits, cursor, at_ms, bits)
    settle(offsets, at_ms, bits)
    return Slab(offsets, at_ms, bits, min(slab.from_ms for slab in slabs), max(slab.to_ms for slab in slabs))
