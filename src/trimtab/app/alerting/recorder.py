"""Writes what rules record into the metrics store: durable, and found by the next question, when `record` returns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from trimtab.analyze.rules.results import Series
from trimtab.store.promql.histogram import FloatHistogram

if TYPE_CHECKING:
    from trimtab.store.metrics.block import Labels
    from trimtab.store.metrics.contract import MetricStore

SLOTS_KEPT_MAX = 1_000_000
SAMPLES_A_WRITE = 50_000
REFUSED_TOLD_MAX = 10


class StoreRecorder:
    """Remembers where series are; counts what was written and what was refused."""

    def __init__(self, store: Callable[[], MetricStore]) -> None:
        self._store = store
        self._slots: dict[Labels, int] = {}
        self.recorded_count = 0
        self.refused_count = 0
        self.refusals: list[str] = []
        """Why, of the last round that had any."""

    def record(self, series: Sequence[Series], at_ms: int) -> None:
        """See `rounds.Recorder`. StoreError, SpoolFull: nothing of it is kept."""
        for first in range(0, len(series), SAMPLES_A_WRITE):
            self._record(series[first : first + SAMPLES_A_WRITE], at_ms)

    def _record(self, series: Sequence[Series], at_ms: int) -> None:
        from trimtab.store.metrics.contract import Samples
        from trimtab.store.metrics.natives import natives_of

        store = self._store()
        slots = self._slots_of(store, [labels for labels, _ in series])
        known = slots >= 0
        natives = [(index, value) for index, (_, value) in enumerate(series) if isinstance(value, FloatHistogram)]
        values = np.array([0.0 if isinstance(value, FloatHistogram) else value for _, value in series], np.float64)
        if not known.all():
            natives = [(index, value) for index, value in natives if known[index]]
            places = np.cumsum(known) - 1
            natives = [(int(places[index]), value) for index, value in natives]
        at = np.full(int(known.sum()), at_ms, np.int64)
        done = store.append(
            Samples(slots[known], at, values[known], histograms=natives_of(natives) if natives else None)
        )
        refused = sum(done.refused.values())
        self.recorded_count += done.accepted_count
        if refused:
            self.refused_count += refused
            self.refusals = list(done.first_refusals)[:REFUSED_TOLD_MAX]

    def _slots_of(self, store: MetricStore, labels: Sequence[Labels]) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
        new = [one for one in labels if one not in self._slots]
        if new:
            if len(self._slots) > SLOTS_KEPT_MAX:
                self._slots.clear()
                new = list(labels)
            registered = store.register(new)
            for one, slot in zip(new, registered.slots.tolist(), strict=True):
                if slot >= 0:
                    self._slots[one] = slot
            if registered.refused:
                self.refused_count += len(registered.refused)
                self.refusals = [why for _, why in list(registered.refused.values())[:REFUSED_TOLD_MAX]]
        return np.fromiter((self._slots.get(one, -1) for one in labels), np.int32, len(labels))
