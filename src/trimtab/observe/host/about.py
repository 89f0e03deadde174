"""What each series of the host is: counter or gauge, unit, and a sentence. By the beginning of its name."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal, NamedTuple

Kind = Literal["counter", "gauge", "unknown", "info"]


class About(NamedTuple):
    """What is said of a metric."""

    kind: Kind
    unit: str
    help: str


_TEXTS: tuple[tuple[str, str], ...] = (
    ("node_cpu_guest_seconds_total", "Seconds that processors ran guests of virtual machines, by core and mode."),
    ("node_cpu_seconds_total", "Seconds that processors spent in each mode, by core."),
    ("node_cpu_scaling_frequency_", "Clock rate of a core."),
    ("node_context_switches_total", "Context switches."),
    ("node_boot_time_seconds", "When the machine was started, in Unix seconds."),
    ("node_forks_total", "Processes and threads that were made."),
    ("node_procs_running", "Tasks that run or could run."),
    ("node_procs_blocked", "Tasks that wait for a disk."),
    ("node_intr_total", "Interrupts that were served."),
    ("node_interrupts_total", "Interrupts by core and device."),
    ("node_load", "Tasks that run or wait, damped over 1, 5 or 15 minutes."),
    ("node_schedstat_", "How long tasks ran and waited on a core, and how often they were given it."),
    ("node_memory_", "Memory as /proc/meminfo has it."),
    ("node_vmstat_", "Paging as /proc/vmstat has it, since the start of the machine."),
    ("node_pressure_cpu_waiting", "Time in which at least one task waited for a processor."),
    ("node_pressure_io_waiting", "Time in which at least one task waited for a disk."),
    ("node_pressure_io_stalled", "Time in which all tasks that had work waited for a disk."),
    ("node_pressure_memory_waiting", "Time in which at least one task waited for memory."),
    ("node_pressure_memory_stalled", "Time in which all tasks that had work waited for memory."),
    ("node_pressure_irq_stalled", "Time in which a processor was kept from its tasks by interrupts."),
    ("node_disk_io_now", "Requests to the disk that are in flight."),
    ("node_disk_io_time_weighted_seconds_total", "Time of requests to the disk times their number."),
    ("node_disk_io_time_seconds_total", "Time in which the disk had something to do."),
    ("node_disk_read_time_seconds_total", "Time that reads took, all added up."),
    ("node_disk_write_time_seconds_total", "Time that writes took, all added up."),
    ("node_disk_", "Requests to the disk as /proc/diskstats has them."),
    ("node_filesystem_size_bytes", "Size of the file system."),
    ("node_filesystem_free_bytes", "Bytes that are free, for root too."),
    ("node_filesystem_avail_bytes", "Bytes that are free for everybody."),
    ("node_filesystem_files_free", "Files that could still be made."),
    ("node_filesystem_files", "Files that the file system has room for."),
    ("node_filesystem_readonly", "1 where nothing can be written."),
    ("node_filesystem_device_error", "1 where the file system does not answer."),
    ("node_network_", "Traffic and state of a network interface."),
    ("node_netstat_", "What a protocol counted, as /proc/net has it."),
    ("node_sockstat_", "Sockets, as /proc/net/sockstat has them."),
    ("node_softnet_", "Packets that a core has taken from the network."),
    ("node_filefd_", "Open files of the whole machine."),
    ("node_entropy_", "Randomness that the kernel has."),
    ("node_nf_conntrack_", "Connections that the firewall follows."),
    ("node_kernel_hung_tasks", "Tasks that hung for minutes, since the start of the machine."),
    ("node_time_seconds", "What time the machine thinks it is, in Unix seconds."),
    ("node_arp_entries", "Neighbours by interface."),
    ("node_uname_info", "Name and kernel of the machine."),
    ("node_os_info", "Distribution of the machine."),
    ("node_timex_", "How well the clock is kept, as adjtimex tells it."),
    ("node_hwmon_", "Sensors of the machine."),
    ("node_thermal_zone_temp", "Temperature of a zone in degrees Celsius."),
    ("node_cooling_device_", "State of what cools."),
    ("node_power_supply_", "Mains and batteries."),
    ("node_processes_", "Processes and threads, and how many there may be."),
    ("node_tcp_connection_states", "Connections of TCP by state, and bytes that wait in them."),
    ("node_udp_queues", "Bytes that wait in sockets of UDP."),
    ("node_scrape_collector_duration_seconds", "How long a collector took."),
    ("node_scrape_collector_success", "1 where a collector had numbers."),
    ("namedprocess_namegroup_", "Processes of one name together, as process-exporter has them."),
    ("process_", "The process that collects these numbers."),
    ("container_", "A container, as cAdvisor has it."),
    ("machine_", "The machine that containers share."),
    ("kube_", "An object of Kubernetes, as kube-state-metrics has it."),
    ("up", "1 where the last look came to its end."),
    ("scrape_", "How the last look went."),
)
_COUNTERS = ("node_vmstat_", "node_netstat_")
_NO_COUNTERS = frozenset({"node_netstat_Tcp_CurrEstab", "node_netstat_Tcp_MaxConn", "node_netstat_Ip_Forwarding"})
_UNITS = (
    ("_seconds", "seconds"),
    ("_bytes", "bytes"),
    ("_hertz", "hertz"),
    ("_celsius", "celsius"),
    ("_ratio", "ratio"),
)


@lru_cache(2048)
def about(name: str) -> About:
    """What a metric is.

    >>> about("node_cpu_seconds_total")[:2], about("node_netstat_Tcp_CurrEstab").kind, about("node_vmstat_pgfault").kind
    (('counter', 'seconds'), 'gauge', 'counter')
    >>> about("node_load1").help
    'Tasks that run or wait, damped over 1, 5 or 15 minutes.'
    """
    text = next((text for begin, text in _TEXTS if name.startswith(begin)), "")
    stem = name.removesuffix("_total")
    unit = next((unit for end, unit in _UNITS if stem.endswith(end)), "")
    is_counter = name.endswith("_total") or (name.startswith(_COUNTERS) and name not in _NO_COUNTERS)
    return About("counter" if is_counter else "gauge", unit, text)
