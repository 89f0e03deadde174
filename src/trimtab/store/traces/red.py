"""Rate, errors and durations of every operation, counted as spans are stored, before any is left out by sampling.

Counts are kept by (service, span, kind, status), as many as are allowed; what is beyond goes into one row for all.
NumPy counts whole segments; Python sees each operation once a segment. Counts begin at zero with the process, as those
of any process do, and say since when.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from trimtab.store.traces.answers import SPAN_KINDS, SPAN_STATUSES

BOUNDS_MS = (2, 4, 6, 8, 10, 50, 100, 200, 400, 800, 1000, 1400, 2000, 5000, 10_000, 15_000)
"""Upper bounds of the buckets, as OpenTelemetry's span metrics have them; the last bucket has none."""
BUCKETS_COUNT = len(BOUNDS_MS) + 1
OPERATIONS_MAX = 1000
_SMALL = 1 << 22

Key = tuple[str, str, str, str]
"""Service, span, kind, status."""
OVERFLOW: Key = ("", "", "", "")


@dataclass(frozen=True, slots=True)
class Example:
    """The slowest span of an operation since the last look."""

    trace_id: str
    span_id: str
    duration_ms: float
    at_ms: int


@dataclass(slots=True)
class Row:
    """One operation with one status. `counts` by bucket, not added up."""

    since_ms: int
    counts: NDArray[np.int64] = field(default_factory=lambda: np.zeros(BUCKETS_COUNT, np.int64))
    sum_ms: float = 0.0
    example: Example | None = None
    changed_ms: int = 0


class RedCounts:
    """Thread-safe. `operations_max` bounds the rows beside the one for the rest."""

    def __init__(self, operations_max: int = OPERATIONS_MAX) -> None:
        self._operations_max = operations_max
        self._lock = threading.Lock()
        self._rows: dict[Key, Row] = {}
        self.spans_count = 0
        self.overflow_count = 0

    def count(self, spans: pa.Table, now_ms: int, since_ms: int) -> None:
        """Spans that were stored; rows that are new count since `since_ms`."""
        if not spans.num_rows:
            return
        service, services = codes_of(spans, "service_name")
        name, names = codes_of(spans, "name")
        kind, kinds = codes_of(spans, "kind")
        status, statuses = codes_of(spans, "status")
        which, found = groups_of(((service * len(names) + name) * len(kinds) + kind) * len(statuses) + status)
        took_ms = np.asarray(spans["duration_ms"].to_numpy())
        buckets = np.searchsorted(np.array(BOUNDS_MS, np.float64), took_ms, side="left")
        counts = np.bincount(which * BUCKETS_COUNT + buckets, minlength=len(found) * BUCKETS_COUNT)
        sums = np.bincount(which, weights=took_ms, minlength=len(found))
        slowest = _slowest(which, took_ms, len(found))
        ids = spans.select(["trace_id", "span_id", "started_at_ns"]).take(slowest)
        examples = zip(*(ids[column].to_pylist() for column in ids.column_names), strict=True)
        with self._lock:
            for place, (code, example) in enumerate(zip(found.tolist(), examples, strict=True)):
                rest, state = divmod(code, len(statuses))
                rest, sort = divmod(rest, len(kinds))
                first, second = divmod(rest, len(names))
                key = (services[first], names[second], kinds[sort], statuses[state])
                row = self._row(key, since_ms)
                added = counts[place * BUCKETS_COUNT : (place + 1) * BUCKETS_COUNT]
                if row is self._rows.get(OVERFLOW):
                    self.overflow_count += int(added.sum())
                row.counts += added
                row.sum_ms += float(sums[place])
                row.changed_ms = now_ms
                longest_ms = float(took_ms[slowest[place]])
                if row.example is None or longest_ms >= row.example.duration_ms:
                    row.example = Example(example[0], example[1], longest_ms, example[2] // 1_000_000)
            self.spans_count += spans.num_rows

    def _row(self, key: Key, since_ms: int) -> Row:
        row = self._rows.get(key)
        if row is None:
            if len(self._rows) >= self._operations_max:
                key = OVERFLOW
            row = self._rows.setdefault(key, Row(since_ms))
        return row

    def take(self, changed_since_ms: int) -> dict[Key, Row]:
        """Copies of the rows that changed since then; their examples are forgotten here."""
        with self._lock:
            taken = {
                key: Row(row.since_ms, row.counts.copy(), row.sum_ms, row.example, row.changed_ms)
                for key, row in self._rows.items()
                if row.changed_ms >= changed_since_ms
            }
            for key in taken:
                self._rows[key].example = None
        return taken


def codes_of(spans: pa.Table, column: str) -> tuple[NDArray[np.int64], list[str]]:
    """A number for each row, and the text of each number."""
    encoded = spans[column].combine_chunks()
    if not isinstance(encoded, pa.DictionaryArray):
        encoded = encoded.dictionary_encode()
    return np.asarray(encoded.indices.to_numpy(), np.int64), encoded.dictionary.to_pylist()


def groups_of(codes: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For each row its group, and the code of each group.

    >>> groups_of(np.array([7, 3, 7]))
    (array([1, 0, 1]), array([3, 7]))
    """
    if int(codes.max()) < _SMALL:
        found = np.flatnonzero(np.bincount(codes))
        places = np.zeros(int(found[-1]) + 1, np.int64)
        places[found] = np.arange(len(found))
        return places[codes], found
    found, which = np.unique(codes, return_inverse=True)
    return which, found


def _slowest(which: NDArray[np.int64], took_ms: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """The row of each group that has the greatest duration.

    >>> _slowest(np.array([0, 1, 0]), np.array([1.0, 5.0, 2.0]), 2)
    array([2, 1])
    """
    order = np.argsort(which.astype(np.uint16) if count < 1 << 16 else which, kind="stable")
    starts = np.searchsorted(which[order], np.arange(count))
    most = np.maximum.reduceat(took_ms[order], starts)
    is_most = np.flatnonzero(took_ms == most[which])
    found = np.zeros(count, np.int64)
    found[which[is_most]] = is_most
    return found


KIND_NAMES = {kind: f"SPAN_KIND_{kind.upper()}" for kind in SPAN_KINDS}
STATUS_NAMES = {status: f"STATUS_CODE_{status.upper()}" for status in SPAN_STATUSES}
"""As OpenTelemetry's span metrics say it."""
