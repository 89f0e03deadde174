"""What can be monitored by one line of a configuration: one table, from which it is read, checked, set up and told.

Names of sections, metrics and classes are the seed's. A value is PromQL; `$window` in it is the window of rates,
`$more` a matcher of the watched system, or nothing, `$quantile` that of the short form.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from trimtab.analyze.slo.quantities import ShortForm, duration_ms

INFRASTRUCTURE, APPLICATION, BUSINESS = "infrastructure_metrics", "application_metrics", "business_metrics"
SECTIONS = (INFRASTRUCTURE, APPLICATION, BUSINESS)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of metric.

    `wish` is the field that says what is wanted: `threshold` (a number of percent, bad above), `slo` or `target` (a
    short form, good where it holds), `budget_threshold` (a flag). `unit` is that of the value, `wish_unit` what a short
    form is compared with. `pack` and `pack_threshold` name what of a pack stands for it, `extra` further fields by the
    threshold of the pack that they are. `bad` and `total` are events, where an objective counts events. `source` says
    where the series come from, for who has none. `window_s_min`: its counters move no more often than that allows.
    `has_both_ways`: a wish may say at most as well as at least. `wakes`: burn rules of its objective page; where they
    do not, what is wrong has hours, or is rare, and makes tickets unless its severity is critical.
    """

    name: str
    section: str
    wish: Literal["threshold", "slo", "target", "budget_threshold"]
    default: str | float | bool
    value: str
    unit: str
    title: str
    source: str
    wish_unit: tuple[str, ...] = ()
    pack: str = ""
    pack_threshold: str = ""
    alert: str = ""
    bad: str = ""
    total: str = ""
    system_label: str = ""
    runbook: str = ""
    extra: Mapping[str, str] = field(default_factory=dict)
    window_s_min: int = 0
    has_both_ways: bool = False
    wakes: bool = False

    def window(self, wanted: str) -> str:
        """Over which its rates are: what is wanted, or the least that its counters allow."""
        return f"{self.window_s_min}s" if duration_ms(wanted) < self.window_s_min * 1000 else wanted


_DISKS = 'device!~"loop.*|ram.*|zram.*|sr.*|fd.*"'
_HISTOGRAM = "trimtab_postgres_query_duration_seconds_bucket"
_ROLLED_BACK, _COMMITTED = "pg_stat_database_xact_rollback", "pg_stat_database_xact_commit"
_OWN = "trimtab_postgres_own_rollbacks_total"
"""What trimtab itself cut off: PostgreSQL counts it among all others, those who use the database had no error by it."""


def _rolled_back(function: str, window: str, own_window: str = "$window") -> str:
    """Transactions that were rolled back without trimtab's own, by system; also where that series is not there.

    PostgreSQL's counter is looked at each half a minute, trimtab's own are written each minute: of a minute's events
    those of three minutes are taken off, as one may be in the other's minute before.
    """
    all_of_them = f"sum by (instance) ({function}({_ROLLED_BACK}{{$more}}[{window}]))"
    by_system = f'label_replace({function}({_OWN}[{own_window}]), "instance", "$1", "system", "(.*)")'
    own = f"sum by (instance) ({by_system})"
    return f"clamp_min({all_of_them} - ({own} or 0 * {all_of_them}), 0)"


DATABASES = "a watched PostgreSQL"
_WATCHED = f"{DATABASES}: trimtab watch DSN"
_HOST = "this machine's collector ([host] collect), or node_exporter"


def _host(
    name: str,
    threshold: float,
    value: str,
    title: str,
    pack_threshold: str,
    alert: str,
    more: str = "",
    **extra: str,
) -> Kind:
    return Kind(
        name,
        INFRASTRUCTURE,
        "threshold",
        threshold,
        value,
        "percent",
        title,
        f"{_HOST}{more}",
        pack="host",
        pack_threshold=pack_threshold,
        alert=alert,
        extra=extra,
    )


KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        _host(
            "CPUMetric",
            80,
            '100 * (1 - sum by (instance, job) (rate(node_cpu_seconds_total{mode=~"idle|iowait"}[$window]))'
            " / sum by (instance, job) (rate(node_cpu_seconds_total[$window])))",
            "processors that are busy",
            "cpu_percent",
            "HostCpuBusy",
        ),
        _host(
            "MemoryMetric",
            85,
            "100 * (1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes)",
            "memory that is taken",
            "memory_percent",
            "HostMemoryShort",
        ),
        _host(
            "DiskIOMetric",
            90,
            f"max by (instance, job) (100 * rate(node_disk_io_time_seconds_total{{{_DISKS}}}[$window]))",
            "time in which the busiest disk had something to do",
            "disk_io_percent",
            "HostDiskBusy",
        ),
        _host(
            "NetworkIOMetric",
            75,
            "max by (instance, job) (instance_device:node_network_busy:percent)",
            "the busiest link's speed that is used",
            "network_io_percent",
            "HostNetworkBusy",
            more=", and a link that tells its speed (virtual ones mostly do not: then say link_speed_bytes)",
            link_speed_bytes="assumed_link_speed_bytes",
            devices_left_out="network_devices_left_out",
        ),
        _host(
            "StorageMetric",
            90,
            "max by (instance, job) (instance_mountpoint:node_filesystem_used:percent)",
            "of the fullest file system",
            "storage_percent",
            "HostStorageFull",
        ),
        Kind(
            "LatencyMetric",
            APPLICATION,
            "slo",
            "p95 < 500ms",
            f"histogram_quantile($quantile, sum by (le, instance) (rate({_HISTOGRAM}{{$more}}[$window])))",
            "s",
            "how long statements take",
            f"{_WATCHED}, with pg_stat_statements",
            wish_unit=("s",),
            window_s_min=60,
            system_label="instance",
            runbook="As PostgresQueriesSlow: which statement, since when; then locks, disks, processors.",
            wakes=True,
        ),
        Kind(
            "ThroughputMetric",
            APPLICATION,
            "slo",
            "> 1000 rps",
            "sum by (instance) (rate(pg_stat_statements_calls_total{$more}[$window]))",
            "/s",
            "statements a second",
            f"{_WATCHED}, with pg_stat_statements",
            wish_unit=("/s",),
            window_s_min=60,
            system_label="instance",
            runbook="Fewer requests than promised: do they not come (network, application), or are they not answered?",
            has_both_ways=True,
        ),
        Kind(
            "ErrorRateMetric",
            APPLICATION,
            "slo",
            "< 0.1%",
            f"{_rolled_back('rate', '$window')} / (sum by (instance)"
            f" (rate({_ROLLED_BACK}{{$more}}[$window])) + sum by (instance)"
            f" (rate({_COMMITTED}{{$more}}[$window])) > 0)",
            "ratio",
            "transactions that are rolled back, by error or by wish, without trimtab's own",
            _WATCHED,
            wish_unit=("ratio",),
            bad=f"sum({_rolled_back('increase', '$slice', '3m')})",
            window_s_min=120,
            total=f"sum(increase({_ROLLED_BACK}{{$more}}[$slice])) + sum(increase({_COMMITTED}{{$more}}[$slice]))",
            system_label="instance",
            runbook="As PostgresRollbacks: the server's log says which statement fails, since when. A deployment?",
            wakes=True,
        ),
        Kind(
            "FreshnessMetric",
            APPLICATION,
            "slo",
            "< 5 minutes",
            "data_freshness_seconds{$more}",
            "s",
            "age of the newest row",
            "a probe of the kind freshness ([business] files)",
            wish_unit=("s",),
            system_label="system",
            runbook="As DataStale: does the pipeline that fills the table run, does its source have new rows?",
        ),
        Kind(
            "SuccessRateMetric",
            APPLICATION,
            "slo",
            "> 99.9%",
            "pipeline_success_rate",
            "ratio",
            "runs of pipelines that succeed",
            "runs of pipelines: spans, OpenLineage events, dbt's run_results.json, Airflow",
            wish_unit=("ratio",),
            runbook="As PipelineFails: the newest failed run, its step, what changed.",
        ),
        Kind(
            "QualityMetric",
            BUSINESS,
            "slo",
            "> 95%",
            "data_quality_score{$more}",
            "ratio",
            "the data quality score",
            "probes that are scored ([business] files)",
            wish_unit=("ratio",),
            system_label="system",
            runbook="As DataQualityLow: the page of data quality shows which table and which dimension went down.",
        ),
        Kind(
            "CostMetric",
            BUSINESS,
            "budget_threshold",
            True,
            "processing_cost_forecast_budget_ratio or processing_cost_budget_used_ratio",
            "of the budget",
            "the forecast of this month's cost, or what is spent where there is no forecast yet",
            "a price list and a budget ([business] files)",
            runbook="As CostOverBudgetSoon: which system or query grew. Nothing breaks tonight.",
        ),
        Kind(
            "SatisfactionMetric",
            BUSINESS,
            "target",
            "> 4.5/5",
            "user_satisfaction_ratio",
            "ratio",
            "satisfaction of users, of the best that its scale has",
            "a source of satisfaction ([business] files): a series, a CSAT file, Apdex",
            wish_unit=("ratio", ""),
            runbook="As UsersUnhappy: how many answered, and what they wrote; of Apdex: WebSlow and WebErrors.",
        ),
    )
}
"""By the name of the class."""

SEED: Mapping[str, Mapping[str, str]] = {
    INFRASTRUCTURE: {
        "cpu_usage": "CPUMetric",
        "memory_usage": "MemoryMetric",
        "disk_io": "DiskIOMetric",
        "network_io": "NetworkIOMetric",
        "storage_usage": "StorageMetric",
    },
    APPLICATION: {
        "query_latency": "LatencyMetric",
        "throughput": "ThroughputMetric",
        "error_rate": "ErrorRateMetric",
        "data_freshness": "FreshnessMetric",
        "pipeline_success_rate": "SuccessRateMetric",
    },
    BUSINESS: {
        "data_quality_score": "QualityMetric",
        "processing_cost": "CostMetric",
        "user_satisfaction": "SatisfactionMetric",
    },
}
"""The seed's table: the names of metrics, and what each is. A metric of another name says its `type`."""


def ratio_of(form: ShortForm) -> float:
    """The threshold of a short form in the unit of the value: `4.5/5` is 0.9 of the best.

    >>> from trimtab.analyze.slo.quantities import short_form
    >>> ratio_of(short_form("> 4.5/5")), ratio_of(short_form("< 0.1%"))
    (0.9, 0.001)
    """
    return form.threshold / form.out_of if form.out_of else form.threshold
