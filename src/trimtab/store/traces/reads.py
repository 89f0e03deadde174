"""What can be asked of traces. Every question gathers from all shards, and every answer says which did not answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from trimtab.model.errors import InputError
from trimtab.store.engine import Merge
from trimtab.store.traces import service_map as maps
from trimtab.store.traces.answers import (
    CountedTexts,
    FoundTraces,
    Operation,
    Operations,
    ServiceMap,
    Services,
    Trace,
    TraceQuery,
)
from trimtab.store.traces.completion import Completion
from trimtab.store.traces.searching import DAYS, INSIDE, Search, days_of
from trimtab.store.traces.span_columns import COLUMNS, span_of
from trimtab.store.uncollected import uncollected

if TYPE_CHECKING:
    from trimtab.store.telemetry import TelemetryStore

SPANS_A_TRACE_MAX = 20_000
OPERATIONS_MAX = 10_000
_ROWS_AT_ONCE = 256
"""Rows that become Python's in one step: no other thread runs meanwhile."""
_HEX = frozenset("0123456789abcdef")


def trace_id_of(text: str) -> str:
    """A trace id as the store has it; InputError where it is none. Leading zeros may be missing, as in Jaeger.

    >>> trace_id_of("ABC")
    '00000000000000000000000000000abc'
    """
    found = text.strip().lower()
    if not found or len(found) > 32 or not _HEX.issuperset(found):
        raise InputError(f"a trace id has up to 32 hexadecimal digits, unlike {text[:80]!r}", observed=text[:80])
    return found.zfill(32)


class TraceReads:
    """Questions to one store. Ranges are `[from_ms, to_ms)`. `clock_s` is what the time for a search is measured by."""

    def __init__(self, store: TelemetryStore, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock_s = clock_s

    def search(self, query: TraceQuery) -> FoundTraces:
        """Traces with a span that is as the query says. InputError where it asks for what does not exist."""
        return Search(self._store, query, self._clock_s).run()

    def trace(
        self,
        trace_id: str,
        spans_max: int = SPANS_A_TRACE_MAX,
        from_ms: int | None = None,
        to_ms: int | None = None,
    ) -> Trace:
        """One trace whole, of very many spans the first; no spans where there is none. A range makes it quicker."""
        id_ = trace_id_of(trace_id)
        parameters: dict[str, object] = {"id": id_}
        where = "trace_id = {id:String}"
        if from_ms is not None and to_ms is not None:
            where += f" AND {INSIDE}"
            parameters |= {"from_ns": from_ms * 1_000_000, "to_ns": to_ms * 1_000_000}
        gathered = self._store.gather(
            f"SELECT {COLUMNS} FROM spans WHERE {where} ORDER BY started_at_ns, span_id LIMIT {spans_max}",
            parameters,
            Merge((("started_at_ns", "ascending"), ("span_id", "ascending")), spans_max),
        )
        batches = gathered.table.to_batches(max_chunksize=_ROWS_AT_ONCE)
        with uncollected():
            spans = tuple(span_of(row) for batch in batches for row in batch.to_pylist())
        count, missing = len(spans), dict.fromkeys(gathered.missing)
        if count == spans_max:
            counted = self._store.gather(
                f"SELECT count() AS n FROM spans WHERE {where}", parameters, Merge(group_by=())
            )
            count = int(counted.table["n"][0].as_py())
            missing |= dict.fromkeys(counted.missing)
        return Trace(id_, spans, count, tuple(missing))

    def services(self, from_ms: int, to_ms: int) -> Services:
        """Services that sent spans on the days of the range."""
        gathered = self._store.gather(
            f"SELECT toString(service_name) AS service FROM span_operations WHERE {DAYS} GROUP BY service"
            f" ORDER BY service LIMIT {OPERATIONS_MAX}",
            days_of(from_ms, to_ms),
            Merge((("service", "ascending"),), OPERATIONS_MAX, group_by=("service",)),
        )
        return Services(tuple(gathered.table["service"].to_pylist()), gathered.missing)

    def operations(self, from_ms: int, to_ms: int, service: str = "", kind: str = "") -> Operations:
        """What services did on the days of the range; of one service, of one kind."""
        where = DAYS
        if service:
            where += " AND service_name = {service:String}"
        if kind:
            where += " AND kind = {kind:String}"
        order: tuple[str, ...] = ("service", "span_name", "span_kind")
        gathered = self._store.gather(
            "SELECT toString(service_name) AS service, toString(name) AS span_name, toString(kind) AS span_kind"
            f" FROM span_operations WHERE {where} GROUP BY service_name, name, kind"
            f" ORDER BY service, span_name, span_kind LIMIT {OPERATIONS_MAX}",
            {
                **days_of(from_ms, to_ms),
                **({"service": service} if service else {}),
                **({"kind": kind} if kind else {}),
            },
            Merge(tuple((name, "ascending") for name in order), OPERATIONS_MAX, group_by=order),
        )
        found = (Operation(row["service"], row["span_name"], row["span_kind"]) for row in gathered.table.to_pylist())
        return Operations(tuple(found), gathered.missing)

    def service_map(self, from_ms: int, to_ms: int) -> ServiceMap:
        """Who calls whom."""
        return maps.service_map(self._store, from_ms, to_ms)

    def attribute_keys(self, from_ms: int, to_ms: int, service: str = "") -> CountedTexts:
        """Keys of attributes, those of resources among them: all of the days of the range, and on how many of a sample
        of the newest spans each is."""
        return self._completion(from_ms, to_ms, service).keys()

    def attribute_values(
        self, key: str, from_ms: int, to_ms: int, service: str = "", prefix: str = "", limit: int = 100
    ) -> CountedTexts:
        """Values of an attribute, counted likewise; of one with very many not all."""
        return self._completion(from_ms, to_ms, service).values(key, prefix, limit)

    def _completion(self, from_ms: int, to_ms: int, service: str) -> Completion:
        return Completion(self._store, from_ms, to_ms, service, self._clock_s)
