"""Traces for pages, the API and Jaeger's API: one method for each thing that can be asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from trimtab.model.errors import InputError, NotFound
from trimtab.store.telemetry import TelemetryStore
from trimtab.store.traces.answers import (
    CountedTexts,
    FoundTraces,
    Operations,
    ServiceMap,
    Services,
    StoredSpan,
    Trace,
    TraceQuery,
    TraceSummary,
)
from trimtab.store.traces.outline import Outline, TraceOutlines
from trimtab.store.traces.reads import SPANS_A_TRACE_MAX, TraceReads
from trimtab.store.traces.searching import LIMIT_MAX
from trimtab.store.traces.whole import traces_of

RANGE_DAYS_MAX = 400


class Traces:
    """Asks the store. Every method waits for it, may be called from any thread, and may raise StoreError.

    Ranges are Unix milliseconds, `[from_ms, to_ms)`; InputError where one is empty.
    """

    def __init__(self, telemetry: TelemetryStore, now_ms: Callable[[], int]) -> None:
        self._reads = TraceReads(telemetry)
        self._outlines = TraceOutlines(telemetry)
        self._telemetry = telemetry
        self._now_ms = now_ms

    def search(self, query: TraceQuery) -> FoundTraces:
        """Traces that have a span as the query says, newest or slowest first."""
        _check_range(query.from_ms, query.to_ms)
        if not 1 <= query.limit <= LIMIT_MAX:
            raise InputError(f"limit must lie in 1..{LIMIT_MAX}, not {query.limit}", limit=LIMIT_MAX, field="limit")
        return self._reads.search(query)

    def trace(self, trace_id: str, spans_max: int = SPANS_A_TRACE_MAX, around_ms: int | None = None) -> Trace:
        """One trace, of very many spans the first; without spans where it is not there.

        `around_ms` says when it was: it is then found quicker, and looked for a day around that.
        """
        return self._reads.trace(trace_id, spans_max, *_day_around(around_ms))

    def one(self, trace_id: str, around_ms: int | None = None) -> Trace:
        """The same; NotFound where it is not there."""
        found = self.trace(trace_id, around_ms=around_ms)
        if not found.spans and not found.missing:
            raise NotFound(f"no trace {found.trace_id}", trace=found.trace_id)
        return found

    def whole(self, summaries: Sequence[TraceSummary], spans_max: int = SPANS_A_TRACE_MAX) -> tuple[Trace, ...]:
        """Traces that a search found, in its order, with `spans_max` spans together; without spans where they are gone.

        The caller sees to it that the summaries tell of no more spans than that.
        """
        return traces_of(self._telemetry, summaries, spans_max)

    def summary(self, trace_id: str, around_ms: int | None = None) -> tuple[TraceSummary | None, tuple[str, ...]]:
        """What a trace is all in all; None where it is not there. And who did not answer."""
        return self._outlines.summary(trace_id, *_day_around(around_ms))

    def outline(self, trace_id: str, around_ms: int | None = None) -> Outline:
        """Every span of a trace with what a picture of it needs."""
        return self._outlines.outline(trace_id, *_day_around(around_ms))

    def span(
        self, trace_id: str, span_id: str, around_ms: int | None = None
    ) -> tuple[StoredSpan | None, tuple[str, ...]]:
        """One span whole; None where it is not there. And who did not answer."""
        return self._outlines.span(trace_id, span_id, *_day_around(around_ms))

    def spans_having(
        self, trace_id: str, text: str, around_ms: int | None = None
    ) -> tuple[Sequence[str], tuple[str, ...]]:
        """Ids of the spans of a trace that have this text anywhere. And who did not answer."""
        return self._outlines.having(trace_id, text, *_day_around(around_ms))

    def services(self, from_ms: int, to_ms: int) -> Services:
        """Services that sent spans."""
        _check_range(from_ms, to_ms)
        return self._reads.services(from_ms, to_ms)

    def operations(self, from_ms: int, to_ms: int, service: str = "", kind: str = "") -> Operations:
        """What services do."""
        _check_range(from_ms, to_ms)
        return self._reads.operations(from_ms, to_ms, service, kind)

    def service_map(self, from_ms: int, to_ms: int) -> ServiceMap:
        """Who called whom, how often, with how many errors, and how long it took."""
        _check_range(from_ms, to_ms)
        return self._reads.service_map(from_ms, to_ms)

    def attribute_keys(self, from_ms: int, to_ms: int, service: str = "") -> CountedTexts:
        """Keys of attributes that spans and resources have."""
        _check_range(from_ms, to_ms)
        return self._reads.attribute_keys(from_ms, to_ms, service)

    def attribute_values(
        self, key: str, from_ms: int, to_ms: int, service: str = "", prefix: str = "", limit: int = 100
    ) -> CountedTexts:
        """Values of one attribute that begin so."""
        _check_range(from_ms, to_ms)
        return self._reads.attribute_values(key, from_ms, to_ms, service, prefix, limit)

    def last_ms(self, span_ms: int) -> tuple[int, int]:
        """The range that ends now."""
        now_ms = self._now_ms()
        return now_ms - span_ms, now_ms + 1

    def refused(self) -> Mapping[str, int]:
        """Spans that were refused since the start, by reason."""
        return self._telemetry.status().refused_spans


def _day_around(around_ms: int | None) -> tuple[int | None, int | None]:
    day_ms = 86_400_000
    return (None, None) if around_ms is None else (around_ms - day_ms, around_ms + day_ms)


def _check_range(from_ms: int, to_ms: int) -> None:
    if from_ms >= to_ms:
        raise InputError(f"the range must begin before it ends, unlike {from_ms}..{to_ms}", field="from_ms")
    if to_ms - from_ms > RANGE_DAYS_MAX * 86_400_000:
        raise InputError(f"a range has at most {RANGE_DAYS_MAX} days", field="from_ms", limit=RANGE_DAYS_MAX)
