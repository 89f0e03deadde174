"""Which series of the registry are alive: when each was last seen to be, which are about to go, and which have gone.

A slot that has gone is never given to another series, since senders keep slots: when they use it, the series is
registered again, in another one.
"""

from __future__ import annotations

import numpy as np

from trimtab.store.metrics.arrays import I32, I64, Mask
from trimtab.store.metrics.growing import Growing


class Lives:
    """By slot. Needs the lock of its owner, but for reading."""

    def __init__(self) -> None:
        self._seen_ms = Growing(np.dtype(np.int64))
        self._is_dead = Growing(np.dtype(np.bool_))
        self._doomed_since_s: dict[int, float] = {}
        self.dead_count = 0

    def born(self, seen_ms: I64) -> None:
        """The next slots."""
        self._seen_ms.extend(seen_ms)
        self._is_dead.extend(np.zeros(len(seen_ms), np.bool_))

    def see(self, slots: I32, at_ms: int) -> None:
        """They were alive then."""
        seen = self._seen_ms.array
        seen[slots] = np.maximum(seen[slots], at_ms)

    def seen_ms(self, count: int) -> I64:
        """When the first so many were last seen alive, as their definitions say."""
        return self._seen_ms.array[:count]

    def is_dead(self, slots: I32) -> Mask:
        """Which of them have gone."""
        found: Mask = self._is_dead.array[slots]
        return found

    def alive(self, count: int) -> Mask:
        """Which of the first so many are alive."""
        return ~self._is_dead.array[:count]

    def doom(self, slots: I32, now_s: float) -> None:
        """They are to go, unless somebody uses them."""
        for slot in slots.tolist():
            self._doomed_since_s.setdefault(slot, now_s)

    @property
    def is_any_doomed(self) -> bool:
        """Whether `spare` has anything to do."""
        return bool(self._doomed_since_s)

    def spare(self, slots: I32) -> None:
        """Somebody uses them."""
        if self._doomed_since_s:
            for slot in slots[np.isin(slots, np.fromiter(self._doomed_since_s, np.int32))].tolist():
                self._doomed_since_s.pop(slot, None)

    def doomed_for(self, wait_s: float, now_s: float) -> list[int]:
        """Those that nobody has used for that long."""
        return [slot for slot, since_s in self._doomed_since_s.items() if now_s - since_s >= wait_s]

    def kill(self, slot: int) -> None:
        """It has gone."""
        self._doomed_since_s.pop(slot, None)
        self._is_dead.array[slot] = True
        self.dead_count += 1
