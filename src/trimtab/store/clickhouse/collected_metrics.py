"""Metrics that an OpenTelemetry collector wrote to ClickHouse, as series for PromQL.

The tables have no series, so these are found each time: rows of a range are grouped by what makes a series, one row of
the answer a series, its samples as arrays. How OpenTelemetry's names become Prometheus' is told by who asks (`Names`),
so that they are the same as of what is sent to trimtab itself. Deltas are added up over the range that is read.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from trimtab.store.engine import Engine
from trimtab.store.metrics.block import METRIC_NAME, Labels, Matcher, QueryTooBig, SeriesBlock
from trimtab.store.metrics.matching import compile_pattern

if TYPE_CHECKING:
    import pyarrow as pa

    from trimtab.store.promql.histogram import FloatHistogram

Kind = Literal["gauge", "sum", "histogram", "exponential_histogram", "summary"]
_DELTA = 1
_KNOWN_S = 30.0
_SERIES = ", ".join(
    (
        "MetricName AS metric",
        "MetricUnit AS unit",
        "toString(ServiceName) AS service",
        "ResourceAttributes['service.namespace'] AS space",
        "ResourceAttributes['service.instance.id'] AS instance",
        "toString(ScopeName) AS scope",
        "toString(ScopeVersion) AS scope_version",
        "CAST(Attributes, 'Map(String, String)') AS told",
    )
)
_BY = "metric, unit, service, space, instance, scope, scope_version, told"
_INSIDE = (
    "TimeUnix >= fromUnixTimestamp64Milli({from_ms:Int64}) AND TimeUnix <= fromUnixTimestamp64Milli({to_ms:Int64})"
    " AND NOT bitTest(Flags, 0)"
)
_AT = "groupArray(toUnixTimestamp64Milli(TimeUnix)) AS at"
_VALUES: Mapping[Kind, tuple[str, str]] = {
    "gauge": ("0 AS temporality, false AS monotonic, groupArray(Value) AS value", ""),
    "sum": (
        "any(AggregationTemporality) AS temporality, any(IsMonotonic) AS monotonic, groupArray(Value) AS value",
        "",
    ),
    "histogram": (
        "any(AggregationTemporality) AS temporality, true AS monotonic, groupArray(Count) AS count, groupArray(Sum)"
        " AS sum, groupArray(BucketCounts) AS buckets",
        ", ExplicitBounds AS bounds",
    ),
    "summary": (
        "0 AS temporality, true AS monotonic, groupArray(Count) AS count, groupArray(Sum) AS sum,"
        " groupArray(`ValueAtQuantiles.Value`) AS buckets",
        ", `ValueAtQuantiles.Quantile` AS bounds",
    ),
    "exponential_histogram": (
        "any(AggregationTemporality) AS temporality, true AS monotonic, groupArray(CAST((Count, Sum, Scale, ZeroCount,"
        " PositiveOffset, PositiveBucketCounts, NegativeOffset, NegativeBucketCounts), 'Tuple(count UInt64,"
        " sum Float64, scale Int32, zero_count UInt64, positive_offset Int32, positive Array(UInt64),"
        " negative_offset Int32, negative Array(UInt64))')) AS histogram",
        "",
    ),
}

_Columns = Mapping[str, NDArray[Any]]
Floats = NDArray[np.float64]
Times = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Exponential:
    """One exponential histogram, as OpenTelemetry has it."""

    count: int
    sum: float
    scale: int
    zero_count: int
    positive_offset: int
    positive: Sequence[int]
    negative_offset: int
    negative: Sequence[int]


@dataclass(frozen=True, slots=True)
class Names:
    """How OpenTelemetry's become Prometheus'."""

    metric: Callable[[str, str, bool, bool], str]
    """Of name, unit, whether it is a counter and whether it is a gauge."""
    labels: Callable[[Iterable[tuple[str, str]]], dict[str, str]]
    number: Callable[[float], str]
    native: Callable[[Exponential], FloatHistogram]


@dataclass(frozen=True, slots=True)
class _Metric:
    """One that a table has."""

    kind: Kind
    raw: str
    name: str
    endings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Series:
    """One series with its samples."""

    labels: Labels
    at_ms: Times
    values: Floats
    histograms: Sequence[FloatHistogram] | None = None


_ENDINGS: Mapping[Kind, tuple[str, ...]] = {
    "gauge": ("",),
    "sum": ("",),
    "histogram": ("_bucket", "_sum", "_count"),
    "summary": ("", "_sum", "_count"),
    "exponential_histogram": ("",),
}


class CollectedMetrics:
    """A `Source` over `otel_metrics_*` of a database on the first host."""

    def __init__(self, engine: Engine, database: str, tables: Iterable[str], names: Names, samples_max: int) -> None:
        """`tables` are those that there are."""
        self._engine, self._database, self._names = engine, database, names
        self.samples_max = samples_max
        there = frozenset(tables)
        self._kinds: tuple[Kind, ...] = tuple(kind for kind in _ENDINGS if f"otel_metrics_{kind}" in there)
        self._lock = threading.Lock()
        self._known: tuple[int, int, float, tuple[_Metric, ...]] = (0, 0, 0.0, ())

    def select(self, alternatives: Sequence[Sequence[Matcher]], from_ms: int, to_ms: int) -> SeriesBlock:
        """See `Source.select`."""
        series = sorted(self._found(alternatives, from_ms, to_ms), key=lambda one: one.labels)
        if not series:
            nothing = np.zeros(0, np.int64)
            return SeriesBlock([], np.zeros(1, np.int64), nothing, nothing.astype(np.float64), None, None)
        counts = np.array([len(one.at_ms) for one in series], np.int64)
        histograms: list[FloatHistogram | None] | None = None
        if any(one.histograms is not None for one in series):
            histograms = []
            for one in series:
                histograms += one.histograms or [None] * len(one.at_ms)
        return SeriesBlock(
            [one.labels for one in series],
            np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)]),
            np.concatenate([one.at_ms for one in series]),
            np.concatenate([one.values for one in series]),
            None,
            histograms,
        )

    def series(self, alternatives: Sequence[Sequence[Matcher]], from_ms: int, to_ms: int) -> list[Labels]:
        """Labels of series that have samples in the range."""
        return sorted({one.labels for one in self._found(alternatives, from_ms, to_ms)})

    def _found(self, alternatives: Sequence[Sequence[Matcher]], from_ms: int, to_ms: int) -> Iterator[_Series]:
        tests = [[_test(matcher) for matcher in matchers] for matchers in alternatives] or [[]]
        wanted: dict[Kind, list[str]] = {}
        for metric in self._metrics(from_ms, to_ms):
            if any(_may_be(metric.name + ending, matchers) for ending in metric.endings for matchers in tests):
                wanted.setdefault(metric.kind, []).append(metric.raw)
        left = self.samples_max
        for kind, raw in wanted.items():
            for row in self._rows(kind, raw, from_ms, to_ms):
                for one in self._series_of(kind, *row):
                    if any(all(test(one.labels) for _, test in matchers) for matchers in tests):
                        left -= len(one.at_ms)
                        if left < 0:
                            raise QueryTooBig(
                                f"the query would read more than {self.samples_max} samples of the collector's",
                                limit=self.samples_max,
                            )
                        yield one

    def _metrics(self, from_ms: int, to_ms: int) -> tuple[_Metric, ...]:
        """Metrics that have rows in the range; remembered for a while."""
        with self._lock:
            known_from, known_to, until_s, metrics = self._known
        if known_from <= from_ms and to_ms <= known_to and time.monotonic() < until_s:
            return metrics
        found = []
        for kind in self._kinds:
            monotonic = "IsMonotonic" if kind == "sum" else "false"
            rows = self._engine.read(
                f"SELECT MetricName AS metric, MetricUnit AS unit, {monotonic} AS monotonic"
                f" FROM {self._database}.otel_metrics_{kind} WHERE {_INSIDE} GROUP BY metric, unit, monotonic",
                {"from_ms": from_ms, "to_ms": to_ms},
            ).to_pylist()
            for row in rows:
                name = self._names.metric(row["metric"], row["unit"], bool(row["monotonic"]), kind == "gauge")
                if name:
                    found.append(_Metric(kind, row["metric"], name, _ENDINGS[kind]))
        with self._lock:
            self._known = (from_ms, to_ms, time.monotonic() + _KNOWN_S, tuple(found))
        return tuple(found)

    def _rows(
        self, kind: Kind, raw: Sequence[str], from_ms: int, to_ms: int
    ) -> Iterator[tuple[dict[str, Any], _Columns]]:
        """What tells a series, and its samples, series by series."""
        values, key = _VALUES[kind]
        by = _BY + (", bounds" if key else "")
        found = self._engine.read(
            f"SELECT {_SERIES}{key}, {_AT}, {values} FROM {self._database}.otel_metrics_{kind}"
            f" WHERE MetricName IN {{names:Array(String)}} AND {_INSIDE} GROUP BY {by}",
            {"names": sorted(set(raw)), "from_ms": from_ms, "to_ms": to_ms},
            is_wide=True,
        ).combine_chunks()
        lists = [name for name in ("at", "value", "count", "sum", "buckets", "histogram") if name in found.column_names]
        columns = {name: _Lists(found[name]) for name in lists}
        for number, row in enumerate(found.drop_columns(lists).to_pylist()):
            yield row, {name: column.of(number) for name, column in columns.items()}

    def _series_of(self, kind: Kind, row: Mapping[str, Any], columns: _Columns) -> Iterator[_Series]:
        name = self._names.metric(row["metric"], row["unit"], bool(row["monotonic"]) and kind == "sum", kind == "gauge")
        space, service = row["space"], row["service"]
        labels = {
            "otel_scope_name": row["scope"],
            "otel_scope_version": row["scope_version"],
            **self._names.labels(dict(row["told"]).items()),
            "job": f"{space}/{service}" if space and service else service,
            "instance": row["instance"],
        }
        at_ms = columns["at"].astype(np.int64)
        order = np.argsort(at_ms, kind="stable")
        at_ms = at_ms[order]
        kept = np.diff(at_ms, append=np.iinfo(np.int64).max) > 0  # of two at one time the last
        is_delta = row["temporality"] == _DELTA

        def made(ending: str, values: NDArray[Any], more: dict[str, str] | None = None) -> _Series:
            there = values[order].astype(np.float64)
            pairs = (labels | (more or {}) | {METRIC_NAME: name + ending}).items()
            told = tuple(sorted((key, value) for key, value in pairs if value))
            return _Series(told, at_ms[kept], (there.cumsum() if is_delta else there)[kept])

        if kind in {"gauge", "sum"}:
            yield made("", columns["value"])
        elif kind == "exponential_histogram":
            if not is_delta:  # to add up histograms it takes more than their counts
                plain = made("", np.zeros(len(at_ms)))
                natives = [self._names.native(Exponential(**one)) for one in columns["histogram"][order][kept].tolist()]
                yield _Series(plain.labels, plain.at_ms, plain.values, natives)
        else:
            yield made("_count", columns["count"])
            yield made("_sum", columns["sum"])
            table = columns["buckets"].reshape(len(at_ms), -1) if columns["buckets"].size else np.zeros((len(at_ms), 0))
            if kind == "summary":
                for place, quantile in enumerate(row["bounds"]):
                    yield made("", table[:, place], {"quantile": self._names.number(quantile)})
                return
            through = table.cumsum(axis=1)
            for place, bound in enumerate([*row["bounds"], np.inf][: through.shape[1]]):
                yield made("_bucket", through[:, place], {"le": self._names.number(bound)})


class _Lists:
    """A column of lists, each as an array; lists of lists, too, whose inner ones are as long as each other."""

    def __init__(self, column: pa.ChunkedArray) -> None:
        import pyarrow as pa

        array = column.combine_chunks()
        if not isinstance(array, pa.ListArray):
            raise TypeError(f"a column of lists, not of {array.type}")
        self._offsets = array.offsets.to_numpy()
        inner = array.flatten()
        if isinstance(inner, pa.ListArray):
            self._offsets = inner.offsets.to_numpy()[self._offsets]
            inner = inner.flatten()
        if str(inner.type).startswith("struct"):
            self._values = np.empty(len(inner), np.object_)
            self._values[:] = inner.to_pylist()
        else:
            self._values = inner.to_numpy(zero_copy_only=False)

    def of(self, number: int) -> NDArray[Any]:
        """One of them."""
        return self._values[self._offsets[number] : self._offsets[number + 1]]


_Test = tuple[Matcher, Callable[[Labels], bool]]


def _test(matcher: Matcher) -> _Test:
    """Whether labels fulfil a matcher."""
    if matcher.op in {"=", "!="}:
        return matcher, lambda labels: (_value(labels, matcher.name) == matcher.value) is (matcher.op == "=")
    fullmatch = compile_pattern(matcher.value).fullmatch
    return matcher, lambda labels: (fullmatch(_value(labels, matcher.name)) is not None) is (matcher.op == "=~")


def _may_be(name: str, tests: Sequence[_Test]) -> bool:
    labels = ((METRIC_NAME, name),)
    return all(test(labels) for matcher, test in tests if matcher.name == METRIC_NAME)


def _value(labels: Labels, name: str) -> str:
    return next((value for key, value in labels if key == name), "")
