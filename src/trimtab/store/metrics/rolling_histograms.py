"""Rows of roll-ups of native histograms: made from the engine's, series by series, and written.

What the engine does not have yet when a window closes has the window rolled again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa

from trimtab.store.engine import Body, Engine
from trimtab.store.metrics.arrays import I64, U64
from trimtab.store.metrics.block import STALE_BITS
from trimtab.store.metrics.histogram_codec import bytes_of, decoded, encoded
from trimtab.store.metrics.histogram_windows import HistogramRow, row_of_rows, rows_of_histograms
from trimtab.store.metrics.messages import SAMPLES
from trimtab.store.metrics.rolled import HOURS_MS, MINUTES_MS
from trimtab.store.metrics.rolled_histograms import HISTOGRAM_TABLES
from trimtab.store.metrics.rolling_rows import Share, gathered, shares_of
from trimtab.store.metrics.row_messages import HISTOGRAMS, RowTable, table_named
from trimtab.store.promql.histogram import FloatHistogram

_AT_ONCE = 50_000
_SHARE = "modulo(intHash64(id), {shares:UInt64}) = {share:UInt64}"
_COLUMNS = ("first", "last", "total", "increase")
_ROWS: RowTable = table_named(
    "rows of roll-ups of histograms",
    {
        "id": ("UInt64", pa.uint64()),
        "end_ms": ("Int64", pa.int64()),
        "samples_count": ("UInt32", pa.uint32()),
        "first_at_ms": ("Int64", pa.int64()),
        "last_at_ms": ("Int64", pa.int64()),
        "ended_at_ms": ("Int64", pa.int64()),
        **{name: ("String", pa.binary()) for name in _COLUMNS},
    },
)


@dataclass(frozen=True, slots=True)
class HistogramRows:
    """Rows of windows, by id and end."""

    ids: list[int]
    rows: list[HistogramRow]

    @property
    def end_ms(self) -> I64:
        """Of each."""
        return np.array([row.end_ms for row in self.rows], np.int64)


class RollingHistograms:
    """Makes and writes rows."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def of_samples(self, from_ms: int, to_ms: int) -> Iterator[HistogramRows]:
        """Windows of five minutes in `(from_ms, to_ms]`."""
        for share in self._shares(HISTOGRAMS.name, "at_ms", from_ms, to_ms, MINUTES_MS):
            answer = self._engine.read(
                f"SELECT id, at_ms, histogram FROM {HISTOGRAMS.name} WHERE at_ms > {{from_ms:Int64}}"
                f" AND at_ms <= {{to_ms:Int64}} AND {_SHARE} ORDER BY id, at_ms",
                share.parameters,
                is_wide=True,
            )
            ids, at_ms = answer["id"].to_numpy(), answer["at_ms"].to_numpy()
            stale_ids, stale_ms = self._stale(np.unique(ids), share)
            histograms = [decoded(data) for data in bytes_of(answer["histogram"])]
            found = HistogramRows([], [])
            for first, end in _runs(ids):
                times, mine = _one_at_a_time(at_ms[first:end], histograms[first:end])
                low, high = np.searchsorted(stale_ids, [ids[first], ids[first] + 1]).tolist()
                for row in rows_of_histograms(times, mine, stale_ms[low:high], MINUTES_MS):
                    found.ids.append(int(ids[first]))
                    found.rows.append(row)
            yield found

    def _stale(self, ids: U64, share: Share) -> tuple[U64, I64]:
        """When these series ended: ids and times, ascending. Markers are numbers."""
        listed = ",".join(map(str, ids.tolist())) or "0"
        answer = gathered(
            self._engine,
            f"SELECT id, at_ms FROM {SAMPLES.name} WHERE id IN ({listed}) AND at_ms > {{from_ms:Int64}}"
            f" AND at_ms <= {{to_ms:Int64}} AND reinterpretAsUInt64(value) = {STALE_BITS}",
            {"from_ms": share.from_ms, "to_ms": share.to_ms},
        )
        found, at_ms = answer["id"].to_numpy(), answer["at_ms"].to_numpy()
        order = np.lexsort((at_ms, found))
        return found[order], at_ms[order]

    def of_minutes(self, from_ms: int, to_ms: int) -> Iterator[HistogramRows]:
        """Hours in `(from_ms, to_ms]`, from their windows of five minutes."""
        table = HISTOGRAM_TABLES[MINUTES_MS]
        for share in self._shares(table, "end_ms", from_ms, to_ms, HOURS_MS):
            answer = self._engine.read(
                f"SELECT {', '.join(_ROWS.types)} FROM {table} FINAL WHERE end_ms > {{from_ms:Int64}}"
                f" AND end_ms <= {{to_ms:Int64}} AND {_SHARE} ORDER BY id, end_ms",
                share.parameters,
                is_wide=True,
            )
            ids, ends = answer["id"].to_numpy(), answer["end_ms"].to_numpy()
            rows = list(_rows_of(answer))
            hours = (ends - 1) // HOURS_MS
            found = HistogramRows([], [])
            for first, end in _runs(ids, hours):
                found.ids.append(int(ids[first]))
                found.rows.append(row_of_rows(rows[first:end], int((hours[first] + 1) * HOURS_MS)))
            yield found

    def _shares(self, table: str, column: str, from_ms: int, to_ms: int, width_ms: int) -> list[Share]:
        counts = self._engine.read(
            f"SELECT (intDiv({column} - 1, {width_ms}) + 1) * {width_ms} AS window, count() AS n FROM {table}"
            f" WHERE {column} > {{from_ms:Int64}} AND {column} <= {{to_ms:Int64}} GROUP BY window ORDER BY window",
            {"from_ms": from_ms, "to_ms": to_ms},
        )
        return shares_of(counts["window"].to_pylist(), counts["n"].to_pylist(), width_ms, _AT_ONCE)

    @staticmethod
    def together(pieces: Iterator[HistogramRows], count_max: int) -> Iterator[HistogramRows]:
        """Pieces made one until there are so many rows."""
        held = HistogramRows([], [])
        for piece in pieces:
            held.ids.extend(piece.ids)
            held.rows.extend(piece.rows)
            if len(held.ids) >= count_max:
                yield held
                held = HistogramRows([], [])
        if held.ids:
            yield held

    def write(self, resolution_ms: int, rows: HistogramRows, roll: int) -> None:
        """They are on the first shard, as histograms are."""
        given = rows.rows
        stream = _ROWS.pack(
            [
                pa.array(rows.ids, pa.uint64()),
                pa.array(rows.end_ms),
                pa.array([row.count for row in given], pa.uint32()),
                pa.array([row.first_at_ms for row in given], pa.int64()),
                pa.array([row.last_at_ms for row in given], pa.int64()),
                pa.array([row.ended_at_ms for row in given], pa.int64()),
                pa.array([encoded(row.first) for row in given], pa.binary()),
                pa.array([encoded(row.last) for row in given], pa.binary()),
                pa.array([_bytes(row.total) for row in given], pa.binary()),
                pa.array([_bytes(row.increase) for row in given], pa.binary()),
            ]
        )
        names = ", ".join(_ROWS.types)
        self._engine.write(
            f"INSERT INTO {HISTOGRAM_TABLES[resolution_ms]} ({names}, roll) SELECT {names}, {{roll:UInt64}}"
            " FROM BODY(rows)",
            {"roll": roll},
            {"rows": Body([stream], "ArrowStream", _ROWS.structure)},
        )


