"""Samples that came for a time before the hot window, until the engine has them: queries must find them meanwhile."""

from __future__ import annotations

import numpy as np

from trimtab.store.metrics.arrays import I32, I64
from trimtab.store.metrics.slab import Slab, slab_of

Rows = tuple[I32, I64, I64]


class Late:
    """Slots, times and values, in the order in which they came. Needs the lock of its owner."""

    def __init__(self) -> None:
        self._parts: list[Rows] = []
        self._slab: Slab | None = None
        self.count = 0

    def add(self, slots: I32, at_ms: I64, bits: I64) -> None:
        """Those that came."""
        self._parts.append((slots, at_ms, bits))
        self._slab = None
        self.count += len(slots)

    def take(self) -> list[Rows]:
        """All of them; there are none then."""
        parts, self._parts, self._slab, self.count = self._parts, [], None, 0
        return parts

    def forget(self, loaded_before_ms: int) -> None:
        """Drop what the engine has."""
        for part in self.take():
            if int(part[1].max()) >= loaded_before_ms:
                self.add(*part)

    def slab(self, slots_count: int) -> Slab | None:
        """All of them, by series; None where there are none."""
        if self._slab is None and self._parts:
            columns = [np.concatenate(column) for column in zip(*self._parts, strict=True)]
            self._slab = slab_of(columns[0], columns[1], columns[2], slots_count)
        return self._slab
