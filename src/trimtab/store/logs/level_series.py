"""How many records each service sent by level, as series that PromQL sees:

    log_records_total{service_name, severity}

Counted when records are stored, and written down from time to time. It counts from the start of the process; a start
time stands with the samples. What is beyond the allowed number of services is in the series with
`otel_metric_overflow="true"`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

import numpy as np
import structlog

from trimtab.model.errors import InputError, SpoolFull, StoreError
from trimtab.store.logs.answers import LEVELS

if TYPE_CHECKING:
    import pyarrow as pa

    from trimtab.store.metrics.block import Labels
    from trimtab.store.metrics.contract import MetricStore

INTERVAL_S = 15.0
SERIES_MAX = 3500
METRIC = "log_records_total"
_QUIET_MS = 3_600_000
"""A series that did not grow for so long has no new samples."""
_OVERFLOW = ("", -1)

log = structlog.get_logger()

Key = tuple[str, int]


class _Count:
    """One series: its value, since when it counts, and when it grew last."""

    def __init__(self, since_ms: int) -> None:
        self.value = 0
        self.since_ms = since_ms
        self.grew_at_ms = since_ms
        self.slot = -1


class LevelSeries:
    """Counts records, and appends the counts to the metrics on a thread of its own once there are any."""

    def __init__(self, metrics: Callable[[], MetricStore], interval_s: float = INTERVAL_S) -> None:
        self._metrics = metrics
        self._interval_s = interval_s
        self._counts: dict[Key, _Count] = {}
        self._lock = threading.Lock()
        self._flushing = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._since_ms = time.time_ns() // 1_000_000
        self.error: str | None = None

    def count(self, table: pa.Table) -> None:
        """Records that were stored; on the loader's thread."""
        services = cast("pa.DictionaryArray", table["service_name"].combine_chunks())
        names = services.dictionary.to_pylist()
        places = services.indices.to_numpy() * len(LEVELS) + table["level"].to_numpy()
        counted = np.bincount(places, minlength=len(names) * len(LEVELS)).tolist()
        now_ms = time.time_ns() // 1_000_000
        with self._lock:
            for place, count in enumerate(counted):
                if count:
                    self._grow((names[place // len(LEVELS)], place % len(LEVELS)), count, now_ms)
            if self._thread is None and self._counts and not self._stop.is_set():
                self._thread = threading.Thread(target=self._run, name="trimtab-log-levels", daemon=True)
                self._thread.start()

    def _grow(self, key: Key, by: int, now_ms: int) -> None:
        if key not in self._counts and len(self._counts) >= SERIES_MAX:
            key = _OVERFLOW
        found = self._counts.setdefault(key, _Count(self._since_ms))
        found.value += by
        found.grew_at_ms = now_ms

    def _run(self) -> None:
        while not self._stop.wait(self._interval_s):
            self.flush()

    def flush(self) -> None:
        """Append what was counted up to now. What goes wrong is told in `error`, and the next time makes up for it."""
        with self._flushing:
            now_ms = time.time_ns() // 1_000_000
            with self._lock:
                counts = {
                    key: (count, count.value)
                    for key, count in self._counts.items()
                    if count.grew_at_ms >= now_ms - _QUIET_MS
                }
            if not counts:
                return
            try:
                self._append(counts, now_ms)
            except (StoreError, SpoolFull, InputError) as error:
                self.error = f"levels of logs: {error.message}"
                log.warning("log_levels_not_stored", reason=error.message)
            else:
                self.error = None
                self._since_ms = now_ms

    def _append(self, counts: dict[Key, tuple[_Count, int]], now_ms: int) -> None:
        from trimtab.store.metrics.contract import Metadata, Samples

        metrics = self._metrics()
        unknown = [key for key, (count, _) in counts.items() if count.slot < 0]
        if unknown:
            slots = metrics.register([_labels(key) for key in unknown]).slots.tolist()
            for key, slot in zip(unknown, slots, strict=True):
                counts[key][0].slot = slot
        taken = [(count, value) for count, value in counts.values() if count.slot >= 0]
        told = Metadata(METRIC, "counter", "", "Log records that were sent in, by service and severity.")
        metrics.append(
            Samples(
                np.array([count.slot for count, _ in taken], np.int32),
                np.full(len(taken), now_ms, np.int64),
                np.array([value for _, value in taken], np.float64),
                np.array([count.since_ms for count, _ in taken], np.int64),
                metadata=(told,) if unknown else (),
            )
        )

    def close(self) -> None:
        """Append what is left, if any was appended before, and end."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self.flush()


def _labels(key: Key) -> Labels:
    """
    >>> _labels(("shop", 5))
    (('__name__', 'log_records_total'), ('service_name', 'shop'), ('severity', 'error'))
    """
    if key == _OVERFLOW:
        return (("__name__", METRIC), ("otel_metric_overflow", "true"))
    service, level = key
    named = (("service_name", service),) if service else ()
    return (("__name__", METRIC), *named, ("severity", LEVELS[level]))
