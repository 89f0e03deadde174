"""The seed's metrics, as one writes them in the configuration of `DataSystemMonitoringStack.setup_monitoring`.

Each says what is wanted; the rest has a default. Short forms are as objectives have them: `p95 < 500ms`, `> 1000 rps`,
`< 0.1%`, `< 5 minutes`, `> 99.9%`, `> 4.5/5`. What cannot be is refused when it is written, with the field and the
value seen.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from trimtab.app.stack.reading import check_metric


@dataclass(frozen=True, kw_only=True)
class MonitoredMetric:
    """What all have. `query`: PromQL of your own in place of what the metric means; `wait` ('5m'): how long it has to
    be wrong before the alert fires."""

    query: str = ""
    wait: str = ""
    severity: str = ""
    description: str = ""

    def __post_init__(self) -> None:
        check_metric(self.as_plain())

    def as_plain(self) -> dict[str, object]:
        """As JSON has it.

        >>> CPUMetric(threshold=80, wait="0s").as_plain()
        {'type': 'CPUMetric', 'for': '0s', 'threshold': 80}
        """
        made: dict[str, object] = {"type": type(self).__name__}
        for field in fields(self):
            value = getattr(self, field.name)
            if value != "":
                made["for" if field.name == "wait" else field.name] = value
        return made


@dataclass(frozen=True)
class CPUMetric(MonitoredMetric):
    """Processors that are busy, in percent of all of a machine."""

    threshold: float = 80


@dataclass(frozen=True)
class MemoryMetric(MonitoredMetric):
    """Memory that is taken, in percent; caches are not."""

    threshold: float = 85


@dataclass(frozen=True)
class DiskIOMetric(MonitoredMetric):
    """Time in which the busiest disk had something to do, in percent."""

    threshold: float = 90


@dataclass(frozen=True)
class NetworkIOMetric(MonitoredMetric):
    """The busiest link's speed that is used, in percent.

    `link_speed_bytes` (a second) is taken for links that tell none; `devices_left_out` is a pattern of devices that are
    not judged (where it is not said: loopback, and what containers make).
    """

    threshold: float = 75
    link_speed_bytes: float | str = ""
    devices_left_out: str = ""


@dataclass(frozen=True)
class StorageMetric(MonitoredMetric):
    """The fullest file system, in percent as df has it."""

    threshold: float = 90


@dataclass(frozen=True)
class LatencyMetric(MonitoredMetric):
    """How long statements take: a quantile."""

    slo: str = "p95 < 500ms"


@dataclass(frozen=True)
class ThroughputMetric(MonitoredMetric):
    """Statements a second."""

    slo: str = "> 1000 rps"


@dataclass(frozen=True)
class ErrorRateMetric(MonitoredMetric):
    """Transactions that are rolled back."""

    slo: str = "< 0.1%"


@dataclass(frozen=True)
class FreshnessMetric(MonitoredMetric):
    """Age of the newest row."""

    slo: str = "< 5 minutes"


@dataclass(frozen=True)
class SuccessRateMetric(MonitoredMetric):
    """Runs of pipelines that succeed."""

    slo: str = "> 99.9%"


@dataclass(frozen=True)
class QualityMetric(MonitoredMetric):
    """The data quality score."""

    slo: str = "> 95%"


@dataclass(frozen=True)
class CostMetric(MonitoredMetric):
    """The forecast of this month's cost, against its budget."""

    budget_threshold: bool = True


@dataclass(frozen=True)
class SatisfactionMetric(MonitoredMetric):
    """Satisfaction of users, on the scale that the target names."""

    target: str = "> 4.5/5"
