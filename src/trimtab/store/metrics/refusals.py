"""Why samples were refused: counted, and the first few told in sentences."""

from __future__ import annotations

from collections import Counter

from trimtab.store.metrics.contract import RefusedSample
from trimtab.store.metrics.hot import Bounds
from trimtab.store.metrics.registry import Registry

_FIRST = 10
_LABELS_CHARS_MAX = 300


class Refusals:
    """Of one request."""

    def __init__(self, registry: Registry, bounds: Bounds) -> None:
        self._registry, self.bounds = registry, bounds
        self.counts: Counter[RefusedSample] = Counter()
        self.first: list[str] = []

    @property
    def wants_more(self) -> bool:
        """Whether another sentence is wanted."""
        return len(self.first) < _FIRST

    def tell(self, reason: RefusedSample, slot: int, at_ms: int) -> None:
        """A sentence on one of them, while there are few."""
        if not self.wants_more:
            return
        if reason == "series_unknown":
            self.first.append(f"slot {slot} is no series")
            return
        labels = self._registry.labels_of(slot)
        name = "{" + ", ".join(f'{key}="{value}"' for key, value in labels) + "}"
        self.first.append(f"{name[:_LABELS_CHARS_MAX]}: the sample at {at_ms} ms {self._because(reason)}")

    def _because(self, reason: RefusedSample) -> str:
        bounds = self.bounds
        if reason == "out_of_order":
            return f"is older than the newest of its series by more than {bounds.window_ms} ms"
        if reason == "duplicate_timestamp":
            return "has another value than the one that is stored for that time"
        if reason == "too_old":
            return f"is older than the retention: the limit is {bounds.oldest_ms} ms"
        return f"is too far in the future: the limit is {bounds.latest_ms} ms"
