"""What can be asked of traces. Every question gathers from all shards, and every answer says which did not answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trimtab.model.errors import InputError
from trimtab.store.engine import Merge
from trimtab.store.traces import service_map as maps
from trimtab.store.traces.answers import (
    Counted,
    CountedTexts,
    FoundTraces,
    Operation,
    Operations,
    ServiceMap,
    Services,
    Trace,
    TraceQuery,
)
from trimtab.store.traces.searching import DAYS, INSIDE, Search, days_of
from trimtab.store.traces.span_columns import COLUMNS, span_of
from trimtab.store.traces.typed_json import text_of, values_of
from trimtab.store.uncollected import uncollected

if TYPE_CHECKING:
    from trimtab.store.telemetry import TelemetryStore

SPANS_A_TRACE_MAX = 20_000
OPERATIONS_MAX = 10_000
TEXTS_MAX = 1000
_SAMPLE_ROWS = 200_000
"""Spans that are looked at for keys and values of attributes."""
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
    """Questions to one store. Ranges are `[from_ms, to_ms)`."""

    def __init__(self, store: TelemetryStore) -> None:
        self._store = store

    def search(self, query: TraceQuery) -> FoundTraces:
        """Traces with a span that is as the query says. InputError where it asks for what does not exist."""
        return Search(self._store, query).run()

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
        """Keys of attributes, those of resources among them, on how many of a sample of spans."""
        where, parameters = _of_service(from_ms, to_ms, service)
        gathered = self._store.gather(
            "SELECT key_, count() AS n FROM (SELECT arrayJoin(mapKeys(attributes)) AS key_ FROM"
            f" (SELECT attributes FROM spans WHERE {where} LIMIT {_SAMPLE_ROWS}))"
            f" GROUP BY key_ ORDER BY n DESC, key_ LIMIT {TEXTS_MAX}",
            parameters,
            Merge((("n", "descending"), ("key_", "ascending")), TEXTS_MAX, group_by=("key_",)),
        )
        counts: dict[str, int] = {str(row["key_"]): row["n"] for row in gathered.table.to_pylist()}
        missing = dict.fromkeys(gathered.missing)
        for text, count in self._resources(where, parameters, missing).items():
            for key in values_of(text):
                counts[key] = counts.get(key, 0) + count
        return _counted(counts, missing)

    def attribute_values(
        self, key: str, from_ms: int, to_ms: int, service: str = "", prefix: str = "", limit: int = 100
    ) -> CountedTexts:
        """Values of an attribute, on how many of a sample of spans."""
        where, parameters = _of_service(from_ms, to_ms, service)
        gathered = self._store.gather(
            "SELECT value_, count() AS n FROM (SELECT attributes[{key:String}] AS value_ FROM spans"
            f" WHERE {where} AND mapContains(attributes, {{key:String}}) LIMIT {_SAMPLE_ROWS})"
            " WHERE startsWith(value_, {prefix:String})"
            f" GROUP BY value_ ORDER BY n DESC, value_ LIMIT {TEXTS_MAX}",
            {**parameters, "key": key, "prefix": prefix},
            Merge((("n", "descending"), ("value_", "ascending")), TEXTS_MAX, group_by=("value_",)),
        )
        counts: dict[str, int] = {str(row["value_"]): row["n"] for row in gathered.table.to_pylist()}
        missing = dict.fromkeys(gathered.missing)
        for text, count in self._resources(where, parameters, missing).items():
            values = values_of(text)
            if key in values and text_of(values[key]).startswith(prefix):
                value = text_of(values[key])
                counts[value] = counts.get(value, 0) + count
        return _counted(counts, missing, limit)

    def _resources(self, where: str, parameters: dict[str, object], missing: dict[str, None]) -> dict[str, int]:
        """Resources, and on how many spans of a sample each is."""
        gathered = self._store.gather(
            "SELECT text_, count() AS n FROM (SELECT toString(resource) AS text_ FROM spans"
            f" WHERE {where} LIMIT {_SAMPLE_ROWS}) GROUP BY text_ LIMIT {OPERATIONS_MAX}",
            parameters,
            Merge(group_by=("text_",)),
        )
        missing |= dict.fromkeys(gathered.missing)
        return dict(zip(gathered.table["text_"].to_pylist(), gathered.table["n"].to_pylist(), strict=True))


def _window(from_ms: int, to_ms: int) -> dict[str, object]:
    return {"from_ns": from_ms * 1_000_000, "to_ns": to_ms * 1_000_000}


def _of_service(from_ms: int, to_ms: int, service: str) -> tuple[str, dict[str, object]]:
    if not service:
        return INSIDE, _window(from_ms, to_ms)
    return f"{INSIDE} AND service_name = {{service:String}}", {**_window(from_ms, to_ms), "service": service}


def _counted(counts: dict[str, int], missing: dict[str, None], limit: int = TEXTS_MAX) -> CountedTexts:
    ordered = sorted(counts.items(), key=lambda one: (-one[1], one[0]))[:limit]
    return CountedTexts(tuple(Counted(text, count) for text, count in ordered), tuple(missing))
