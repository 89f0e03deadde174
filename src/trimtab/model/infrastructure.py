"""How the machine, its containers and its cloud are: values that say their unit, time and source, or why there is none.

    InfrastructureHealth
      ├─ system       cpu_utilization memory_utilization disk_usage network_throughput load_average
      ├─ containers   container_cpu container_memory container_restart_count container_health_checks
      └─ cloud        instance_status auto_scaling_status load_balancer_health database_connections

No key is ever missing: what was not read is a `Measure` without a value that says why.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

SYSTEM_KEYS = ("cpu_utilization", "memory_utilization", "disk_usage", "network_throughput", "load_average")
CONTAINER_KEYS = ("container_cpu", "container_memory", "container_restart_count", "container_health_checks")
CLOUD_KEYS = ("instance_status", "auto_scaling_status", "load_balancer_health", "database_connections")


@dataclass(frozen=True, slots=True)
class Measure:
    """One value. `parts` are what it was made of: cores, disks, containers, instances.

    >>> Measure("load1", 0.5, "processes", 1_700_000_000_000, "/proc/loadavg").is_known
    True
    >>> unknown("container_cpu", "cores", "no container engine is set").why
    'no container engine is set'
    """

    name: str
    value: float | None
    unit: str
    """`ratio` (0 to 1), `bytes`, `bytes/s`, `cores`, …; plain words for counts (`restarts`)."""
    at_ms: int
    """When it was read, or the end of the interval that it is a mean over."""
    source: str
    """Where it was read: a file of the kernel, a route of an API."""
    why: str = ""
    """Why there is no value; empty where there is one."""
    text: str = ""
    """What the source calls it, where it is a word (`healthy`, `running`)."""
    interval_ms: int = 0
    """Over how long it is a mean; 0: as it was at that moment."""
    labels: Mapping[str, str] = field(default_factory=dict)
    parts: tuple[Measure, ...] = ()

    @property
    def is_known(self) -> bool:
        """Whether it was read."""
        return self.value is not None or (bool(self.text) and not self.why)

    def part(self, name: str) -> Measure:
        """One of the parts; KeyError where there is none of that name."""
        for part in self.parts:
            if part.name == name:
                return part
        raise KeyError(name)


def unknown(
    name: str, unit: str, why: str, *, source: str = "", at_ms: int = 0, parts: tuple[Measure, ...] = ()
) -> Measure:
    """What could not be read."""
    return Measure(name, None, unit, at_ms, source, why, parts=parts)


def greatest(name: str, unit: str, parts: tuple[Measure, ...], why: str, source: str = "") -> Measure:
    """The greatest of the parts stands for all: the fullest file system, the busiest container.

    >>> parts = (Measure("/", 0.4, "ratio", 1, "statvfs"), Measure("/data", 0.9, "ratio", 1, "statvfs"))
    >>> greatest("disk_usage", "ratio", parts, "no file system").value
    0.9
    """
    known = [part for part in parts if part.value is not None and not math.isnan(part.value)]
    if not known:
        return unknown(name, unit, why, source=source, parts=parts)
    worst = max(known, key=lambda part: part.value or 0.0)
    return Measure(
        name, worst.value, unit, worst.at_ms, worst.source, text=worst.name, interval_ms=worst.interval_ms, parts=parts
    )


@dataclass(frozen=True, slots=True)
class InfrastructureHealth:
    """What `monitor_infrastructure_health` answers. Looked up by name as well: `health["system"]`.

    >>> health = InfrastructureHealth("db1", 0, {}, {}, {})
    >>> health["system"]["load_average"].why
    'it was not asked for'
    """

    host: str
    at_ms: int
    system: Mapping[str, Measure]
    containers: Mapping[str, Measure]
    cloud: Mapping[str, Measure]

    def __post_init__(self) -> None:
        for group, keys in (("system", SYSTEM_KEYS), ("containers", CONTAINER_KEYS), ("cloud", CLOUD_KEYS)):
            given = getattr(self, group)
            whole = {key: given.get(key) or unknown(key, "", "it was not asked for") for key in keys}
            object.__setattr__(self, group, {**whole, **given})

    def __getitem__(self, group: str) -> Mapping[str, Measure]:
        found: Mapping[str, Measure] = {"system": self.system, "containers": self.containers, "cloud": self.cloud}[
            group
        ]
        return found

    def unread(self) -> Iterator[tuple[str, Measure]]:
        """Everything that has no value, with its group."""
        for group in ("system", "containers", "cloud"):
            for measure in self[group].values():
                if not measure.is_known:
                    yield group, measure
