"""How messages of metrics become rows of the engine: one statement a segment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from trimtab.model.errors import EngineRefused
from trimtab.store.engine import Body, Engine
from trimtab.store.frames import Message
from trimtab.store.metrics.messages import SAMPLES, STORED_SAMPLES, NativeTable
from trimtab.store.metrics.packed import packed_of
from trimtab.store.metrics.row_messages import RowTable
from trimtab.store.metrics.sorting import by_series
from trimtab.store.scratch import Scratch
from trimtab.store.spread import SPREAD


def _insert(name: str, columns: Sequence[str]) -> str:
    names = ", ".join(columns)
    mine = " WHERE SHARD(id)" if name in SPREAD else ""
    return f"INSERT INTO {name} ({names}, spool_segment) SELECT {names}, {{segment:UInt64}} FROM BODY(rows){mine}"


_CHECK = "SELECT * FROM BODY(rows) FORMAT Null"


class NativeSink:
    """Blocks of numbers, made one block in the order of the table: id and time."""

    def __init__(self, engine: Engine, table: NativeTable) -> None:
        self._engine, self._table = engine, table
        self._stored = STORED_SAMPLES if table is SAMPLES else table
        self._insert = _insert(table.name, list(self._stored.columns))
        self._scratch = Scratch()

    def load(self, segment_id: int, messages: Sequence[Message]) -> None:
        """Insert; raises EngineRefused. On the loader's thread alone: memory is used again."""
        body = Body(self._sorted(messages), "Native", self._stored.structure)
        self._engine.write(self._insert, {"segment": segment_id}, {"rows": body})

    def _sorted(self, messages: Sequence[Message]) -> Sequence[bytes | memoryview]:
        """Of rows that are in order the engine only finds that they are: to sort them costs it more than it costs here,
        where senders' habits are known."""
        from trimtab.store.metrics.sorting_kernels import repeat

        blocks = [tuple(self._table.unpack(message.payload).values()) for message in messages]
        views = [(block[0].view("<u8"), block[1].view("<i8"), block[2].view("<i8")) for block in blocks]
        found = by_series(views, self._scratch)
        ids, bits = self._scratch.empty("ids", len(found.at_ms), np.uint64), found.bits
        repeat(found.ids, found.offsets, ids)
        if self._table is SAMPLES:
            bits = packed_of(found.offsets, bits, self._scratch.empty("packed", len(bits), np.int64))
        columns = (ids, found.at_ms, bits)
        return self._stored.parts(dict(zip(self._stored.columns, columns, strict=True)))

    def check(self, messages: Sequence[Message]) -> None:
        """Decode and store nothing; raises EngineRefused."""
        for message in messages:
            self._table.unpack(message.payload)
        body = Body([message.payload for message in messages], "Native", self._table.structure)
        self._engine.write(_CHECK, None, {"rows": body})


class RowsSink:
    """Arrow streams, made one."""

    def __init__(self, engine: Engine, table: RowTable) -> None:
        self._engine, self._table = engine, table
        self._insert = _insert(table.name, list(table.types))

    def _rows(self, messages: Sequence[Message]) -> Mapping[str, Body]:
        tables = []
        for message in messages:
            try:
                tables.append(self._table.unpack(message.payload))
            except EngineRefused as error:
                raise EngineRefused(f"message {message.index}: {error.message}", index=message.index) from error
        stream = self._table.pack(pa.concat_tables(tables).combine_chunks().columns)
        return {"rows": Body([stream], "ArrowStream", self._table.structure)}

    def load(self, segment_id: int, messages: Sequence[Message]) -> None:
        """Insert; raises EngineRefused."""
        self._engine.write(self._insert, {"segment": segment_id}, self._rows(messages))

    def check(self, messages: Sequence[Message]) -> None:
        """Decode and store nothing; raises EngineRefused."""
        self._engine.write(_CHECK, None, self._rows(messages))
