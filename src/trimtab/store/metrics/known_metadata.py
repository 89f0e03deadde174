"""What is known of metrics: kind, unit, help. Few, so all of it is in memory."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence

from trimtab.store.metrics.contract import Metadata

_METRICS_MAX = 200_000
_TEXT_CHARS_MAX = 4096


class KnownMetadata:
    """By metric; what came last counts."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, Metadata] = {}

    def news(self, rows: Iterable[Metadata]) -> list[Metadata]:
        """Those that say something else than what is known (of too many metrics, the first are known)."""
        with self._lock:
            fresh = {row.metric: row for row in rows if self._known.get(row.metric) != row}
            room = _METRICS_MAX - len(self._known)
            new = [metric for metric in fresh if metric not in self._known]
            for metric in new[max(0, room) :]:
                del fresh[metric]
            return [
                Metadata(row.metric, row.kind, row.unit[:_TEXT_CHARS_MAX], row.help[:_TEXT_CHARS_MAX])
                for row in fresh.values()
                if row.metric
            ]

    def add(self, rows: Iterable[Metadata]) -> None:
        """Those that are durable."""
        with self._lock:
            self._known.update((row.metric, row) for row in rows)

    def look_up(self, metric: str, limit: int) -> Sequence[Metadata]:
        """Of one metric ('': of all), at most `limit` (0: all), by name."""
        with self._lock:
            if metric:
                return [self._known[metric]] if metric in self._known else []
            names = sorted(self._known)
            return [self._known[name] for name in (names[:limit] if limit else names)]
