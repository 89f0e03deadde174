"""What the collecting process itself takes, under the names that exporters use: `process_*` with the host's labels."""

from __future__ import annotations

import os
import resource

from trimtab.observe.host.files import KernelFile, listed
from trimtab.observe.host.series import HostSeries

_PAGE_BYTES = float(os.sysconf("SC_PAGE_SIZE"))


class OwnProcess:
    """Of this process."""

    name = "process"
    is_slow = True
    source = "/proc/self/statm, fd"
    series: tuple[HostSeries, ...] = (
        HostSeries("process_cpu_seconds_total"),
        HostSeries("process_virtual_memory_bytes", scale=_PAGE_BYTES),
        HostSeries("process_resident_memory_bytes", scale=_PAGE_BYTES),
        HostSeries("process_open_fds"),
        HostSeries("process_max_fds"),
        HostSeries("process_virtual_memory_max_bytes"),
    )

    def __init__(self) -> None:
        self._memory = KernelFile("/proc/self/statm")

    def read(self) -> list[float]:
        """See `Collector.read`."""
        spent = os.times()
        virtual, resident = self._memory.read().split()[:2]
        most = resource.getrlimit(resource.RLIMIT_AS)[0]
        return [
            spent.user + spent.system,
            float(virtual),
            float(resident),
            float(len(listed("/proc/self/fd")) - 1),
            float(resource.getrlimit(resource.RLIMIT_NOFILE)[0]),
            float(2**64 - 1 if most == resource.RLIM_INFINITY else most),
        ]
