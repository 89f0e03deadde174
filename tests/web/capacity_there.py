"""Weeks of a server whose disk, connections and transaction ids fill, and the calls of its statements."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tests.app.forecasting.series_there import DAY_MS, HOUR_MS, append, daily, hours
from tests.store.facts_of_a_shop import executions, slice_rows
from trimtab.app.service import Service
from trimtab.model.system import System

DAYS = 28
DISK_BYTES = 1e12


def fill(service: Service, now_ms: int) -> None:
    """A host and a database. The disk takes 8 GB a day of 1 TB, and is 70 % full: 95 % are 31 days away."""
    at = hours(now_ms, DAYS, HOUR_MS // 2)
    back = (now_ms - at) / DAY_MS
    host = {"job": "node", "instance": "db1"}
    draw = np.random.default_rng(5)
    used = DISK_BYTES * (0.70 - 0.008 * back) + draw.normal(0, 4e8, len(at))
    disk = {**host, "device": "/dev/sda1", "fstype": "ext4", "mountpoint": "/data"}
    append(service, {"__name__": "node_filesystem_size_bytes", **disk}, at, np.full(len(at), DISK_BYTES))
    append(service, {"__name__": "node_filesystem_free_bytes", **disk}, at, DISK_BYTES - used)
    append(service, {"__name__": "node_filesystem_avail_bytes", **disk}, at, DISK_BYTES - used)
    append(service, {"__name__": "node_filesystem_readonly", **disk}, at, np.zeros(len(at)))
    load = daily(at, 100, 60, 3, seed=7)
    busy = np.clip(load * 0.004, 0, 1)
    step_s = np.diff(at, prepend=at[0]) / 1000
    for mode, share in (("user", busy), ("idle", 1 - busy)):
        labels = {"__name__": "node_cpu_seconds_total", "cpu": "0", "mode": mode, **host}
        append(service, labels, at, np.cumsum(share * step_s))
    shop = {"job": "postgres", "instance": "shop"}
    append(service, {"__name__": "pg_stat_statements_calls_total", **shop}, at, np.cumsum(load * step_s))
    append(service, {"__name__": "pg_database_size_bytes", **shop}, at, used * 0.9)
    append(service, {"__name__": "trimtab_postgres_connections", **shop}, at, np.round(daily(at, 40, 5, 1, seed=3)))
    append(service, {"__name__": "pg_settings_max_connections", **shop}, at, np.full(len(at), 100.0))
    age = np.maximum(1.5e9 - 20e6 * back, 0)
    append(service, {"__name__": "trimtab_postgres_oldest_unfrozen_transactions", **shop}, at, age)


def call(service: Service, now_ms: int, days: int = 6) -> dict[str, NDArray[np.float64]]:
    """Six days of calls by the hour: two shapes with a day's rhythm, one that grows, one job each night at three."""
    service.state.add_system(System("shop", "service=shop", None, now_ms - days * DAY_MS))
    end_ms = now_ms // HOUR_MS * HOUR_MS
    start_ms = end_ms - days * DAY_MS
    at = np.arange(start_ms, end_ms, HOUR_MS)
    hour = (at // HOUR_MS) % 24
    wave = 1 + np.sin(2 * np.pi * (hour - 9) / 24)
    calls = {
        "busy": np.round(4000 * wave + 200),
        "like-busy": np.round(400 * wave + 20),
        "growing": np.round(300 * 1.25 ** ((at - start_ms) / DAY_MS)),
        "nightly": np.where(hour == 3, 5000.0, 0.0),
    }
    windows = [(int(start), int(start) + 60_000) for start in at]
    service.telemetry.write("query_slices", slice_rows("shop", windows))
    rows = [
        (name, *windows[place], int(count), float(count) * 2.5)
        for name, counts in calls.items()
        for place, count in enumerate(counts.tolist())
        if count
    ]
    service.telemetry.write("query_executions", executions("shop", rows))
    service.telemetry.flush(30)
    return calls
