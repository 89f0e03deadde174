"""What the numbers mean: how busy, how full, how much waits, what went wrong; each resource by the USE method.

resource      utilisation                saturation                          errors
cpu           busy share of all cores    share of time that tasks waited     (the kernel counts none)
memory        1 - available / total      tasks waiting, swapping             kills for want of memory
disk          share of time with work    requests in flight, latency         (/proc/diskstats has none)
filesystem    used / (used + available)  files used                          read-only, no answer
network       share of the line's speed  drops, retransmissions              errors
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from trimtab.model.infrastructure import Measure, greatest, unknown
from trimtab.observe.host.now import HostNow, by
from trimtab.observe.host.series import Labels

IDLE = ("idle", "iowait")
"""Modes in which a core does nothing. Time that a hypervisor took (steal) is busy: it was not to be had."""
NO_CPU_ERRORS = "the kernel counts no errors of processors here"
NO_DISK_ERRORS = "/proc/diskstats counts no errors; they are in the kernel's log"
NO_SPEED = "the interface does not say how fast its line is"


@dataclass(frozen=True, slots=True)
class Resource:
    """One thing that may be busy, full or broken. `name` is '' where there is one of its kind."""

    kind: str
    name: str
    utilisation: Measure
    saturation: tuple[Measure, ...]
    errors: tuple[Measure, ...]


class Usage:
    """Reads a `HostNow`."""

    def __init__(self, host: HostNow) -> None:
        self.host = host

    # --- the seed's five

    def cpu_utilization(self) -> Measure:
        """Busy share of all cores; its parts are the cores, and the modes (`mode:user`, …)."""
        name, collector = "cpu_utilization", "cpu"
        rates = self.host.rates(collector, "node_cpu_seconds_total")
        if not rates:
            return self._unknown(name, "ratio", collector, is_rate=True)
        cores = by("cpu", rates)
        idle = by("cpu", {labels: rate for labels, rate in rates.items() if dict(labels)["mode"] in IDLE})
        busy = {core: 1 - idle.get(core, 0.0) / whole if whole else 0.0 for core, whole in cores.items()}
        whole = sum(cores.values()) or 1.0
        parts = [self._rate(core, share, "ratio", collector) for core, share in busy.items()]
        parts += [
            self._rate(f"mode:{mode}", spent / whole, "ratio", collector) for mode, spent in by("mode", rates).items()
        ]
        return self._rate(name, sum(busy.values()) / len(busy), "ratio", collector, tuple(parts))

    def memory_utilization(self) -> Measure:
        """What is not available for programs, as a share of all."""
        name, collector = "memory_utilization", "meminfo"
        total = self.host.value(collector, "node_memory_MemTotal_bytes")
        available = self.host.value(collector, "node_memory_MemAvailable_bytes")
        if not total or available is None:
            return self._unknown(name, "ratio", collector)
        wanted = ("MemTotal", "MemAvailable", "MemFree", "Buffers", "Cached", "SwapTotal", "SwapFree", "Dirty")
        parts = [
            self._now(field, value, "bytes", collector)
            for field in wanted
            if (value := self.host.value(collector, f"node_memory_{field}_bytes")) is not None
        ]
        return self._now(name, 1 - available / total, "ratio", collector, tuple(parts))

    def disk_usage(self) -> Measure:
        """The fullest file system that can be written to; its parts are all of them. As df counts it: what is kept for
        root is neither used nor to be had."""
        readonly = self.host.values("filesystem", "node_filesystem_readonly")
        parts = {labels: self._filesystem(labels, "") for labels in self._answering()}
        judged = tuple(part for labels, part in parts.items() if not readonly.get(labels))
        found = greatest("disk_usage", "ratio", judged, self.host.why_not("filesystem"), self._source("filesystem"))
        return replace(found, parts=tuple(parts.values()))

    def network_throughput(self) -> Measure:
        """Bytes a second in and out over all interfaces but the loopback; its parts are `eth0 receive`, …"""
        name, collector = "network_throughput", "netdev"
        parts: list[Measure] = []
        for direction in ("receive", "transmit"):
            rates = by("device", self.host.rates(collector, f"node_network_{direction}_bytes_total"))
            parts += [self._rate(f"{device} {direction}", rate, "bytes/s", collector) for device, rate in rates.items()]
        if not parts:
            return self._unknown(name, "bytes/s", collector, is_rate=True)
        whole = sum(part.value or 0.0 for part in parts if not part.name.startswith("lo "))
        return self._rate(name, whole, "bytes/s", collector, tuple(parts))

    def load_average(self) -> Measure:
        """Tasks that run or wait, over one minute; its parts are 1, 5 and 15 minutes, and the cores there are."""
        name, collector = "load_average", "loadavg"
        loads = {f"load{minutes}": self.host.value(collector, f"node_load{minutes}") for minutes in (1, 5, 15)}
        if loads["load1"] is None:
            return self._unknown(name, "tasks", collector)
        parts = [self._now(one, value, "tasks", collector) for one, value in loads.items() if value is not None]
        cores = len({dict(labels)["cpu"] for labels in self.host.values("cpu", "node_cpu_seconds_total")})
        parts.append(self._now("cores", float(cores), "cores", "cpu"))
        return self._now(name, loads["load1"], "tasks", collector, tuple(parts))

    # --- USE

    def resources(self) -> Iterator[Resource]:
        """Every resource, in the order in which a person looks."""
        yield Resource(
            "cpu",
            "",
            self.cpu_utilization(),
            (
                self.pressure("cpu", "waiting"),
                self._one("node_procs_running", "tasks that run or could run", "tasks", "cpu"),
                self._one("node_procs_blocked", "tasks that wait for a disk", "tasks", "cpu"),
            ),
            (unknown("errors", "errors", NO_CPU_ERRORS),),
        )
        yield Resource(
            "memory",
            "",
            self.memory_utilization(),
            (
                self.pressure("memory", "waiting"),
                self._grown("node_vmstat_pswpin", "pages swapped in", "pages/s", "vmstat"),
                self._grown("node_vmstat_pswpout", "pages swapped out", "pages/s", "vmstat"),
                self._grown("node_vmstat_pgmajfault", "page faults that went to a disk", "faults/s", "vmstat"),
            ),
            (self._one("node_vmstat_oom_kill", "kills for want of memory since the start", "kills", "vmstat"),),
        )
        yield from self._disks()
        for labels in self._answering():
            yield self._filesystem_resource(labels)
        yield from self._interfaces()
        yield Resource(
            "tcp",
            "",
            self._one("node_netstat_Tcp_CurrEstab", "connections", "connections", "netstat"),
            (self._grown("node_netstat_TcpExt_ListenOverflows", "full accept queues", "times/s", "netstat"),),
            (
                self._grown("node_netstat_Tcp_RetransSegs", "segments sent again", "segments/s", "netstat"),
                self._grown("node_netstat_Tcp_InErrs", "broken segments", "segments/s", "netstat"),
            ),
        )

    def pressure(self, what: str, kind: str) -> Measure:
        """Share of time in which tasks waited (`waiting`) or all stood still (`stalled`)."""
        told = "tasks waited" if kind == "waiting" else "all tasks stood still"
        return self._grown(f"node_pressure_{what}_{kind}_seconds_total", told, "ratio", "pressure")

    def _disks(self) -> Iterator[Resource]:
        def rates(what: str) -> dict[str, float]:
            return by("device", self.host.rates("diskstats", f"node_disk_{what}_total"))

        busy, queue = rates("io_time_seconds"), rates("io_time_weighted_seconds")
        times = {kind: (rates(f"{kind}_time_seconds"), rates(f"{kind}s_completed")) for kind in ("read", "write")}
        moved = {"read": rates("read_bytes"), "write": rates("written_bytes")}
        pressure = self.pressure("io", "waiting")
        devices = by("device", self.host.values("diskstats", "node_disk_io_now"))
        for device in devices:
            waits = [self._maybe("requests in flight", queue.get(device), "requests", "diskstats"), pressure]
            for kind, (spent, done) in times.items():
                count = done.get(device)
                latency = spent[device] / count if count else None
                why = f"no {kind}s in this time" if count == 0 else ""
                waits.append(self._maybe(f"{kind} latency", latency, "s", "diskstats", why))
                waits.append(self._maybe(f"{kind}s", count, "requests/s", "diskstats"))
                waits.append(self._maybe(f"{kind} bytes", moved[kind].get(device), "bytes/s", "diskstats"))
            yield Resource(
                "disk",
                device,
                self._maybe("utilisation", _at_most_one(busy.get(device)), "ratio", "diskstats"),
                tuple(waits),
                (unknown("errors", "errors", NO_DISK_ERRORS),),
            )

    def _interfaces(self) -> Iterator[Resource]:
        def rates(what: str) -> dict[str, float]:
            return by("device", self.host.rates("netdev", f"node_network_{what}_total"))

        receive, transmit = rates("receive_bytes"), rates("transmit_bytes")
        names = [
            (f"{direction} {word}", rates(f"{direction}_{what}"), is_error)
            for what, word, is_error in (("drop", "drops", False), ("errs", "errors", True))
            for direction in ("receive", "transmit")
        ]
        speeds = by("device", self.host.values("netclass", "node_network_speed_bytes"))
        for device in by("device", self.host.values("netdev", "node_network_receive_bytes_total")):
            if device == "lo":
                continue
            most = max(receive.get(device, 0.0), transmit.get(device, 0.0))
            speed = speeds.get(device)
            used = self._maybe("utilisation", most / speed if speed else None, "ratio", "netdev", NO_SPEED)
            told = [self._maybe(word, found.get(device), "packets/s", "netdev") for word, found, _ in names]
            waits = [one for one, (_, _, is_error) in zip(told, names, strict=True) if not is_error]
            wrong = [one for one, (_, _, is_error) in zip(told, names, strict=True) if is_error]
            moved = [
                self._maybe("receive bytes", receive.get(device), "bytes/s", "netdev"),
                self._maybe("transmit bytes", transmit.get(device), "bytes/s", "netdev"),
            ]
            yield Resource("network", device, used, (*moved, *waits), tuple(wrong))

    def _answering(self) -> list[Labels]:
        return list(self.host.values("filesystem", "node_filesystem_device_error"))

    def _filesystem(self, labels: Labels, name: str) -> Measure:
        told = dict(labels)
        size, free, available = (
            self.host.values("filesystem", f"node_filesystem_{what}_bytes").get(labels)
            for what in ("size", "free", "avail")
        )
        title = name or told["mountpoint"]
        if size is None or free is None or available is None:
            return unknown(title, "ratio", "the file system does not answer", source=self._source("filesystem"))
        if not size:
            return unknown(title, "ratio", "the file system has no size", source=self._source("filesystem"))
        sizes = (
            self._now("size", size, "bytes", "filesystem"),
            self._now("used", size - free, "bytes", "filesystem"),
            self._now("available", available, "bytes", "filesystem"),
        )
        to_be_had = size - free + available
        share = (size - free) / to_be_had if to_be_had else 1.0
        made = self._now(title, share, "ratio", "filesystem", sizes)
        return Measure(made.name, made.value, made.unit, made.at_ms, made.source, labels=told, parts=sizes)

    def _filesystem_resource(self, labels: Labels) -> Resource:
        def value(what: str) -> float | None:
            return self.host.values("filesystem", f"node_filesystem_{what}").get(labels)

        files, free = value("files"), value("files_free")
        share = 1 - free / files if files and free is not None else None
        return Resource(
            "filesystem",
            dict(labels)["mountpoint"],
            self._filesystem(labels, "utilisation"),
            (self._maybe("files used", share, "ratio", "filesystem", "it does not count files"),),
            (
                self._maybe("read-only", value("readonly"), "flag", "filesystem"),
                self._maybe("does not answer", value("device_error"), "flag", "filesystem"),
            ),
        )

    # --- values

    def _source(self, collector: str) -> str:
        seen = self.host.now.get(collector)
        return "" if seen is None else seen.told.source

    def _unknown(self, name: str, unit: str, collector: str, *, is_rate: bool = False) -> Measure:
        why = self.host.why_not(collector, is_rate=is_rate)
        return unknown(name, unit, why, source=self._source(collector), at_ms=self.host.at_ms)

    def _now(self, name: str, value: float, unit: str, collector: str, parts: tuple[Measure, ...] = ()) -> Measure:
        return Measure(name, value, unit, self.host.now[collector].at_ms, self._source(collector), parts=parts)

    def _rate(self, name: str, value: float, unit: str, collector: str, parts: tuple[Measure, ...] = ()) -> Measure:
        return Measure(
            name,
            value,
            unit,
            self.host.now[collector].at_ms,
            self._source(collector),
            interval_ms=self.host.interval_ms(collector),
            parts=parts,
        )

    def _maybe(self, name: str, value: float | None, unit: str, collector: str, why: str = "") -> Measure:
        if value is None:
            return unknown(
                name, unit, why or self.host.why_not(collector, is_rate=True), source=self._source(collector)
            )
        return self._rate(name, value, unit, collector)

    def _one(self, metric: str, name: str, unit: str, collector: str) -> Measure:
        value = self.host.value(collector, metric)
        return self._unknown(name, unit, collector) if value is None else self._now(name, value, unit, collector)

    def _grown(self, metric: str, name: str, unit: str, collector: str) -> Measure:
        return self._maybe(name, self.host.rate(collector, metric), unit, collector)


def _at_most_one(share: float | None) -> float | None:
    """The kernel counts a disk's time by its own clock: a share may come out a little above 1."""
    return None if share is None else min(share, 1.0)


SYSTEM: dict[str, Callable[[Usage], Measure]] = {
    "cpu_utilization": Usage.cpu_utilization,
    "memory_utilization": Usage.memory_utilization,
    "disk_usage": Usage.disk_usage,
    "network_throughput": Usage.network_throughput,
    "load_average": Usage.load_average,
}
"""The seed's system values, by the names of `InfrastructureHealth.system`."""
