"""Weeks of series in a server's metrics: what pages draw, and a rule's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from trimtab.app.service import Service
from trimtab.store.metrics.contract import Samples

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
F64 = NDArray[np.float64]
Line = tuple[dict[str, str], NDArray[np.int64], F64]
"""Labels, times, values."""


def append(service: Service, labels: Mapping[str, str], at_ms: NDArray[np.int64], values: F64) -> None:
    """One series. It must be taken whole."""
    store = service.querying.store
    slot = int(store.register([tuple(sorted(labels.items()))]).slots[0])
    done = store.append(Samples(np.full(len(at_ms), slot, np.int32), at_ms, values))
    assert done.accepted_count == len(at_ms), done


def hours(now_ms: int, days: float, step_ms: int = HOUR_MS // 4) -> NDArray[np.int64]:
    """Moments up to now, a whole number of steps."""
    end_ms = now_ms // step_ms * step_ms
    return np.arange(end_ms - round(days * DAY_MS), end_ms + 1, step_ms, dtype=np.int64)


def daily(at_ms: NDArray[np.int64], base: float, swing: float, noise: float, seed: int = 1) -> F64:
    """A day's rhythm: highest in the afternoon, with noise."""
    rng = np.random.default_rng(seed)
    phase = 2 * np.pi * ((at_ms % DAY_MS) / DAY_MS - 0.35)
    return base + swing * np.sin(phase) + rng.normal(0, noise, len(at_ms))


def weeks(now_ms: int, days: float, step_ms: int = HOUR_MS // 4) -> Iterator[Line]:
    """A host whose disk fills, whose processors have a rhythm below the limit; connections that will cross theirs
    tomorrow, and do not yet, whatever the time of day is."""
    at = hours(now_ms, days, step_ms)
    left_days = (now_ms - at) / DAY_MS
    host = {"job": "node", "instance": "web1"}
    disk = {**host, "device": "/dev/sda1", "fstype": "ext4", "mountpoint": "/data"}
    size, used = 1e12, 1e12 * (0.885 - 0.01 * left_days)
    free = size - used - np.random.default_rng(2).normal(0, 5e8, len(at))
    busy = np.clip(daily(at, 35, 15, 2), 0, 100) / 100
    step_s = np.diff(at, prepend=at[0]) / 1000
    shop = {"job": "postgres", "instance": "shop"}
    connections = np.round(daily(at, 73, 6, 0.7, seed=3) - 3 * left_days)
    series: dict[str, tuple[dict[str, str], F64]] = {
        "node_time_seconds": (host, at / 1000),
        "node_uname_info": ({**host, "nodename": "web1", "release": "6.1"}, np.ones(len(at))),
        "node_filesystem_size_bytes": (disk, np.full(len(at), size)),
        "node_filesystem_free_bytes": (disk, free),
        "node_filesystem_avail_bytes": (disk, free),
        "node_filesystem_readonly": (disk, np.zeros(len(at))),
        "trimtab_postgres_connections": (shop, np.maximum(connections, 1)),
        "pg_settings_max_connections": (shop, np.full(len(at), 100.0)),
        "queue_depth": ({"queue": "mail"}, daily(at, 200, 80, 10, seed=4)),
    }
    for name, (labels, values) in series.items():
        yield {"__name__": name, **labels}, at, values
    for mode, share in (("user", busy), ("idle", 1 - busy)):
        yield {"__name__": "node_cpu_seconds_total", "cpu": "0", "mode": mode, **host}, at, np.cumsum(share * step_s)


def fill(service: Service, now_ms: int, days: float = 21) -> None:
    """Put `weeks` into the store."""
    for labels, at_ms, values in weeks(now_ms, days):
        append(service, labels, at_ms, values)
