"""A trace as a picture needs it: few columns of every span, and all of one span when somebody looks at it.

Ten thousand spans stay columns on their way: the engine reads them, Arrow finds each one's parent, and no Python object
is made of a span.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from trimtab.store.engine import Merge
from trimtab.store.traces.answers import StoredSpan, Trace, TraceSummary
from trimtab.store.traces.reads import SPANS_A_TRACE_MAX, trace_id_of
from trimtab.store.traces.searching import INSIDE, SUMMARY_COLUMNS, summary_of
from trimtab.store.traces.span_columns import COLUMNS, span_of
from trimtab.store.traces.typed_json import text_of

if TYPE_CHECKING:
    from trimtab.store.telemetry import TelemetryStore

EVENTS_A_SPAN_MAX = 32
_COLUMNS = (
    "span_id, parent_span_id, toString(service_name) AS service, toString(name) AS span_name,"
    " toString(kind) AS span_kind, toString(status) AS how, started_at_ns,"
    " toInt64(round(duration_ms * 1e6)) AS took_ns, links <> '' AS has_links,"
    f" arraySlice(if(events = '', [], JSONExtractArrayRaw(events)), 1, {EVENTS_A_SPAN_MAX}) AS told,"
    " arrayMap(one -> JSONExtractInt(one, 'at_ns'), told) AS event_at_ns,"
    " arrayMap(one -> JSONExtractString(one, 'name'), told) AS event_names"
)
_ANYWHERE = " OR ".join(
    f"positionCaseInsensitiveUTF8({column}, {{text:String}}) > 0"
    for column in (
        "toString(service_name)",
        "toString(name)",
        "toString(status_message)",
        "toString(db_query_text)",
        "events",
        "arrayStringConcat(arrayMap((key, value) -> concat(key, '=', value), mapKeys(attributes),"
        " mapValues(attributes)), '\\n')",
    )
)


@dataclass(frozen=True, slots=True)
class Outline:
    """Spans in the order in which they began, one list for each column. `parents` are places in the same lists, -1
    where the parent is not there; `is_orphan` tells those that name one. Codes are places in the lists of texts."""

    trace_id: str
    spans_count: int
    first_ns: int
    span_ids: Sequence[str]
    parents: Sequence[int]
    orphans: Sequence[int]
    """Spans that name a parent that is not there."""
    begins_ns: Sequence[int]
    """After `first_ns`."""
    took_ns: Sequence[int]
    services: Sequence[str]
    service_codes: Sequence[int]
    names: Sequence[str]
    name_codes: Sequence[int]
    kinds: Sequence[str]
    kind_codes: Sequence[int]
    statuses: Sequence[str]
    status_codes: Sequence[int]
    linked: Sequence[int]
    """Spans with links."""
    event_spans: Sequence[int]
    """For each event its span."""
    event_at_ns: Sequence[int]
    event_names: Sequence[str]
    event_name_codes: Sequence[int]
    missing: tuple[str, ...] = ()


class TraceOutlines:
    """Questions about one trace. A range (`from_ms`, `to_ms`) in which it was makes each of them quicker."""

    def __init__(self, store: TelemetryStore) -> None:
        self._store = store

    def summary(
        self, trace_id: str, from_ms: int | None = None, to_ms: int | None = None
    ) -> tuple[TraceSummary | None, tuple[str, ...]]:
        """What it is all in all, None where it is not there; and who did not answer."""
        where, parameters = _where(trace_id, from_ms, to_ms)
        gathered = self._store.gather(
            f"SELECT {SUMMARY_COLUMNS} FROM spans WHERE {where} GROUP BY trace_id, service",
            parameters,
            Merge((("trace_id", "ascending"), ("service", "ascending"))),
        )
        rows = gathered.table.to_pylist()
        return (summary_of(trace_id_of(trace_id), rows) if rows else None), gathered.missing

    def outline(self, trace_id: str, from_ms: int | None = None, to_ms: int | None = None) -> Outline:
        """All spans, of very many the first."""
        where, parameters = _where(trace_id, from_ms, to_ms)
        gathered = self._store.gather(
            f"SELECT {_COLUMNS} FROM spans WHERE {where} ORDER BY started_at_ns, span_id LIMIT {SPANS_A_TRACE_MAX}",
            parameters,
            Merge((("started_at_ns", "ascending"), ("span_id", "ascending")), SPANS_A_TRACE_MAX),
        )
        return _outline(trace_id_of(trace_id), gathered.table.combine_chunks(), gathered.missing)

    def span(
        self, trace_id: str, span_id: str, from_ms: int | None = None, to_ms: int | None = None
    ) -> tuple[StoredSpan | None, tuple[str, ...]]:
        """One span whole, None where it is not there; and who did not answer."""
        where, parameters = _where(trace_id, from_ms, to_ms)
        gathered = self._store.gather(
            f"SELECT {COLUMNS} FROM spans WHERE {where} AND span_id = {{span:String}} LIMIT 1",
            {**parameters, "span": span_id},
            Merge(limit=1),
        )
        rows = gathered.table.to_pylist()
        return (span_of(rows[0]) if rows else None), gathered.missing

    def having(
        self, trace_id: str, text: str, from_ms: int | None = None, to_ms: int | None = None
    ) -> tuple[Sequence[str], tuple[str, ...]]:
        """Ids of the spans that have this text anywhere: name, service, attributes, events, statement; and who did not
        answer."""
        where, parameters = _where(trace_id, from_ms, to_ms)
        gathered = self._store.gather(
            f"SELECT span_id FROM spans WHERE {where} AND ({_ANYWHERE}) LIMIT {SPANS_A_TRACE_MAX}",
            {**parameters, "text": text},
            Merge(limit=SPANS_A_TRACE_MAX),
        )
        ids: list[str] = gathered.table["span_id"].to_pylist()
        return ids, gathered.missing


def _where(trace_id: str, from_ms: int | None, to_ms: int | None) -> tuple[str, dict[str, object]]:
    parameters: dict[str, object] = {"id": trace_id_of(trace_id)}
    if from_ms is None or to_ms is None:
        return "trace_id = {id:String}", parameters
    return (
        f"trace_id = {{id:String}} AND {INSIDE}",
        {**parameters, "from_ns": from_ms * 1_000_000, "to_ns": to_ms * 1_000_000},
    )


def _outline(trace_id: str, table: pa.Table, missing: tuple[str, ...]) -> Outline:
    parents = pc.index_in(table["parent_span_id"], value_set=table["span_id"].combine_chunks())
    is_orphan = pc.and_(pc.is_null(parents), pc.not_equal(table["parent_span_id"], ""))
    first_ns = pc.min(table["started_at_ns"]).as_py() or 0
    coded = {name: _coded(table[name]) for name in ("service", "span_name", "span_kind", "how")}
    told = table["event_at_ns"].combine_chunks()
    event_names = _coded(pc.list_flatten(table["event_names"]))
    return Outline(
        trace_id=trace_id,
        spans_count=table.num_rows,
        first_ns=first_ns,
        span_ids=table["span_id"].to_pylist(),
        parents=pc.fill_null(parents, -1).to_pylist(),
        orphans=_places(is_orphan),
        begins_ns=pc.subtract(table["started_at_ns"], first_ns).to_pylist(),
        took_ns=table["took_ns"].to_pylist(),
        services=coded["service"][0],
        service_codes=coded["service"][1],
        names=coded["span_name"][0],
        name_codes=coded["span_name"][1],
        kinds=coded["span_kind"][0],
        kind_codes=coded["span_kind"][1],
        statuses=coded["how"][0],
        status_codes=coded["how"][1],
        linked=_places(pc.equal(table["has_links"], 1)),
        event_spans=pc.list_parent_indices(told).to_pylist(),
        event_at_ns=pc.subtract(pc.list_flatten(told), first_ns).to_pylist(),
        event_names=event_names[0],
        event_name_codes=event_names[1],
        missing=missing,
    )


def outline_of(trace: Trace) -> Outline:
    """Of a trace whose spans are at hand, as those of other stores are: the same columns, from values."""
    spans = sorted(trace.spans, key=lambda span: (span.started_at_ns, span.span_id))
    events = [span.events[:EVENTS_A_SPAN_MAX] for span in spans]
    table = pa.table(
        {
            "span_id": pa.array([span.span_id for span in spans], pa.string()),
            "parent_span_id": pa.array([span.parent_span_id for span in spans], pa.string()),
            "service": pa.array([span.service_name for span in spans], pa.string()),
            "span_name": pa.array([span.name for span in spans], pa.string()),
            "span_kind": pa.array([span.kind for span in spans], pa.string()),
            "how": pa.array([span.status for span in spans], pa.string()),
            "started_at_ns": pa.array([span.started_at_ns for span in spans], pa.int64()),
            "took_ns": pa.array([span.duration_ns for span in spans], pa.int64()),
            "has_links": pa.array([int(bool(span.links)) for span in spans], pa.uint8()),
            "event_at_ns": pa.array([[one.at_ns for one in told] for told in events], pa.list_(pa.int64())),
            "event_names": pa.array([[one.name for one in told] for told in events], pa.list_(pa.string())),
        }
    )
    return _outline(trace.trace_id, table, trace.missing)


def having_of(trace: Trace, text: str) -> list[str]:
    """Ids of its spans that have this text anywhere."""
    wanted = text.lower()
    return [span.span_id for span in trace.spans if any(wanted in told.lower() for told in _texts(span))]


def _texts(span: StoredSpan) -> Iterator[str]:
    yield from (span.service_name, span.name, span.status_message, span.db_query_text)
    for attributes in (span.attributes, *(event.attributes for event in span.events)):
        yield from (f"{key}={text_of(value)}" for key, value in attributes.items())
    yield from (event.name for event in span.events)


def _coded(column: Any) -> tuple[list[str], list[int]]:
    """The different texts, and for each row which of them."""
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    encoded = pc.dictionary_encode(whole)
    return encoded.dictionary.to_pylist(), encoded.indices.to_pylist()


def _places(is_so: Any) -> list[int]:
    found: list[int] = pc.indices_nonzero(is_so).to_pylist()
    return found
