"""What was stored, segment by segment, for who hands it on: which segments have rows, and the rows of a part of one.

Numbers of segments only grow (`TelemetryStore.stored_to`): whoever remembers how far it came misses nothing, also after
a restart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from trimtab.model.errors import StoreError
from trimtab.store.engine import Merge

if TYPE_CHECKING:
    from trimtab.store.telemetry import TelemetryStore

SEGMENTS_MAX = 1000


@dataclass(frozen=True, slots=True)
class Segment:
    """`newest_ms` is the time of its newest row."""

    id: int
    rows_count: int
    newest_ms: int


@dataclass(frozen=True, slots=True)
class Stored:
    """A table as it was filled. `time_column` has Unix nanoseconds; `spread_by` is SQL for a number of each row, by
    which a segment falls into parts."""

    table: str
    time_column: str
    spread_by: str
    columns: str
    order: tuple[str, ...]


def segments(store: TelemetryStore, stored: Stored, after: int, to: int) -> tuple[Segment, ...]:
    """Segments behind `after` up to `to` that have rows, oldest first: the first `SEGMENTS_MAX` of them. StoreError
    where a shard does not answer: what it has would be left out for ever."""
    gathered = store.gather(
        f"SELECT spool_segment AS id, count() AS n, max({stored.time_column}) AS newest_ns FROM {stored.table}"
        " WHERE spool_segment > {after:UInt64} AND spool_segment <= {to:UInt64}"
        f" GROUP BY spool_segment ORDER BY id LIMIT {SEGMENTS_MAX}",
        {"after": after, "to": to},
        Merge((("id", "ascending"),), SEGMENTS_MAX, group_by=("id",), how={"newest_ns": "max"}),
    )
    _check(gathered.missing)
    rows = gathered.table.to_pylist()
    return tuple(Segment(row["id"], row["n"], row["newest_ns"] // 1_000_000) for row in rows)


def rows_of(store: TelemetryStore, stored: Stored, segment: Segment, part: int, parts: int) -> pa.Table:
    """The rows of one of `parts` parts of a segment."""
    gathered = store.gather(
        f"SELECT {stored.columns} FROM {stored.table} WHERE spool_segment = {{id:UInt64}}"
        f" AND {stored.spread_by} % {{parts:UInt32}} = {{part:UInt32}} ORDER BY {', '.join(stored.order)}",
        {"id": segment.id, "part": part, "parts": parts},
        Merge(tuple((name, "ascending") for name in stored.order)),
    )
    _check(gathered.missing)
    return gathered.table


def _check(missing: Sequence[str]) -> None:
    if missing:
        raise StoreError(f"not everybody answered: {'; '.join(missing)}")
