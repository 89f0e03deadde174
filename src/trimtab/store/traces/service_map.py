"""Who calls whom, by whole minutes: as far as calls are rolled up (`span_calls`), from there; the rest from spans.

Both are made by the same SQL (`calls`), so a roll-up that ends meanwhile changes nothing but the time it takes. Counts
by bucket of latency add up, over minutes and over shards.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from trimtab.store.buckets import GROWTH
from trimtab.store.engine import Merge
from trimtab.store.rollup import LOOKED_BACK, MINUTE_MS, looked_back, looked_back_from
from trimtab.store.traces.answers import NodeKind, ServiceEdge, ServiceMap, ServiceNode
from trimtab.store.traces.calls import FAILED, SENT, calls_of
from trimtab.store.traces.searching import INSIDE

if TYPE_CHECKING:
    import pyarrow as pa

    from trimtab.store.telemetry import TelemetryStore

SPANS_MAX = 1_500_000
"""Spans that are read for one map, besides what is rolled up; of more, the newest."""
_KINDS: tuple[NodeKind, ...] = ("service", "database", "messaging", "external")
_AROUND_NS = 3_600_000_000_000
"""A callee's span is looked for so long before and after the range of its caller's."""
_NEWER = "(spool_segment > {mark:UInt64} OR spool_segment = 0)"
"""What is not rolled up: newer, or not ours (a collector's)."""
_SEEN = (
    "(spool_segment > {back:UInt64} OR spool_segment = 0) AND started_at_ns >= {around_from_ns:Int64}"
    " AND started_at_ns < {around_to_ns:Int64}"
)
_ROLLED = (
    "SELECT toString(caller) AS caller_, toString(callee) AS callee_, callee_kind AS kind_, bucket_,"
    " toFloat64(sum(count_)) AS n_ FROM span_calls ARRAY JOIN buckets AS bucket_, counts AS count_"
    " WHERE minute_ms >= {from_ms:Int64} AND minute_ms < {to_ms:Int64} AND roll <= {mark:UInt64}"
    " GROUP BY caller_, callee_, kind_, bucket_"
)
_FROM_SPANS = (
    "SELECT caller_, callee_, kind_, bucket_, toFloat64(sum(n_)) AS n_"
    f" FROM ({calls_of(f'{_NEWER} AND {INSIDE}', _SEEN)}) GROUP BY caller_, callee_, kind_, bucket_"
)
_MINUTES = (
    "SELECT intDiv(started_at_ns, 60000000000) AS minute, count() AS n_ FROM spans"
    f" WHERE {_NEWER} AND {INSIDE} GROUP BY minute ORDER BY minute DESC"
)
_BY_MINUTE = Merge((("minute", "descending"),), group_by=("minute",))
_BY_CALL = Merge(group_by=("caller_", "callee_", "kind_", "bucket_"))


class _Counts:
    """Calls by bucket of latency, and errors."""

    def __init__(self) -> None:
        self.buckets: dict[int, float] = {}
        self.errors = 0.0

    def add(self, bucket: int, count: float) -> None:
        """Some more."""
        if bucket == FAILED:
            self.errors += count
        elif bucket != SENT:
            self.buckets[bucket] = self.buckets.get(bucket, 0.0) + count

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
    """The map of the whole minutes that `[from_ms, to_ms)` touches; of the newest spans where very many are not rolled
    up yet."""
    missing: dict[str, None] = {}

    def ask(sql: str, parameters: Mapping[str, object], merge: Merge) -> pa.Table:
        gathered = store.gather(sql, parameters, merge)
        missing.update(dict.fromkeys(gathered.missing))
        return gathered.table

    mark = store.marks().get("span_calls", 0)
    from_ms, to_ms = from_ms // MINUTE_MS * MINUTE_MS, -(-to_ms // MINUTE_MS) * MINUTE_MS
    counts = ask(_MINUTES, {"mark": mark, "from_ns": from_ms * 1_000_000, "to_ns": to_ms * 1_000_000}, _BY_MINUTE)
    looked_from_ms = _looked_from(counts, from_ms)
    told = []
    if mark:
        told.append(ask(_ROLLED, {"mark": mark, "from_ms": looked_from_ms, "to_ms": to_ms}, _BY_CALL))
    if counts.num_rows:
        segments = ask(LOOKED_BACK.format(source="spans"), looked_back_from(mark), Merge(group_by=("id",)))
        of_segments = dict(zip(segments["id"].to_pylist(), segments["n"].to_pylist(), strict=True))
        window = {
            "mark": mark,
            "back": looked_back(mark, of_segments) if mark else 0,
            "from_ns": looked_from_ms * 1_000_000,
            "to_ns": to_ms * 1_000_000,
            "around_from_ns": looked_from_ms * 1_000_000 - _AROUND_NS,
            "around_to_ns": to_ms * 1_000_000 + _AROUND_NS,
        }
        told.append(ask(_FROM_SPANS, window, _BY_CALL))
    calls: dict[_Key, _Counts] = {}
    for table in told:
        for row in table.to_pylist():
            key = _Key(row["caller_"], row["callee_"], row["kind_"])
            calls.setdefault(key, _Counts()).add(row["bucket_"], row["n_"])
    into = {key.callee: counted for key, counted in calls.items() if not key.caller and not key.kind}
    edges = {key: counted for key, counted in calls.items() if key.caller and counted.calls}
    return ServiceMap(
        tuple(_nodes(into, edges)),
        tuple(_edge(key, edges[key]) for key in sorted(edges)),
        from_ms,
        to_ms,
        looked_from_ms,
        tuple(missing),
    )


def _looked_from(minutes: pa.Table, from_ms: int) -> int:
    """The first minute of which spans are read: from there on, there are no more than allowed."""
    total = 0
    for minute, count in zip(minutes["minute"].to_pylist(), minutes["n_"].to_pylist(), strict=True):
        total += count
        if total > SPANS_MAX:
            return max(from_ms, int(minute + 1 if total > count else minute) * MINUTE_MS)
    return from_ms


def _nodes(services: Mapping[str, _Counts], edges: Mapping[_Key, _Counts]) -> Iterable[ServiceNode]:
    found: dict[tuple[str, int], _Counts] = {(name, 0): counts for name, counts in services.items()}
    for key, counts in edges.items():
        node = found.setdefault((key.callee, key.kind), _Counts())
        if key.kind:
            for bucket, count in counts.buckets.items():
                node.add(bucket, count)
            node.errors += counts.errors
    for (name, kind), counts in sorted(found.items()):
        quantiles = counts.quantiles_ms() if counts.buckets else [None, None, None]
        yield ServiceNode(name, _KINDS[kind], counts.calls, round(counts.errors), *quantiles)


def _edge(key: _Key, counts: _Counts) -> ServiceEdge:
    return ServiceEdge(key.caller, key.callee, counts.calls, round(counts.errors), *counts.quantiles_ms())
