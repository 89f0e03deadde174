"""Samples that are only in the engine: one question, whole columns, straight into arrays.

The engine is not asked to sort: putting rows in their places here costs a tenth of that.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from trimtab.store.engine import Engine
from trimtab.store.metrics.arrays import I64, U64
from trimtab.store.metrics.block import QueryTooBig
from trimtab.store.metrics.hot import Part
from trimtab.store.metrics.messages import SAMPLES, STARTS

_LIST_IDS_MAX = 1000
_SHARE_FOR_RANGE = 4
"""A metric of which more than one in so many series are wanted is read whole."""


def condition(ids: U64, all_ids_of_metrics: U64) -> str:
    """Which rows to read for these ids (ascending); rows of others may be among them.

    `all_ids_of_metrics` are those of all series of these metrics, in any order.

    >>> few = np.array([5, 9], np.uint64)
    >>> condition(few, few)
    'id IN (5,9)'
    """
    if len(ids) <= _LIST_IDS_MAX:
        return f"id IN ({','.join(map(str, ids.tolist()))})"
    metrics, first, counts = np.unique(ids >> np.uint64(32), return_index=True, return_counts=True)
    all_metrics, all_counts = np.unique(all_ids_of_metrics >> np.uint64(32), return_counts=True)
    of_all = all_counts[np.searchsorted(all_metrics, metrics)]
    ranges, listed = [], []
    for start, count, total in zip(first.tolist(), counts.tolist(), of_all.tolist(), strict=True):
        part = ids[start : start + count]
        if count * _SHARE_FOR_RANGE >= total:
            ranges.append(f"id BETWEEN {part[0]} AND {part[-1]}")
        else:
            listed.append(part)
    if listed:
        ranges.append(f"id IN ({','.join(map(str, np.concatenate(listed).tolist()))})")
    return f"({' OR '.join(ranges)})"


class Cold:
    """Reads the tables of metrics."""

    def __init__(self, engine: Engine, samples_max: int) -> None:
        self._engine, self._samples_max = engine, samples_max

    def samples(self, ids: U64, where: str, from_ms: int, to_ms: int) -> Part:
        """Samples of series (ids ascending), no two at one time: of those stored twice the last to come counts."""
        from trimtab.store.metrics.cold_kernels import conflicts
        from trimtab.store.metrics.hot_kernels import drop_repeated, settle

        window: dict[str, object] = {"from_ms": from_ms, "to_ms": to_ms}
        condition = f"{where} AND at_ms BETWEEN {{from_ms:Int64}} AND {{to_ms:Int64}}"
        answer = self._engine.read(
            f"SELECT id, at_ms, value FROM {SAMPLES.name} WHERE {condition}", window, is_wide=True
        )
        offsets, at_ms, bits = self._by_series(ids, answer, "value")
        if settle(offsets, at_ms, bits):
            if conflicts(offsets, at_ms, bits):
                answer = self._engine.read(
                    f"SELECT id, at_ms, argMax(value, spool_segment) AS value FROM {SAMPLES.name} WHERE {condition}"
                    " GROUP BY id, at_ms",
                    window,
                    is_wide=True,
                )
                offsets, at_ms, bits = self._by_series(ids, answer, "value")
                settle(offsets, at_ms, bits)
            count = drop_repeated(offsets, at_ms, bits)
            at_ms, bits = at_ms[:count], bits[:count]
        return Part(at_ms, bits, offsets[:-1].copy(), offsets[1:].copy())

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
        from trimtab.store.metrics.cold_kernels import find, place

        if answer.num_rows > self._samples_max:
            raise QueryTooBig(
                f"the query would read {answer.num_rows} samples from the engine; the limit is {self._samples_max}",
                limit=self._samples_max,
                observed=answer.num_rows,
            )
        batches = [batch for batch in answer.to_batches() if batch.num_rows]
        offsets = np.zeros(len(ids) + 1, np.int64)
        series = []
        for batch in batches:
            found = np.empty(batch.num_rows, np.int32)
            find(batch.column("id").to_numpy(), ids, found, offsets[1:])
            series.append(found)
        np.cumsum(offsets, out=offsets)
        at_ms, bits = np.empty(int(offsets[-1]), np.int64), np.empty(int(offsets[-1]), np.int64)
        cursor = offsets[:-1].copy()
        for batch, found in zip(batches, series, strict=True):
            place(found, batch.column("at_ms").to_numpy(), _bits(batch.column(column)), cursor, at_ms, bits)
        return offsets, at_ms, bits

    def range(self, from_ms: int, to_ms: int) -> tuple[U64, I64, I64]:
        """All samples with `from_ms <= at_ms <= to_ms`: ids, times, values."""
        answer = self._engine.read(
            f"SELECT id, at_ms, value FROM {SAMPLES.name} WHERE at_ms BETWEEN {{from_ms:Int64}} AND {{to_ms:Int64}}",
            {"from_ms": from_ms, "to_ms": to_ms},
            is_wide=True,
        )
        values = np.ascontiguousarray(answer["value"].to_numpy())
        return answer["id"].to_numpy(), answer["at_ms"].to_numpy(), values.view(np.int64)

    def times(self) -> tuple[int, int] | None:
        """The oldest and the newest sample; None where there is none."""
        row = self._engine.read(
            f"SELECT count() AS n, min(at_ms) AS a, max(at_ms) AS b FROM {SAMPLES.name}"
        ).to_pylist()[0]
        return (row["a"], row["b"]) if row["n"] else None

    def ids_of(self, table_name: str) -> Sequence[int]:
        """Series that a table has anything of."""
        found: list[int] = self._engine.read(f"SELECT DISTINCT id FROM {table_name}")["id"].to_pylist()
        return found


def _bits(column: pa.Array) -> I64:
    array = column.to_numpy()
    return array.view(np.int64)
