"""Memory: /proc/meminfo, and the paging of /proc/vmstat."""

from __future__ import annotations

import re
from collections.abc import Iterator

from trimtab.observe.host.files import HostPaths
from trimtab.observe.host.layout import Found, Line
from trimtab.observe.host.series import HostSeries
from trimtab.observe.host.simple import OneText

_VMSTAT = re.compile(rb"(oom_kill|pgpg|pswp|pg.*fault).*")


def meminfo(paths: HostPaths) -> OneText:
    """/proc/meminfo, in bytes."""
    return OneText("meminfo", f"{paths.proc}/meminfo", _meminfo)


def _meminfo(line: Line) -> Iterator[Found]:
    """
    >>> list(_meminfo(b"Active(anon):  10 kB".split()))[0][1].name
    'node_memory_Active_anon_bytes'
    """
    if len(line) < 2 or not line[0].endswith(b":"):
        return
    name = line[0][:-1].replace(b"(", b"_").replace(b")", b"").decode()
    if len(line) > 2 and line[2] == b"kB":
        yield 1, HostSeries(f"node_memory_{name}_bytes", scale=1024.0)
    else:
        yield 1, HostSeries(f"node_memory_{name}")


def vmstat(paths: HostPaths) -> OneText:
    """What was paged and swapped, page faults, kills for want of memory."""
    return OneText("vmstat", f"{paths.proc}/vmstat", _vmstat)


def _vmstat(line: Line) -> Iterator[Found]:
    if len(line) == 2 and _VMSTAT.fullmatch(line[0]):
        yield 1, HostSeries(f"node_vmstat_{line[0].decode()}")
