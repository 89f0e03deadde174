"""What is asked of node_exporter's series, whoever sent them: one table of PromQL for lists and for one host.

`MATCH` stands where the labels of one host come; rates are over two minutes, which holds two samples of a host that is
scraped once a minute.
"""

from __future__ import annotations

from collections.abc import Mapping

MATCH, WINDOW = "$match", "2m"
_BY = "by (job, instance)"
_REAL = 'fstype!~"squashfs|iso9660|erofs|autofs|ramfs|devtmpfs"'
"""File systems that can fill up, as in the pack for hosts: a tmpfs can."""
_TAKEN = f"(node_filesystem_size_bytes{{{_REAL},$match}} - node_filesystem_free_bytes{{{_REAL},$match}})"
_USED = f"{_TAKEN} / ({_TAKEN} + node_filesystem_avail_bytes{{{_REAL},$match}})"
"""How full one is, as df counts it: what is kept for root is neither used nor to be had."""

LIST: Mapping[str, str] = {
    "info": "last_over_time(node_uname_info{$match}[6h])",
    "seen": "last_over_time(node_time_seconds{$match}[6h])",
    "is_new": "node_time_seconds{$match}",
    "cpu": f'1 - sum {_BY} (rate(node_cpu_seconds_total{{mode=~"idle|iowait",$match}}[{WINDOW}]))'
    f" / sum {_BY} (rate(node_cpu_seconds_total{{$match}}[{WINDOW}]))",
    "memory": "1 - node_memory_MemAvailable_bytes{$match} / node_memory_MemTotal_bytes{$match}",
    "load": "node_load1{$match}",
    "cores": f'count {_BY} (node_cpu_seconds_total{{mode="idle",$match}})',
    "cpu_waiting": f"rate(node_pressure_cpu_waiting_seconds_total{{$match}}[{WINDOW}])",
    "io_waiting": f"rate(node_pressure_io_waiting_seconds_total{{$match}}[{WINDOW}])",
    "memory_waiting": f"rate(node_pressure_memory_waiting_seconds_total{{$match}}[{WINDOW}])",
    "storage": f"topk {_BY} (1, {_USED} unless node_filesystem_readonly{{{_REAL},$match}} == 1)",
    "disk": f"topk {_BY} (1, rate(node_disk_io_time_seconds_total{{$match}}[{WINDOW}]))",
    "network": f'sum {_BY} (rate(node_network_receive_bytes_total{{device!="lo",$match}}[{WINDOW}])'
    f' + rate(node_network_transmit_bytes_total{{device!="lo",$match}}[{WINDOW}]))',
    "firing": 'count by (instance) (ALERTS{alertstate="firing",instance!="",$match})',
}
"""A row of the list of hosts."""


_TELLING = "|".join(
    (
        "node_cpu_seconds_total",
        "node_memory_MemTotal_bytes",
        "node_filesystem_size_bytes",
        "node_disk_io_time_seconds_total",
        "node_network_receive_bytes_total",
    )
)
"""One of these is enough to look at a host, also where somebody leaves out what tells the time."""


def _rate(metric: str, more: str = "") -> str:
    return f"rate({metric}{{{more}$match}}[{WINDOW}])"


