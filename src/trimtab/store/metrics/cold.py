"""Samples that are only in the engine: one question, whole columns, straight into arrays.

The engine is not asked to sort: putting rows in their places here costs a tenth of that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from trimtab.store.engine import Engine, Merge
from trimtab.store.metrics.arrays import I32, I64, U64
from trimtab.store.metrics.block import Labels, QueryTooBig
from trimtab.store.metrics.histogram_codec import bytes_of, decoded
from trimtab.store.metrics.hot import Part
from trimtab.store.metrics.hot_histograms import FoundHistograms
from trimtab.store.metrics.messages import SAMPLES, STARTS
from trimtab.store.metrics.packed import COLUMN, bits_of
from trimtab.store.metrics.partial import gathered
from trimtab.store.metrics.row_messages import EXEMPLARS, HISTOGRAMS

_LIST_IDS_MAX = 1000
_SHARE_FOR_RANGE = 4
"""A metric of which more than one in so many series are wanted is read whole."""


def condition(ids: U64, series_by_metric: Mapping[int, int]) -> str:
    """Which rows to read for these ids (ascending); rows of others may be among them.

    `series_by_metric` says how many series there are of a metric, by the upper half of its ids.

    >>> condition(np.array([5, 9], np.uint64), {0: 2})
    'id IN (5,9)'
    """
    if len(ids) <= _LIST_IDS_MAX:
        return f"id IN ({','.join(map(str, ids.tolist()))})"
    metrics, first, counts = np.unique(ids >> np.uint64(32), return_index=True, return_counts=True)
    conditions, listed = [], []
    for metric, start, count in zip(metrics.tolist(), first.tolist(), counts.tolist(), strict=True):
        part = ids[start : start + count]
        if count * _SHARE_FOR_RANGE >= series_by_metric.get(metric, 0):
            conditions.append(f"id BETWEEN {part[0]} AND {part[-1]}")
        else:
            listed.append(part)
    if listed:
        conditions.append(f"id IN ({','.join(map(str, np.concatenate(listed).tolist()))})")
    return f"({' OR '.join(conditions)})"


class Cold:
    """Reads the tables of metrics."""

    def __init__(self, engine: Engine, samples_max: int) -> None:
        self._engine, self._samples_max = engine, samples_max

    def samples(self, ids: U64, where: str, from_ms: int, to_ms: int) -> Part:
        """Samples of series (ids ascending), no two at one time."""
        from trimtab.store.metrics.hot_kernels import drop_repeated, settle

        window: dict[str, object] = {"from_ms": from_ms, "to_ms": to_ms}
        condition = f"{where} AND at_ms BETWEEN {{from_ms:Int64}} AND {{to_ms:Int64}}"
        answer = gathered(self._engine, f"SELECT id, at_ms, {COLUMN} FROM {SAMPLES.name} WHERE {condition}", window)
        offsets, at_ms, bits = self._by_series(ids, answer, COLUMN)
        bits_of(bits)
        if settle(offsets, at_ms, bits):
            count = drop_repeated(offsets, at_ms, bits)
            at_ms, bits = at_ms[:count], bits[:count]
        return Part(at_ms, bits, offsets[:-1].copy(), offsets[1:].copy())

    def times(self) -> tuple[int, int] | None:
        """The oldest and the newest sample; None where there is none."""
        sql = f"SELECT minOrNull(at_ms) AS oldest_ms, maxOrNull(at_ms) AS newest_ms FROM {SAMPLES.name}"
        merge = Merge(group_by=(), how={"oldest_ms": "min", "newest_ms": "max"})
        row = gathered(self._engine, sql, merge=merge).to_pylist()[0]
        return None if row["oldest_ms"] is None else (row["oldest_ms"], row["newest_ms"])

    def histograms(self, ids: U64, numbers: I64, from_ms: int, to_ms: int) -> FoundHistograms:
        """Native histograms of series (ids ascending), each of which has a number."""
        answer = self._engine.read(
            f"SELECT id, at_ms, histogram FROM {HISTOGRAMS.name} WHERE id IN {{ids:Array(UInt64)}}"
            " AND at_ms BETWEEN {from_ms:Int64} AND {to_ms:Int64}",
            {"ids": ids.tolist(), "from_ms": from_ms, "to_ms": to_ms},
            is_wide=True,
        )
        values = [decoded(data) for data in bytes_of(answer["histogram"])]
        series = numbers[np.searchsorted(ids, answer["id"].to_numpy())]
        return FoundHistograms(series, answer["at_ms"].to_numpy().astype(np.int64), values)

    def exemplars(self, ids: U64, from_ms: int, to_ms: int) -> list[tuple[int, int, float, Labels]]:
        """Exemplars of series: (id, time, value, labels)."""
        answer = self._engine.read(
            f"SELECT id, at_ms, value, labels FROM {EXEMPLARS.name} WHERE id IN {{ids:Array(UInt64)}}"
            " AND at_ms BETWEEN {from_ms:Int64} AND {to_ms:Int64}",
            {"ids": ids.tolist(), "from_ms": from_ms, "to_ms": to_ms},
        )
        return [
            (row["id"], row["at_ms"], row["value"], tuple(sorted(dict(row["labels"]).items())))
            for row in answer.to_pylist()
        ]

    def starts(self, ids: U64, where: str, to_ms: int) -> tuple[I64, I64, I64]:
        """Since when samples count: offsets by series, from when on each mark is valid, and the marks."""
        from trimtab.store.metrics.hot_kernels import settle

        answer = self._engine.read(
            f"SELECT id, at_ms, start_ms FROM {STARTS.name} WHERE {where} AND at_ms <= {{to_ms:Int64}}",
            {"to_ms": to_ms},
            is_wide=True,
        )
        offsets, at_ms, marks = self._by_series(ids, answer, "start_ms")
        settle(offsets, at_ms, marks)
        return offsets, at_ms, marks

    def _by_series(self, ids: U64, answer: pa.Table, column: str) -> tuple[I64, I64, I64]:
        from trimtab.store.metrics.run_kernels import destinations, place

        if answer.num_rows > self._samples_max:
            raise QueryTooBig(
                f"the query would read {answer.num_rows} samples from the engine; the limit is {self._samples_max}",
                limit=self._samples_max,
                observed=answer.num_rows,
            )
        batches = [batch for batch in answer.to_batches() if batch.num_rows]
        offsets = np.zeros(len(ids) + 1, np.int64)
        found = [_runs(batch, ids, offsets[1:]) for batch in batches]
        np.cumsum(offsets, out=offsets)
        at_ms, bits = np.empty(int(offsets[-1]), np.int64), np.empty(int(offsets[-1]), np.int64)
        if not found:
            return offsets, at_ms, bits
        # Parts of the engine are read side by side: runs in order of time are samples in order of time, mostly.
        series, first_at = (
            np.concatenate([one.series for one in found]),
            np.concatenate([one.first_at for one in found]),
        )
        lengths = np.concatenate([np.diff(one.ends, prepend=0) for one in found])
        to = np.empty(len(series), np.int64)
        destinations(np.argsort(first_at, kind="stable"), series, lengths, offsets[:-1].copy(), to)
        seen = 0
        for batch, one in zip(batches, found, strict=True):
            mine = to[seen : seen + len(one.series)]
            seen += len(mine)
            times, values = batch.column("at_ms").to_numpy(), _bits(batch.column(column))
            place(one.series, one.ends, mine, times, values, at_ms, bits)
        return offsets, at_ms, bits


@dataclass(frozen=True, slots=True)
class _Runs:
    """See `run_kernels.runs`."""

    series: I32
    ends: I64
    first_at: I64


def _runs(batch: pa.RecordBatch, ids: U64, counts: I64) -> _Runs:
    from trimtab.store.metrics.run_kernels import runs

    rows = batch.num_rows
    series, ends, first_at = np.empty(rows, np.int32), np.empty(rows, np.int64), np.empty(rows, np.int64)
    count = runs(batch.column("id").to_numpy(), batch.column("at_ms").to_numpy(), ids, series, ends, first_at, counts)
    return _Runs(series[:count].copy(), ends[:count].copy(), first_at[:count].copy())


def _bits(column: pa.Array) -> I64:
    array = column.to_numpy()
    return array.view(np.int64)
