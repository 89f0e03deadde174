"""Trace requests on their way from the spool into the table `spans`, a whole segment at a time."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trimtab.model.errors import EngineRefused, InputError
from trimtab.store.engine import Body, Engine
from trimtab.store.frames import Message, batches
from trimtab.store.limits import MIB, TelemetryLimits
from trimtab.store.masking import NO_MASKING, Masking
from trimtab.store.retention import DAY_MS
from trimtab.store.scratch import Scratch
from trimtab.store.traces.known import Known
from trimtab.store.traces.native import native_block
from trimtab.store.traces.words import Words

if TYPE_CHECKING:
    import pyarrow as pa

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
_BATCH_BYTES = 4 * MIB
"""Of requests that are decoded at a time: of more, what is written down about them fits into no cache."""


@dataclass(frozen=True, slots=True)
class _Counted:
    """What is counted of spans when they are stored."""

    spans: pa.Table
    outdated_count: int
    broken_ids_count: int


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
        self._words = Words(engine)
        self._scratch = Scratch() if sampler is None else Scratch(0)
        self._counted: OrderedDict[int, None] = OrderedDict()
        self._age_ns_max = days * DAY_MS * 1_000_000
        self.outdated_count = 0
        self.broken_ids_count = 0

    def load(self, segment_id: int, messages: Sequence[Message]) -> None:
        """Insert, in one block; raises EngineRefused."""
        from trimtab.store.traces.decode import KEPT

        pieces: list[bytes | memoryview] = []
        counted = []
        types, sql = (STORED, _INSERT) if self._sampler is None else (_WEIGHTED, _INSERT_WEIGHTED)
        for place, batch in enumerate(batches(messages, _BATCH_BYTES) if self._sampler is None else [messages]):
            decoded = self._decoded(batch)
            table = decoded.table
            counted.append(_Counted(table.select(KEPT), decoded.outdated_count, decoded.broken_ids_count))
            if table.num_rows:
                self._known.tell(table)
            if self._sampler is not None and table.num_rows:
                table = self._sampler.kept(segment_id, table, decoded.trace_hashes())
            if table.num_rows:
                self._words.tell(table)
                pieces += native_block(table, types, self._scratch, place)
        if pieces:
            structure = ", ".join(f"{name} {type_}" for name, type_ in types.items())
            bodies = {"decoded": Body(pieces, "Native", structure)}
            later = _LATER if self._engine.directory is not None else ""
            self._engine.write(f"{sql}{later}", {"segment": segment_id}, bodies)
        self._count(segment_id, counted)

    def _count(self, segment_id: int, counted: Sequence[_Counted]) -> None:
        """Once a segment, however many shards take it, and however often it is tried."""
        if segment_id in self._counted:
            return
        self._counted[segment_id] = None
        if len(self._counted) > _SEGMENTS_REMEMBERED:
            self._counted.popitem(last=False)
        for of_batch in counted:
            self.outdated_count += of_batch.outdated_count
            self.broken_ids_count += of_batch.broken_ids_count
            if self._red is not None:
                self._red.count(of_batch.spans)

    def check(self, messages: Sequence[Message]) -> None:
        """Decode and store nothing; raises EngineRefused where a request cannot be read."""
        self._decoded(messages)

    def _decoded(self, messages: Sequence[Message]) -> Decoded:
        from trimtab.store.traces.decode import decode

        now_ns = time.time_ns()
        first_ns = now_ns - self._age_ns_max
        last_ns = now_ns + int(self._limits.span_ahead_s_max * 1e9)
        spans_max = sum(message.rows_count for message in messages)
        body = self._scratch.joined("body", [message.payload for message in messages])
        try:
            return decode(body, spans_max, first_ns, last_ns, self._masking, self._scratch)
        except InputError as error:
            raise EngineRefused(f"not an ExportTraceServiceRequest: {error.message}") from error
        except ValueError as error:  # of a text or a column: one such request must not end all loading
            raise EngineRefused(f"an ExportTraceServiceRequest that cannot be made columns of: {error}") from error
