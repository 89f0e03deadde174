"""Finds traces by what their spans are like.

The newest are looked for backwards in time, in steps that grow, and the search ends when there are enough. The slowest
are looked for above a duration that only some spans reach, and below it only where that was not enough. So what is
frequent is found at once, and what is rare by the indexes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from trimtab.store.engine import Merge
from trimtab.store.traces.answers import FoundTraces, ServiceShare, TraceQuery, TraceSummary
from trimtab.store.traces.conditions import Conditions, conditions_of

if TYPE_CHECKING:
    import pyarrow as pa

    from trimtab.store.telemetry import TelemetryStore

LIMIT_MAX = 1000
_FIRST_STEP_MS = 300_000
_STEPS_GROW = 4
_ROWS_A_TRACE = 32
"""Spans of one trace that may fit, before traces are grouped by the engine."""
_TOP = (512, 8192)
"""So many spans are above the first durations that are tried."""
_AROUND_NS = 3_600_000_000_000
"""Spans of a trace are looked for so long before and after the span that was found."""
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


class Search:
    """One search; `missing` gathers shards that did not answer."""

    def __init__(self, store: TelemetryStore, query: TraceQuery) -> None:
        self._store = store
        self._query = query
        self._limit = max(1, min(query.limit, LIMIT_MAX))
        self._missing: dict[str, None] = {}

    def run(self) -> FoundTraces:
        """The traces, and how far back was looked."""
        conditions = conditions_of(self._query, self._distinct)
        if self._query.order == "slowest":
            found, looked_from_ms = self._slowest(conditions), self._query.from_ms
        else:
            found, looked_from_ms = self._newest(conditions)
        ids = list(found)[: self._limit]
        summaries = {summary.trace_id: summary for summary in self._summaries(ids, [found[id_] for id_ in ids])}
        traces = tuple(summaries[id_] for id_ in ids if id_ in summaries)
        return FoundTraces(traces, looked_from_ms, tuple(self._missing))

    def _newest(self, conditions: Conditions) -> tuple[dict[str, int], int]:
        found: dict[str, int] = {}
        from_ms = self._query.to_ms
        for from_ms, to_ms in steps_back(self._query.from_ms, self._query.to_ms):
            window: dict[str, object] = {"from_ns": from_ms * 1_000_000, "to_ns": to_ms * 1_000_000}
            for trace_id, at_ns, _ in self._top(conditions, INSIDE, window, "started_at_ns"):
                found.setdefault(trace_id, at_ns)
            if len(found) >= self._limit:
                break
        return found, from_ms

    def _slowest(self, conditions: Conditions) -> dict[str, int]:
        window: dict[str, object] = {
            "from_ns": self._query.from_ms * 1_000_000,
            "to_ns": self._query.to_ms * 1_000_000,
        }
        if conditions.reads_attributes:
            for offset in _TOP:
                least = self._duration_at(offset, window)
                if least is None:
                    break
                found = self._top(
                    conditions, f"{INSIDE} AND duration_ms >= {{least:Float64}}", {**window, "least": least}
                )
                if len({trace_id for trace_id, _, _ in found}) >= self._limit:
                    return {trace_id: at_ns for trace_id, at_ns, _ in reversed(found)}
        found = self._top(conditions, INSIDE, window)
        return _first_of_each(found)

    def _duration_at(self, offset: int, window: dict[str, object]) -> float | None:
        """The duration that so many spans of the service have or exceed; None where there are not so many."""
        service = " AND service_name = {service:String}" if self._query.service else ""
        named = {"service": self._query.service} if self._query.service else {}
        table = self._gather(
            f"SELECT duration_ms FROM spans WHERE {INSIDE}{service} ORDER BY duration_ms DESC LIMIT {offset}",
            {**window, **named},
            Merge((("duration_ms", "descending"),), offset),
        )
        return float(table["duration_ms"][offset - 1].as_py()) if table.num_rows >= offset else None

    def _top(
        self, conditions: Conditions, inside: str, window: dict[str, object], column: str = "duration_ms"
    ) -> list[tuple[str, int, float]]:
        """(trace, when, value) of the spans that fit, the greatest first, enough of them for the limit of traces."""
        rows_max = self._limit * _ROWS_A_TRACE
        parameters = {**window, **conditions.parameters}
        found: list[tuple[str, int, float]] = []
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
            found += zip(ids, table["started_at_ns"].to_pylist(), table["value"].to_pylist(), strict=True)
        found.sort(key=lambda one: -one[1] if column == "started_at_ns" else -one[2])
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

    def _summaries(self, ids: Sequence[str], at_ns: Sequence[int]) -> Iterator[TraceSummary]:
        if not ids:
            return
        window = {"ids": list(ids), "from_ns": min(at_ns) - _AROUND_NS, "to_ns": max(at_ns) + _AROUND_NS}
        table = self._gather(
            f"SELECT {SUMMARY_COLUMNS} FROM spans WHERE trace_id IN {{ids:Array(String)}} AND {INSIDE}"
            " GROUP BY trace_id, service",
            window,
            Merge((("trace_id", "ascending"), ("service", "ascending"))),
        )
        by_trace: dict[str, list[dict[str, object]]] = {}
        for row in table.to_pylist():
            by_trace.setdefault(row["trace_id"], []).append(row)
        for trace_id, rows in by_trace.items():
            yield summary_of(trace_id, rows)

    def _gather(self, sql: str, parameters: dict[str, object], merge: Merge) -> pa.Table:
        gathered = self._store.gather(sql, parameters, merge)
        self._missing |= dict.fromkeys(gathered.missing)
        return gathered.table


def _first_of_each(found: Iterable[tuple[str, int, float]]) -> dict[str, int]:
    first: dict[str, int] = {}
    for trace_id, at_ns, _ in found:
        first.setdefault(trace_id, at_ns)
    return first


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


def steps_back(from_ms: int, to_ms: int) -> Iterator[tuple[int, int]]:
    """A range in steps, the newest first, each four times as long as the one before.

    >>> list(steps_back(0, 1_600_000))
    [(1300000, 1600000), (100000, 1300000), (0, 100000)]
    """
    step = _FIRST_STEP_MS
    while to_ms > from_ms:
        begin = max(from_ms, to_ms - step)
        yield begin, to_ms
        to_ms, step = begin, step * _STEPS_GROW
