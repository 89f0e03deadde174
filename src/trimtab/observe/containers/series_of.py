"""Containers as series, under cAdvisor's names and labels where it has them, and kube-state-metrics' for restarts."""

from __future__ import annotations

from trimtab.observe.containers.container import NUMBERS, Container
from trimtab.observe.host.series import HostSeries

_LABELS = ("namespace", "pod", "container", "node", "compose_project", "compose_service")
RESTARTS_OF_A_POD = "kube_pod_container_status_restarts_total"
LAST_END_OF_A_POD = "kube_pod_container_status_last_terminated_reason"
_CPU = "container_cpu_usage_seconds_total"


def series_of(one: Container) -> tuple[tuple[HostSeries, ...], list[float]]:
    """What a container's numbers become.

    >>> web = Container("ab" * 32, "web", "Docker's API", 0, {"cpu_s": 2.0, "restarts": 1.0}, image="nginx")
    >>> [(one.name, value) for one, value in zip(*series_of(web))][:1]
    [('container_cpu_usage_seconds_total', 2.0)]
    """
    labels = {
        "id": one.labels.get("id", f"/{one.key}"),
        "name": one.name,
        "image": one.image,
        **{name: one.labels[name] for name in _LABELS if name in one.labels},
    }
    base = tuple(sorted((name, value) for name, value in labels.items() if value))
    series: list[HostSeries] = []
    values: list[float] = []
    for name, value in one.numbers.items():
        if name not in NUMBERS:
            continue
        metric, scale = NUMBERS[name]
        own = tuple(sorted((*base, ("cpu", "total")))) if metric == _CPU else base
        series.append(HostSeries(metric, own, scale))
        values.append(value)
        if name == "restarts" and "pod" in one.labels:
            series.append(HostSeries(RESTARTS_OF_A_POD, base))
            values.append(value)
    if one.last_end and "pod" in one.labels:
        series.append(HostSeries(LAST_END_OF_A_POD, tuple(sorted((*base, ("reason", one.last_end))))))
        values.append(1.0)
    series.append(HostSeries("container_last_seen", base))
    values.append(one.at_ms / 1000)
    return tuple(series), values
