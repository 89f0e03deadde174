"""Our own rows on their way: Arrow table → spool message → engine."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from trimtab.model.errors import EngineRefused, InputError
from trimtab.store.engine import Body, Engine
from trimtab.store.frames import Message
from trimtab.store.retention import DAY_MS, RETENTION, Retention
from trimtab.store.tables import conform, schema_of

AHEAD_MS_MAX = DAY_MS
_ENGINE_TYPES: dict[pa.DataType, str] = {
    pa.string(): "String",
    pa.int64(): "Int64",
    pa.float64(): "Float64",
    pa.bool_(): "Bool",
    pa.list_(pa.field("item", pa.string(), nullable=False)): "Array(String)",
    pa.map_(pa.string(), pa.string()): "Map(String, String)",
}


def message_of(
    table_name: str, table: pa.Table, kept: Retention | None = None, ahead_ms_max: int = AHEAD_MS_MAX
) -> bytes:
    """An Arrow IPC stream of rows in the table's own schema. `kept` is how long the table keeps them.

    Raises InputError where columns do not fit, or where a row is older than the table keeps or in the future: the
    engine would drop it in silence.
    """
    rows = conform(table_name, table)
    _check_times(table_name, rows, kept or RETENTION[table_name], ahead_ms_max)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_table(rows)
    return sink.getvalue().to_pybytes()


def _check_times(table_name: str, rows: pa.Table, kept: Retention, ahead_ms_max: int) -> None:
    if rows.num_rows == 0:
        return
    now_ms = time.time_ns() // 1_000_000
    first, last = now_ms - kept.days * DAY_MS, now_ms + ahead_ms_max
    times = rows[kept.column]
    for observed in (pc.min(times).as_py() // kept.per_ms, pc.max(times).as_py() // kept.per_ms):
        if not first <= observed <= last:
            raise InputError(
                f"{table_name}: {kept.column} holds {observed} ms; rows must lie in the last {kept.days} days"
                f" and at most {ahead_ms_max} ms ahead (now {now_ms})",
                table=table_name,
                column=kept.column,
                observed=observed,
                limit=first if observed < first else last,
            )


def rows_of(table_name: str, messages: Sequence[Message]) -> pa.Table:
    """The rows of messages; EngineRefused names the message that is none."""
    tables = []
    for message in messages:
        try:
            tables.append(conform(table_name, pa.ipc.open_stream(message.payload).read_all()))
        except (pa.ArrowInvalid, InputError) as error:
            raise EngineRefused(f"message {message.index} is not a table: {error}", index=message.index) from error
    return pa.concat_tables(tables)


class RowsSink:
    """Puts messages of one table into the engine, all at once."""

    def __init__(self, engine: Engine, table_name: str) -> None:
        self._engine = engine
        self._table_name = table_name
        schema = schema_of(table_name)
        names = ", ".join(f"`{name}`" for name in schema.names)
        self._structure = ", ".join(f"`{field.name}` {_ENGINE_TYPES[field.type]}" for field in schema)
        self._insert = (
            f"INSERT INTO {table_name} ({names}, spool_segment) SELECT {names}, {{segment:UInt64}} FROM BODY(rows)"
        )

    def _rows(self, messages: Sequence[Message]) -> dict[str, Body]:
        """One stream of all messages; EngineRefused names the message that is none."""
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, schema_of(self._table_name)) as writer:
            writer.write_table(rows_of(self._table_name, messages).combine_chunks())
        return {"rows": Body([memoryview(sink.getvalue())], "ArrowStream", self._structure)}

    def load(self, segment_id: int, messages: Sequence[Message]) -> None:
        """Insert; raises EngineRefused."""
        self._engine.write(self._insert, {"segment": segment_id}, self._rows(messages))

    def check(self, messages: Sequence[Message]) -> None:
        """Decode and store nothing; raises EngineRefused where the engine cannot read it."""
        self._engine.write("SELECT * FROM BODY(rows) FORMAT Null", None, self._rows(messages))
