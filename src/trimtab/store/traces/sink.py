"""Trace requests on their way from the spool into the table `spans`, a whole segment at a time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from trimtab.model.errors import EngineRefused, InputError
from trimtab.store.engine import Body, Engine
from trimtab.store.frames import Message
from trimtab.store.limits import TelemetryLimits
from trimtab.store.masking import NO_MASKING, Masking
from trimtab.store.retention import DAY_MS
from trimtab.store.traces.native import native_block

if TYPE_CHECKING:
    from trimtab.store.traces.decode import Decoded

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
_STRUCTURE = ", ".join(f"{name} {type_}" for name, type_ in STORED.items())
_NAMES = ", ".join(STORED)
_INSERT = (
    f"INSERT INTO spans ({_NAMES}, spool_segment) SELECT {_NAMES}, {{segment:UInt64}} FROM BODY(decoded)"
    " WHERE SHARD(trace_id)"
)


class SpansSink:
    """Puts trace requests into the engine, all at once. `outdated_count` is how many spans were out of time: older than
    `days`, their retention, or too far in the future."""

    def __init__(self, engine: Engine, limits: TelemetryLimits, days: int, masking: Masking = NO_MASKING) -> None:
        self._engine = engine
        self._limits = limits
        self._masking = masking
        self._age_ns_max = days * DAY_MS * 1_000_000
        self.outdated_count = 0
        self.broken_ids_count = 0

    def load(self, segment_id: int, messages: Sequence[Message]) -> None:
        """Insert; raises EngineRefused."""
        decoded = self._decoded(messages)
        if decoded.table.num_rows:
            bodies = {"decoded": Body(native_block(decoded.table, STORED), "Native", _STRUCTURE)}
            self._engine.write(_INSERT, {"segment": segment_id}, bodies)
        self.outdated_count += decoded.outdated_count
        self.broken_ids_count += decoded.broken_ids_count

    def check(self, messages: Sequence[Message]) -> None:
        """Decode and store nothing; raises EngineRefused where a request cannot be read."""
        self._decoded(messages)

    def _decoded(self, messages: Sequence[Message]) -> Decoded:
        from trimtab.store.traces.decode import decode

        now_ns = time.time_ns()
        first_ns = now_ns - self._age_ns_max
        last_ns = now_ns + int(self._limits.span_ahead_s_max * 1e9)
        spans_max = sum(message.rows_count for message in messages)
        body = bytearray(b"".join(message.payload for message in messages))
        try:
            return decode(body, spans_max, first_ns, last_ns, self._masking)
        except InputError as error:
            raise EngineRefused(f"not an ExportTraceServiceRequest: {error.message}") from error
