"""Finds traces by what their spans are like.

They are looked for backwards in time, in pieces that grow (`store.effort`). The newest are found when there are enough;
of the slowest, each piece is only asked for spans that are slower than those that were found, which most granules do
not have. So what is frequent is found at once, and what is rare by the indexes. Where a search has only so much time,
it says how far back it came.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from trimtab.store.effort import FIRST_PIECE_MS, Effort
from trimtab.store.engine import Merge
from trimtab.store.traces.answers import FoundTraces, ServiceShare, TraceQuery, TraceSummary
from trimtab.store.traces.conditions import Conditions, conditions_of

if TYPE_CHECKING:
    import pyarrow as pa

    from trimtab.store.telemetry import TelemetryStore

LIMIT_MAX = 1000
_ROWS_A_TRACE = 32
"""Spans of one trace that may fit, before traces are grouped by the engine."""
_NEAR_NS, _AROUND_NS = 600_000_000_000, 3_600_000_000_000
"""Spans of a trace are looked for so long before and after the span that was found: near, and where it is not whole
there, further away."""
_EDGE_NS = 300_000_000_000
"""Who has spans that reach so far may have more."""
_SLOWEST_FIRST_MS, _SLOWEST_COMPARED_FIRST_MS = 6 * 3_600_000, 3_600_000
"""The slowest are looked for in the whole range, so in few pieces; in smaller ones where attributes are compared."""
_TEXTS_MAX = 10_000
DAYS = "day_ms >= {from_day_ms:Int64} AND day_ms < {to_day_ms:Int64}"
INSIDE = "started_at_ns >= {from_ns:Int64} AND started_at_ns < {to_ns:Int64}"
SUMMARY_COLUMNS = (
    "trace_id, toString(service_name) AS service, min(started_at_ns) AS first_ns,"
    " max(started_at_ns + toInt64(round(duration_ms * 1e6))) AS last_ns, count() AS n,"
    " countIf(status = 'error') AS failed, argMin(toString(name), (parent_span_id <> '', started_at_ns))"
    " AS root_name, min((parent_span_id <> '', started_at_ns)).1 AS is_inner"
)
"""What `summary_of` reads, grouped by trace and service, as SQL."""


class _Found(NamedTuple):
    """A span that fits: its trace, when it began, and what it is sorted by."""

    trace_id: str
    at_ns: int
    value: float


class Search:
    """One search; `missing` gathers shards that did not answer."""

    def __init__(self, store: TelemetryStore, query: TraceQuery, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock_s = clock_s
        self._query = query
        self._limit = max(1, min(query.limit, LIMIT_MAX))
        self._missing: dict[str, None] = {}

    def run(self) -> FoundTraces:
        """The traces, and how far back was looked."""
        query, effort = self._query, Effort(self._query.effort_ms, self._clock_s)
        conditions = conditions_of(query, self._distinct)
        is_slowest = query.order == "slowest"
        found: list[_Found] = []
        looked_from_ms = query.to_ms
        first_ms = FIRST_PIECE_MS
        if is_slowest:
            first_ms = _SLOWEST_COMPARED_FIRST_MS if query.attributes else _SLOWEST_FIRST_MS
        for from_ms, to_ms in effort.pieces(query.from_ms, query.to_ms, first_ms=first_ms):
            window: dict[str, object] = {"from_ns": from_ms * 1_000_000, "to_ns": to_ms * 1_000_000}
            if is_slowest and len(found) == self._limit:
                window["least"] = found[-1].value
            fresh = self._top(conditions, window, "duration_ms" if is_slowest else "started_at_ns")
            found = _best([*found, *fresh], self._limit)
            looked_from_ms = from_ms
            if not is_slowest and len(found) == self._limit:
                break
        summaries = self._summaries(found)
        traces = tuple(summaries[one.trace_id] for one in found if one.trace_id in summaries)
        is_cut = looked_from_ms > query.from_ms and (is_slowest or len(found) < self._limit)
        return FoundTraces(traces, looked_from_ms, tuple(self._missing), is_cut)

    def _top(self, conditions: Conditions, window: dict[str, object], column: str) -> list[_Found]:
        """Spans that fit, the greatest first, enough of them for the limit of traces; with `least` in the window, those
        that are greater."""
        rows_max = self._limit * _ROWS_A_TRACE
        parameters = {**window, **conditions.parameters}
        inside = f"{INSIDE} AND {column} > {{least:Float64}}" if "least" in window else INSIDE
        found: list[_Found] = []
        for where in conditions.where(inside):
            table = self._gather(
                f"SELECT trace_id, started_at_ns, toFloat64({column}) AS value FROM spans WHERE {where}"
                f" ORDER BY {column} DESC LIMIT {rows_max}",
                parameters,
                Merge((("value", "descending"),), rows_max),
            )
            ids = table["trace_id"].to_pylist()
            if table.num_rows == rows_max and len(set(ids)) < self._limit:
                table = self._gather(
                    f"SELECT trace_id, argMax(started_at_ns, {column}) AS began_ns, toFloat64(max({column})) AS value"
                    f" FROM spans WHERE {where} GROUP BY trace_id ORDER BY value DESC LIMIT {self._limit}",
                    parameters,
                    Merge((("value", "descending"),), self._limit),
                ).rename_columns(["trace_id", "started_at_ns", "value"])
                ids = table["trace_id"].to_pylist()
            rows = zip(ids, table["started_at_ns"].to_pylist(), table["value"].to_pylist(), strict=True)
            found += [_Found(*row) for row in rows]
        return found

    def _distinct(self, column: str) -> Sequence[str]:
        window: dict[str, object] = {
            "from_ns": self._query.from_ms * 1_000_000,
            "to_ns": self._query.to_ms * 1_000_000,
            **days_of(self._query.from_ms, self._query.to_ms),
        }
        source = f"span_resources WHERE {DAYS}" if column == "resource" else f"spans WHERE {INSIDE} AND {column} <> ''"
        table = self._gather(
            f"SELECT toString({column}) AS text_ FROM {source} GROUP BY {column} LIMIT {_TEXTS_MAX}",
            window,
            Merge(group_by=("text_",)),
        )
        texts: list[str] = table["text_"].to_pylist()
        return texts

    def _summaries(self, found: Sequence[_Found]) -> dict[str, TraceSummary]:
        """Of each trace, looked for near the span that was found; further away where it is not whole there."""
        rows = self._rows_of(found, _NEAR_NS)
        wide = [one for one in found if _may_go_on(rows.get(one.trace_id, ()), one.at_ns)]
        rows |= self._rows_of(wide, _AROUND_NS)
        return {trace_id: summary_of(trace_id, of_trace) for trace_id, of_trace in rows.items()}

    def _rows_of(self, found: Sequence[_Found], around_ns: int) -> dict[str, list[dict[str, object]]]:
        """What `summary_of` reads, by trace. Windows of time say which granules are looked at for an id."""
        rows: dict[str, list[dict[str, object]]] = {}
        if not found:
            return rows
        windows = windows_of([one.at_ns for one in found], around_ns)
        inside = " OR ".join(f"(started_at_ns >= {low} AND started_at_ns < {high})" for low, high in windows)
        table = self._gather(
            f"SELECT {SUMMARY_COLUMNS} FROM spans WHERE trace_id IN {{ids:Array(String)}} AND {INSIDE} AND ({inside})"
            " GROUP BY trace_id, service",
            {"ids": [one.trace_id for one in found], "from_ns": windows[0][0], "to_ns": windows[-1][1]},
            Merge((("trace_id", "ascending"), ("service", "ascending"))),
        )
        for row in table.to_pylist():
            rows.setdefault(row["trace_id"], []).append(row)
        return rows

    def _gather(self, sql: str, parameters: dict[str, object], merge: Merge) -> pa.Table:
        gathered = self._store.gather(sql, parameters, merge)
        self._missing |= dict.fromkeys(gathered.missing)
        return gathered.table


def windows_of(at_ns: Sequence[int], around_ns: int) -> list[tuple[int, int]]:
    """Times around some others, those that overlap as one.

    >>> windows_of([100, 50, 103], 5)
    [(45, 55), (95, 108)]
    """
    windows: list[tuple[int, int]] = []
    for one in sorted(at_ns):
        low = one - around_ns
        if windows and low <= windows[-1][1]:
            low = windows.pop()[0]
        windows.append((low, one + around_ns))
    return windows


def _may_go_on(rows: Sequence[dict[str, object]], at_ns: int) -> bool:
    """Whether a trace may have spans further away than `_NEAR_NS` from one of them: its root was not found, or its
    spans reach so far."""
    numbers = [{key: int(str(row[key])) for key in ("first_ns", "last_ns", "is_inner")} for row in rows]
    if not any(one["is_inner"] == 0 for one in numbers):
        return True
    return any(one["first_ns"] - at_ns < -_EDGE_NS or one["last_ns"] - at_ns > _EDGE_NS for one in numbers)


def _best(found: Sequence[_Found], limit: int) -> list[_Found]:
    """One span of each trace, the one with the greatest value, in the order of these.

    >>> spans = [_Found("a", 1, 5.0), _Found("b", 2, 7.0), _Found("a", 3, 9.0), _Found("c", 4, 1.0)]
    >>> [(one.trace_id, one.value) for one in _best(spans, 2)]
    [('a', 9.0), ('b', 7.0)]
    """
    best: dict[str, _Found] = {}
    for one in sorted(found, key=lambda one: (-one.value, -one.at_ns)):
        best.setdefault(one.trace_id, one)
    return list(best.values())[:limit]


def summary_of(trace_id: str, rows: Sequence[dict[str, object]]) -> TraceSummary:
    """From one row for each service of the trace."""
    numbers = [{key: int(str(row[key])) for key in ("first_ns", "last_ns", "n", "failed", "is_inner")} for row in rows]
    root = min(range(len(rows)), key=lambda at: (numbers[at]["is_inner"], numbers[at]["first_ns"]))
    first_ns, last_ns = min(one["first_ns"] for one in numbers), max(one["last_ns"] for one in numbers)
    shares = [
        ServiceShare(str(row["service"]), one["n"], one["failed"]) for row, one in zip(rows, numbers, strict=True)
    ]
    return TraceSummary(
        trace_id=trace_id,
        root_service=str(rows[root]["service"]),
        root_name=str(rows[root]["root_name"]),
        started_at_ns=first_ns,
        duration_ms=(last_ns - first_ns) / 1e6,
        spans_count=sum(one["n"] for one in numbers),
        errors_count=sum(one["failed"] for one in numbers),
        services=tuple(sorted(shares, key=lambda share: share.service)),
    )


def days_of(from_ms: int, to_ms: int) -> dict[str, object]:
    """The days that a range touches, for `DAYS`.

    >>> days_of(86_400_000, 86_400_001)
    {'from_day_ms': 86400000, 'to_day_ms': 172800000}
    """
    day_ms = 86_400_000
    return {"from_day_ms": from_ms // day_ms * day_ms, "to_day_ms": -(-to_ms // day_ms) * day_ms}
