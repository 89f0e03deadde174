"""An hour of two made-up machines under node_exporter's names: one with a database that is busy, one that is calm."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from trimtab.app.service import Service
from trimtab.store.metrics.contract import Samples

STEP_MS = 15_000
STEPS = 241
GIB = 2.0**30
Curve = NDArray[np.float64]
Made = tuple[str, dict[str, str], Curve]


def write_machines(service: Service, end_ms: int) -> None:
    """The hour before `end_ms`."""
    store = service.querying.store
    at_ms = end_ms - STEP_MS * np.arange(STEPS - 1, -1, -1, dtype=np.int64)
    for instance, cores, load, seed in (("db1", 8, 0.62, 7), ("web1", 4, 0.21, 8)):
        series = list(_machine(instance, cores, load, at_ms, np.random.default_rng(seed)))
        base = {"job": "node", "instance": instance}
        labels = [tuple(sorted({**base, **more, "__name__": name}.items())) for name, more, _ in series]
        slots = np.repeat(store.register(labels).slots.astype(np.int32), STEPS)
        values = np.concatenate([curve for _, _, curve in series])
        done = store.append(Samples(slots, np.tile(at_ms, len(series)), values))
        assert not done.refused, done.first_refusals


def _machine(
    instance: str, cores: int, load: float, at_ms: NDArray[np.int64], random: np.random.Generator
) -> Iterator[Made]:
    """`load`: how busy it is at its busiest, of 1."""
    place = np.linspace(0, 1, STEPS)

    def curve(low: float, high: float, rough: float = 0.06) -> Curve:
        """A wave with its top late in the hour."""
        wave = 0.5 + 0.5 * np.sin(place * 5.2 - 3.4) * place
        return np.clip(low + (high - low) * (wave + random.normal(0, rough, STEPS)), 0, None)

    def total(rate: Curve, begin: float = 1_000.0) -> Curve:
        """A counter that grows so much a second."""
        return begin + np.cumsum(rate) * STEP_MS / 1000

    zero = np.zeros(STEPS)
    busy = np.clip(curve(load / 4, load), 0, 0.95)
    shares: Mapping[str, Curve] = {
        "user": busy * 0.68,
        "system": busy * 0.2,
        "iowait": busy * 0.1,
        "softirq": busy * 0.02,
        "nice": zero,
        "irq": zero,
        "steal": zero,
    }
    idle = 1 - sum(shares.values(), zero)
    for cpu in range(cores):
        for mode, share in (*shares.items(), ("idle", idle)):
            yield "node_cpu_seconds_total", {"cpu": str(cpu), "mode": mode}, total(share * (0.8 + 0.4 * cpu / cores))
    all_bytes = cores * 4 * GIB
    used = all_bytes * curve(0.3, 0.3 + load / 2, 0.01)
    cache = all_bytes * 0.25 + zero
    for name, values in (
        ("MemTotal", all_bytes + zero),
        ("MemFree", np.clip(all_bytes - used - cache, 0, None)),
        ("MemAvailable", np.clip(all_bytes - used, 0, None)),
        ("Cached", cache * 0.9),
        ("Buffers", cache * 0.1),
        ("SReclaimable", zero),
        ("SwapTotal", 2 * GIB + zero),
        ("SwapFree", 1.9 * GIB + zero),
    ):
        yield f"node_memory_{name}_bytes", {}, values
    for name in ("pswpin", "pswpout", "pgmajfault", "oom_kill"):
        yield f"node_vmstat_{name}", {}, zero + 12
    for name, of_busy in (("load1", 1.0), ("load5", 0.9), ("load15", 0.8)):
        yield f"node_{name}", {}, busy * cores * 1.3 * of_busy
    yield "node_procs_running", {}, np.round(busy * cores) + 1
    yield "node_procs_blocked", {}, np.round(busy * 2)
    yield "node_boot_time_seconds", {}, at_ms[0] / 1000 - 86_400 * 31 + zero
    yield "node_time_seconds", {}, at_ms / 1000
    for what, most in (("cpu", 0.35), ("io", 0.25), ("memory", 0.01)):
        for kind, part in (("waiting", 1.0), ("stalled", 0.4)):
            yield f"node_pressure_{what}_{kind}_seconds_total", {}, total(busy * most * part)
    disk = {"device": "nvme0n1"}
    reads, writes = curve(40, 900 * load), curve(60, 500 * load)
    for name, rate in (
        ("reads_completed_total", reads),
        ("writes_completed_total", writes),
        ("read_bytes_total", reads * 16_384),
        ("written_bytes_total", writes * 12_288),
        ("read_time_seconds_total", reads * 0.0008 * (1 + busy)),
        ("write_time_seconds_total", writes * 0.0014 * (1 + busy)),
        ("io_time_seconds_total", np.clip(busy * 0.9, 0, 1)),
        ("io_time_weighted_seconds_total", busy * 2.5),
    ):
        yield f"node_disk_{name}", disk, total(rate)
    for mount, size, filled in (("/", 40 * GIB, 0.46), ("/var/lib/postgresql", 400 * GIB, 0.55 + 0.4 * load)):
        where = {"device": "/dev/nvme0n1p1", "fstype": "ext4", "mountpoint": mount}
        left = size * (1 - filled) - size * 0.01 * place
        for name, values in (("size", size + zero), ("avail", left), ("free", left + size * 0.02)):
            yield f"node_filesystem_{name}_bytes", where, values
        for name, value in (("files", 2.6e7), ("files_free", 2.5e7), ("readonly", 0.0), ("device_error", 0.0)):
            yield f"node_filesystem_{name}", where, value + zero
    net = {"device": "eth0"}
    for way, rate in (("receive", curve(2e5, 9e6 * load)), ("transmit", curve(3e5, 2e7 * load))):
        yield f"node_network_{way}_bytes_total", net, total(rate)
        for name in ("drop", "errs"):
            yield f"node_network_{way}_{name}_total", net, zero
    yield "node_network_speed_bytes", net, 1.25e9 + zero
    for name, rate in (("Tcp_RetransSegs", busy), ("Tcp_OutSegs", busy * 4_000), ("TcpExt_ListenOverflows", zero)):
        yield f"node_netstat_{name}", {}, total(rate)
    yield "node_netstat_Tcp_CurrEstab", {}, np.round(curve(40, 300 * load))
    yield "node_filefd_allocated", {}, 4_096 + zero
    yield "node_filefd_maximum", {}, 1e6 + zero
    programs = ("postgres", "pgbouncer", "trimtab") if instance == "db1" else ("gunicorn", "nginx", "node")
    for number, program in enumerate(programs):
        group = {"groupname": program}
        yield "namedprocess_namegroup_cpu_seconds_total", group, total(busy * cores * (0.7, 0.2, 0.05)[number])
        resident = {**group, "memtype": "resident"}
        yield "namedprocess_namegroup_memory_bytes", resident, used * (0.8, 0.05, 0.03)[number]
        yield "namedprocess_namegroup_num_procs", group, zero + (48, 4, 1)[number]
    yield "node_uname_info", {"nodename": instance, "release": "6.1.0-18-amd64", "sysname": "Linux"}, zero + 1
    for collector in ("cpu", "meminfo", "diskstats"):
        yield "node_scrape_collector_success", {"collector": collector}, zero + 1
