"""One method for each thing that can be asked of logs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from trimtab.app.log_search.tail import Tail, Tails
from trimtab.model.errors import InputError, NotFound
from trimtab.store.logs.answers import (
    LEVELS,
    CountedValues,
    LogContext,
    LogFields,
    LogHistogram,
    LogPage,
    LogPatterns,
    LogQuery,
)
from trimtab.store.logs.reads import LogReads

if TYPE_CHECKING:
    from trimtab.store.telemetry import TelemetryStore

PATTERNS_MAX = 500
FIELDS_MAX = 1000


class Logs:
    """Asks the store. Every method waits for it, may be called from any thread, and may raise StoreError.

    Ranges are Unix milliseconds, `[from_ms, to_ms)`; InputError where one is empty. What is wrong with a query's text
    is a LogQueryError, which knows the column.
    """

    def __init__(self, telemetry: TelemetryStore, now_ms: Callable[[], int]) -> None:
        self._reads = LogReads(telemetry)
        self._tails = Tails(telemetry, self._reads, now_ms)

    def search(self, query: LogQuery) -> LogPage:
        """Records, newest or oldest first, a page of them."""
        return self._reads.search(query)

    def around(self, record_id: str, count: int = 50, *, is_whole: bool = False) -> LogContext:
        """What the same service (`is_whole`: everybody) logged before and after a record. NotFound where it is gone."""
        found = self._reads.around(record_id, count, is_whole=is_whole)
        if found.record is None and not found.missing:
            raise NotFound(f"no log record {record_id}", record=record_id)
        return found

    def of_trace(self, trace_id: str, at_ms: int, limit: int = 1000) -> LogPage:
        """Records of a trace, oldest first; `at_ms` says when it was, about."""
        return self._reads.of_trace(trace_id, at_ms, limit)

    def histogram(self, query: LogQuery, buckets_max: int = 120) -> LogHistogram:
        """How many records match, over time and by level."""
        return self._reads.histogram(query, buckets_max)

    def patterns(self, query: LogQuery, patterns_max: int = 100) -> LogPatterns:
        """Similar lines, grouped and counted."""
        if not 1 <= patterns_max <= PATTERNS_MAX:
            raise InputError(f"patterns must lie in 1..{PATTERNS_MAX}, not {patterns_max}", field="limit")
        return self._reads.patterns(query, patterns_max)

    def fields(self, query: LogQuery, fields_max: int = 200) -> LogFields:
        """Which attributes the newest records that match have."""
        if not 1 <= fields_max <= FIELDS_MAX:
            raise InputError(f"fields must lie in 1..{FIELDS_MAX}, not {fields_max}", field="limit")
        return self._reads.fields(query, fields_max)

    def attribute_keys(self, query: LogQuery, prefix: str = "") -> CountedValues:
        """Names of attributes, for completion."""
        return self._reads.attribute_keys(query, prefix)

    def attribute_values(self, query: LogQuery, name: str, prefix: str = "") -> CountedValues:
        """Values of an attribute, or of service, level, event, severity_text, for completion."""
        return self._reads.attribute_values(query, name, prefix)

    def tail(self, query: LogQuery) -> Tail:
        """What comes in from now on and matches; close it. Busy where too many are open."""
        return self._tails.open(query)

    @property
    def tails_count(self) -> int:
        """How many are open."""
        return self._tails.count

    @property
    def levels(self) -> tuple[str, ...]:
        """From the least to the most severe."""
        return LEVELS

    def close(self) -> None:
        """End every tail."""
        self._tails.close()