def _bytes(value: FloatHistogram | None) -> bytes:
    return b"" if value is None else encoded(value)


def values_of(column: pa.ChunkedArray) -> list[FloatHistogram | None]:
    """Histograms of a column; None where there are no bytes."""
    return [decoded(data) if data else None for data in bytes_of(column)]


def _rows_of(answer: pa.Table) -> Iterator[HistogramRow]:
    times = [
        answer[name].to_pylist() for name in ("end_ms", "samples_count", "first_at_ms", "last_at_ms", "ended_at_ms")
    ]
    ends = [[decoded(data) for data in bytes_of(answer[name])] for name in ("first", "last")]
    sums = [values_of(answer[name]) for name in ("total", "increase")]
    for end_ms, count, first_at_ms, last_at_ms, ended_at_ms, first, last, total, increase in zip(
        *times, *ends, *sums, strict=True
    ):
        yield HistogramRow(end_ms, count, first_at_ms, last_at_ms, ended_at_ms, first, last, total, increase)


def _runs(*columns: np.ndarray) -> Iterator[tuple[int, int]]:
    """Rows that follow each other and have the same in all columns.

    >>> list(_runs(np.array([1, 1, 2]), np.array([5, 6, 6])))
    [(0, 1), (1, 2), (2, 3)]
    """
    count = len(columns[0])
    if count == 0:
        return
    changes = np.zeros(count - 1, np.bool_)
    for column in columns:
        changes |= column[1:] != column[:-1]
    edges = [0, *(np.flatnonzero(changes) + 1).tolist(), count]
    yield from pairwise(edges)


def _one_at_a_time(at_ms: I64, histograms: Sequence[FloatHistogram]) -> tuple[I64, list[FloatHistogram]]:
    """Of several at one time, the one that a read of samples has (`with_histograms`)."""
    from trimtab.store.metrics.with_histograms import counts_over

    if (at_ms[1:] != at_ms[:-1]).all():
        return at_ms, list(histograms)
    kept: dict[int, FloatHistogram] = {}
    for at, histogram in zip(at_ms.tolist(), histograms, strict=True):
        if at not in kept or counts_over(histogram, kept[at]):
            kept[at] = histogram
    return np.array(list(kept), np.int64), list(kept.values())
