"""What is written to another store as well: stored log records, stored spans, a part of a segment at a time.

They are read back from the own store, once they can be found: what was left out or masked at the door does not leave.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from trimtab.extend.sources import FoundLog, Sent, SourceRefused
from trimtab.store.logs import records
from trimtab.store.logs.answers import LogRecord
from trimtab.store.segments import Segment, Stored, rows_of, segments
from trimtab.store.telemetry import TelemetryStore
from trimtab.store.traces import span_columns
from trimtab.store.traces.encode import encode_spans
from trimtab.store.uncollected import uncollected

ROWS_AT_ONCE = 1000
"""About so many rows are sent in one request."""
_PIECE = 256
"""Rows that become Python's in one step: no other thread runs meanwhile."""
_LOGS = Stored("log_records", "at_ns", "record_no", records.COLUMNS, ("record_no",))
_SPANS = Stored(
    "spans",
    "started_at_ns",
    "cityHash64(trace_id)",
    span_columns.COLUMNS,
    ("resource_json", "scope_json", "started_at_ns", "span_id"),
)


class Feed(Protocol):
    """One signal on its way to one store. Methods wait, and raise StoreError (SourceError: the other store)."""

    def stored_to(self) -> int:
        """The last segment that may be sent."""
        ...

    def segments(self, after: int, to: int) -> Sequence[Segment]:
        """Those that have rows, oldest first; of very many the first."""
        ...

    def send(self, segment: Segment, part: int, parts: int) -> Sent:
        """Send one part of a segment."""
        ...


@dataclass(frozen=True, slots=True)
class LogFeed:
    """Log records, one document each."""

    store: TelemetryStore
    write: Callable[[Sequence[FoundLog]], Sent]

    def stored_to(self) -> int:
        """See `Feed.stored_to`."""
        return self.store.stored_to(_LOGS.table)

    def segments(self, after: int, to: int) -> Sequence[Segment]:
        """See `Feed.segments`."""
        return segments(self.store, _LOGS, after, to)

    def send(self, segment: Segment, part: int, parts: int) -> Sent:
        """See `Feed.send`."""
        table = rows_of(self.store, _LOGS, segment, part, parts)
        with uncollected():
            found = [
                given_of(records.record_of(row))
                for batch in table.to_batches(max_chunksize=_PIECE)
                for row in batch.to_pylist()
            ]
        return self.write(found) if found else Sent(0)


@dataclass(frozen=True, slots=True)
class SpanFeed:
    """Spans, as requests of OTLP. What is refused for good is counted, and nobody waits for it."""

    store: TelemetryStore
    write: Callable[[bytes, int], Sent]

    def stored_to(self) -> int:
        """See `Feed.stored_to`."""
        return self.store.stored_to(_SPANS.table)

    def segments(self, after: int, to: int) -> Sequence[Segment]:
        """See `Feed.segments`."""
        return segments(self.store, _SPANS, after, to)

    def send(self, segment: Segment, part: int, parts: int) -> Sent:
        """See `Feed.send`."""
        table = rows_of(self.store, _SPANS, segment, part, parts)
        if not table.num_rows:
            return Sent(0)
        with uncollected():
            batches = table.to_batches(max_chunksize=_PIECE)
            body = encode_spans(span_columns.span_of(row) for batch in batches for row in batch.to_pylist())
        try:
            return self.write(body, table.num_rows)
        except SourceRefused as error:
            return Sent(0, {error.message: table.num_rows})


def given_of(record: LogRecord) -> FoundLog:
    """A record for another store, which does not tell a resource from attributes."""
    return FoundLog(
        id=record.id,
        at_ns=record.at_ns,
        body=record.body_text,
        severity_text=record.severity_text or ("" if record.level == "unknown" else record.level),
        service_name=record.service_name,
        trace_id=record.trace_id,
        span_id=record.span_id,
        attributes={**record.resource, **record.attributes},
    )
