"""One container as it was seen, whoever told of it: numbers under short names, words, and why some are not known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

NUMBERS: Mapping[str, tuple[str, float]] = {
    "cpu_s": ("container_cpu_usage_seconds_total", 1.0),
    "cpu_user_s": ("container_cpu_user_seconds_total", 1.0),
    "cpu_system_s": ("container_cpu_system_seconds_total", 1.0),
    "cpu_periods": ("container_cpu_cfs_periods_total", 1.0),
    "cpu_throttled_periods": ("container_cpu_cfs_throttled_periods_total", 1.0),
    "cpu_throttled_s": ("container_cpu_cfs_throttled_seconds_total", 1.0),
    "cpu_quota_us": ("container_spec_cpu_quota", 1.0),
    "cpu_period_us": ("container_spec_cpu_period", 1.0),
    "memory_bytes": ("container_memory_usage_bytes", 1.0),
    "working_set_bytes": ("container_memory_working_set_bytes", 1.0),
    "rss_bytes": ("container_memory_rss", 1.0),
    "cache_bytes": ("container_memory_cache", 1.0),
    "swap_bytes": ("container_memory_swap", 1.0),
    "memory_most_bytes": ("container_memory_max_usage_bytes", 1.0),
    "memory_failures": ("container_memory_failcnt", 1.0),
    "memory_limit_bytes": ("container_spec_memory_limit_bytes", 1.0),
    "oom_kills": ("container_oom_events_total", 1.0),
    "threads": ("container_threads", 1.0),
    "threads_max": ("container_threads_max", 1.0),
    "read_bytes": ("container_fs_reads_bytes_total", 1.0),
    "written_bytes": ("container_fs_writes_bytes_total", 1.0),
    "receive_bytes": ("container_network_receive_bytes_total", 1.0),
    "transmit_bytes": ("container_network_transmit_bytes_total", 1.0),
    "cpu_waiting_s": ("container_pressure_cpu_waiting_seconds_total", 1.0),
    "cpu_stalled_s": ("container_pressure_cpu_stalled_seconds_total", 1.0),
    "memory_waiting_s": ("container_pressure_memory_waiting_seconds_total", 1.0),
    "memory_stalled_s": ("container_pressure_memory_stalled_seconds_total", 1.0),
    "io_waiting_s": ("container_pressure_io_waiting_seconds_total", 1.0),
    "io_stalled_s": ("container_pressure_io_stalled_seconds_total", 1.0),
    "started_s": ("container_start_time_seconds", 1.0),
    "restarts": ("container_restarts_total", 1.0),
    "is_healthy": ("container_health_state", 1.0),
    "cpu_cores": ("trimtab_container_cpu_cores", 1.0),
}
"""What may be known of a container: its series (cAdvisor's name where it has one)."""

HEALTHY = "healthy"
NO_CHECK = "no health check is defined"


@dataclass(frozen=True, slots=True)
class Container:
    """`key` is the same from look to look. `why` says of a number or a word why it is missing, by its short name."""

    key: str
    name: str
    source: str
    at_ms: int
    numbers: Mapping[str, float] = field(default_factory=dict)
    image: str = ""
    state: str = ""
    """`running`, `exited`, …; empty: not known."""
    health: str = ""
    """`healthy`, `unhealthy`, `starting`; empty: `why["health"]` says why."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """`namespace`, `pod`, `node`, …"""
    why: Mapping[str, str] = field(default_factory=dict)
    last_end: str = ""
    """Why it ended the last time, such as `OOMKilled`."""

    @property
    def cpu_limit_cores(self) -> float | None:
        """How many cores it may use; None where nothing limits it."""
        quota, period = self.numbers.get("cpu_quota_us"), self.numbers.get("cpu_period_us")
        return quota / period if quota and period and quota > 0 else None

    def with_kernel(self, seen: Container) -> Container:
        """What an engine told, with the kernel's own numbers, which are newer and cost nothing."""
        numbers = {**self.numbers, **seen.numbers}
        why = {name: text for name, text in {**seen.why, **self.why}.items() if name not in numbers}
        if self.health:
            why.pop("health", None)
        source = f"{self.source}, {seen.source}"
        return replace(self, numbers=numbers, why=why, source=source, labels={**seen.labels, **self.labels})


@dataclass(frozen=True, slots=True)
class Listed:
    """What one source told. `why` says why there is nothing, or not all."""

    source: str
    containers: tuple[Container, ...] = ()
    why: str = ""
    left_out_count: int = 0
    is_absent: bool = False
    """Whether there is nothing to ask (none is set), rather than no answer."""
