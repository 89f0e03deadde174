"""Who calls whom: callers' spans joined with those that they caused elsewhere.

A call is a client's or a producer's span. The span of another service that names it as its parent is the callee; where
there is none, its attributes say which database, queue or host it was for. The spans of a trace are on one shard, so
each shard joins its own, and counts by bucket of latency add up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from trimtab.store.engine import Merge
from trimtab.store.rollup import BUCKET, GROWTH
from trimtab.store.traces.answers import NodeKind, ServiceEdge, ServiceMap, ServiceNode
from trimtab.store.traces.searching import INSIDE

if TYPE_CHECKING:
    from trimtab.store.telemetry import TelemetryStore

SPANS_MAX = 1_500_000
"""Spans that are read for one map; of more, the newest."""
_KINDS: tuple[NodeKind, ...] = ("service", "database", "messaging", "external")

_CALLEE = (
    "SELECT trace_id AS trace, parent_span_id AS parent, toString(service_name) AS callee, duration_ms AS took,"
    f" status = 'error' AS has_failed FROM spans WHERE {INSIDE} AND kind IN ('server', 'consumer')"
    " AND parent_span_id <> ''"
)


def _attribute(*names: str) -> str:
    """SQL for the first of these attributes that is there. Looking for a name among the keys as they are stored costs a
    third of `attributes[name]`."""
    found = "''"
    for name in reversed(names):
        value = f"arrayElement(texts_, indexOf(keys_, '{name}'))"
        found = f"if({value} <> '', {value}, {found})"
    return found


_CALLER = (
    "SELECT trace_id, span_id, toString(service_name) AS caller, duration_ms AS own_took,"
    " status = 'error' AS own_failed, sample_weight AS weight, mapKeys(attributes) AS keys_,"
    f" mapValues(attributes) AS texts_ FROM spans WHERE {INSIDE} AND kind IN ('client', 'producer')"
)
_DATABASE = _attribute("db.system", "db.system.name")
_DATABASE_NAME = _attribute("db.namespace", "db.name")
_QUEUE = _attribute("messaging.system")
_TOPIC = _attribute("messaging.destination.name", "messaging.destination")
_HOST = _attribute("peer.service", "server.address", "net.peer.name", "http.host")
_TARGET = (
    "multiIf(callee <> '', (callee, 0),"
    f" {_DATABASE} <> '', (concat({_DATABASE}, if({_DATABASE_NAME} = '', '', '/'), {_DATABASE_NAME}), 1),"
    f" {_QUEUE} <> '', (concat({_QUEUE}, if({_TOPIC} = '', '', '/'), {_TOPIC}), 2), ({_HOST}, 3))"
)
"""Whom a call was for, and its kind. Attributes are looked at where no callee was found, and only there."""
_COUNTED = (
    f"SELECT caller AS from_, {_TARGET} AS target_, target_.1 AS to_, target_.2 AS what_,"
    f" {BUCKET.replace('duration_ms', 'if(callee <> %s, took, own_took)')} AS bucket_,"
    " sum(weight) AS n_, sum(weight * if(callee <> '', has_failed, own_failed)) AS failed_"
    f" FROM ({_CALLER}) AS calls LEFT JOIN ({_CALLEE}) AS served"
    " ON calls.trace_id = served.trace AND calls.span_id = served.parent"
    " GROUP BY from_, target_, bucket_ HAVING to_ <> ''"
).replace("%s", "''")
_EDGES = f"SELECT from_, to_, what_, bucket_, n_, failed_ FROM ({_COUNTED})"
_NODES = (
    f"SELECT toString(service_name) AS from_, {BUCKET} AS bucket_,"
    " sumIf(sample_weight, kind IN ('server', 'consumer')) AS n_,"
    " sumIf(sample_weight, kind IN ('server', 'consumer') AND status = 'error') AS failed_"
    f" FROM spans WHERE {INSIDE} GROUP BY from_, bucket_"
)
_MINUTES = (
    "SELECT intDiv(started_at_ns, 60000000000) AS minute_, count() AS n_ FROM spans"
    f" WHERE {INSIDE} GROUP BY minute_ ORDER BY minute_ DESC"
)


class _Counts:
    """Calls by bucket of latency, and errors."""

    def __init__(self) -> None:
        self.buckets: dict[int, float] = {}
        self.errors = 0.0

    def add(self, bucket: int, count: float, failed: float) -> None:
        """Some more."""
        self.buckets[bucket] = self.buckets.get(bucket, 0.0) + count
        self.errors += failed

    @property
    def calls(self) -> int:
        """All of them."""
        return round(sum(self.buckets.values()))

    def quantiles_ms(self, levels: Iterable[float] = (0.5, 0.95, 0.99)) -> list[float]:
        """From the middles of the buckets, so within 2 %."""
        buckets = np.array(sorted(self.buckets), np.float64)
        through = np.cumsum([self.buckets[int(bucket)] for bucket in buckets])
        places = [min(int(np.searchsorted(through, level * through[-1])), len(buckets) - 1) for level in levels]
        return [float(GROWTH ** (buckets[place] - 0.5)) for place in places]


class _Key(NamedTuple):
    caller: str
    callee: str
    kind: int


def service_map(store: TelemetryStore, from_ms: int, to_ms: int) -> ServiceMap:
    """The map of `[from_ms, to_ms)`, of the newest spans where there are very many."""
    missing: dict[str, None] = {}
    looked_from_ms = _looked_from(store, from_ms, to_ms, missing)
    window = {"from_ns": looked_from_ms * 1_000_000, "to_ns": to_ms * 1_000_000}
    edges: dict[_Key, _Counts] = {}
    gathered = store.gather(_EDGES, window, Merge(group_by=("from_", "to_", "what_", "bucket_")))
    missing |= dict.fromkeys(gathered.missing)
    for row in gathered.table.to_pylist():
        key = _Key(row["from_"], row["to_"], row["what_"])
        edges.setdefault(key, _Counts()).add(row["bucket_"], row["n_"], row["failed_"])
    nodes: dict[str, _Counts] = {}
    gathered = store.gather(_NODES, window, Merge(group_by=("from_", "bucket_")))
    missing |= dict.fromkeys(gathered.missing)
    for row in gathered.table.to_pylist():
        counts = nodes.setdefault(row["from_"], _Counts())
        if row["n_"]:
            counts.add(row["bucket_"], row["n_"], row["failed_"])
    return ServiceMap(
        tuple(_nodes(nodes, edges)),
        tuple(_edge(key, edges[key]) for key in sorted(edges)),
        from_ms,
        to_ms,
        looked_from_ms,
        tuple(missing),
    )


def _looked_from(store: TelemetryStore, from_ms: int, to_ms: int, missing: dict[str, None]) -> int:
    window = {"from_ns": from_ms * 1_000_000, "to_ns": to_ms * 1_000_000}
    gathered = store.gather(_MINUTES, window, Merge((("minute_", "descending"),), group_by=("minute_",)))
    missing |= dict.fromkeys(gathered.missing)
    total = 0
    for row in gathered.table.to_pylist():
        minute, count = int(row["minute_"]), int(row["n_"])
        total += count
        if total > SPANS_MAX:
            return max(from_ms, minute * 60_000 + 60_000 if total - count else minute * 60_000)
    return from_ms


def _nodes(services: Mapping[str, _Counts], edges: Mapping[_Key, _Counts]) -> Iterable[ServiceNode]:
    found: dict[tuple[str, int], _Counts] = {(name, 0): counts for name, counts in services.items()}
    for key, counts in edges.items():
        node = found.setdefault((key.callee, key.kind), _Counts())
        if key.kind:
            for bucket, count in counts.buckets.items():
                node.add(bucket, count, 0.0)
            node.errors += counts.errors
    for (name, kind), counts in sorted(found.items()):
        quantiles = counts.quantiles_ms() if counts.buckets else [None, None, None]
        yield ServiceNode(name, _KINDS[kind], counts.calls, round(counts.errors), *quantiles)


def _edge(key: _Key, counts: _Counts) -> ServiceEdge:
    return ServiceEdge(key.caller, key.callee, counts.calls, round(counts.errors), *counts.quantiles_ms())
