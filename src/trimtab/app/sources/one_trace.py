"""One trace of another store, asked as the own store is asked: in short, in columns, span by span."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from trimtab.app.sources.sources import Sources
from trimtab.app.sources.traces import summary_of
from trimtab.model.errors import NotFound
from trimtab.store.traces.answers import StoredSpan, Trace, TraceSummary
from trimtab.store.traces.outline import Outline, having_of, outline_of
from trimtab.store.traces.reads import SPANS_A_TRACE_MAX


class OneTrace(Protocol):
    """What pages ask of one trace; `trimtab.app.traces.Traces` is one. `around_ms` says about when it was."""

    def summary(self, trace_id: str, around_ms: int | None = None, /) -> tuple[TraceSummary | None, tuple[str, ...]]:
        """All in all; None where it is not there. And who did not answer."""
        ...

    def outline(self, trace_id: str, around_ms: int | None = None, /) -> Outline:
        """Every span with what a picture of it needs."""
        ...

    def span(
        self, trace_id: str, span_id: str, around_ms: int | None = None, /
    ) -> tuple[StoredSpan | None, tuple[str, ...]]:
        """One span whole; None where it is not there. And who did not answer."""
        ...

    def spans_having(
        self, trace_id: str, text: str, around_ms: int | None = None, /
    ) -> tuple[Sequence[str], tuple[str, ...]]:
        """Ids of the spans that have this text anywhere. And who did not answer."""
        ...


class TraceElsewhere:
    """Of the source `name`. Each of its traces is fetched whole, and kept for a moment."""

    def __init__(self, sources: Sources, name: str) -> None:
        self._sources, self._name = sources, name

    def _trace(self, trace_id: str) -> Trace:
        return self._sources.trace(self._name, trace_id, SPANS_A_TRACE_MAX)

    def summary(self, trace_id: str, _around_ms: int | None = None, /) -> tuple[TraceSummary | None, tuple[str, ...]]:
        """See `OneTrace.summary`."""
        try:
            return summary_of(self._trace(trace_id).spans), ()
        except NotFound:
            return None, ()

    def outline(self, trace_id: str, _around_ms: int | None = None, /) -> Outline:
        """See `OneTrace.outline`."""
        return outline_of(self._trace(trace_id))

    def span(
        self, trace_id: str, span_id: str, _around_ms: int | None = None, /
    ) -> tuple[StoredSpan | None, tuple[str, ...]]:
        """See `OneTrace.span`."""
        return next((span for span in self._trace(trace_id).spans if span.span_id == span_id), None), ()

    def spans_having(
        self, trace_id: str, text: str, _around_ms: int | None = None, /
    ) -> tuple[Sequence[str], tuple[str, ...]]:
        """See `OneTrace.spans_having`."""
        return having_of(self._trace(trace_id), text), ()
