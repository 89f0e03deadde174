"""Which operations and resources there are, by the day: found as rows are stored, and written down once each.

What was written by this process is remembered, so that after the first segments of a day there is nothing to write.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa

from trimtab.store.engine import Body, Engine
from trimtab.store.retention import DAY_MS
from trimtab.store.traces.red import codes_of, groups_of

KNOWN_MAX = 100_000
"""Rows of a table that are remembered, and written, in two days: names that never come again are no operations."""
_DAY_NS = DAY_MS * 1_000_000
_OF_SPANS = {
    "span_operations": ("service_name", "name", "kind"),
    "span_resources": ("service_name", "resource"),
}

Row = tuple[int | str, ...]


class Known:
    """For the thread of the loader. `tables` have the day and these columns of what is stored."""

    def __init__(
        self,
        engine: Engine,
        tables: Mapping[str, tuple[str, ...]] = _OF_SPANS,
        time_column: str = "started_at_ns",
        *,
        keeps_empty: bool = False,
    ) -> None:
        """Resources that say nothing are left out, unless `keeps_empty`."""
        self._engine = engine
        self._tables, self._time_column, self._keeps_empty = tables, time_column, keeps_empty
        self._known: dict[str, set[Row]] = {name: set() for name in tables}
        self._newest_day = 0

    def tell(self, rows: pa.Table) -> None:
        """Write down what is new in what is stored; raises EngineRefused."""
        days = np.asarray(rows[self._time_column].to_numpy()) // _DAY_NS
        self._forget(int(days.max()))
        for name, columns in self._tables.items():
            known = self._known[name]
            found = _rows(rows, days, columns, keeps_empty=self._keeps_empty)
            fresh = [row for row in found if row not in known][: KNOWN_MAX - len(known)]
            if fresh:
                write_rows(self._engine, name, columns, fresh)
                known.update(fresh)

    def _forget(self, day: int) -> None:
        """With a new day, what was known of the days before the last one: written again, it does no harm."""
        if day > self._newest_day:
            self._newest_day = day
            for name, known in self._known.items():
                self._known[name] = {row for row in known if int(row[0]) >= (day - 1) * DAY_MS}


def write_rows(engine: Engine, name: str, columns: tuple[str, ...], rows: Sequence[Row]) -> None:
    """Rows of the day and these columns into a table of them; raises EngineRefused."""
    names = ("day_ms", *columns)
    arrays = [pa.array(list(values)) for values in zip(*rows, strict=True)]
    table = pa.Table.from_arrays(arrays, names=names)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    structure = ", ".join(["day_ms Int64", *(f"{column} String" for column in columns)])
    bodies = {"fresh": Body([memoryview(sink.getvalue())], "ArrowStream", structure)}
    listed = ", ".join(names)
    engine.write(f"INSERT INTO {name} ({listed}) SELECT {listed} FROM BODY(fresh)", {}, bodies)


def _rows(
    spans: pa.Table,
    days: np.ndarray[tuple[int], np.dtype[np.int64]],
    columns: tuple[str, ...],
    *,
    keeps_empty: bool,
) -> Iterator[Row]:
    """The different rows of these columns, by the day."""
    first_day = int(days.min())
    code = days - first_day
    texts = []
    for column in columns:
        numbers, names = codes_of(spans, column)
        code = code * len(names) + numbers
        texts.append(names)
    for found in groups_of(code)[1].tolist():
        rest, row = found, []
        for names in reversed(texts):
            rest, place = divmod(rest, len(names))
            row.append(names[place])
        if keeps_empty or columns[-1] != "resource" or row[0]:
            yield ((first_day + rest) * DAY_MS, *reversed(row))
