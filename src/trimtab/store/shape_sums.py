"""What shapes and systems did in a window, added up by the engine: one row each, whatever the window's length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from trimtab.store.pieces import ROWS_ONLY_MS_MAX, Pieces, pieces_of

if TYPE_CHECKING:
    import numpy.typing as npt

    from trimtab.store.telemetry import TelemetryStore

    Integers = npt.NDArray[np.int64]
    Floats = npt.NDArray[np.float64]

SHAPES_MAX = 200_000
"""Shapes of one answer; those that carry the most load come."""

_SUMS = (
    "sum(calls) AS calls_, sum(total_exec_time_ms) AS total_, sum(rows) AS rows_, sum(shared_blks_hit) AS hit_,"
    " sum(shared_blks_read) AS read_"
)


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
    more = ""
    if system is not None:
        more += " AND system = {system:String}"
        parameters["system"] = system
    if fingerprints is not None:
        more += " AND fingerprint IN {fingerprints:Array(String)}"
        parameters["fingerprints"] = list(fingerprints)
    parts = " UNION ALL ".join(
        f"SELECT toString(system) AS system_, toString(fingerprint) AS fingerprint_, {_SUMS} FROM {piece.table}"
        f" WHERE {piece.where}{more} GROUP BY system, fingerprint"
        for piece in window.pieces
    )
    found = store.query(
        "SELECT * FROM (SELECT system_, fingerprint_, sum(calls_) AS calls, sum(total_) AS total, sum(rows_) AS"
        f" returned, sum(hit_) AS hit, sum(read_) AS read FROM ({parts}) GROUP BY system_, fingerprint_"
        f" ORDER BY total DESC LIMIT {SHAPES_MAX}) ORDER BY system_, fingerprint_",
        parameters,
    )
    return ShapeSums(
        systems=found["system_"].to_pylist(),
        fingerprints=found["fingerprint_"].to_pylist(),
        calls=np.asarray(found["calls"].to_numpy(), np.int64),
        total_exec_time_ms=np.asarray(found["total"].to_numpy(), np.float64),
        rows=np.asarray(found["returned"].to_numpy(), np.int64),
        shared_blks_hit=np.asarray(found["hit"].to_numpy(), np.int64),
        shared_blks_read=np.asarray(found["read"].to_numpy(), np.int64),
        source=window.source,
    )


def system_sums(store: TelemetryStore, start_ms: int, end_ms: int) -> dict[str, SystemSums]:
    """Sums by system over slices that began in `[start_ms, end_ms)`; a system that was not observed is left out."""
    window = _executions(store, start_ms, end_ms)
    parts = " UNION ALL ".join(
        "SELECT toString(system) AS system_, sum(calls) AS calls_, sum(total_exec_time_ms) AS total_"
        f" FROM {piece.table} WHERE {piece.where} GROUP BY system"
        for piece in window.pieces
    )
    found = store.query(
        f"SELECT system_, sum(calls_) AS calls, sum(total_) AS total FROM ({parts}) GROUP BY system_",
        window.parameters,
    ).to_pylist()
    did = {str(row["system_"]): (int(row["calls"]), float(row["total"])) for row in found}
    return {
        system: SystemSums(*did.get(system, (0, 0.0)), observed_ms=time_ms)
        for system, time_ms in observed_ms(store, start_ms, end_ms).items()
    }


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


def _executions(store: TelemetryStore, start_ms: int, end_ms: int) -> Pieces:
    return pieces_of(
        store, "query_executions", "started_at_ms", start_ms, end_ms, by_minutes=end_ms - start_ms > ROWS_ONLY_MS_MAX
    )
