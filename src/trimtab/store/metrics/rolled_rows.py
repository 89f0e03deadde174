"""Reads roll-ups: rows of series, put in their places here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trimtab.store.engine import Engine
from trimtab.store.metrics.arrays import I64, U64
from trimtab.store.metrics.block import QueryTooBig
from trimtab.store.metrics.partial import gathered
from trimtab.store.metrics.rolled import HOURS, HOURS_MS, MINUTES, MINUTES_MS, Column
from trimtab.store.metrics.rolled_form import needed, unpacked

_TABLES = {MINUTES_MS: MINUTES, HOURS_MS: HOURS}


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows `[offsets[i], offsets[i + 1])` are those of the i-th id, in order of time."""

    offsets: I64
    end_ms: I64
    columns: Mapping[Column, NDArray[np.generic]]


class RolledRows:
    """Asks the engine; `where` is `cold.condition` of the ids, which ascend."""

    def __init__(self, engine: Engine, rows_max: int) -> None:
        self._engine, self._rows_max = engine, rows_max

    def samples_count(self, ids: U64, where: str, from_ms: int, to_ms: int) -> int:
        """How many samples series have in the hours of `(from_ms, to_ms]`."""
        answer = gathered(
            self._engine,
            f"SELECT id, sum(samples_count) AS n FROM {HOURS} WHERE {where}"
            " AND end_ms > {from_ms:Int64} AND end_ms <= {to_ms:Int64} GROUP BY id",
            {"from_ms": from_ms, "to_ms": to_ms},
        )
        if answer.num_rows == 0:
            return 0
        return int(answer["n"].to_numpy()[np.isin(answer["id"].to_numpy(), ids)].sum())

    def read(
        self, ids: U64, where: str, resolution_ms: int, from_ms: int, to_ms: int, columns: Sequence[Column]
    ) -> Rows:
        """Rows with `from_ms < end_ms <= to_ms`. Raises QueryTooBig."""
        from trimtab.store.metrics.cold_kernels import find

        names = "".join(f", {name}" for name in needed(columns))
        answer = gathered(
            self._engine,
            f"SELECT id, end_ms{names}, form FROM {_TABLES[resolution_ms]} FINAL WHERE {where}"
            " AND end_ms > {from_ms:Int64} AND end_ms <= {to_ms:Int64}",
            {"from_ms": from_ms, "to_ms": to_ms},
        )
        if answer.num_rows > self._rows_max:
            raise QueryTooBig(
                f"the query would read {answer.num_rows} rows of roll-ups; the limit is {self._rows_max}",
                limit=self._rows_max,
                observed=answer.num_rows,
            )
        offsets = np.zeros(len(ids) + 1, np.int64)
        if answer.num_rows == 0:
            nothing = np.zeros(0, np.int64)
            return Rows(offsets, nothing, dict.fromkeys(columns, nothing))
        series = np.empty(answer.num_rows, np.int32)
        find(answer["id"].to_numpy(), ids, series, offsets[1:])
        np.cumsum(offsets, out=offsets)
        end_ms = answer["end_ms"].to_numpy()
        order = np.lexsort((end_ms, series))[np.count_nonzero(series < 0) :]
        stored = {name: answer[name].to_numpy()[order] for name in needed(columns)}
        found = unpacked(stored, answer["form"].to_numpy()[order])
        wanted: dict[Column, NDArray[np.generic]] = {}
        for name in columns:
            wanted[name] = found[name].astype(np.int64 if name.endswith("_ms") else np.float64, copy=False)
        return Rows(offsets, end_ms[order], wanted)
