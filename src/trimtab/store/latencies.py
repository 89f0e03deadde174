"""Quantiles of latency from spans: exact from the spans themselves, within 2 % from the counts by the minute, and where
spans are spread over shards, whose quantiles do not add up, but whose counts do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from trimtab.store.buckets import BUCKET, GROWTH
from trimtab.store.engine import Merge
from trimtab.store.grid import Grid
from trimtab.store.pieces import ROWS_ONLY_MS_MAX, Pieces, pieces_of
from trimtab.store.rollup import MINUTE_MS

if TYPE_CHECKING:
    import numpy.typing as npt
    import pyarrow as pa

    from trimtab.store.telemetry import TelemetryStore

    Floats = npt.NDArray[np.float64]
    Integers = npt.NDArray[np.int64]

_PLACE = "intDiv(started_at_ns - {origin:Int64} * 1000000, {step:Int64} * 1000000)"


def quantile_by_shape(
    store: TelemetryStore, level: float, start_ms: int, end_ms: int, fingerprints: Sequence[str] | None = None
) -> dict[str, float]:
    """One quantile (ms) of each shape's spans that began in `[start_ms, end_ms)`; without spans it is left out.

    Exact for a window of up to two hours; else within 2 %, of the whole minutes that the window touches.
    """
    by_minutes = end_ms - start_ms > ROWS_ONLY_MS_MAX
    if by_minutes:  # rows are sorted by shape: reading those of an edge would mean to read most of the day
        start_ms, end_ms = start_ms // MINUTE_MS * MINUTE_MS, -(-end_ms // MINUTE_MS) * MINUTE_MS
    window = _spans(store, start_ms, end_ms, by_minutes=by_minutes)
    parameters = dict(window.parameters)
    if fingerprints is not None:
        parameters["fingerprints"] = list(fingerprints)
    if len(window.pieces) == 1 and not store.is_spread:
        [piece] = window.pieces
        found = store.query(
            f"SELECT toString(db_query_fingerprint) AS fingerprint_, quantileExactInclusive({level})(duration_ms) AS q"
            f" FROM spans WHERE {piece.where}{_among('db_query_fingerprint', fingerprints)} GROUP BY fingerprint_",
            parameters,
        )
        return dict(zip(found["fingerprint_"].to_pylist(), found["q"].to_pylist(), strict=True))
    parts = _buckets(window, fingerprints, "{fingerprint} AS who")
    found = _counts(store, parts, parameters)
    encoded = found["who"].combine_chunks().dictionary_encode()
    names: list[str] = encoded.dictionary.to_pylist()
    line = np.asarray(encoded.indices.to_numpy(), np.int64)
    values = _quantiles(line, found["bucket"].to_numpy(), found["n_"].to_numpy(), (level,), len(names))[0]
    return {name: float(value) for name, value in zip(names, values, strict=True)}


def quantile_lines(store: TelemetryStore, fingerprint: str, levels: Sequence[float], grid: Grid) -> Floats:
    """Quantiles (ms) of one shape's spans by the step in which they began, [levels, T]; NaN where there are none."""
    window = _spans(store, grid.start_ms, grid.end_ms, by_minutes=grid.by_minutes)
    parameters = window.parameters | {"origin": grid.start_ms, "step": grid.step_ms, "fingerprints": [fingerprint]}
    lines = np.full((len(levels), grid.count), np.nan)
    if len(window.pieces) == 1 and not store.is_spread:
        [piece] = window.pieces
        found = store.query(
            f"SELECT {_PLACE} AS place, quantilesExactInclusive({', '.join(map(repr, levels))})(duration_ms) AS q"
            f" FROM spans WHERE {piece.where}{_among('db_query_fingerprint', [fingerprint])} GROUP BY place",
            parameters,
        )
        if found.num_rows:
            values = np.asarray(found["q"].combine_chunks().flatten().to_numpy(), np.float64)
            lines[:, found["place"].to_numpy()] = values.reshape(-1, len(levels)).T
        return lines
    parts = _buckets(window, [fingerprint], "{place} AS who")
    found = _counts(store, parts, parameters)
    places, line = np.unique(np.asarray(found["who"].to_numpy(), np.int64), return_inverse=True)
    lines[:, places] = _quantiles(line, found["bucket"].to_numpy(), found["n_"].to_numpy(), tuple(levels), len(places))
    return lines


def _counts(store: TelemetryStore, parts: str, parameters: dict[str, object]) -> pa.Table:
    """How many spans of whom are in each bucket: who, bucket, n_; sorted."""
    return store.gather(
        f"SELECT who, bucket, sum(n) AS n_ FROM ({parts}) GROUP BY who, bucket ORDER BY who, bucket",
        parameters,
        Merge((("who", "ascending"), ("bucket", "ascending")), group_by=("who", "bucket")),
    ).table


def _spans(store: TelemetryStore, start_ms: int, end_ms: int, *, by_minutes: bool) -> Pieces:
    return pieces_of(store, "spans", "started_at_ns", start_ms, end_ms, by_minutes=by_minutes, per_ms=1_000_000)


def _among(column: str, fingerprints: Sequence[str] | None) -> str:
    if fingerprints is None:
        return f" AND {column} <> ''"
    return f" AND {column} IN {{fingerprints:Array(String)}}"


def _buckets(window: Pieces, fingerprints: Sequence[str] | None, who: str) -> str:
    """SQL for rows of who, bucket, n; `who` may hold {fingerprint} and {place}."""
    parts = []
    for piece in window.pieces:
        fingerprint = "fingerprint" if piece.is_minutes else "db_query_fingerprint"
        place = "intDiv(minute_ms - {origin:Int64}, {step:Int64})" if piece.is_minutes else _PLACE
        key = who.replace("{fingerprint}", fingerprint).replace("{place}", place)
        among = _among(fingerprint, fingerprints)
        if piece.is_minutes:
            parts.append(
                f"SELECT {key}, bucket, n FROM {piece.table} ARRAY JOIN buckets AS bucket, counts AS n"
                f" WHERE {piece.where}{among}"
            )
        else:
            parts.append(
                f"SELECT {key}, {BUCKET} AS bucket, toUInt32(round(sample_weight)) AS n FROM {piece.table}"
                f" WHERE {piece.where}{among}"
            )
    return " UNION ALL ".join(parts)


def _quantiles(
    line: Integers, buckets: Integers, counts: Integers, levels: Sequence[float], lines_count: int
) -> Floats:
    """Quantiles of lines whose buckets ascend, [levels, L]: the middle of the bucket that holds the rank.

    >>> _quantiles(np.array([0, 0, 1]), np.array([0, 10, 5]), np.array([3, 1, 2]), (0.5, 1.0), 2).round(2).tolist()
    [[0.98, 1.19], [1.45, 1.19]]
    """
    n = np.asarray(counts, np.int64)
    total = np.bincount(line, weights=n, minlength=lines_count).astype(np.int64)
    before = np.concatenate([[0], np.cumsum(total)[:-1]])
    through = np.cumsum(n)  # over all lines, one after the other
    middle = GROWTH ** (np.asarray(buckets, np.float64) - 0.5)
    ranks = [before + np.floor(level * np.maximum(total - 1, 0)).astype(np.int64) for level in levels]
    places = [np.minimum(np.searchsorted(through, rank, side="right"), max(len(n) - 1, 0)) for rank in ranks]
    return np.array([middle[place] if len(n) else np.zeros(0) for place in places]).reshape(len(levels), lines_count)