ONE: Mapping[str, str] = {
    **{name: LIST[name] for name in ("info", "seen", "is_new", "cpu", "memory", "load", "cores")},
    "known": f'max(last_over_time({{__name__=~"{_TELLING}",$match}}[6h]))',
    "modes": f"sum by (mode) ({_rate('node_cpu_seconds_total')}) / scalar(sum({_rate('node_cpu_seconds_total')}))",
    "per_core": '1 - sum by (cpu) (rate(node_cpu_seconds_total{mode=~"idle|iowait",$match}[' + WINDOW + "]))",
    "running": "node_procs_running{$match}",
    "blocked": "node_procs_blocked{$match}",
    "load5": "node_load5{$match}",
    "load15": "node_load15{$match}",
    "booted": "node_boot_time_seconds{$match}",
    **{
        f"{what}_{kind}": _rate(f"node_pressure_{what}_{kind}_seconds_total")
        for what, kind in (
            ("cpu", "waiting"),
            ("memory", "waiting"),
            ("memory", "stalled"),
            ("io", "waiting"),
            ("io", "stalled"),
        )
    },
    "memory_total": "node_memory_MemTotal_bytes{$match}",
    "memory_available": "node_memory_MemAvailable_bytes{$match}",
    "swap_total": "node_memory_SwapTotal_bytes{$match}",
    "swap_free": "node_memory_SwapFree_bytes{$match}",
    "swap_in": _rate("node_vmstat_pswpin"),
    "swap_out": _rate("node_vmstat_pswpout"),
    "major_faults": _rate("node_vmstat_pgmajfault"),
    "oom_kills": "increase(node_vmstat_oom_kill{$match}[1h])",
    "disk_busy": _rate("node_disk_io_time_seconds_total"),
    "disk_queue": _rate("node_disk_io_time_weighted_seconds_total"),
    "disk_reads": _rate("node_disk_reads_completed_total"),
    "disk_writes": _rate("node_disk_writes_completed_total"),
    "disk_read_bytes": _rate("node_disk_read_bytes_total"),
    "disk_written_bytes": _rate("node_disk_written_bytes_total"),
    "disk_read_latency": f"{_rate('node_disk_read_time_seconds_total')} / {_rate('node_disk_reads_completed_total')}",
    "disk_write_latency": f"{_rate('node_disk_write_time_seconds_total')}"
    f" / {_rate('node_disk_writes_completed_total')}",
    "fs_size": f"node_filesystem_size_bytes{{{_REAL},$match}}",
    "fs_taken": _TAKEN,
    "fs_used": _USED,
    "fs_available": f"node_filesystem_avail_bytes{{{_REAL},$match}}",
    "fs_files": f"node_filesystem_files{{{_REAL},$match}}",
    "fs_files_free": f"node_filesystem_files_free{{{_REAL},$match}}",
    "fs_readonly": f"node_filesystem_readonly{{{_REAL},$match}}",
    "fs_silent": f"node_filesystem_device_error{{{_REAL},$match}}",
    "net_receive": _rate("node_network_receive_bytes_total", 'device!="lo",'),
    "net_transmit": _rate("node_network_transmit_bytes_total", 'device!="lo",'),
    "net_speed": "node_network_speed_bytes{$match}",
    "net_receive_drops": _rate("node_network_receive_drop_total", 'device!="lo",'),
    "net_transmit_drops": _rate("node_network_transmit_drop_total", 'device!="lo",'),
    "net_receive_errors": _rate("node_network_receive_errs_total", 'device!="lo",'),
    "net_transmit_errors": _rate("node_network_transmit_errs_total", 'device!="lo",'),
    "retransmits": f"{_rate('node_netstat_Tcp_RetransSegs')} / {_rate('node_netstat_Tcp_OutSegs')}",
    "overflows": _rate("node_netstat_TcpExt_ListenOverflows"),
    "tcp": "node_netstat_Tcp_CurrEstab{$match}",
    "files_open": "node_filefd_allocated{$match} / node_filefd_maximum{$match}",
    "groups_cpu": "topk(12, sum by (groupname) "
    f"(rate(namedprocess_namegroup_cpu_seconds_total{{$match}}[{WINDOW}])) > 0)",
    "groups_memory": 'namedprocess_namegroup_memory_bytes{memtype="resident",$match}',
    "groups_count": "namedprocess_namegroup_num_procs{$match}",
    "failed": "node_scrape_collector_success{$match} == 0",
    "alerts": 'ALERTS{alertstate="firing",$match}',
}
"""One host."""


def _named(label: str, lines: Mapping[str, str]) -> str:
    """Several queries as one, whose lines have a label that tells them apart."""
    return " or ".join(f'label_replace({query}, "{label}", "{name}", "", "")' for name, query in lines.items())


_DISK = "rate(node_disk_{}_time_seconds_total{{$match}}[$window])"
_DONE = " / (rate(node_disk_{}s_completed_total{{$match}}[$window]) > 0) * 1000"
_MOVED = 'rate(node_network_{}_bytes_total{{device!="lo",$match}}[$window])'
CHARTS: Mapping[str, str] = {
    "cpu": 'sum by (mode) (rate(node_cpu_seconds_total{mode!="idle",$match}[$window]))'
    " / scalar(count(count by (cpu) (node_cpu_seconds_total{$match}))) * 100",
    "busiest": "topk(5, sum by (groupname) (rate(namedprocess_namegroup_cpu_seconds_total{$match}[$window])))",
    "pressure": _named(
        "waiting_for",
        {
            what: f"sum(rate(node_pressure_{what}_waiting_seconds_total{{$match}}[$window])) * 100"
            for what in ("cpu", "memory", "io")
        },
    ),
    "memory": _named(
        "what",
        {
            "not available": "sum(node_memory_MemTotal_bytes{$match} - node_memory_MemAvailable_bytes{$match})",
            "file cache": "sum(node_memory_Cached_bytes{$match} + node_memory_Buffers_bytes{$match})",
            "all": "sum(node_memory_MemTotal_bytes{$match})",
        },
    ),
    "disk": "max by (device) (rate(node_disk_io_time_seconds_total{$match}[$window])) * 100",
    "latency": _named(
        "kind",
        {kind: f"max by (device) ({_DISK.format(kind)}{_DONE.format(kind)})" for kind in ("read", "write")},
    ),
    "network": _named(
        "direction",
        {kind: f"max by (device) ({_MOVED.format(kind)})" for kind in ("receive", "transmit")},
    ),
    "storage": f"max by (mountpoint) ({_USED} * 100)",
}
"""Pictures of one host; `$window` is the window of its rates. Each is one query: a page may ask for eight."""


def asked_of(query: str, job: str = "", instance: str = "", window: str = WINDOW) -> str:
    """A query for one host, or for all.

    >>> asked_of("node_load1{$match}", "node", 'a"b')
    'node_load1{job="node",instance="a\\\\"b"}'
    >>> asked_of('x{mode="idle",$match}'), asked_of("x{$match}")
    ('x{mode="idle"}', 'x{}')
    """
    pairs = [f"{name}={quoted(value)}" for name, value in (("job", job), ("instance", instance)) if value]
    text = query.replace("$window", window)
    if pairs:
        return text.replace(MATCH, ",".join(pairs))
    return text.replace(f",{MATCH}", "").replace(MATCH, "")


def quoted(text: str) -> str:
    """A text as PromQL has it between quotes."""
    told = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{told}"'
