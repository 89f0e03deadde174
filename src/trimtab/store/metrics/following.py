"""All series at once, for who looks at every new sample: by slot, without labels, without the engine.

Only what the hot window has is told: who follows is never further behind than it reaches back.
"""

from __future__ import annotations

import numpy as np

from trimtab.store.metrics.arrays import I32, I64, U64
from trimtab.store.metrics.assemble import assemble
from trimtab.store.metrics.block import Labels
from trimtab.store.metrics.parts import Parts

_LAST_MS = 1 << 62


class Following:
    """See `EmbeddedMetrics.following`. Every method may be called from any thread."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    @property
    def count(self) -> int:
        """Slots that there are: 0 to `count` - 1. It only grows."""
        return self._parts.registry.count

    def newest_at(self, count: int) -> I64:
        """The time of the newest sample of the first `count` slots; far in the past where there is none."""
        return self._parts.hot.newest_at(np.arange(count, dtype=np.int32))

    def samples(self, slots: I32, from_ms: int, samples_max: int) -> tuple[I64, I64, I64]:
        """Samples from `from_ms` on, as far as they are in memory: offsets, times, values (by their bits), ascending.

        Raises QueryTooBig where there are more than `samples_max`.
        """
        _, parts = self._parts.hot.gather(slots, from_ms, _LAST_MS)
        return assemble(parts, len(slots), samples_max)

    def ids(self, slots: I32) -> U64:
        """Ids of series: the same for ever."""
        return self._parts.registry.ids[slots]

    def slots_of(self, ids: U64) -> I32:
        """Slots by id; -1 where there is no such series."""
        return self._parts.registry.slots_of(ids)

    def slots_of_labels(self, labels: list[Labels]) -> list[int]:
        """Slots by labels; -1 where there is no such series. Nothing is registered."""
        return self._parts.registry.find(labels)

    def labels_of(self, slot: int) -> Labels:
        """Labels; nothing of a series that has gone."""
        return self._parts.registry.labels_of(slot)

    def kind_of(self, metric: str) -> str:
        """What its sender says of it (`MetricKind`); '' where nobody said anything."""
        found = self._parts.metadata.look_up(metric, 1)
        return found[0].kind if found else ""
