"""Questions to the engine: SQL does the filtering and adding up, NumPy the pivoting."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from trimtab.model.errors import InputError
from trimtab.model.query import QueryShape, StatementKind
from trimtab.store.engine import Engine
from trimtab.store.facts import LatencySummary, SliceTable

if TYPE_CHECKING:
    import numpy.typing as npt
    import pyarrow as pa

_SLICES = (
    "SELECT started_at_ms, max(query_slices.ended_at_ms) AS slice_end_ms FROM query_slices"
    " WHERE system = {system:String} AND started_at_ms >= {start:Int64} AND query_slices.ended_at_ms <= {end:Int64}"
    " GROUP BY started_at_ms ORDER BY started_at_ms"
)
_EXECUTIONS = (
    "SELECT fingerprint, started_at_ms, calls, total_exec_time_ms, rows FROM query_executions"
    " WHERE system = {system:String} AND started_at_ms >= {start:Int64} AND ended_at_ms <= {end:Int64}"
    " AND started_at_ms < {end:Int64}"
)
SHAPES_MAX = 20_000
SHAPE_CHARS_MAX = 16_000_000
"""All texts together."""

_SHAPES = (
    "SELECT fingerprint, text, statement, tables FROM (SELECT *, sum(lengthUTF8(text)) OVER"
    " (ORDER BY seen_at_ms DESC, fingerprint ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS chars"
    " FROM query_shapes FINAL WHERE system = {system:String} ORDER BY seen_at_ms DESC, fingerprint"
    f" LIMIT {SHAPES_MAX}) WHERE chars <= {SHAPE_CHARS_MAX} ORDER BY fingerprint"
)
_OF_SHAPE = (
    "FROM spans WHERE db_query_fingerprint = {fingerprint:String}"
    " AND started_at_ns >= {start:Int64} * 1000000 AND started_at_ns < {end:Int64} * 1000000"
)
_LATENCY = (
    "SELECT count() AS spans_count, avg(duration_ms) AS mean_ms, quantilesExactInclusive({levels})(duration_ms)"
    " AS found "
)
_DURATIONS = f"SELECT duration_ms {_OF_SHAPE}"


def slices(
    engine: Engine, system: str, start_ms: int, end_ms: int, fingerprints: Sequence[str] | None = None
) -> SliceTable:
    """See `TelemetryStore.slices`. Executions of a slice that has no row in query_slices are left out."""
    window = {"system": system, "start": start_ms, "end": end_ms}
    observed = engine.read(_SLICES, window)
    starts = _integers(observed["started_at_ms"])
    sql, parameters = _EXECUTIONS, dict[str, object](window)
    if fingerprints is not None:
        sql += " AND fingerprint IN {fingerprints:Array(String)}"
        parameters["fingerprints"] = sorted(set(fingerprints))
    found = engine.read(sql, parameters)
    encoded = found["fingerprint"].combine_chunks().dictionary_encode()
    ran: list[str] = encoded.dictionary.to_pylist()
    names = sorted(ran if fingerprints is None else set(fingerprints))
    place = {name: index for index, name in enumerate(names)}
    shape_at = np.array([place[name] for name in ran], np.int64)[encoded.indices.to_numpy()]
    started = _integers(found["started_at_ms"])
    slice_at = np.searchsorted(starts, started)
    is_observed = slice_at < len(starts)
    is_observed[is_observed] = starts[slice_at[is_observed]] == started[is_observed]
    cell = (shape_at * len(starts) + slice_at)[is_observed]
    size = (len(names), len(starts))

    def pivot(column: str) -> npt.NDArray[np.float64]:
        values = found[column].to_numpy()[is_observed]
        sums = np.bincount(cell, weights=values, minlength=size[0] * size[1])
        return np.asarray(sums, np.float64).reshape(size)

    return SliceTable(
        fingerprints=tuple(names),
        started_at_ms=starts,
        ended_at_ms=_integers(observed["slice_end_ms"]),
        calls=pivot("calls").astype(np.int64),
        total_exec_time_ms=pivot("total_exec_time_ms"),
        rows=pivot("rows").astype(np.int64),
    )


def latency(engine: Engine, fingerprint: str, start_ms: int, end_ms: int, quantiles: Sequence[float]) -> LatencySummary:
    """See `TelemetryStore.latency`."""
    for level in quantiles:
        if not 0.0 <= level <= 1.0:
            raise InputError(f"a quantile lies in 0..1, not {level}", observed=level)
    levels = tuple(float(level) for level in quantiles)
    if len(engine.shards) > 1:
        return _latency_of_shards(engine, {"fingerprint": fingerprint, "start": start_ms, "end": end_ms}, levels)
    sql = _LATENCY.format(levels=", ".join(map(repr, levels)) or "0.5") + _OF_SHAPE
    row = engine.read(sql, {"fingerprint": fingerprint, "start": start_ms, "end": end_ms}).to_pylist()[0]
    count = int(row["spans_count"])
    if count == 0:
        return LatencySummary(0, levels, None, None)
    return LatencySummary(count, levels, tuple(row["found"][: len(levels)]), float(row["mean_ms"]))


def _latency_of_shards(engine: Engine, window: dict[str, object], levels: tuple[float, ...]) -> LatencySummary:
    """Quantiles of shards do not add up, and these are to be exact: so durations themselves are gathered."""
    durations = engine.gather(_DURATIONS, window, is_wide=True).table["duration_ms"].to_numpy()
    if len(durations) == 0:
        return LatencySummary(0, levels, None, None)
    found = tuple(float(value) for value in np.quantile(durations, levels))
    return LatencySummary(len(durations), levels, found, float(durations.mean()))


def shapes(engine: Engine, system: str) -> tuple[QueryShape, ...]:
    """See `TelemetryStore.shapes`."""
    return tuple(
        QueryShape(
            system=system,
            fingerprint=row["fingerprint"],
            text=row["text"],
            statement=StatementKind(row["statement"]),
            tables=tuple(row["tables"]),
        )
        for row in engine.read(_SHAPES, {"system": system}).to_pylist()
    )


def _integers(column: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    return np.asarray(column.to_numpy(), np.int64)
