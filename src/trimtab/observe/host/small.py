"""What is one number or a few in a small file: open files, entropy, connections that are tracked, limits, the clock,
who this is."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Sequence

from trimtab.observe.host.files import HostPaths, KernelFile, number_in, text_in
from trimtab.observe.host.series import HostSeries, NotHere


class SmallFiles:
    """Numbers that stand alone in a file, or at a place in its one line."""

    is_slow = False

    def __init__(self, name: str, files: Sequence[tuple[str, int, str]], missing: str) -> None:
        self.name, self._missing = name, missing
        self._files = [(KernelFile(path), place, HostSeries(metric)) for path, place, metric in files]
        self.source = ", ".join(dict.fromkeys(path for path, _, _ in files))
        self.series: tuple[HostSeries, ...] = ()

    def read(self) -> list[float]:
        """See `Collector.read`."""
        found: list[float] = []
        series: list[HostSeries] = []
        for file, place, one in self._files:
            try:
                data = file.read()
            except FileNotFoundError:
                continue
            found.append(float(data.split()[place]))
            series.append(one)
        if not found:
            raise NotHere(self._missing)
        if tuple(series) != self.series:
            self.series = tuple(series)
        return found


def filefd(paths: HostPaths) -> SmallFiles:
    """Open files of the whole machine."""
    path = f"{paths.proc}/sys/fs/file-nr"
    files = [(path, 0, "node_filefd_allocated"), (path, 2, "node_filefd_maximum")]
    return SmallFiles("filefd", files, f"there is no {path}")


def entropy(paths: HostPaths) -> SmallFiles:
    """The kernel's randomness."""
    folder = f"{paths.proc}/sys/kernel/random"
    files = [
        (f"{folder}/entropy_avail", 0, "node_entropy_available_bits"),
        (f"{folder}/poolsize", 0, "node_entropy_pool_size_bits"),
    ]
    return SmallFiles("entropy", files, f"there is no {folder}")


def conntrack(paths: HostPaths) -> SmallFiles:
    """Connections that the firewall follows."""
    folder = f"{paths.proc}/sys/net/netfilter"
    files = [
        (f"{folder}/nf_conntrack_count", 0, "node_nf_conntrack_entries"),
        (f"{folder}/nf_conntrack_max", 0, "node_nf_conntrack_entries_limit"),
    ]
    return SmallFiles("conntrack", files, "the kernel tracks no connections (nf_conntrack is not loaded)")


def hung_tasks(paths: HostPaths) -> SmallFiles:
    """Tasks that waited for the disk for minutes."""
    path = f"{paths.proc}/sys/kernel/hung_task_detect_count"
    files = [(path, 0, "node_kernel_hung_tasks")]
    return SmallFiles("kernel_hung", files, f"there is no {path} (Linux 6.14 or newer, CONFIG_DETECT_HUNG_TASK)")


class Arp:
    """Neighbours by interface."""

    name = "arp"
    is_slow = True

    def __init__(self, paths: HostPaths) -> None:
        self.source = f"{paths.proc}/net/arp"
        self._file = KernelFile(self.source)
        self.series: tuple[HostSeries, ...] = ()

    def read(self) -> list[float]:
        """See `Collector.read`."""
        lines = [line.split() for line in self._file.read().splitlines()[1:]]
        counts = Counter(line[5].decode("utf-8", "replace") for line in lines if len(line) >= 6)
        series = tuple(HostSeries("node_arp_entries", (("device", device),)) for device in sorted(counts))
        if series != self.series:
            self.series = series
        return [float(counts[device]) for device in sorted(counts)]


class WallClock:
    """What time this machine thinks it is."""

    name = "time"
    is_slow = False
    source = "clock_gettime"
    series: tuple[HostSeries, ...] = (HostSeries("node_time_seconds"),)

    def read(self) -> list[float]:
        """See `Collector.read`."""
        return [time.time()]


class Identity:
    """Name, kernel, distribution: information that is a series with the value 1."""

    name = "uname"
    is_slow = True

    def __init__(self, paths: HostPaths) -> None:
        self._paths = paths
        self.source = "uname, /etc/os-release"
        self.series: tuple[HostSeries, ...] = ()

    def read(self) -> list[float]:
        """See `Collector.read`."""
        told = os.uname()
        labels = {
            "machine": told.machine,
            "nodename": told.nodename,
            "release": told.release,
            "sysname": told.sysname,
            "version": told.version,
            "domainname": _or_empty(f"{self._paths.proc}/sys/kernel/domainname"),
        }
        series = [HostSeries("node_uname_info", tuple(sorted(labels.items())))]
        release = os_release(self._paths)
        if release:
            wanted = ("id", "id_like", "name", "pretty_name", "version", "version_codename", "version_id")
            series.append(HostSeries("node_os_info", tuple((key, release[key]) for key in wanted if release.get(key))))
        if tuple(series) != self.series:
            self.series = tuple(series)
        return [1.0] * len(series)


def os_release(paths: HostPaths) -> dict[str, str]:
    """What /etc/os-release says, names in small letters; empty where there is none."""
    for path in ("/etc/os-release", "/usr/lib/os-release"):
        try:
            lines = text_in(paths.under_root(path)).splitlines()
        except OSError:
            continue
        pairs = (line.partition("=") for line in lines if "=" in line and not line.startswith("#"))
        return {name.strip().lower(): value.strip().strip("\"'") for name, _, value in pairs}
    return {}


def host_name(paths: HostPaths) -> str:
    """The machine's name: with the host's /proc mounted in a container, the host's.

    A container has a name of its own in /proc/sys; the first process of the machine is in the machine's.
    """
    for path in (f"{paths.root.rstrip('/')}/etc/hostname",) if paths.root != "/" else ():
        if name := _or_empty(path):
            return name
    return os.uname().nodename


def limits(paths: HostPaths) -> dict[str, float]:
    """How many processes and threads there may be."""
    found = {}
    for metric, file in (("node_processes_max_processes", "pid_max"), ("node_processes_max_threads", "threads-max")):
        try:
            found[metric] = number_in(f"{paths.proc}/sys/kernel/{file}")
        except (OSError, ValueError):
            continue
    return found


def _or_empty(path: str) -> str:
    try:
        return text_in(path)
    except OSError:
        return ""
