"""What shapes and systems did in a window, added up by the engine: one row each, whatever the window's length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.compute as pc

from trimtab.store.pieces import ROWS_ONLY_MS_MAX, Pieces, pieces_of

if TYPE_CHECKING:
    import numpy.typing as npt

    from trimtab.store.telemetry import TelemetryStore

    Integers = npt.NDArray[np.int64]
    Floats = npt.NDArray[np.float64]

SHAPES_MAX = 200_000
"""Shapes of one answer; those that carry the most load come."""

_COLUMNS = ("calls", "total_exec_time_ms", "rows", "shared_blks_hit", "shared_blks_read")


@dataclass(frozen=True, slots=True)
class ShapeSums:
    """N shapes that ran in a window, by system and fingerprint. Arrays have shape [N]."""

    systems: list[str]
    fingerprints: list[str]
    calls: Integers
    total_exec_time_ms: Floats
    rows: Integers
    shared_blks_hit: Integers
    shared_blks_read: Integers
    source: str

    def __len__(self) -> int:
        return len(self.fingerprints)


@dataclass(frozen=True, slots=True)
class SystemSums:
    """What all shapes of one system did together, and how long it was observed."""

    calls: int
    total_exec_time_ms: float
    observed_ms: int


def shape_sums(
    store: TelemetryStore,
    start_ms: int,
    end_ms: int,
    system: str | None = None,
    fingerprints: Sequence[str] | None = None,
) -> ShapeSums:
    """Sums by shape over slices that began in `[start_ms, end_ms)`."""
    window = _executions(store, start_ms, end_ms)
    parameters = dict(window.parameters)
    names, more = "system, fingerprint", ""
    if system is not None:
        names, more = "fingerprint", " AND system = {system:String}"
        parameters["system"] = system
    if fingerprints is not None:
        more += " AND fingerprint IN {fingerprints:Array(String)}"
        parameters["fingerprints"] = list(fingerprints)
    sums = ", ".join(f"sum({column}) AS {column}_" for column in _COLUMNS)
    rows = _rows(window, ", ".join((names, *_COLUMNS)), more)
    found = store.query(
        f"SELECT {names}, {sums} FROM ({rows}) GROUP BY {names} ORDER BY total_exec_time_ms_ DESC LIMIT {SHAPES_MAX}",
        parameters,
    )
    order = [(name, "ascending") for name in names.split(", ")]
    found = found.take(pc.sort_indices(found, sort_keys=order))
    return ShapeSums(
        systems=found["system"].to_pylist() if system is None else [system] * found.num_rows,
        fingerprints=found["fingerprint"].to_pylist(),
        calls=np.asarray(found["calls_"].to_numpy(), np.int64),
        total_exec_time_ms=np.asarray(found["total_exec_time_ms_"].to_numpy(), np.float64),
        rows=np.asarray(found["rows_"].to_numpy(), np.int64),
        shared_blks_hit=np.asarray(found["shared_blks_hit_"].to_numpy(), np.int64),
        shared_blks_read=np.asarray(found["shared_blks_read_"].to_numpy(), np.int64),
        source=window.source,
    )


def system_sums(store: TelemetryStore, start_ms: int, end_ms: int) -> dict[str, SystemSums]:
    """Sums by system over slices that began in `[start_ms, end_ms)`, of each that was observed or did anything."""
    window = _executions(store, start_ms, end_ms)
    found = store.query(
        "SELECT system, sum(calls) AS calls_, sum(total_exec_time_ms) AS total_"
        f" FROM ({_rows(window, 'system, calls, total_exec_time_ms', '')}) GROUP BY system",
        window.parameters,
    ).to_pylist()
    did = {str(row["system"]): (int(row["calls_"]), float(row["total_"])) for row in found}
    observed = observed_ms(store, start_ms, end_ms)
    return {
        system: SystemSums(*did.get(system, (0, 0.0)), observed_ms=observed.get(system, 0))
        for system in did.keys() | observed.keys()
    }


def _rows(window: Pieces, columns: str, more: str) -> str:
    """All rows of a window, whatever table they are in."""
    return " UNION ALL ".join(
        f"SELECT {columns} FROM {piece.table} WHERE {piece.where}{more}" for piece in window.pieces
    )


def observed_ms(store: TelemetryStore, start_ms: int, end_ms: int) -> dict[str, int]:
    """How long each system was observed in slices that began in `[start_ms, end_ms)`."""
    window = pieces_of(
        store, "query_slices", "started_at_ms", start_ms, end_ms, by_minutes=end_ms - start_ms > ROWS_ONLY_MS_MAX
    )
    parts = " UNION ALL ".join(
        "SELECT toString(system) AS system_,"
        f" sum({'observed_ms' if piece.is_minutes else 'ended_at_ms - started_at_ms'}) AS time_"
        f" FROM {piece.table} WHERE {piece.where} GROUP BY system"
        for piece in window.pieces
    )
    found = store.query(
        f"SELECT system_, sum(time_) AS observed FROM ({parts}) GROUP BY system_", window.parameters
    ).to_pylist()
    return {str(row["system_"]): int(row["observed"]) for row in found}


def last_slice_at_ms(store: TelemetryStore, system: str) -> int | None:
    """When the newest stored slice of a system ended; None where there is none."""
    found = store.query(
        "SELECT ended_at_ms FROM query_slices WHERE system = {system:String} ORDER BY started_at_ms DESC LIMIT 1",
        {"system": system},
    )
    return int(found["ended_at_ms"][0].as_py()) if found.num_rows else None


def _executions(store: TelemetryStore, start_ms: int, end_ms: int) -> Pieces:
    return pieces_of(
        store, "query_executions", "started_at_ms", start_ms, end_ms, by_minutes=end_ms - start_ms > ROWS_ONLY_MS_MAX
    )
