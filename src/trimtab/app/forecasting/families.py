"""What is forecast: families of series. One question brings all series of a family.

In PromQL `$step` stands for the distance of points: a rate over it is the mean of the whole step, whatever the step is.
`Drawn` says which charts of pages show the same series, so that they can draw its band.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from trimtab.app.forecasting.charts import canonical
from trimtab.app.infrastructure.host_questions import CHARTS, asked_of, quoted

Op = Literal[">", "<"]
Kind = Literal["host", "postgres", "query", "service", "objective", "rule", "named"]
STEP = "$step"
_DISKS = 'device!~"loop.*|ram.*|zram.*|sr.*|fd.*"'
_REAL = 'fstype!~"squashfs|iso9660|erofs|autofs|ramfs|devtmpfs"'
_TAKEN = f"(node_filesystem_size_bytes{{{_REAL}}} - node_filesystem_free_bytes{{{_REAL}}})"
_ENTRY = 'span_kind=~"SPAN_KIND_SERVER|SPAN_KIND_CONSUMER"'
_CALLS, _BUCKETS = "traces_span_metrics_calls_total", "traces_span_metrics_duration_seconds_bucket"


@dataclass(frozen=True, slots=True)
class LimitWish:
    """What must not be crossed. `pack` and `threshold` name the number in a pack, `value` is it where there is none.

    `query` gives the limit of each series, matched by labels; the pack's number is then a percentage of it. `alert` is
    the rule of the pack that watches the same thing now: it has the runbook. `only` is a label and its value: other
    series of the family have no limit.
    """

    name: str
    title: str
    op: Op = ">"
    value: float | None = None
    pack: str = ""
    threshold: str = ""
    query: str = ""
    alert: str = ""
    only: tuple[str, str] = ("", "")


@dataclass(frozen=True, slots=True)
class Drawn:
    """A chart that shows the series of a family.

    `key` is its key, `{job}` in it a label of the series (as PromQL where it is a query: `$match` are job and
    instance); `line` names the labels that its line has, `fixed` further ones.
    """

    key: str
    line: tuple[str, ...] = ()
    fixed: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Family:
    """`query` is PromQL; without one the family is read by keys of charts (`measures`). `page` is where it is looked
    at, with labels in braces. `least` and `most` are what a value cannot go beyond."""

    name: str
    title: str
    unit: str
    kind: Kind
    query: str = ""
    measures: tuple[str, ...] = ()
    limits: tuple[LimitWish, ...] = ()
    drawn: tuple[Drawn, ...] = ()
    page: str = ""
    least: float | None = 0.0
    most: float | None = None
    about: str = ""


def _host_chart(name: str, *line: str, **fixed: str) -> tuple[Drawn, ...]:
    return (Drawn(CHARTS[name].replace("$window", "w"), line, tuple(sorted(fixed.items()))),)


_HOST_PAGE = "/infrastructure/hosts/{job}/{instance}"
_SERVICE_PAGE = "/traces/services/{service_name}"
_SERVICE = f"service_name={{service_name}},{_ENTRY}"


def _moved(way: str) -> Family:
    return Family(
        f"host_network_{way}",
        f"Network, {way}",
        "bytes/s",
        "host",
        f'max by (job, instance, device) (rate(node_network_{way}_bytes_total{{device!="lo"}}[$step]))',
        limits=(
            LimitWish(
                "network_io_percent",
                "of the link's speed",
                pack="host",
                threshold="network_io_percent",
                query="max by (job, instance, device) (node_network_speed_bytes) > 0",
                alert="HostNetworkBusy",
            ),
        ),
        drawn=_host_chart("network", "device", direction=way),
        page=_HOST_PAGE,
    )


FAMILIES: tuple[Family, ...] = (
    Family(
        "host_cpu",
        "Processors busy",
        "%",
        "host",
        '100 * (1 - sum by (job, instance) (rate(node_cpu_seconds_total{mode=~"idle|iowait"}[$step]))'
        " / sum by (job, instance) (rate(node_cpu_seconds_total[$step])))",
        limits=(LimitWish("cpu_percent", "busy", pack="host", threshold="cpu_percent", alert="HostCpuBusy"),),
        page=_HOST_PAGE,
        most=100.0,
    ),
    Family(
        "host_memory",
        "Memory taken",
        "%",
        "host",
        "100 * (1 - max by (job, instance) (avg_over_time(node_memory_MemAvailable_bytes[$step]))"
        " / max by (job, instance) (avg_over_time(node_memory_MemTotal_bytes[$step])))",
        limits=(
            LimitWish("memory_percent", "taken", pack="host", threshold="memory_percent", alert="HostMemoryShort"),
        ),
        page=_HOST_PAGE,
        most=100.0,
    ),
    Family(
        "host_storage",
        "File systems, how full",
        "%",
        "host",
        f"max by (job, instance, mountpoint) (100 * {_TAKEN}"
        f" / ({_TAKEN} + node_filesystem_avail_bytes{{{_REAL}}}) unless node_filesystem_readonly{{{_REAL}}} == 1)",
        limits=(
            LimitWish("storage_percent", "full", pack="host", threshold="storage_percent", alert="HostStorageFull"),
        ),
        drawn=_host_chart("storage", "mountpoint"),
        page=_HOST_PAGE,
        most=100.0,
    ),
    Family(
        "host_disk",
        "Disks, share of time with work",
        "%",
        "host",
        f"max by (job, instance, device) (100 * rate(node_disk_io_time_seconds_total{{{_DISKS}}}[$step]))",
        limits=(
            LimitWish("disk_io_percent", "of the time", pack="host", threshold="disk_io_percent", alert="HostDiskBusy"),
        ),
        drawn=_host_chart("disk", "device"),
        page=_HOST_PAGE,
        most=100.0,
    ),
    _moved("receive"),
    _moved("transmit"),
    Family(
        "postgres_connections",
        "Connections",
        "",
        "postgres",
        "max by (instance) (avg_over_time(trimtab_postgres_connections[$step]))",
        limits=(
            LimitWish(
                "connections_percent",
                "of max_connections",
                pack="postgres",
                threshold="connections_percent",
                query="max by (instance) (pg_settings_max_connections) > 0",
                alert="PostgresSessionsShort",
            ),
        ),
        drawn=(Drawn("server/{instance}/connections"),),
        page="/",
    ),
    Family(
        "postgres_size",
        "Size of the database",
        "bytes",
        "postgres",
        "max by (instance) (pg_database_size_bytes)",
        drawn=(Drawn("server/{instance}/database_bytes"),),
        page="/",
    ),
    Family(
        "postgres_unfrozen",
        "Transactions that are not frozen",
        "",
        "postgres",
        "max by (instance) (trimtab_postgres_oldest_unfrozen_transactions)",
        limits=(
            LimitWish(
                "wraparound",
                "transactions: an autovacuum should long have run",
                pack="postgres",
                threshold="unfrozen_transactions",
                alert="PostgresWraparoundAhead",
            ),
        ),
        drawn=(Drawn("server/{instance}/oldest_unfrozen_transactions"),),
        page="/",
    ),
    Family(
        "system",
        "Watched system",
        "",
        "postgres",
        measures=("calls_per_s", "mean_ms", "load_ms_per_s", "sessions_active"),
        page="/",
    ),
    Family(
        "shape",
        "Query",
        "",
        "query",
        measures=("load_ms_per_s", "mean_ms", "calls_per_s"),
        page="/queries/{system}/{fingerprint}",
    ),
    Family(
        "objective",
        "Objective",
        "",
        "objective",
        measures=("left", "events_per_min"),
        limits=(
            LimitWish(
                "budget", "the error budget is spent", "<", 0.0, alert="ErrorBudgetBurn", only=("measure", "left")
            ),
        ),
        page="/objectives/{name}",
        least=None,
    ),
    Family(
        "service_rate",
        "Calls of a service",
        "/s",
        "service",
        f"sum by (service_name) (rate({_CALLS}{{{_ENTRY}}}[$step]))",
        drawn=(Drawn(f"sum(rate({_CALLS}{{{_SERVICE}}}[w]))"),),
        page=_SERVICE_PAGE,
    ),
    Family(
        "service_p95",
        "p95 of a service",
        "ms",
        "service",
        f"1000 * histogram_quantile(0.95, sum by (service_name, le) (rate({_BUCKETS}{{{_ENTRY}}}[$step])))",
        drawn=(Drawn(f"1000 * histogram_quantile(0.95, sum by (le) (rate({_BUCKETS}{{{_SERVICE}}}[w])))"),),
        page=_SERVICE_PAGE,
    ),
    Family(
        "host_cpu_modes",
        "Processors by mode",
        "%",
        "host",
        '100 * sum by (job, instance, mode) (rate(node_cpu_seconds_total{mode!="idle"}[$step]))'
        " / on (job, instance) group_left () sum by (job, instance) (rate(node_cpu_seconds_total[$step]))",
        drawn=_host_chart("cpu", "mode"),
        page=_HOST_PAGE,
        most=100.0,
    ),
    Family(
        "host_memory_bytes",
        "Memory that is not available",
        "bytes",
        "host",
        "max by (job, instance) (avg_over_time(node_memory_MemTotal_bytes[$step]))"
        " - max by (job, instance) (avg_over_time(node_memory_MemAvailable_bytes[$step]))",
        drawn=_host_chart("memory", what="not available"),
        page=_HOST_PAGE,
    ),
)
"""In the order in which they get their share of `forecast.series_max`: what has a limit comes first."""


def named_family(number: int, query: str) -> Family:
    """What the user names in `[forecast] queries`."""
    text = query.strip()
    return Family(
        f"query:{text}"[:300],
        f"Query {number}",
        "",
        "named",
        text,
        drawn=(Drawn(canonical(f"promql/{text}")),),
        page="/explore",
        least=None,
        about=text,
    )


def alerts_of(families: Sequence[Family]) -> frozenset[str]:
    """Rules of packs that a limit of a family stands for."""
    return frozenset(wish.alert for family in families for wish in family.limits if wish.alert)


def chart_key(drawn: Drawn, labels: dict[str, str]) -> str:
    """The key of a chart for one series, in the form that `charts.canonical` gives.

    >>> disk = next(family for family in FAMILIES if family.name == "host_disk")
    >>> chart_key(disk.drawn[0], {"job": "node", "instance": "web1", "device": "sda"})
    'max by (device) (rate(node_disk_io_time_seconds_total{job="node",instance="web1"}[w])) * 100'
    >>> chart_key(Drawn("server/{instance}/connections"), {"instance": "shop"})
    'server/shop/connections'
    """
    key = drawn.key
    if "$match" in key:
        return asked_of(key, labels.get("job", ""), labels.get("instance", ""), "w")
    if "(" not in key:
        for name, value in labels.items():
            key = key.replace(f"{{{name}}}", value)
        return key
    for name, value in labels.items():
        key = key.replace(f"={{{name}}}", f"={quoted(value)}")
    return key
