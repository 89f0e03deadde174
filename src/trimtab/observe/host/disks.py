"""Disks: /proc/diskstats."""

from __future__ import annotations

import re
from collections.abc import Iterator

from trimtab.observe.host.files import HostPaths
from trimtab.observe.host.layout import Found, Line
from trimtab.observe.host.series import HostSeries
from trimtab.observe.host.simple import OneText

_LEFT_OUT = re.compile(rb"(z?ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\d+n\d+p)\d+")
"""Partitions and what is no disk, as node_exporter leaves them out."""
_SECTOR_BYTES, _MS = 512.0, 1e-3
FIELDS = (
    ("node_disk_reads_completed_total", 1.0),
    ("node_disk_reads_merged_total", 1.0),
    ("node_disk_read_bytes_total", _SECTOR_BYTES),
    ("node_disk_read_time_seconds_total", _MS),
    ("node_disk_writes_completed_total", 1.0),
    ("node_disk_writes_merged_total", 1.0),
    ("node_disk_written_bytes_total", _SECTOR_BYTES),
    ("node_disk_write_time_seconds_total", _MS),
    ("node_disk_io_now", 1.0),
    ("node_disk_io_time_seconds_total", _MS),
    ("node_disk_io_time_weighted_seconds_total", _MS),
    ("node_disk_discards_completed_total", 1.0),
    ("node_disk_discards_merged_total", 1.0),
    ("node_disk_discarded_sectors_total", 1.0),
    ("node_disk_discard_time_seconds_total", _MS),
    ("node_disk_flush_requests_total", 1.0),
    ("node_disk_flush_requests_time_seconds_total", _MS),
)


def diskstats(paths: HostPaths) -> OneText:
    """Every disk, not its partitions."""
    return OneText("diskstats", f"{paths.proc}/diskstats", _disk, names_at=(2,))


def _disk(line: Line) -> Iterator[Found]:
    if len(line) < 14 or _LEFT_OUT.fullmatch(line[2]):
        return
    device = (("device", line[2].decode("utf-8", "replace")),)
    for place, (name, scale) in enumerate(FIELDS, 3):
        if place < len(line):
            yield place, HostSeries(name, device, scale)
