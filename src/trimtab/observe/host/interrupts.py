"""Interrupts by core and device. Not asked unless it is wanted: a large machine has thousands of these series."""

from __future__ import annotations

from trimtab.observe.host.files import HostPaths, KernelFile
from trimtab.observe.host.series import HostSeries


class Interrupts:
    """/proc/interrupts."""

    name = "interrupts"
    is_slow = False

    def __init__(self, paths: HostPaths) -> None:
        self.source = f"{paths.proc}/interrupts"
        self._file = KernelFile(self.source)
        self._shape: tuple[tuple[bytes, ...], ...] = ()
        self.series: tuple[HostSeries, ...] = ()

    def read(self) -> list[float]:
        """See `Collector.read`."""
        lines = [line.split() for line in self._file.read().splitlines()]
        cpus = [cpu[3:].decode() for cpu in lines[0]] if lines else []
        wanted = [line for line in lines[1:] if len(line) > len(cpus)]
        shape = tuple((line[0], *line[len(cpus) + 1 :]) for line in wanted)
        if shape != self._shape or len(self.series) != len(cpus) * len(wanted):
            self._shape = shape
            self.series = tuple(
                HostSeries("node_interrupts_total", (("cpu", cpu), *_labels(line, len(cpus))))
                for line in wanted
                for cpu in cpus
            )
        return [float(number) for line in wanted for number in line[1 : len(cpus) + 1]]


def _labels(line: list[bytes], cpus_count: int) -> tuple[tuple[str, str], ...]:
    """
    >>> _labels([b"28:", b"1", b"0", b"PCI-MSIX", b"0-edge", b"virtio0"], 2)
    (('devices', '0-edge virtio0'), ('info', 'PCI-MSIX'), ('type', '28'))
    >>> _labels([b"TLB:", b"1", b"0", b"TLB", b"shootdowns"], 2)
    (('devices', ''), ('info', 'TLB shootdowns'), ('type', 'TLB'))
    """
    kind = line[0].rstrip(b":").decode()
    rest = [part.decode("utf-8", "replace") for part in line[cpus_count + 1 :]]
    if not kind.isdigit():
        return (("devices", ""), ("info", " ".join(rest)), ("type", kind))
    return (("devices", " ".join(rest[1:])), ("info", rest[0] if rest else ""), ("type", kind))
