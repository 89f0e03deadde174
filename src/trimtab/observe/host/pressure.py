"""Pressure stall: how long some tasks, or all of them, waited for processor, memory, disk, interrupts."""

from __future__ import annotations

from trimtab.observe.host.files import HostPaths, KernelFile
from trimtab.observe.host.series import HostSeries, NotHere

_US = 1e-6
_WANTED = {
    "cpu": (("some", "node_pressure_cpu_waiting_seconds_total"),),
    "io": (("some", "node_pressure_io_waiting_seconds_total"), ("full", "node_pressure_io_stalled_seconds_total")),
    "memory": (
        ("some", "node_pressure_memory_waiting_seconds_total"),
        ("full", "node_pressure_memory_stalled_seconds_total"),
    ),
    "irq": (("full", "node_pressure_irq_stalled_seconds_total"),),
}


class Pressure:
    """/proc/pressure. The kernel may lack some of them (irq is of 6.1), or all."""

    name = "pressure"
    is_slow = False

    def __init__(self, paths: HostPaths) -> None:
        self.source = f"{paths.proc}/pressure"
        self._files = {what: KernelFile(f"{self.source}/{what}") for what in _WANTED}
        self._absent: set[str] = set()
        self.series: tuple[HostSeries, ...] = ()

    def read(self) -> list[float]:
        """See `Collector.read`."""
        found: list[float] = []
        series: list[str] = []
        for what, file in self._files.items():
            if what in self._absent:
                continue
            try:
                data = file.read()
            except FileNotFoundError:
                self._absent.add(what)
                continue
            except OSError as error:
                if error.errno == 95:  # EOPNOTSUPP: built in, and switched off (psi=0)
                    raise NotHere("pressure stall is switched off on this kernel (psi=1 on its command line)") from None
                raise
            for line in data.splitlines():
                kind, _, total = line.partition(b" ")[0].decode(), None, line.rpartition(b"total=")[2]
                for wanted, name in _WANTED[what]:
                    if kind == wanted:
                        found.append(float(total))
                        series.append(name)
        if not found:
            self._absent.clear()
            raise NotHere("the kernel tells no pressure stall (no /proc/pressure; CONFIG_PSI)")
        if [one.name for one in self.series] != series:
            self.series = tuple(HostSeries(name, scale=_US) for name in series)
        return found
