"""Several traces whole, in one question: those that a search found.

Asked for one by one, each would have to be looked for in the whole range: at a million spans 100 traces take 12 s so,
and 0.2 s together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from trimtab.store.engine import Merge
from trimtab.store.traces.answers import StoredSpan, Trace, TraceSummary
from trimtab.store.traces.searching import INSIDE
from trimtab.store.traces.span_columns import COLUMNS, span_of
from trimtab.store.uncollected import uncollected

if TYPE_CHECKING:
    from trimtab.store.telemetry import TelemetryStore

ROWS_AT_ONCE = 256
"""Rows that become Python's in one step: no other thread runs meanwhile."""
_AROUND_NS = 3_600_000_000_000
"""Spans of a trace are looked for so long before its first and after its last, as its summary did."""


def traces_of(store: TelemetryStore, summaries: Sequence[TraceSummary], spans_max: int) -> tuple[Trace, ...]:
    """The traces of these summaries, in their order; `spans_max` bounds their spans together. What has become too old
    since has no spans."""
    if not summaries:
        return ()
    parameters: dict[str, object] = {
        "ids": [one.trace_id for one in summaries],
        "from_ns": min(one.started_at_ns for one in summaries) - _AROUND_NS,
        "to_ns": max(one.started_at_ns + round(one.duration_ms * 1e6) for one in summaries) + _AROUND_NS,
    }
    gathered = store.gather(
        f"SELECT {COLUMNS} FROM spans WHERE trace_id IN {{ids:Array(String)}} AND {INSIDE}"
        f" ORDER BY started_at_ns, span_id LIMIT {spans_max}",
        parameters,
        Merge((("started_at_ns", "ascending"), ("span_id", "ascending")), spans_max),
    )
    spans: dict[str, list[StoredSpan]] = {one.trace_id: [] for one in summaries}
    with uncollected():
        for batch in gathered.table.to_batches(max_chunksize=ROWS_AT_ONCE):
            for row in batch.to_pylist():
                span = span_of(row)
                spans[span.trace_id].append(span)
    return tuple(
        Trace(
            one.trace_id,
            tuple(spans[one.trace_id]),
            max(one.spans_count, len(spans[one.trace_id])) if spans[one.trace_id] else 0,
            gathered.missing,
        )
        for one in summaries
    )
