"""Processors: /proc/stat, by core and mode, with interrupts, switches, forks and what runs or waits."""

from __future__ import annotations

import os
from collections.abc import Iterator

from trimtab.observe.host.files import HostPaths, KernelFile
from trimtab.observe.host.layout import Found, Layout, Line
from trimtab.observe.host.series import HostSeries
from trimtab.observe.host.simple import OneText

MODES = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
_GUEST_PLACES = {9: "user", 10: "nice"}
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_PLAIN = {
    b"ctxt": "node_context_switches_total",
    b"btime": "node_boot_time_seconds",
    b"processes": "node_forks_total",
    b"procs_running": "node_procs_running",
    b"procs_blocked": "node_procs_blocked",
    b"intr": "node_intr_total",
}
_BACK_S_MAX = 3.0
"""The kernel takes back a little idle and waiting time now and then; more is a core that was switched off and on."""


class Cpu:
    """/proc/stat."""

    name = "cpu"
    is_slow = False

    def __init__(self, paths: HostPaths) -> None:
        self.source = f"{paths.proc}/stat"
        self._file = KernelFile(self.source)
        self._layout = Layout(_described)
        self._before: list[float] = []
        self._before_series: tuple[HostSeries, ...] = ()

    @property
    def series(self) -> tuple[HostSeries, ...]:
        """See `Collector.series`."""
        return self._layout.series

    def read(self) -> list[float]:
        """See `Collector.read`. Times of cores do not go back by a little: a rate would see a restart."""
        numbers = self._layout.numbers(self._file.read())
        if self.series is self._before_series:
            numbers = [
                before if now < before <= now + _BACK_S_MAX / _TICK_S and one.scale == _TICK_S else now
                for now, before, one in zip(numbers, self._before, self.series, strict=True)
            ]
        self._before, self._before_series = numbers, self.series
        return numbers


def _described(line: Line) -> Iterator[Found]:
    head = line[0] if line else b""
    if head.startswith(b"cpu") and head != b"cpu":
        cpu = head[3:].decode()
        for place, mode in enumerate(MODES, 1):
            if place < len(line):
                yield place, HostSeries("node_cpu_seconds_total", (("cpu", cpu), ("mode", mode)), _TICK_S)
        for place, mode in _GUEST_PLACES.items():
            if place < len(line):
                yield place, HostSeries("node_cpu_guest_seconds_total", (("cpu", cpu), ("mode", mode)), _TICK_S)
    elif head in _PLAIN:
        yield 1, HostSeries(_PLAIN[head])


def schedstat(paths: HostPaths) -> OneText:
    """How long tasks ran and waited on each core."""
    return OneText(
        "schedstat",
        f"{paths.proc}/schedstat",
        _scheduled,
        missing="the kernel was built without CONFIG_SCHEDSTATS (no /proc/schedstat)",
    )


def _scheduled(line: Line) -> Iterator[Found]:
    head = line[0] if line else b""
    if head.startswith(b"cpu") and len(line) > 9:
        cpu = (("cpu", head[3:].decode()),)
        yield 7, HostSeries("node_schedstat_running_seconds_total", cpu, 1e-9)
        yield 8, HostSeries("node_schedstat_waiting_seconds_total", cpu, 1e-9)
        yield 9, HostSeries("node_schedstat_timeslices_total", cpu)


def load(paths: HostPaths) -> OneText:
    """/proc/loadavg."""
    return OneText("loadavg", f"{paths.proc}/loadavg", _load, names_at=())


def _load(line: Line) -> Iterator[Found]:
    if len(line) >= 3:
        for place, minutes in enumerate(("1", "5", "15")):
            yield place, HostSeries(f"node_load{minutes}")
