"""Requests with logs on their way: spool message → columns → the engine."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from trimtab.model.errors import EngineRefused
from trimtab.store.engine import Body, Engine
from trimtab.store.frames import Message, batches
from trimtab.store.limits import MIB
from trimtab.store.logs.columns import COLUMNS, LATER_INDEXES, RESOURCES, STRUCTURE
from trimtab.store.masking import NO_MASKING, Masking
from trimtab.store.retention import DAY_MS
from trimtab.store.scratch import Scratch
from trimtab.store.traces.known import Known
from trimtab.store.traces.native import native_block

_NAMES = ", ".join(COLUMNS)
_INSERT = (
    f"INSERT INTO log_records ({_NAMES}, spool_segment) SELECT {_NAMES}, {{segment:UInt64}} FROM BODY(rows)"
    f" WHERE SHARD(service_name) SETTINGS exclude_materialize_skip_indexes_on_insert = '{LATER_INDEXES}'"
)
_CHUNK_BYTES_MAX = 4 * MIB
"""Of requests that are decoded at a time: what becomes of them is a few times that."""
_PARTS_REMEMBERED = 1000
_AHEAD_NS = DAY_MS * 1_000_000

OnStored = Callable[[int, Sequence[pa.Table]], None]


class LogsSink:
    """Puts requests into the engine. `outdated_count` is how many records were out of time: older than `days`, their
    retention, or more than a day in the future. `on_stored` hears once of a segment's rows, of some columns (of several
    shards, the first has them); it must be quick and must not raise."""

    def __init__(self, engine: Engine, days: int, masking: Masking = NO_MASKING) -> None:
        self._engine = engine
        self._age_ns_max = days * DAY_MS * 1_000_000
        self._masking = masking
        self._known = Known(engine, {RESOURCES: ("resource",)}, "at_ns", keeps_empty=True)
        self._scratch = Scratch()
        self._told: OrderedDict[tuple[int, int], None] = OrderedDict()
        self.outdated_count = 0
        self.on_stored: OnStored = lambda _segment_id, _tables: None

    @property
    def window_ns(self) -> tuple[int, int]:
        """The first and the last time that a record may have now."""
        now_ns = time.time_ns()
        return now_ns - self._age_ns_max, now_ns + _AHEAD_NS

    def load(self, segment_id: int, messages: Sequence[Message]) -> None:
        """Insert, all at once, so that there are few parts to merge; raises EngineRefused."""
        from trimtab.store.logs.decode import KEPT

        first_no = 0
        tables, blocks, outdated_count = [], list[bytes | memoryview](), 0
        for place, batch in enumerate(batches(messages, _CHUNK_BYTES_MAX)):
            body = self._scratch.joined("body", [message.payload for message in batch])
            table, seen_count, left_count = self._decoded(body, first_no)
            if table.num_rows:
                self._known.tell(table)
                blocks += native_block(table, COLUMNS, self._scratch, place)
                tables.append(table.select(KEPT))
            first_no += seen_count
            outdated_count += left_count
        if blocks:
            self._engine.write(_INSERT, {"segment": segment_id}, {"rows": Body(blocks, "Native", STRUCTURE)})
        if tables and self._is_new((segment_id, messages[0].index)):
            self.outdated_count += outdated_count
            self.on_stored(segment_id, tables)

    def _is_new(self, part: tuple[int, int]) -> bool:
        """Whether this part of a segment was not heard of before: several shards take one, and where the disk became
        full it is loaded again."""
        is_new = part not in self._told
        self._told[part] = None
        if len(self._told) > _PARTS_REMEMBERED:
            self._told.popitem(last=False)
        return is_new

    def check(self, messages: Sequence[Message]) -> None:
        """Decode and store nothing; raises EngineRefused where it cannot be read."""
        for message in messages:
            try:
                self._decoded(bytearray(message.payload), 0)
            except EngineRefused as error:
                raise EngineRefused(f"message {message.index}: {error.message}", index=message.index) from error

    def _decoded(self, body: bytearray | NDArray[np.uint8], first_no: int) -> tuple[pa.Table, int, int]:
        from trimtab.store.logs.decode import decode

        first_ns, last_ns = self.window_ns
        try:
            decoded = decode(body, first_ns, last_ns, time.time_ns(), self._masking, first_no, self._scratch)
        except ValueError as error:  # of a text or a column: one such request must not end all loading
            raise EngineRefused(f"an ExportLogsServiceRequest that cannot be made columns of: {error}") from error
        return decoded.table, decoded.seen_count, decoded.outdated_count
