"""What both APIs ask for, whoever has the spans; and how many whole traces become one answer of bounded size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from trimtab.api.jaeger.limits import (
    AHEAD_MS,
    ANSWER_SPANS_MAX,
    LONG_MS,
    RANGE_MS_MAX,
    SPANS_AT_ONCE,
    TRACE_SPANS_MAX,
)
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
    TraceSummary,
)


class TraceSource(Protocol):
    """Traces that are stored. Every method runs on the caller's thread, and may raise StoreError."""

    def search(self, query: TraceQuery) -> FoundTraces:
        """Traces that have a span for which the query holds."""

    def trace(self, trace_id: str, spans_max: int, around_ms: int | None = None) -> Trace:
        """One trace; without spans where it is not there. Where one knows about when it was it is found quicker."""

    def whole(self, summaries: Sequence[TraceSummary], spans_max: int) -> tuple[Trace, ...]:
        """Several traces that a search found, in its order, and quicker than one by one."""

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


def read_trace(source: TraceSource, trace_id: str, around_ms: int | None = None) -> Read:
    """One trace, its first spans where it is too large; no spans where there is none."""
    found = source.trace(trace_id, TRACE_SPANS_MAX, around_ms)
    return Read(found.spans, warnings_of(found))


def read_traces(source: TraceSource, found: FoundTraces) -> Iterator[Read | LeftOut]:
    """Traces that a search found, whole. They are read some at a time: who writes each down needs memory for these."""
    left = ANSWER_SPANS_MAX
    waiting: list[TraceSummary] = []
    waiting_count = 0
    for summary in found.traces:
        if summary.spans_count > left:
            why = f"left out: an answer has at most {ANSWER_SPANS_MAX} spans, this trace has {summary.spans_count}"
            yield LeftOut(summary.trace_id, why)
            continue
        if summary.duration_ms > LONG_MS:
            trace = source.trace(summary.trace_id, left, summary.started_at_ns // 1_000_000)
            left -= len(trace.spans)
            yield Read(trace.spans, warnings_of(trace))
            continue
        if waiting and waiting_count + summary.spans_count > SPANS_AT_ONCE:
            yield from _read(source, waiting)
            waiting, waiting_count = [], 0
        waiting.append(summary)
        waiting_count += summary.spans_count
        left -= summary.spans_count
    yield from _read(source, waiting)


def _read(source: TraceSource, summaries: Sequence[TraceSummary]) -> Iterator[Read]:
    for trace in source.whole(summaries, ANSWER_SPANS_MAX) if summaries else ():
        if trace.spans:  # else it has become too old since it was found
            yield Read(trace.spans, warnings_of(trace))


def warnings_of(trace: Trace) -> tuple[str, ...]:
    """What whoever reads this trace has to know."""
    told = [f"partial: {shard}" for shard in trace.missing]
    if trace.spans_count > len(trace.spans):
        told.append(f"the first {len(trace.spans)} of {trace.spans_count} spans")
    return tuple(told)
