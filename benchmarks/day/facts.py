"""What a watch would have written in an hour: slices, sessions, numbers of the server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from benchmarks.day.shapes import TABLES, HotShape
from trimtab.model.query import QueryShape
from trimtab.store.tables import conform

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
SLOW_LOOKS_MS = 30_000

SERVER_NUMBERS = (
    ("locks_waiting", "locks", 0.2),
    ("connections", "sessions", 40.0),
    ("connections_active", "sessions", 6.0),
    ("connections_idle_in_transaction", "sessions", 1.0),
    ("connections_max", "sessions", 100.0),
    ("oldest_transaction_s", "s", 2.0),
    ("replica_lag_bytes_max", "bytes", 20_000.0),
    ("database_bytes", "bytes", 9e9),
    ("transactions_committed", "transactions", 9_000.0),
    ("transactions_rolled_back", "transactions", 12.0),
    ("blocks_read", "blocks", 20_000.0),
    ("blocks_hit", "blocks", 900_000.0),
    ("temporary_bytes", "bytes", 100_000.0),
    ("deadlocks", "deadlocks", 0.01),
    ("rows_fetched", "rows", 400_000.0),
    ("rows_written", "rows", 9_000.0),
)


@dataclass(frozen=True, slots=True)
class Episode:
    """A time in which one hot shape takes `ratio` times as long as at first, from a moment on to another."""

    place: int
    start_ms: int
    end_ms: int
    ratio: float


def busy(at_ms: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """How busy the shop is at a moment, 1 on average: quiet at night, busy in the evening."""
    return 1.0 + 0.5 * np.sin(2 * np.pi * (at_ms % DAY_MS / DAY_MS - 0.55))


def executions(
    draw: np.random.Generator,
    hot: Sequence[HotShape],
    rare: Sequence[QueryShape],
    episodes: Sequence[Episode],
    starts_ms: npt.NDArray[np.int64],
    slice_ms: int,
    rare_runs_per_day: float,
) -> pa.Table:
    """`query_executions` of one system for these slices."""
    slice_s = slice_ms / 1000
    rates = np.array([h.calls_per_s for h in hot])
    calls = draw.poisson(rates[:, None] * busy(starts_ms)[None, :] * slice_s)
    shape_at, slice_at = np.nonzero(calls)
    counts = calls[shape_at, slice_at]
    means = np.array([h.mean_ms for h in hot])[shape_at] * draw.lognormal(-0.03, 0.25, len(counts))
    for episode in episodes:
        hit = (shape_at == episode.place) & (starts_ms[slice_at] >= episode.start_ms)
        means[hit & (starts_ms[slice_at] < episode.end_ms)] *= episode.ratio
    blocks = np.array([h.blocks_per_call for h in hot])[shape_at] * counts * draw.uniform(0.8, 1.2, len(counts))
    read = np.array([h.read_share for h in hot])[shape_at] * blocks
    rows = np.array([h.rows_per_call for h in hot])[shape_at] * counts

    runs = draw.poisson(len(rare) * rare_runs_per_day * len(starts_ms) * slice_ms / DAY_MS)
    rare_at = draw.integers(0, len(rare), runs) if rare else np.zeros(0, np.int64)
    rare_slices = draw.integers(0, len(starts_ms), len(rare_at))
    rare_ms = (1.0 + rare_at % 97) * draw.lognormal(0, 0.3, len(rare_at))

    names = pa.array([h.shape.fingerprint for h in hot] + [shape.fingerprint for shape in rare], pa.string())
    places = np.concatenate([shape_at, len(hot) + rare_at])
    when = starts_ms[np.concatenate([slice_at, rare_slices])]
    order = np.argsort(when, kind="stable")
    size = len(order)
    zeros = np.zeros(size, np.int64)

    def column(busy_part: npt.NDArray[Any], rare_part: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return np.concatenate([busy_part, rare_part])[order]

    hits = column(blocks - read, 50 * rare_ms)
    system = (hot[0].shape if hot else rare[0]).system
    return conform(
        "query_executions",
        pa.table(
            {
                "system": pa.array([system] * size, pa.string()),
                "fingerprint": pa.DictionaryArray.from_arrays(places[order], names).cast(pa.string()),
                "started_at_ms": when[order],
                "ended_at_ms": when[order] + slice_ms,
                "calls": column(counts, np.ones(runs)).astype(np.int64),
                "total_exec_time_ms": column(means * counts, rare_ms),
                "rows": column(rows, np.full(runs, 5.0)).astype(np.int64),
                "shared_blks_hit": hits.astype(np.int64),
                "shared_blks_read": column(read, rare_ms).astype(np.int64),
                "shared_blks_dirtied": zeros,
                "shared_blks_written": zeros,
                "temp_blks_read": zeros,
                "temp_blks_written": zeros,
                "blk_read_time_ms": np.zeros(size),
                "blk_write_time_ms": np.zeros(size),
                "wal_bytes": zeros,
            }
        ),
    )


def slices(system: str, starts_ms: npt.NDArray[np.int64], slice_ms: int) -> pa.Table:
    """`query_slices`."""
    return conform(
        "query_slices",
        pa.table(
            {
                "system": pa.array([system] * len(starts_ms), pa.string()),
                "started_at_ms": starts_ms,
                "ended_at_ms": starts_ms + slice_ms,
                "shapes_count": np.full(len(starts_ms), 40),
            }
        ),
    )


def activity(
    draw: np.random.Generator, hot: Sequence[HotShape], system: str, starts_ms: npt.NDArray[np.int64]
) -> pa.Table:
    """`activity_samples`: what sessions did at each look."""
    level = busy(starts_ms)
    kinds = (
        ("active", "", "", 4.0),
        ("active", "IO", "DataFileRead", 1.5),
        ("active", "LWLock", "WALWrite", 0.3),
        ("active", "Lock", "transactionid", 0.05),
        ("idle", "Client", "ClientRead", 30.0),
    )
    columns: dict[str, list[object]] = {"when": [], "state": [], "type": [], "event": [], "n": [], "who": []}
    for state, wait_type, wait_event, mean in kinds:
        counts = draw.poisson(mean * level)
        seen = np.flatnonzero(counts)
        who = draw.integers(0, len(hot), len(seen)) if state == "active" else np.full(len(seen), -1)
        columns["when"].extend(starts_ms[seen].tolist())
        columns["n"].extend(counts[seen].tolist())
        columns["who"].extend(hot[place].shape.fingerprint if place >= 0 else "" for place in who.tolist())
        for name, value in (("state", state), ("type", wait_type), ("event", wait_event)):
            columns[name].extend([value] * len(seen))
    size = len(columns["when"])
    return conform(
        "activity_samples",
        pa.table(
            {
                "system": pa.array([system] * size, pa.string()),
                "sampled_at_ms": pa.array(columns["when"], pa.int64()),
                "fingerprint": pa.array(columns["who"], pa.string()),
                "state": pa.array(columns["state"], pa.string()),
                "wait_event_type": pa.array(columns["type"], pa.string()),
                "wait_event": pa.array(columns["event"], pa.string()),
                "sessions_count": pa.array(columns["n"], pa.int64()),
                "duration_ms_max": draw.exponential(20.0, size),
            }
        ),
    )


def server_numbers(draw: np.random.Generator, system: str, start_ms: int, end_ms: int) -> pa.Table:
    """`server_statistics`: every half minute."""
    at = np.arange(start_ms, end_ms, SLOW_LOOKS_MS)
    level = busy(at)
    parts = []
    for name, unit, mean in SERVER_NUMBERS:
        steady = name in ("connections_max", "database_bytes")
        values = np.full(len(at), mean) if steady else mean * level * draw.lognormal(0, 0.1, len(at))
        parts.append(
            pa.table(
                {
                    "system": pa.array([system] * len(at), pa.string()),
                    "sampled_at_ms": at,
                    "name": pa.array([name] * len(at), pa.string()),
                    "value": values,
                    "unit": pa.array([unit] * len(at), pa.string()),
                }
            )
        )
    return conform("server_statistics", pa.concat_tables(parts))


def table_numbers(draw: np.random.Generator, system: str, start_ms: int, end_ms: int) -> pa.Table:
    """`table_statistics`: every half minute."""
    at = np.arange(start_ms, end_ms, SLOW_LOOKS_MS)
    parts = []
    for place, relation in enumerate(TABLES[:10]):
        live = 100_000 * (place + 1)
        columns: dict[str, Any] = {
            "system": pa.array([system] * len(at), pa.string()),
            "sampled_at_ms": at,
            "relation": pa.array([relation] * len(at), pa.string()),
            "n_live_tup": np.full(len(at), live),
            "n_dead_tup": draw.integers(0, 5_000, len(at)),
            "relation_bytes": np.full(len(at), live * 120),
            "indexes_bytes": np.full(len(at), live * 40),
        }
        for name in ("seq_scan", "seq_tup_read", "idx_scan", "n_tup_ins", "n_tup_upd", "n_tup_del", "n_tup_hot_upd"):
            columns[name] = draw.poisson(20, len(at))
        parts.append(pa.table(columns))
    return conform("table_statistics", pa.concat_tables(parts))
