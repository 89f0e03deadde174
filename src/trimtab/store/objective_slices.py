"""The table `objective_slices`: counts of objectives by the minute, written as they are counted, read as sums."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from trimtab.store.objective_state import Progress
    from trimtab.store.telemetry import TelemetryStore

TABLE = "objective_slices"
NAMES_A_QUERY = 200
"""Objectives that are read at a time: few, so that the engine's memory stays small however many there are."""
_SUMS = (
    "SELECT objective, intDiv(slice_ms, {step:Int64}) * {step:Int64} AS at_ms, sum(good) AS good, sum(total) AS total,"
    f" toFloat64(count()) AS measured FROM {TABLE} FINAL"
    " WHERE (objective, definition) IN arrayZip({names:Array(String)}, {definitions:Array(String)})"
    " AND objective IN {names:Array(String)}"
    " AND slice_ms >= {start:Int64} AND slice_ms < {end:Int64}"
    " AND slice_ms >= transform(objective, {names:Array(String)}, {from:Array(Int64)}, 0)"
    " AND slice_ms < transform(objective, {names:Array(String)}, {to:Array(Int64)}, 0)"
    " GROUP BY objective, at_ms ORDER BY objective, at_ms"
)


@dataclass(frozen=True, slots=True)
class SliceSums:
    """Sums by slot, a row each: `rows` are places in the names that were asked for."""

    rows: NDArray[np.int64]
    at_ms: NDArray[np.int64]
    values: NDArray[np.float64]
    """`[cells, good | total | measured]`."""


def write(
    telemetry: TelemetryStore,
    names: Sequence[str],
    definitions: Sequence[str],
    slices_ms: NDArray[np.int64],
    good: NDArray[np.float64],
    total: NDArray[np.float64],
    measured: NDArray[np.bool_],
    counted_at_ms: int,
) -> None:
    """Keep counts, `[objectives, slices]` each: durable on return. Minutes without data are not written."""
    which, when = np.nonzero(measured)
    if not len(which):
        return
    index = pa.array(which.astype(np.int32))
    table = pa.table(
        {
            "objective": pa.array(list(names)).take(index),
            "definition": pa.array(list(definitions)).take(index),
            "slice_ms": slices_ms[when],
            "good": good[which, when],
            "total": total[which, when],
            "counted_at_ms": np.full(len(which), counted_at_ms, np.int64),
        }
    )
    telemetry.write(TABLE, table)


def sums(
    telemetry: TelemetryStore,
    names: Sequence[str],
    progress: Sequence[Progress],
    step_ms: int,
    start_ms: int,
    end_ms: int,
) -> SliceSums:
    """Sums of `[start_ms, end_ms)` by slots of `step_ms`; slots in which nothing was measured are left out.

    Of each objective the minutes that its progress says are counted: what a crash left beyond is counted again.
    """
    rows, at_ms, values = [], [], []
    for first in range(0, len(names), NAMES_A_QUERY):
        part, counted = list(names[first : first + NAMES_A_QUERY]), progress[first : first + NAMES_A_QUERY]
        found = telemetry.query(
            _SUMS,
            {
                "step": step_ms,
                "start": start_ms,
                "end": end_ms,
                "names": part,
                "definitions": [one.definition for one in counted],
                "from": [one.counted_from_ms for one in counted],
                "to": [one.counted_to_ms for one in counted],
            },
        )
        if not found.num_rows:
            continue
        where = pa.compute.index_in(found["objective"].cast(pa.string()), pa.array(part)).to_numpy()
        rows.append(where.astype(np.int64) + first)
        at_ms.append(found["at_ms"].to_numpy())
        values.append(np.stack([found[name].to_numpy() for name in ("good", "total", "measured")], axis=1))
    if not rows:
        return SliceSums(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros((0, 3)))
    return SliceSums(np.concatenate(rows), np.concatenate(at_ms).astype(np.int64), np.concatenate(values))
