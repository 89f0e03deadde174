"""Trace requests on their way from the spool into the table `spans`, a whole segment at a time."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from trimtab.model.errors import EngineRefused, InputError
from trimtab.store.engine import Body, Engine
from trimtab.store.frames import Message
from trimtab.store.limits import TelemetryLimits
from trimtab.store.masking import NO_MASKING, Masking
from trimtab.store.retention import DAY_MS
from trimtab.store.traces.known import Known
from trimtab.store.traces.native import native_block

if TYPE_CHECKING:
    from trimtab.store.traces.decode import Decoded
    from trimtab.store.traces.red_series import RedSeries
    from trimtab.store.traces.sampling import Sampler

_TEXT, _OFTEN = "String", "LowCardinality(String)"
STORED = {
    "trace_id": _TEXT,
    "span_id": _TEXT,
    "parent_span_id": _TEXT,
    "service_name": _OFTEN,
    "name": _OFTEN,
    "kind": _OFTEN,
    "started_at_ns": "Int64",
    "duration_ms": "Float64",
    "status": _OFTEN,
    "status_message": _OFTEN,
    "trace_state": _OFTEN,
    "flags": "UInt32",
    "db_query_text": _OFTEN,
    "db_query_fingerprint": _OFTEN,
    "attributes": "Map(LowCardinality(String), String)",
    "attribute_kinds": _OFTEN,
    "resource": _OFTEN,
    "scope": _OFTEN,
    "events": _TEXT,
    "links": _TEXT,
    "dropped_attributes_count": "UInt32",
    "dropped_events_count": "UInt32",
    "dropped_links_count": "UInt32",
}
"""Columns of `spans` that a request fills, with their types."""
_NAMES = ", ".join(STORED)
_INSERT = (
    f"INSERT INTO spans ({_NAMES}, spool_segment) SELECT {_NAMES}, {{segment:UInt64}} FROM BODY(decoded)"
    " WHERE SHARD(trace_id)"
)
_WEIGHTED = {**STORED, "sample_weight": "Float32"}
_INSERT_WEIGHTED = _INSERT.replace(_NAMES, ", ".join(_WEIGHTED))
_LATER = " SETTINGS materialize_skip_indexes_on_insert = 0"
"""Indexes are made when parts are merged, which makes them anyway: new parts are small, and read in no time. Only for
the engine in this process, whose version is known."""
_SEGMENTS_REMEMBERED = 1000
_BATCH_ROWS = 40_000
"""So many spans are decoded at a time: of more, what is written down about them fits into no cache."""


class SpansSink:
    """Puts trace requests into the engine, all at once. `outdated_count` is how many spans were out of time: older than
    `days`, their retention, or too far in the future."""

    def __init__(
        self,
        engine: Engine,
        limits: TelemetryLimits,
        days: int,
        masking: Masking = NO_MASKING,
        red: RedSeries | None = None,
        sampler: Sampler | None = None,
    ) -> None:
        """`red` counts all spans, then `sampler` leaves some out."""
        self._engine = engine
        self._limits = limits
        self._masking = masking
        self._red = red
        self._sampler = sampler
        self._known = Known(engine)
        self._counted: OrderedDict[int, None] = OrderedDict()
        self._age_ns_max = days * DAY_MS * 1_000_000
        self.outdated_count = 0
        self.broken_ids_count = 0

    def load(self, segment_id: int, messages: Sequence[Message]) -> None:
        """Insert, in one block; raises EngineRefused."""
        pieces: list[bytes | memoryview] = []
        decoded_all = []
        types, sql = (STORED, _INSERT) if self._sampler is None else (_WEIGHTED, _INSERT_WEIGHTED)
        for batch in _batches(messages) if self._sampler is None else [messages]:
            decoded = self._decoded(batch)
            decoded_all.append(decoded)
            table = decoded.table
            if table.num_rows:
                self._known.tell(table)
            if self._sampler is not None and table.num_rows:
                table = self._sampler.kept(segment_id, table, decoded.trace_hashes())
            if table.num_rows:
                pieces += native_block(table, types)
        if pieces:
            structure = ", ".join(f"{name} {type_}" for name, type_ in types.items())
            bodies = {"decoded": Body(pieces, "Native", structure)}
            later = _LATER if self._engine.directory is not None else ""
            self._engine.write(f"{sql}{later}", {"segment": segment_id}, bodies)
        self._count(segment_id, decoded_all)

    def _count(self, segment_id: int, decoded_all: Sequence[Decoded]) -> None:
        """Once a segment, however many shards take it, and however often it is tried."""
        if segment_id in self._counted:
            return
        self._counted[segment_id] = None
        if len(self._counted) > _SEGMENTS_REMEMBERED:
            self._counted.popitem(last=False)
        for decoded in decoded_all:
            self.outdated_count += decoded.outdated_count
            self.broken_ids_count += decoded.broken_ids_count
            if self._red is not None:
                self._red.count(decoded.table)

    def check(self, messages: Sequence[Message]) -> None:
        """Decode and store nothing; raises EngineRefused where a request cannot be read."""
        self._decoded(messages)

    def _decoded(self, messages: Sequence[Message]) -> Decoded:
        from trimtab.store.traces.decode import decode

        now_ns = time.time_ns()
        first_ns = now_ns - self._age_ns_max
        last_ns = now_ns + int(self._limits.span_ahead_s_max * 1e9)
        spans_max = sum(message.rows_count for message in messages)
        body = bytearray().join(message.payload for message in messages)
        try:
            return decode(body, spans_max, first_ns, last_ns, self._masking)
        except InputError as error:
            raise EngineRefused(f"not an ExportTraceServiceRequest: {error.message}") from error


def _batches(messages: Sequence[Message]) -> Iterator[Sequence[Message]]:
    """Messages in their order, so many at a time that they have about `_BATCH_ROWS` spans."""
    batch: list[Message] = []
    rows_count = 0
    for message in messages:
        batch.append(message)
        rows_count += message.rows_count
        if rows_count >= _BATCH_ROWS:
            yield batch
            batch, rows_count = [], 0
    if batch:
        yield batch
