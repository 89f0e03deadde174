"""Two weeks of a host and a service with known patterns, in a server's metrics."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tests.app.forecasting.series_there import DAY_MS, append, hours
from trimtab.app.service import Service

STEP_MS = 100_000
HOST = {"job": "node", "instance": "web1"}
LIMIT_PER_S = 100.0
SERVICE_MS = 20.0
BOUNDS = (0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0)
F64 = NDArray[np.float64]


def fill(service: Service, now_ms: int, days: float = 15) -> None:
    """Processors with a day; memory that leaks; a disk that log rotation empties every six hours; a network that a job
    fills each hour from minute 10 to 20; a service whose latency is an M/M/1
    queue's, with a limit of 100 calls a second."""
    at = hours(now_ms, days, STEP_MS)
    rng = np.random.default_rng(11)
    step_s = STEP_MS / 1000
    day = np.sin(2 * np.pi * ((at % DAY_MS) / DAY_MS - 0.35))
    busy = np.clip(0.35 + 0.15 * day + rng.normal(0, 0.02, at.size), 0, 1)
    for mode, share in (("user", busy), ("idle", 1 - busy)):
        labels = {"__name__": "node_cpu_seconds_total", "cpu": "0", "mode": mode, **HOST}
        append(service, labels, at, np.cumsum(share * step_s))
    total = 16e9
    taken = 4e9 + 6e9 * np.arange(at.size) / at.size + rng.normal(0, 1e8, at.size)
    append(service, {"__name__": "node_memory_MemTotal_bytes", **HOST}, at, np.full(at.size, total))
    append(service, {"__name__": "node_memory_MemAvailable_bytes", **HOST}, at, total - taken)
    _disk(service, at, rng)
    received = np.abs(rng.normal(1e5, 1e4, at.size)) + 5e6 * (at // 600_000 % 6 == 1)
    labels = {"__name__": "node_network_receive_bytes_total", "device": "eth0", **HOST}
    append(service, labels, at, np.cumsum(received * step_s))
    _calls(service, at, np.clip(50 + 40 * day + rng.normal(0, 4, at.size), 2, 96))


def _disk(service: Service, at: NDArray[np.int64], rng: np.random.Generator) -> None:
    """Fills for six hours, then is emptied at once."""
    size = 1e12
    share = 0.3 + 0.4 * (at % (6 * 3_600_000)) / (6 * 3_600_000) + rng.normal(0, 0.002, at.size)
    disk = {**HOST, "device": "/dev/sda1", "fstype": "ext4", "mountpoint": "/logs"}
    append(service, {"__name__": "node_filesystem_size_bytes", **disk}, at, np.full(at.size, size))
    append(service, {"__name__": "node_filesystem_readonly", **disk}, at, np.zeros(at.size))
    for name in ("free", "avail"):
        append(service, {"__name__": f"node_filesystem_{name}_bytes", **disk}, at, size * (1 - share))


def _calls(service: Service, at: NDArray[np.int64], per_s: F64) -> None:
    """Calls of a service, and how long they took: exponential, with the mean of a queue."""
    labels = {"service_name": "checkout", "span_kind": "SPAN_KIND_SERVER"}
    calls = per_s * STEP_MS / 1000
    mean_s = SERVICE_MS / 1000 / (1 - per_s / LIMIT_PER_S)
    append(service, {"__name__": "traces_span_metrics_calls_total", **labels}, at, np.cumsum(calls))
    for bound in (*BOUNDS, np.inf):
        counts = np.cumsum(calls * (1 - np.exp(-bound / mean_s)))
        le = "+Inf" if np.isinf(bound) else f"{bound:g}"
        append(service, {"__name__": "traces_span_metrics_duration_seconds_bucket", "le": le, **labels}, at, counts)
