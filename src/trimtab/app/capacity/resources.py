"""Which resources can be full: one table. One question brings all series of a resource, another their limits.

In PromQL `$step` is the distance of points. Peaks are asked for where a peak is what counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from trimtab.analyze.capacity.growth import Nature

Load = Literal["", "system", "all"]
"""Which load a resource is held against: none, the calls of its own system, those of all systems."""
_REAL = 'fstype!~"squashfs|iso9660|erofs|autofs|ramfs|devtmpfs|tmpfs"'
_TAKEN = f"(node_filesystem_size_bytes{{{_REAL}}} - node_filesystem_free_bytes{{{_REAL}}})"
_WRITABLE = f"unless node_filesystem_readonly{{{_REAL}}} == 1"
_DISK = "max by (job, instance, mountpoint)"
WRAPAROUND = 2.0**31 - 3_000_000
"""PostgreSQL takes no more writes when 3 million transactions are left of 2^31."""
OWN_DISK = "own_disk"
"""The resource that no PromQL knows: trimtab's own numbers."""


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind of resource. `query` gives its series; the limit of each is `limit_query` (matched by labels) or
    `limit`, times the percentage that the setting `percent` has. `is_shared`: nodes share it, a node less puts more
    on the others. `about` says what the limit is.
    """

    name: str
    title: str
    unit: str
    nature: Nature
    query: str
    about: str
    limit_query: str = ""
    limit: float = 0.0
    percent: str = ""
    load: Load = ""
    is_shared: bool = False
    page: str = ""
    is_on_disk: bool = False
    """The limit is what is left on the file system that `capacity.disks` names for its system."""


RESOURCES: tuple[Resource, ...] = (
    Resource(
        "storage",
        "File system",
        "bytes",
        "stock",
        f"{_DISK} ({_TAKEN} {_WRITABLE})",
        "of what the file system holds",
        limit_query=f"{_DISK} ({_TAKEN} + node_filesystem_avail_bytes{{{_REAL}}}) > 0",
        percent="storage_percent",
        load="all",
        page="/infrastructure/hosts/{job}/{instance}",
    ),
    Resource(
        "files",
        "Inodes of a file system",
        "",
        "stock",
        f"{_DISK} (node_filesystem_files{{{_REAL}}} - node_filesystem_files_free{{{_REAL}}} {_WRITABLE})",
        "of the inodes that the file system has",
        limit_query=f"{_DISK} (node_filesystem_files{{{_REAL}}}) > 0",
        percent="storage_percent",
        page="/infrastructure/hosts/{job}/{instance}",
    ),
    Resource(
        "memory",
        "Memory",
        "bytes",
        "flow",
        "max by (job, instance) (node_memory_MemTotal_bytes)"
        " - max by (job, instance) (min_over_time(node_memory_MemAvailable_bytes[$step]))",
        "of the memory there is, counted as what is not available",
        limit_query="max by (job, instance) (node_memory_MemTotal_bytes)",
        percent="memory_percent",
        load="all",
        is_shared=True,
        page="/infrastructure/hosts/{job}/{instance}",
    ),
    Resource(
        "cpu",
        "Processors",
        "%",
        "flow",
        '100 * (1 - sum by (job, instance) (rate(node_cpu_seconds_total{mode=~"idle|iowait"}[$step]))'
        " / sum by (job, instance) (rate(node_cpu_seconds_total[$step])))",
        "of the processors' time",
        limit=100.0,
        percent="cpu_percent",
        load="all",
        is_shared=True,
        page="/infrastructure/hosts/{job}/{instance}",
    ),
    Resource(
        "connections",
        "Connections",
        "",
        "flow",
        "max by (instance) (max_over_time(trimtab_postgres_connections[$step]))",
        "of max_connections",
        limit_query="max by (instance) (pg_settings_max_connections) > 0",
        percent="connections_percent",
        load="system",
        page="/queries",
    ),
    Resource(
        "wraparound",
        "Transaction ids",
        "",
        "stock",
        "max by (instance) (max_over_time(trimtab_postgres_oldest_unfrozen_transactions[$step]))",
        "2^31 less the 3 million at which PostgreSQL takes no more writes",
        limit=WRAPAROUND,
        load="system",
    ),
    Resource(
        "database",
        "Database on its disk",
        "bytes",
        "stock",
        "max by (instance) (pg_database_size_bytes)",
        "the database and what is left on its file system",
        percent="storage_percent",
        load="system",
        is_on_disk=True,
    ),
    Resource(
        "slots",
        "WAL that replication slots retain",
        "bytes",
        "stock",
        "max by (instance) (max_over_time(trimtab_postgres_slot_retained_bytes[$step]))",
        "what they retain and what is left on the file system",
        percent="storage_percent",
        load="system",
        is_on_disk=True,
    ),
    Resource(
        OWN_DISK,
        "trimtab's own disk budget",
        "bytes",
        "stock",
        "",
        "retention.disk_mb; what is beyond is dropped, oldest first",
        page="/self",
    ),
)
"""In the order in which they get their share of `capacity.series_max`."""
LOAD_QUERIES = {
    "system": "sum by (instance) (rate(pg_stat_statements_calls_total[$step]))",
    "all": "sum(rate(pg_stat_statements_calls_total[$step]))",
}
"""Statements a second: the load that resources are held against."""
