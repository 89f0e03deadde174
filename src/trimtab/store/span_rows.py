"""Single spans of a query shape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trimtab.store.engine import Direction, Merge

if TYPE_CHECKING:
    from trimtab.store.telemetry import TelemetryStore

ATTRIBUTES_MAX = 50
ATTRIBUTE_CHARS_MAX = 500

_INSIDE = (
    "db_query_fingerprint = {fingerprint:String} AND started_at_ns >= {start:Int64} * 1000000"
    " AND started_at_ns < {end:Int64} * 1000000"
)
_SQL = (
    "SELECT trace_id, span_id, started_at_ns, duration_ms, toString(service_name) AS service,"
    " toString(status) AS how, CAST(arraySlice(arraySort(x -> x.1, arrayMap((k, v) -> (toString(k),"
    f" substringUTF8(v, 1, {ATTRIBUTE_CHARS_MAX})), mapKeys(attributes), mapValues(attributes))), 1,"
    f" {ATTRIBUTES_MAX}), 'Map(String, String)') AS told FROM spans"
)


@dataclass(frozen=True, slots=True)
class Span:
    """One span, the statement left out."""

    trace_id: str
    span_id: str
    started_at_ns: int
    duration_ms: float
    service_name: str
    status: str
    attributes: dict[str, str]


def spans_of(
    store: TelemetryStore, fingerprint: str, start_ms: int, end_ms: int, *, slowest: bool, limit: int
) -> tuple[Span, ...]:
    """Spans of a shape that began in `[start_ms, end_ms)`: the slowest or the newest, with at most 50 attributes each.

    First the place in the order is found from one column, then whole rows are read from there on: attributes are by
    far the largest part of a span.
    """
    window: dict[str, object] = {"fingerprint": fingerprint, "start": start_ms, "end": end_ms, "rows": limit}
    column = "duration_ms" if slowest else "started_at_ns"
    last = store.gather(
        f"SELECT min({column}) AS least, count() AS n FROM (SELECT {column} FROM spans WHERE {_INSIDE}"
        f" ORDER BY {column} DESC LIMIT {{rows:UInt64}})",
        window,
        Merge(group_by=(), how={"least": "min"}),
    ).table.to_pylist()[0]
    if last["n"] == 0:
        return ()
    kind = "Float64" if slowest else "Int64"
    order: tuple[tuple[str, Direction], ...] = (
        (column, "descending"),
        ("trace_id", "ascending"),
        ("span_id", "ascending"),
    )
    found = store.gather(
        f"{_SQL} WHERE {_INSIDE} AND {column} >= {{least:{kind}}}"
        f" ORDER BY {column} DESC, trace_id, span_id LIMIT {{rows:UInt64}}",
        {**window, "least": last["least"]},
        Merge(order, limit),
    ).table
    return tuple(
        Span(
            trace_id=row["trace_id"],
            span_id=row["span_id"],
            started_at_ns=row["started_at_ns"],
            duration_ms=row["duration_ms"],
            service_name=row["service"],
            status=row["how"],
            attributes=dict(row["told"]),
        )
        for row in found.to_pylist()
    )
