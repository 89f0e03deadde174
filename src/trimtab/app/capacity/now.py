"""What is known of resources: series with their limits and dates, as one value that is replaced as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from trimtab.analyze.capacity.answers import Saturation
from trimtab.analyze.capacity.growth import Relation
from trimtab.analyze.workload.forecast import WorkloadForecast
from trimtab.app.capacity.resources import Resource
from trimtab.stats.time_series import F64, TimeSeries


@dataclass(frozen=True, slots=True)
class Watched:
    """One series of a resource: `id` is the same as long as its labels are; `told` is its date as things go on."""

    id: str
    resource: Resource
    name: str
    labels: Mapping[str, str]
    series: TimeSeries
    limit: float
    relation: Relation
    told: Saturation


@dataclass(frozen=True, slots=True)
class SystemWorkload:
    """The workload of one system ahead. `mean_ms` float64[templates] is what one call takes; `texts` by fingerprint."""

    system: str
    forecast: WorkloadForecast
    mean_ms: F64
    texts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CapacityNow:
    """Everything as it stood at `at_ms` (0: nothing was looked at yet). `problems` by resource or system say what could
    not be asked; `left_out` counts series beyond `capacity.series_max`; `young` systems whose calls are known for too
    short a time."""

    at_ms: int = 0
    watched: tuple[Watched, ...] = ()
    workloads: tuple[SystemWorkload, ...] = ()
    problems: Mapping[str, str] = field(default_factory=dict)
    left_out: int = 0
    young: tuple[str, ...] = ()
    round_s: float = 0.0
