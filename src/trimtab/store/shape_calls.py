"""How often query shapes were called, step by step: one array of a system, from sums by the minute."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from trimtab.store.pieces import pieces_of
from trimtab.store.rollup import MINUTE_MS

if TYPE_CHECKING:
    from trimtab.store.telemetry import TelemetryStore

CELLS_MAX = 20_000_000


@dataclass(frozen=True, slots=True)
class ShapeCalls:
    """N shapes by steps. `calls` float64[N, steps], NaN in steps in which the system was not observed;
    `total_exec_time_ms` float64[N] over all of it; the first step begins at `start_ms`."""

    fingerprints: list[str]
    calls: NDArray[np.float64]
    total_exec_time_ms: NDArray[np.float64]
    start_ms: int
    step_ms: int


def shape_calls(
    store: TelemetryStore, system: str, start_ms: int, steps: int, step_ms: int, shapes_max: int
) -> ShapeCalls:
    """The shapes of a system that were called most in `steps` steps (of whole minutes) from `start_ms` on."""
    if step_ms % MINUTE_MS or shapes_max * steps > CELLS_MAX:
        raise ValueError(f"steps of {step_ms} ms, {shapes_max} shapes and {steps} steps: too many, or no whole minutes")
    end_ms = start_ms + steps * step_ms
    window = pieces_of(store, "query_executions", "started_at_ms", start_ms, end_ms, by_minutes=True)
    rows = " UNION ALL ".join(
        f"SELECT fingerprint, intDiv({'minute_ms' if piece.is_minutes else 'started_at_ms'} - {{start:Int64}},"
        f" {{step:Int64}}) AS step_, calls, total_exec_time_ms FROM {piece.table}"
        f" WHERE {piece.where} AND system = {{system:String}}"
        for piece in window.pieces
    )
    parameters = window.parameters | {"start": start_ms, "step": step_ms, "system": system}
    found = store.query(
        "SELECT fingerprint, step_, sum(calls) AS calls_, sum(total_exec_time_ms) AS time_"
        f" FROM ({rows}) WHERE fingerprint IN (SELECT fingerprint FROM ({rows}) GROUP BY fingerprint"
        f" ORDER BY sum(calls) DESC, fingerprint LIMIT {int(shapes_max)}) GROUP BY fingerprint, step_",
        parameters,
    )
    encoded = found["fingerprint"].combine_chunks().dictionary_encode()
    names: list[str] = encoded.dictionary.to_pylist()
    shape = np.asarray(encoded.indices.to_numpy(), np.int64)
    calls = np.zeros((len(names), steps))
    calls[shape, np.asarray(found["step_"].to_numpy(), np.int64)] = np.asarray(found["calls_"].to_numpy(), np.float64)
    times = np.bincount(shape, weights=np.asarray(found["time_"].to_numpy(), np.float64), minlength=len(names))
    calls[:, ~_observed(store, system, start_ms, steps, step_ms)] = np.nan
    return ShapeCalls(names, calls, times.astype(np.float64), start_ms, step_ms)


def _observed(store: TelemetryStore, system: str, start_ms: int, steps: int, step_ms: int) -> NDArray[np.bool_]:
    """In which steps the system was looked at."""
    window = pieces_of(store, "query_slices", "started_at_ms", start_ms, start_ms + steps * step_ms, by_minutes=True)
    rows = " UNION ALL ".join(
        f"SELECT intDiv({'minute_ms' if piece.is_minutes else 'started_at_ms'} - {{start:Int64}}, {{step:Int64}})"
        f" AS step_ FROM {piece.table} WHERE {piece.where} AND system = {{system:String}}"
        for piece in window.pieces
    )
    found = store.query(
        f"SELECT DISTINCT step_ FROM ({rows})",
        window.parameters | {"start": start_ms, "step": step_ms, "system": system},
    )
    seen = np.zeros(steps, dtype=bool)
    seen[np.asarray(found["step_"].to_numpy(), np.int64)] = True
    return seen
