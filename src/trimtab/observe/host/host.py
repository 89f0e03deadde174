"""One look at the machine: every collector is asked, what fails is said beside what did not.

files of the kernel ──▶ collectors ──▶ Look (series, numbers, how each collector went)
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from trimtab.observe.host import (
    connections,
    cpu,
    disks,
    filesystems,
    interfaces,
    interrupts,
    memory,
    network,
    pressure,
    processes,
    sensors,
    small,
    timex,
)
from trimtab.observe.host.files import HostPaths
from trimtab.observe.host.own_process import OwnProcess
from trimtab.observe.host.series import Collector, HostSeries, NotHere

SLOW_S = 15.0
"""Collectors that are slow are asked at most so often."""
NOT_UNLESS_WANTED = frozenset({"interrupts"})
ABSENT_S = 300.0
"""What the machine does not have is looked for again after so long."""
_NEARLY = 0.95
"""A look that is a little early counts: with one interval for all, none is left out."""


@dataclass(frozen=True, slots=True)
class Went:
    """How asking one collector went, the last time. `is_absent`: the machine does not have it, which is no failure."""

    at_ms: int
    duration_s: float
    why: str = ""
    is_absent: bool = False

    @property
    def is_ok(self) -> bool:
        """Whether there are numbers."""
        return not self.why


@dataclass(frozen=True, slots=True)
class Told:
    """What one collector told. `series` is the same object as before where the series are the same."""

    collector: str
    source: str
    series: tuple[HostSeries, ...]
    numbers: Sequence[float]


@dataclass(frozen=True, slots=True)
class Look:
    """What the kernel told at one moment: of all collectors, or of those that were asked now."""

    at_ms: int
    told: tuple[Told, ...]
    went: dict[str, Went] = field(default_factory=dict)
    """All collectors, those that were not asked now as they went before."""

    def values(self, name: str) -> dict[tuple[tuple[str, str], ...], float]:
        """Values of a metric by labels; empty where there are none."""
        return {
            one.labels: number * one.scale
            for told in self.told
            for one, number in zip(told.series, told.numbers, strict=True)
            if one.name == name
        }

    def value(self, name: str, **labels: str) -> float | None:
        """One value; None where there is none."""
        return self.values(name).get(tuple(sorted(labels.items())))

    def rows(self) -> Iterator[tuple[HostSeries, float]]:
        """Everything."""
        for told in self.told:
            for one, number in zip(told.series, told.numbers, strict=True):
                yield one, number * one.scale


def scaled(told: Told) -> NDArray[np.float64]:
    """Numbers in the units of their names."""
    return np.array(told.numbers, np.float64) * np.array([one.scale for one in told.series], np.float64)


def all_collectors(paths: HostPaths) -> list[Collector]:
    """Every collector there is, in the order in which they are asked."""
    found: list[Collector] = [
        cpu.Cpu(paths),
        cpu.load(paths),
        memory.meminfo(paths),
        memory.vmstat(paths),
        pressure.Pressure(paths),
        disks.diskstats(paths),
        filesystems.Filesystems(paths),
        network.netdev(paths),
        network.Netstat(paths),
        network.Sockstat(paths),
        network.Softnet(paths),
        interrupts.Interrupts(paths),
        cpu.schedstat(paths),
        small.filefd(paths),
        small.entropy(paths),
        small.conntrack(paths),
        small.hung_tasks(paths),
        small.WallClock(),
        OwnProcess(),
        interfaces.Interfaces(paths),
        small.Arp(paths),
        small.Identity(paths),
        timex.ClockKeeping(),
        sensors.Hwmon(paths),
        sensors.Thermal(paths),
        sensors.Power(paths),
        sensors.Frequencies(paths),
        processes.Processes(paths),
    ]
    if paths.proc == "/proc":  # sockets are those of this process's network; what is mounted elsewhere is another's
        found += [connections.TcpStates(), connections.UdpQueues(paths)]
    return found


class Host:
    """This machine. For one thread at a time."""

    def __init__(
        self,
        paths: HostPaths | None = None,
        *,
        left_out: Collection[str] = (),
        also: Collection[str] = (),
        slow_s: float = SLOW_S,
    ) -> None:
        self.paths = paths or HostPaths()
        without = {*left_out, *(NOT_UNLESS_WANTED - {*also})}
        self.collectors = [one for one in all_collectors(self.paths) if one.name not in without]
        self._slow_s = slow_s
        self._asked_s: dict[str, float] = {}
        self._went: dict[str, Went] = {}

    @property
    def name(self) -> str:
        """What the machine is called."""
        return small.host_name(self.paths)

    @property
    def busiest(self) -> processes.Busiest:
        """The busiest processes as they were seen last."""
        for one in self.collectors:
            if isinstance(one, processes.Processes):
                return one.busiest
        return processes.Busiest(why="the collector `processes` is left out")

    def look(self, at_ms: int, *, everything: bool = False) -> Look:
        """Ask those that are due (with `everything`, all). Nothing that the kernel does is an error here."""
        now_s = time.monotonic()
        told: list[Told] = []
        for one in self.collectors:
            if not everything and now_s < self._asked_s.get(one.name, -1e9) + self._wait_s(one):
                continue
            self._asked_s[one.name] = now_s
            began_s = time.perf_counter()
            try:
                numbers = one.read()
                if len(numbers) != len(one.series):
                    raise ValueError(f"{len(numbers)} numbers for {len(one.series)} series")
            except NotHere as absent:
                self._went[one.name] = Went(at_ms, time.perf_counter() - began_s, str(absent), is_absent=True)
            except (OSError, ValueError, IndexError, KeyError) as error:
                self._went[one.name] = Went(at_ms, time.perf_counter() - began_s, f"{one.source}: {_said(error)}")
            else:
                self._went[one.name] = Went(at_ms, time.perf_counter() - began_s)
                told.append(Told(one.name, one.source, one.series, numbers))
        return Look(at_ms, tuple(told), dict(self._went))

    def _wait_s(self, one: Collector) -> float:
        went = self._went.get(one.name)
        if went is not None and went.is_absent:
            return ABSENT_S
        return self._slow_s * _NEARLY if one.is_slow else 0.0


def _said(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return f"{type(error).__name__}: {error}"
