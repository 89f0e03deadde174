"""What `RedCounts` counted as series that PromQL sees, with exemplars that lead to a trace.

    traces_span_metrics_calls_total{service_name, span_name, span_kind, status_code}
    traces_span_metrics_duration_seconds_bucket/_sum/_count{…, le}

Names and labels are those of OpenTelemetry's span metrics. What is beyond the allowed number of operations is in the
series with `otel_metric_overflow="true"`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import structlog

from trimtab.model.errors import InputError, SpoolFull, StoreError
from trimtab.store.traces.red import BOUNDS_MS, BUCKETS_COUNT, KIND_NAMES, OVERFLOW, STATUS_NAMES, Key, RedCounts, Row

if TYPE_CHECKING:
    import pyarrow as pa

    from trimtab.store.metrics.block import Labels
    from trimtab.store.metrics.contract import Exemplar, Metadata, MetricStore

INTERVAL_S = 15.0
_QUIET_MS = 3_600_000
"""An operation that was not seen for so long has no new samples."""
CALLS, DURATION = "traces_span_metrics_calls_total", "traces_span_metrics_duration_seconds"
SERIES_A_ROW = BUCKETS_COUNT + 3

log = structlog.get_logger()


class RedSeries:
    """Appends the counts to the metrics from time to time, on a thread of its own once there are any."""

    def __init__(self, counts: RedCounts, metrics: Callable[[], MetricStore], interval_s: float = INTERVAL_S) -> None:
        self.counts = counts
        self._metrics = metrics
        self._interval_s = interval_s
        self._slots: dict[Key, np.ndarray[tuple[int], np.dtype[np.int32]]] = {}
        self._stop = threading.Event()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._flushing = threading.Lock()
        self.since_ms = time.time_ns() // 1_000_000
        self.error: str | None = None

    def start(self) -> None:
        """Begin to append, once; returns at once."""
        with self._starting:
            if self._thread is None and not self._stop.is_set():
                self._thread = threading.Thread(target=self._run, name="trimtab-span-metrics", daemon=True)
                self._thread.start()

    def count(self, spans: pa.Table) -> None:
        """Spans that were stored, or left out: all that came."""
        self.counts.count(spans, time.time_ns() // 1_000_000, self.since_ms)
        if spans.num_rows:
            self.start()

    def _run(self) -> None:
        while not self._stop.wait(self._interval_s):
            self.flush()

    def flush(self) -> None:
        """Append what was counted up to now. What goes wrong is told in `error`, and the next time makes up for it."""
        with self._flushing:
            now_ms = time.time_ns() // 1_000_000
            rows = self.counts.take(now_ms - _QUIET_MS)
            if not rows:
                return
            try:
                self._append(rows, now_ms)
            except (StoreError, SpoolFull, InputError) as error:
                self.error = f"span metrics: {error.message}"
                log.warning("span_metrics_not_stored", reason=error.message)
            else:
                self.error = None
                self.since_ms = now_ms

    def _append(self, rows: dict[Key, Row], now_ms: int) -> None:
        from trimtab.store.metrics.contract import Samples

        metrics = self._metrics()
        unknown = [key for key in rows if key not in self._slots]
        if unknown:
            labels = [series for key in unknown for series in _labels(key)]
            slots = metrics.register(labels).slots.reshape(-1, SERIES_A_ROW)
            self._slots |= dict(zip(unknown, slots, strict=True))
        slots_of = np.stack([self._slots[key] for key in rows])
        values = np.stack([_values(row) for row in rows.values()])
        since_ms = np.repeat(np.array([row.since_ms for row in rows.values()], np.int64), SERIES_A_ROW)
        kept = slots_of.ravel() >= 0
        exemplars = [one for key, row in rows.items() for one in _exemplars(self._slots[key], row)]
        metrics.append(
            Samples(
                slots_of.ravel()[kept],
                np.full(int(kept.sum()), now_ms, np.int64),
                values.ravel()[kept],
                since_ms[kept],
                exemplars=exemplars,
                metadata=_metadata() if unknown else (),
            )
        )

    def close(self) -> None:
        """Append what is left, if any was appended before, and end."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        if self._slots:
            self.flush()


def _labels(key: Key) -> list[Labels]:
    """The series of one row: calls, buckets, count, sum."""
    if key == OVERFLOW:
        base = [("otel_metric_overflow", "true")]
    else:
        service, name, kind, status = key
        base = [
            ("service_name", service),
            ("span_kind", KIND_NAMES.get(kind, kind)),
            ("span_name", name),
            ("status_code", STATUS_NAMES.get(status, status)),
        ]
    base = [(label, value) for label, value in base if value]
    bounds = [*(f"{bound / 1000:g}" for bound in BOUNDS_MS), "+Inf"]
    return [
        tuple(sorted([("__name__", CALLS), *base])),
        *(tuple(sorted([("__name__", f"{DURATION}_bucket"), *base, ("le", bound)])) for bound in bounds),
        tuple(sorted([("__name__", f"{DURATION}_count"), *base])),
        tuple(sorted([("__name__", f"{DURATION}_sum"), *base])),
    ]


def _values(row: Row) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    through = np.cumsum(row.counts)
    return np.concatenate([through[-1:], through, through[-1:], [row.sum_ms / 1000]]).astype(np.float64)


def _exemplars(slots: np.ndarray[tuple[int], np.dtype[np.int32]], row: Row) -> list[Exemplar]:
    """The slowest span, for the bucket that it is in."""
    from trimtab.store.metrics.contract import Exemplar

    example = row.example
    if example is None:
        return []
    slot = int(slots[1 + int(np.searchsorted(BOUNDS_MS, example.duration_ms))])
    labels = (("span_id", example.span_id), ("trace_id", example.trace_id))
    return [Exemplar(slot, labels, example.duration_ms / 1000, example.at_ms)] if slot >= 0 else []


def _metadata() -> list[Metadata]:
    from trimtab.store.metrics.contract import Metadata

    return [
        Metadata(CALLS, "counter", "", "Spans that were sent in, by service, name, kind and status."),
        Metadata(DURATION, "histogram", "seconds", "How long spans took."),
    ]
