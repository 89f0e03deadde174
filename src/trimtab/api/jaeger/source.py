"""What both APIs ask for, whoever has the spans; and how many whole traces become one answer of bounded size."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

from trimtab.api.jaeger.limits import AHEAD_MS, ANSWER_SPANS_MAX, RANGE_MS_MAX, TRACE_SPANS_MAX
from trimtab.store.traces.answers import (
    SPAN_KINDS,
    FoundTraces,
    Operation,
    Operations,
    ServiceMap,
    Services,
    StoredSpan,
    Trace,
    TraceQuery,
)


class TraceSource(Protocol):
    """Traces that are stored. Every method runs on the caller's thread, and may raise StoreError."""

    def search(self, query: TraceQuery) -> FoundTraces:
        """Traces that have a span for which the query holds."""

    def trace(self, trace_id: str, spans_max: int, around_ms: int | None = None) -> Trace:
        """One trace; without spans where it is not there. It is found quicker where one knows when it was."""

    def services(self, from_ms: int, to_ms: int) -> Services:
        """Services that sent spans."""

    def operations(self, from_ms: int, to_ms: int, service: str = "", kind: str = "") -> Operations:
        """What services do."""

    def service_map(self, from_ms: int, to_ms: int) -> ServiceMap:
        """Who called whom."""


class Read(NamedTuple):
    """A trace as it is answered, with what is to be said of it."""

    spans: tuple[StoredSpan, ...]
    warnings: tuple[str, ...]


class LeftOut(NamedTuple):
    """A trace that did not find room in the answer."""

    trace_id: str
    why: str


def services_of(source: TraceSource, now_ms: int) -> tuple[str, ...]:
    """Every service that sent spans; what names none has no place in a list of names."""
    return tuple(name for name in source.services(*_ever(now_ms)).names if name)


def operations_of(source: TraceSource, now_ms: int, service: str, kind: str = "") -> tuple[Operation, ...]:
    """What a service does, of one kind or of all; a kind that does not exist has nothing."""
    if kind and kind not in SPAN_KINDS:
        return ()
    return source.operations(*_ever(now_ms), service, kind).operations


def _ever(now_ms: int) -> tuple[int, int]:
    return max(now_ms + AHEAD_MS - RANGE_MS_MAX, 0), now_ms + AHEAD_MS


def read_trace(source: TraceSource, trace_id: str) -> Read:
    """One trace, its first spans where it is too large; no spans where there is none."""
    found = source.trace(trace_id, TRACE_SPANS_MAX)
    return Read(found.spans, warnings_of(found))


def read_traces(source: TraceSource, found: FoundTraces) -> Iterator[Read | LeftOut]:
    """Traces that a search found, whole, one after the other: who writes each down needs memory for one."""
    left = ANSWER_SPANS_MAX
    for summary in found.traces:
        if summary.spans_count > left:
            why = f"left out: an answer has at most {ANSWER_SPANS_MAX} spans, this trace has {summary.spans_count}"
            yield LeftOut(summary.trace_id, why)
            continue
        trace = source.trace(summary.trace_id, left, summary.started_at_ns // 1_000_000)
        if not trace.spans:
            continue  # it has become too old since it was found
        left -= len(trace.spans)
        yield Read(trace.spans, warnings_of(trace))


def warnings_of(trace: Trace) -> tuple[str, ...]:
    """What whoever reads this trace has to know."""
    told = [f"partial: {shard}" for shard in trace.missing]
    if trace.spans_count > len(trace.spans):
        told.append(f"the first {len(trace.spans)} of {trace.spans_count} spans")
    return tuple(told)
