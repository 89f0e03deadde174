"""Reads roll-ups of native histograms."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trimtab.store.engine import Engine
from trimtab.store.metrics.arrays import U64
from trimtab.store.metrics.block import QueryTooBig
from trimtab.store.metrics.rolled import HOURS_MS
from trimtab.store.metrics.rolled_histograms import HISTOGRAM_TABLES, HistogramColumn, RolledHistograms
from trimtab.store.metrics.rolling_histograms import values_of


class RolledHistogramRows:
    """Asks the engine; ids ascend."""

    def __init__(self, engine: Engine, rows_max: int) -> None:
        self._engine, self._rows_max = engine, rows_max

    def samples_count(self, ids: U64, from_ms: int, to_ms: int) -> int:
        """How many histograms series have in the hours of `(from_ms, to_ms]`."""
        answer = self._engine.read(
            f"SELECT sum(samples_count) AS n FROM {HISTOGRAM_TABLES[HOURS_MS]} FINAL WHERE id IN {{ids:Array(UInt64)}}"
            " AND end_ms > {from_ms:Int64} AND end_ms <= {to_ms:Int64}",
            {"ids": ids.tolist(), "from_ms": from_ms, "to_ms": to_ms},
        )
        return int(answer["n"][0].as_py() or 0)

    def read(
        self, ids: U64, resolution_ms: int, from_ms: int, to_ms: int, columns: Sequence[HistogramColumn]
    ) -> RolledHistograms:
        """Rows with `from_ms < end_ms <= to_ms` of each of the ids in turn, without labels. Raises QueryTooBig."""
        names = "".join(f", {name}" for name in columns)
        answer = self._engine.read(
            f"SELECT id, end_ms, samples_count, first_at_ms, last_at_ms, ended_at_ms{names}"
            f" FROM {HISTOGRAM_TABLES[resolution_ms]} FINAL WHERE id IN {{ids:Array(UInt64)}}"
            " AND end_ms > {from_ms:Int64} AND end_ms <= {to_ms:Int64}"
            f" ORDER BY id, end_ms LIMIT {self._rows_max + 1}",
            {"ids": ids.tolist(), "from_ms": from_ms, "to_ms": to_ms},
            is_wide=True,
        )
        if answer.num_rows > self._rows_max:
            raise QueryTooBig(
                f"the query would read more than {self._rows_max} rows of roll-ups of native histograms",
                limit=self._rows_max,
                observed=answer.num_rows,
            )
        found = answer["id"].to_numpy()
        offsets = np.append(np.searchsorted(found, ids), len(found)).astype(np.int64)
        end_ms, counts, first_at_ms, last_at_ms, ended_at_ms = (
            answer[name].to_numpy().astype(np.int64)
            for name in ("end_ms", "samples_count", "first_at_ms", "last_at_ms", "ended_at_ms")
        )
        values = {name: values_of(answer[name]) for name in columns}
        return RolledHistograms((), offsets, end_ms, counts, first_at_ms, last_at_ms, ended_at_ms, values)
