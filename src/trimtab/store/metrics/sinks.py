"""How messages of metrics become rows of the engine: one statement a segment, through a file in memory."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from trimtab.model.errors import EngineRefused
from trimtab.store.engine import Engine
from trimtab.store.frames import Message
from trimtab.store.memory_file import memory_file
from trimtab.store.metrics.messages import NativeTable
from trimtab.store.metrics.row_messages import RowTable


def _insert(name: str, columns: Sequence[str], file_format: str, structure: str) -> str:
    names = ", ".join(columns)
    return (
        f"INSERT INTO {name} ({names}, spool_segment)"
        f" SELECT {names}, {{segment:UInt64}} FROM file({{path:String}}, '{file_format}', '{structure}')"
    )


def _check(file_format: str, structure: str) -> str:
    return f"SELECT * FROM file({{path:String}}, '{file_format}', '{structure}') FORMAT Null"


class NativeSink:
    """Blocks of numbers, handed over as they are."""

    def __init__(self, engine: Engine, table: NativeTable) -> None:
        self._engine, self._table = engine, table
        self._insert = _insert(table.name, list(table.columns), "Native", table.structure)
        self._check = _check("Native", table.structure)

    def load(self, segment_id: int, messages: Sequence[Message]) -> None:
        """Insert; raises EngineRefused."""
        with memory_file(*(message.payload for message in messages)) as path:
            self._engine.write(self._insert, {"path": path, "segment": segment_id})

    def check(self, messages: Sequence[Message]) -> None:
        """Decode and store nothing; raises EngineRefused."""
        for message in messages:
            self._table.unpack(message.payload)
        with memory_file(*(message.payload for message in messages)) as path:
            self._engine.write(self._check, {"path": path})


class RowsSink:
    """Arrow streams, made one."""

    def __init__(self, engine: Engine, table: RowTable) -> None:
        self._engine, self._table = engine, table
        self._insert = _insert(table.name, list(table.types), "ArrowStream", table.structure)
        self._check = _check("ArrowStream", table.structure)

    def _stream(self, messages: Sequence[Message]) -> bytes:
        tables = []
        for message in messages:
            try:
                tables.append(self._table.unpack(message.payload))
            except EngineRefused as error:
                raise EngineRefused(f"message {message.index}: {error.message}", index=message.index) from error
        return self._table.pack(pa.concat_tables(tables).combine_chunks().columns)

    def load(self, segment_id: int, messages: Sequence[Message]) -> None:
        """Insert; raises EngineRefused."""
        with memory_file(self._stream(messages)) as path:
            self._engine.write(self._insert, {"path": path, "segment": segment_id})

    def check(self, messages: Sequence[Message]) -> None:
        """Decode and store nothing; raises EngineRefused."""
        with memory_file(self._stream(messages)) as path:
            self._engine.write(self._check, {"path": path})
