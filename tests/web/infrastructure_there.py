"""A site that has looked at this machine seven times, and twice at an engine; another host sends, a third is silent."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from tests.observe.containers.engines import on_a_port
from tests.observe.containers.test_engines import Engine
from tests.web.site import Site, open_site
from trimtab.app.infrastructure.container_collecting import ContainerCollecting
from trimtab.app.infrastructure.host_collecting import HostCollecting
from trimtab.model.infrastructure_settings import ContainersPolicy, HostPolicy
from trimtab.store.metrics.contract import Samples

HOSTILE = '"><img src=x onerror=alert(1)>'


class Clock:
    """Moves when it is told to."""

    def __init__(self) -> None:
        self.now_ms = time.time_ns() // 1_000_000 // 15_000 * 15_000 - 120_000

    def __call__(self) -> int:
        self.now_ms += 15_000
        return self.now_ms


@contextmanager
def open_infrastructure(data_dir: Path) -> Iterator[Site]:
    """See the module."""
    engine, clock = Engine(), Clock()
    with open_site(data_dir) as made, on_a_port(engine) as address:
        service = made.service
        metrics = lambda: getattr(service.telemetry, "metrics", None)  # noqa: E731
        host = HostPolicy(slow_interval_s=1.0, instance="here")
        service.infrastructure.host = HostCollecting(lambda: host, metrics, clock)
        for one in range(7):
            service.infrastructure.host.look()
            made_host = service.infrastructure.host._host
            assert made_host is not None
            made_host._slow_s = 0.0 if one < 6 else 1.0
            busy_for(0.03)
        policy = ContainersPolicy(docker=address)
        containers = ContainerCollecting(lambda: policy, lambda: host, metrics, clock)
        containers.look()
        engine.is_later = True
        containers.look()
        service.infrastructure.containers = containers
        other(made, "db1:9100", clock.now_ms)
        other(made, HOSTILE, clock.now_ms - 1_800_000)
        yield made
        containers.stop()


def busy_for(seconds: float) -> None:
    """Take processor time, so that some process was busy between two looks: the kernel counts in hundredths."""
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def other(site: Site, instance: str, at_ms: int) -> None:
    """Another host, as node_exporter sends it: half busy, nearly full, swapping, with an alert."""
    base = {"job": "linux", "instance": instance}
    series: list[tuple[dict[str, str], float, float]] = []
    for cpu, busy in (("0", 0.1), ("10", 0.9), ("2", 0.5)):
        for mode, share in (("idle", 0.9 - busy), ("iowait", 0.1), ("user", busy)):
            series.append(({"__name__": "node_cpu_seconds_total", "cpu": cpu, "mode": mode}, 1000.0, share))
    for name, value, growth in (
        ("node_time_seconds", at_ms / 1000 - 60, 1.0),
        ("node_load1", 2.5, 0.0),
        ("node_memory_MemTotal_bytes", 100.0, 0.0),
        ("node_memory_MemAvailable_bytes", 4.0, 0.0),
        ("node_vmstat_pswpin", 5.0, 30.0),
        ("node_pressure_memory_waiting_seconds_total", 5.0, 0.6),
    ):
        series.append(({"__name__": name}, value, growth))
    disk = {"device": "/dev/sda1", "fstype": "ext4", "mountpoint": "/data"}
    series.append(({"__name__": "node_filesystem_size_bytes", **disk}, 1000.0, 0.0))
    series.append(({"__name__": "node_filesystem_free_bytes", **disk}, 118.0, 0.0))
    series.append(({"__name__": "node_filesystem_avail_bytes", **disk}, 18.0, 0.0))
    series.append(({"__name__": "node_filesystem_readonly", **disk}, 0.0, 0.0))
    full = {"device": "/dev/sr0", "fstype": "udf", "mountpoint": "/cdrom"}  # read-only: full, and nothing is wrong
    for name, value in (("size_bytes", 10.0), ("free_bytes", 0.0), ("avail_bytes", 0.0), ("readonly", 1.0)):
        series.append(({"__name__": f"node_filesystem_{name}", **full}, value, 0.0))
    series.append(({"__name__": "node_disk_io_time_seconds_total", "device": "sda"}, 3.0, 0.95))
    series.append(({"__name__": "node_uname_info", "release": "5.10", "nodename": "db1"}, 1.0, 0.0))
    alert = {"__name__": "ALERTS", "alertname": "DiskFull", "alertstate": "firing", "severity": "critical"}
    series.append((alert, 1.0, 0.0))
    store = site.service.querying.store
    slots = store.register([tuple(sorted({**labels, **base}.items())) for labels, _, _ in series]).slots
    for step in range(12):
        when = at_ms - (11 - step) * 15_000
        values = np.array([begin + growth * 15 * step for _, begin, growth in series], np.float64)
        assert not store.append(Samples(slots, np.full(len(slots), when, np.int64), values)).refused
